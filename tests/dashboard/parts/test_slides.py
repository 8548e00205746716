# SPDX-License-Identifier: AGPL-3.0-only
"""A patch's story in five slides, from nothing on record to all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dashboard.parts.slides import patch_slides, story_slides
from dashboard.services import films, hidden
from dashboard.services.stories import Scene
from engine.records import ImageOutcome, PatchRecord
from engine.store.repository import Repository
from tests.dashboard.homes import fill

SCENES = [
    Scene(kind="clean"),
    Scene(kind="attacked", attacker="Run 0", patch=1, scores={"asr": 0.5, "ap50": 0.25}),
]


@pytest.fixture
def patch(own_home: Path) -> PatchRecord:
    films.moments.clear()
    hidden.bars.clear()
    with Repository() as repository:
        return fill(repository, runs=1, steps=3)[0]


@pytest.fixture
def image(tmp_path: Path) -> dict[str, Any]:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.jpg")
    side = {"path": str(tmp_path / "a.jpg"), "found": []}
    box = [5.0, 20.0, 30.0, 60.0]
    objects = [{"box": box, "before": True, "after": False, "vanished": True}]
    return {"index": 1, "objects": objects, "before": side, "after": side}


def test_what_is_not_known_is_said_and_leaves_no_slide_out(patch: PatchRecord) -> None:
    what, formed, changed, who, helps = patch_slides(patch, None, [])
    assert what.title.startswith("Hides ")
    assert "on images the run did not use" in what.lines
    assert len(formed.pictures[0].frames) == 1
    assert not changed.pictures
    assert who.title == "Is it the pattern?"
    assert [bar.name for bar in who.bars] == ["Patch", "Grey patch", "Noise patch"]
    assert helps.lines == ["No defence has been tested against it yet. The Defend page shows the options."]


def test_what_is_known_is_shown(
    patch: PatchRecord, image: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = ((0.0, 0.0, 20.0, 20.0), (0.0, 0.0, 80.0, 80.0))
    outcome = ImageOutcome(
        image=1, clean=(0.9, 0.9), patched=(0.1, 0.9), appeared=0, size=(99, 99), boxes_xyxy_px=boxes
    )
    shares = hidden.shares(hidden.objects(0.25, [outcome]), "size")
    monkeypatch.setattr(hidden, "bars", lambda *_score: shares)
    _what, _formed, changed, who, helps = patch_slides(patch, image, [SCENES])
    assert [picture.caption for picture in changed.pictures] == ["clean", "with the patch"]
    assert [(bar.name, bar.text) for bar in who.bars] == [
        ("16 to 32 (small)", "100%"),
        ("64 to 96 (medium)", "0%"),
    ]
    assert helps.lines[1] == "Attacked: ASR 50% · AP50 0.25 (Run 0, made on another detector)"


def test_each_scene_has_a_slide_and_the_last_has_all(image: dict[str, Any]) -> None:
    assert len(story_slides([], [])) == 1
    clean, attacked, together = story_slides(SCENES, [image])
    assert (clean.title, attacked.title) == ("Clean: 1 detected", "Attacked: 0 detected")
    assert len(together.pictures) == len(together.lines) == 2
