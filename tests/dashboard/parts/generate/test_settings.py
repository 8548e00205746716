# SPDX-License-Identifier: AGPL-3.0-only
"""Settings of a run: presets, starts, advanced groups, those of an earlier job."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.config import RunConfig, ScheduleConfig
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, fill, finish
from tests.dashboard.reading import config_of, launched, with_groups_open


@pytest.fixture
def page(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", lambda repository: True)
    app.switch_page("app_pages/generate.py")
    return with_groups_open(app)


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
    assert [each.value for each in page.warning] == ["Choose the detector's class for car, person."]
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


@pytest.mark.parametrize(
    ("kept", "own"), [(["yolo11n", "yolov8n"], ("pedestrian@yolo11n",)), (["yolov8n"], ())]
)
def test_classes_of_single_detectors_come_along_while_these_are_chosen(
    page: AppTest, streets: None, kept: list[str], own: tuple[str, ...]
) -> None:
    several = {"further_weights": ("yolo11n", "yolov8n"), "own_detector_classes": ("pedestrian@yolo11n",)}
    config = RunConfig(dataset=DATASET, weights="demo", class_name="person", **several)
    with Repository() as repository:
        number = finish(repository, config, label="earlier", result={}).id
    page.query_params["from_job"] = str(number)
    page.run()
    said = [each.value.replace("\u2060", "") for each in page.caption]
    assert "Per-detector classes: pedestrian@yolo11n" in said
    page.multiselect(key="widget.g.further_weights").set_value(kept).run()
    assert config_of(launched(page)).own_detector_classes == own


def test_an_own_number_of_iterations(page: AppTest, streets: None) -> None:
    page.query_params.update({"g.preset": "own", "g.iterations": "7"})
    page.run()
    assert config_of(launched(page)).iterations == 7


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


def test_presets_say_that_a_time_limit_ends_them(page: AppTest, streets: None) -> None:
    page.query_params["g.time_limit_s"] = "120"
    page.run()
    assert [each for each in page.caption if each.value.startswith("The time limit of 2 min 0 s")]
