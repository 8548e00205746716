# SPDX-License-Identifier: AGPL-3.0-only
"""Previews: where the patch lies, and whether the detector can be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.store.repository import Repository


@pytest.fixture
def page(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", lambda repository: True)
    app.switch_page("app_pages/generate.py")
    return app


def test_the_placement_is_previewed_on_images_of_the_class(
    page: AppTest, streets: None, own_home: Path
) -> None:
    page.query_params["g.preview"] = "True"
    page.run()
    with Repository() as repository:
        asked = repository.previews.claim()
        assert asked.request["kind"] == "placement"
        assert asked.request["class_name"] == "person"
        picture = str(own_home / "pictures" / "1.png")
        images = [
            {"index": index, "path": picture, "width": 320, "height": 320, "objects": [[0, 0, 9, 9]]}
            for index in asked.request["indices"]
        ]
        repository.previews.answer(asked.key, {"images": images})
    page.run()
    assert len(page.get("image")) == 3
    assert not page.exception


def test_weights_that_are_refused_are_explained(page: AppTest, streets: None) -> None:
    page.query_params["g.check"] = "True"
    page.run()
    with Repository() as repository:
        asked = repository.previews.claim()
        assert (asked.request["kind"], asked.request["trust"]) == ("detections", False)
        repository.previews.fail(asked.key, "weights: expected only the names that a detector needs")
    page.run()
    assert page.error[0].value.startswith("weights: expected only the names")
    page.button(key="g-again-detector").click().run()
    with Repository() as repository:
        assert repository.previews.get(asked.key).state == "queued"


def test_costs_are_measured_on_request(page: AppTest, streets: None) -> None:
    page.run()
    page.button(key="g-measure").click().run()
    with Repository() as repository:
        asked = repository.previews.claim()
        assert asked.request["kind"] == "costs"
        repository.previews.answer(asked.key, {"images_per_s": 12.34, "peak_memory_bytes": 1})
    page.run()
    assert [each.value for each in page.success] == ["Measured: 12.3 images/s."]
    assert not page.exception


def test_what_the_detector_finds_is_shown(page: AppTest, streets: None, own_home: Path) -> None:
    page.query_params["g.check"] = "True"
    page.run()
    with Repository() as repository:
        asked = repository.previews.claim()
        found = [{"box": [10, 10, 90, 90], "score": 0.8, "class_name": "person"}]
        picture = {"path": str(own_home / "pictures" / "1.png"), "width": 320, "height": 320}
        image = {"index": 1, "objects": [[0, 0, 9, 9], [5, 5, 9, 9]], "found": found, **picture}
        repository.previews.answer(asked.key, {"images": [image]})
    page.run()
    assert "detects 1 of class person on an image labelled with 2" in page.success[0].value
    assert len(page.get("image")) == 1
