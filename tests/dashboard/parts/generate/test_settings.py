# SPDX-License-Identifier: AGPL-3.0-only
"""Settings of a run: presets, starts, advanced groups, those of an earlier job."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.config import RunConfig, ScheduleConfig
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, fill, finish
from tests.dashboard.reading import config_of, launched


@pytest.fixture
def page(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", lambda repository: True)
    app.switch_page("app_pages/generate.py")
    return app


def test_choices_reach_the_run_and_the_link(
    page: AppTest, streets: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATCHBENCH_ROOTS", str(tmp_path))
    classes = tmp_path / "classes.txt"
    classes.touch()
    page.query_params["g.preset"] = "quick"
    page.run()
    page.multiselect(key="widget.class").set_value(["car"]).run()
    page.selectbox(key="widget.detector_class").set_value("person").run()
    page.number_input(key="widget.g.learning_rate").set_value(0.05).run()
    page.selectbox(key="widget.g.architecture").set_value("ssd300_vgg16").run()
    page.text_input(key="widget.g.detector_classes").set_value(f" {classes} ").run()
    page.selectbox(key="widget.g.placement.kind").set_value("fixed").run()
    page.number_input(key="widget.g.placement.position.0").set_value(0.25).run()
    config = config_of(launched(page))
    assert (config.class_name, config.detector_class) == ("car", "person")
    assert (config.iterations, config.learning_rate) == (50, 0.05)
    assert (config.architecture, config.detector_classes) == ("ssd300_vgg16", str(classes))
    assert (config.placement.kind, config.placement.position) == ("fixed", (0.25, 0.5))


def test_a_run_waits_for_the_detectors_class(page: AppTest, streets: None) -> None:
    page.run()
    page.multiselect(key="widget.class").set_value([]).run()
    assert not any(each.key == "g-launch" for each in page.button)
    page.multiselect(key="widget.class").set_value(["car", "person"]).run()
    assert [each.value for each in page.warning] == [
        "Choose the detector's class that stands for car, person."
    ]
    assert not any(each.key == "g-launch" for each in page.button)
    page.selectbox(key="widget.detector_class").set_value("person").run()
    config = config_of(launched(page))
    assert (config.class_names, config.detector_class) == (("car", "person"), "person")


def test_the_classes_of_an_earlier_job_are_taken(page: AppTest, streets: None) -> None:
    config = RunConfig(dataset=DATASET, weights="demo", class_name=("person", "car"), detector_class="person")
    with Repository() as repository:
        number = finish(repository, config, label="earlier", result={}).id
    page.query_params["from_job"] = str(number)
    page.run()
    assert config_of(launched(page)) == config


def test_further_detectors_are_attacked_at_once_and_not_the_first_one_twice(
    page: AppTest, streets: None
) -> None:
    page.run()
    offered = page.multiselect(key="widget.g.further_weights").options
    assert "demo (synthetic scenes)" not in offered
    assert "yolo11n" in offered
    assert not any(each.key == "widget.g.ensemble" for each in page.button_group)
    page.multiselect(key="widget.g.further_weights").set_value(["yolo11n", "yolov8n"]).run()
    page.button_group(key="widget.g.ensemble").set_value("max").run()
    config = config_of(launched(page))
    assert (config.all_weights, config.ensemble) == (("demo", "yolo11n", "yolov8n"), "max")
    page.query_params["from_job"] = "1"
    page.run()
    assert page.multiselect(key="widget.g.further_weights").value == ["yolo11n", "yolov8n"]


def test_an_own_number_of_iterations(page: AppTest, streets: None) -> None:
    page.query_params.update({"g.preset": "own", "g.iterations": "7"})
    page.run()
    assert config_of(launched(page)).iterations == 7


@pytest.mark.parametrize(
    ("settings", "message", "times"),
    [
        ({"g.image_size": "100"}, "image size: expected a multiple of 32, got 100; use 96", 2),
        ({"g.early_stop": "3"}, "early stop: expected a validation share above 0", 2),
        ({"g.merge": "mean", "g.validation_share": "0.2"}, "merge mean: expected no validation share", 3),
    ],
)
def test_what_does_not_go_together_is_explained_in_its_groups(
    page: AppTest, streets: None, settings: dict[str, str], message: str, times: int
) -> None:
    page.query_params.update(settings)
    page.run()
    found = [each.value for each in page.error]
    assert len(found) == times, found
    assert not [each for each in found if not each.startswith(message)]
    assert not any(each.key == "g-launch" for each in page.button)


def test_settings_that_do_not_matter_are_not_shown(page: AppTest, streets: None) -> None:
    page.run()
    keys = {each.key for each in page.number_input}
    assert "widget.g.placement.rise" in keys
    assert not {"widget.g.placement.position.0", "widget.g.schedule.patience"} & keys
    page.selectbox(key="widget.g.schedule.kind").set_value("plateau").run()
    assert "widget.g.schedule.patience" in {each.key for each in page.number_input}


def test_an_earlier_job_s_settings_are_taken_over(page: AppTest, streets: None) -> None:
    config = RunConfig(
        dataset=DATASET,
        weights="demo",
        iterations=50,
        image_size=320,
        losses={"object": 1.0, "tv": 0.5},
        schedule=ScheduleConfig(kind="multi-step", milestones=(0.2, 0.9)),
    )
    with Repository() as repository:
        job = finish(repository, config, label="Before", result={})
    page.query_params["from_job"] = str(job.id)
    page.run()
    assert f"settings of job {job.id}" in page.info[0].value
    again = launched(page)
    assert config_of(again) == config
    assert again.origin == job.id


def test_a_job_that_is_not_there_is_said_so(page: AppTest, streets: None) -> None:
    page.query_params["from_job"] = "99"
    page.run()
    assert page.error[0].value.startswith("job 99:")
    assert any(each.key == "g-launch" for each in page.button)


def test_an_earlier_patch_is_a_warm_start(page: AppTest) -> None:
    with Repository() as repository:
        patch = fill(repository, runs=1)[0]
    page.query_params["g.start"] = "patch"
    page.run()
    page.button(key=f"g-start-{patch.id}").click().run()
    assert config_of(launched(page)).initial == patch.path


@pytest.mark.parametrize(
    ("link", "chain"),
    [
        ("", ()),
        ("jpeg", ("jpeg",)),
        ('["median:5", "jpeg:quality=60"]', ("median:size=5", "jpeg:quality=60")),
    ],
)
def test_defences_are_chosen_or_written_in_their_order(
    page: AppTest, streets: None, link: str, chain: tuple[str, ...]
) -> None:
    if link:
        page.query_params["g.defences"] = link
    page.run()
    field = page.multiselect(key="widget.g.defences")
    assert "lgs" in field.options
    assert config_of(launched(page)).defences == chain


def test_a_defence_that_is_none_gets_its_line_and_no_launch(page: AppTest, streets: None) -> None:
    page.query_params["g.defences"] = "jpeg:quality=0"
    page.run()
    assert "defence jpeg: quality: expected 1 to 100, got 0" in [each.value for each in page.error]
    assert not any(each.key == "g-launch" for each in page.button)


def test_what_is_not_as_by_default_is_marked_and_zero_is_a_word(page: AppTest, streets: None) -> None:
    page.run()
    assert not [each.value for each in page.caption if each.value.startswith("Changed:")]
    assert page.number_input(key="widget.g.early_stop").label == "Early stop (validations) · off"
    page.number_input(key="widget.g.learning_rate").set_value(0.05).run()
    page.selectbox(key="widget.g.optimizer").set_value("adam").run()
    assert page.number_input(key="widget.g.learning_rate").label.startswith("● ")
    (changed,) = [each.value for each in page.caption if each.value.startswith("Changed:")]
    assert "Optimizer: Adam (default: Adam, coarse to fine)" in changed


def test_presets_say_that_a_time_limit_ends_them(page: AppTest, streets: None) -> None:
    page.query_params["g.time_limit_s"] = "120"
    page.run()
    assert [each for each in page.caption if each.value.startswith("A time limit of 2 min 0 s")]
