# SPDX-License-Identifier: AGPL-3.0-only
"""The advanced settings of a run: groups, search, marks, faults."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.reading import config_of, launched, with_groups_open


@pytest.fixture
def page(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", lambda repository: True)
    app.switch_page("app_pages/generate.py")
    return with_groups_open(app)


def test_a_closed_group_draws_nothing_and_keeps_its_values(page: AppTest, streets: None) -> None:
    page.session_state["g-group-optimizer"] = False
    page.query_params["g.learning_rate"] = "0.05"
    page.run()
    assert "widget.g.learning_rate" not in {each.key for each in page.number_input}
    page.session_state["g-group-optimizer"] = True
    page.run()
    assert page.number_input(key="widget.g.learning_rate").value == 0.05
    page.number_input(key="widget.g.learning_rate").set_value(0.02).run()
    page.session_state["g-group-optimizer"] = False
    page.run()
    assert page.query_params["g.learning_rate"] in ("0.02", ["0.02"])
    assert config_of(launched(page)).learning_rate == 0.02


def test_a_setting_is_found_by_a_word_and_the_others_keep_their_values(page: AppTest, streets: None) -> None:
    page.query_params["g.learning_rate"] = "0.05"
    page.run()
    page.text_input(key="g-find").set_value("early STOP").run()
    shown = [each.key for each in page.number_input if each.key.startswith("widget.g.")]
    assert shown == ["widget.g.early_stop"]
    page.number_input(key="widget.g.early_stop").set_value(4).run()
    page.text_input(key="g-find").set_value("nothing has this").run()
    assert "No setting has these words in its name or description." in [each.value for each in page.caption]
    config = config_of(launched(page))
    assert (config.early_stop, config.learning_rate) == (4, 0.05)


def test_what_is_wrong_is_told_while_searching_too(page: AppTest, streets: None) -> None:
    page.query_params["g.image_size"] = "100"
    page.run()
    page.text_input(key="g-find").set_value("rate").run()
    assert {each.value for each in page.error} == {"image size: expected a multiple of 32, got 100; use 96"}


@pytest.mark.parametrize(
    ("settings", "message", "times"),
    [
        ({"g.image_size": "100"}, "image size: expected a multiple of 32, got 100; use 96", 2),
        (
            {"g.early_stop": "3", "g.validation_share": "0.0"},
            "early stop: expected a validation share above 0",
            2,
        ),
        ({"g.merge": "mean", "g.early_stop": "2"}, "merge mean: expected no early stopping", 3),
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
    assert page.number_input(key="widget.g.early_stop").label == "Early stopping (validations) · off"
    page.number_input(key="widget.g.learning_rate").set_value(0.05).run()
    page.selectbox(key="widget.g.optimizer").set_value("adam").run()
    assert page.number_input(key="widget.g.learning_rate").label.startswith("● ")
    (changed,) = [each.value for each in page.caption if each.value.startswith("Changed:")]
    assert "Optimizer: Adam (default: Adam, coarse to fine)" in changed
