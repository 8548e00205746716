# SPDX-License-Identifier: AGPL-3.0-only
"""The widget that chooses a detector."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.parts.detector_choice import detector_name


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
