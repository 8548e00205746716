# SPDX-License-Identifier: AGPL-3.0-only
"""The widget that chooses a detector."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.parts.detector_choice import detector_name, read_several, read_weights, write_several
from dashboard.services import detectors
from engine.store.repository import Repository
from tests.dashboard.homes import make_dataset
from tests.dashboard.reading import opened


@pytest.mark.parametrize(
    ("weights", "name"),
    [
        ("demo", "demo (synthetic scenes)"),
        ("demo-rcnn", "demo-rcnn (synthetic scenes)"),
        ("yolo11n", "yolo11n"),
        ("torchvision/ssd300_vgg16", "torchvision/ssd300_vgg16"),
        ("/a/b.pt", "b.pt"),
    ],
)
def test_a_file_is_called_by_its_name(weights: str, name: str) -> None:
    assert detector_name(weights) == name


def test_a_link_names_a_file_without_its_folder(own_home: Path) -> None:
    file = own_home / "weights" / "mine.pt"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")
    detectors.detectors.clear()
    written = write_several(["demo", str(file)])
    assert "/" not in written
    assert read_several(written) == ["demo", str(file)]
    assert read_weights("yolo11n") == "yolo11n"
    with pytest.raises(ValueError, match="a known detector"):
        read_weights("mine.pt~00000000")


@pytest.mark.parametrize(("linked", "chosen"), [(None, "demo"), ("/data/mine.pt", "/data/mine.pt")])
def test_the_demo_comes_first_and_a_link_may_name_a_file(
    app: AppTest, streets: None, linked: str | None, chosen: str
) -> None:
    app.switch_page("app_pages/generate.py")
    if linked:
        app.query_params["detector"] = linked
    app.run()
    box = app.selectbox(key="widget.detector")
    assert (box.value, box.options[0]) == (chosen, "demo (synthetic scenes)")


def test_the_detector_follows_the_dataset_until_one_is_chosen(
    app: AppTest, streets: None, own_home: Path
) -> None:
    config = {"dataset": "streets", "weights": "demo-yolo11", "class_name": "person"}
    with Repository() as repository:
        repository.datasets.save(replace(make_dataset(own_home / "roads"), name="roads"))
        repository.jobs.add(kind="generate", label="", request={"config": config})
    page = opened("generate", app, dataset="roads")
    assert page.selectbox(key="widget.detector").value == "demo"
    page.selectbox(key="widget.dataset").select("streets").run()
    assert page.selectbox(key="widget.detector").value == "demo-yolo11"
    page.selectbox(key="widget.detector").select("demo-rcnn").run()
    page.selectbox(key="widget.dataset").select("roads").run()
    assert page.selectbox(key="widget.detector").value == "demo-rcnn"
