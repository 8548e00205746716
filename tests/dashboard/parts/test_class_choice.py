# SPDX-License-Identifier: AGPL-3.0-only
"""The widgets that choose classes: the detector's follows the dataset's, and the detector."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.parts.class_choice import first_classes, read_classes, write_classes


class Model:
    """Pickled as a model is."""

    def __init__(self, names: list[str]) -> None:
        self.names = names


@pytest.fixture
def page(app: AppTest, streets: None, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", lambda repository: True)
    app.switch_page("app_pages/generate.py")
    return app


@pytest.fixture
def net(own_home: Path) -> str:
    """A weight file kept here whose classes are `Car`, `bus` and two called `person`."""
    path = own_home / "weights" / "net.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("net/data.pkl", pickle.dumps({"model": Model(["Car", "bus", "person", "person"])}))
    return str(path)


def chosen(page: AppTest) -> tuple[list[str], str | None]:
    assert not page.exception
    return page.multiselect(key="widget.class").value, page.selectbox(key="widget.detector_class").value


@pytest.mark.parametrize(
    ("offered", "first"), [(["car"], ["car"]), (["car", "person"], ["person"]), (["Person"], ["Person"])]
)
def test_what_is_chosen_at_first(offered: list[str], first: list[str]) -> None:
    assert first_classes(offered) == first


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        (["person"], "person"),
        (["a, b"], "a, b"),
        (["[a]"], '["[a]"]'),
        (["사람", "b"], '["사람", "b"]'),
    ],
)
def test_classes_stand_in_links(classes: list[str], text: str) -> None:
    assert write_classes(classes) == text
    assert read_classes(text) == classes


@pytest.mark.parametrize("text", ["[", "[1", "[" * 100_000])
def test_a_link_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|expected"):
        read_classes(text)


def test_a_class_of_the_same_name_is_found(page: AppTest) -> None:
    page.run()
    assert chosen(page) == (["person"], "person")
    assert not page.warning


def test_the_detectors_class_follows(page: AppTest, net: str) -> None:
    page.query_params["detector"] = net
    page.run()
    assert chosen(page) == (["person"], None)  # two are called so
    assert page.selectbox(key="widget.detector_class").options == ["Car", "bus", "person (2)", "person (3)"]
    page.selectbox(key="widget.detector_class").set_value("3").run()
    assert chosen(page) == (["person"], "3")
    page.multiselect(key="widget.class").set_value(["car"]).run()
    assert chosen(page) == (["car"], "Car")
    page.selectbox(key="widget.detector_class").set_value("bus").run()
    assert chosen(page) == (["car"], "bus")
    page.selectbox(key="widget.detector").set_value("demo").run()
    assert chosen(page) == (["car"], None)
    assert "Choose the detector's class for car." in [each.value for each in page.warning]


def test_choices_come_from_the_link_and_stay(page: AppTest, net: str) -> None:
    page.query_params.update({"detector": net, "class": '["person", "car"]', "detector_class": "bus"})
    page.run()
    assert chosen(page) == (["person", "car"], "bus")
    page.switch_page("app_pages/hardware.py").run()
    page.switch_page("app_pages/generate.py").run()
    assert chosen(page) == (["person", "car"], "bus")


@pytest.mark.parametrize("text", ["[", '["lorry"]', "lorry"])
def test_a_link_that_names_no_class_gives_the_first_one(page: AppTest, text: str) -> None:
    page.query_params.update({"class": text, "detector_class": "lorry"})
    page.run()
    assert chosen(page) == (["person"], "person")


def test_a_detector_whose_names_are_not_known_takes_the_same_name(page: AppTest) -> None:
    page.query_params["detector"] = "yolo11n"  # published, but not here
    page.run()
    assert chosen(page) == (["person"], None)
    assert not page.warning
    page.multiselect(key="widget.class").set_value(["person", "car"]).run()
    assert len(page.warning) == 1


def test_without_a_class_there_is_nothing_to_go_on_with(page: AppTest) -> None:
    page.run()
    page.multiselect(key="widget.class").set_value([]).run()
    assert chosen(page)[0] == []
    assert [each.value for each in page.warning] == ["Choose one class or more"]
