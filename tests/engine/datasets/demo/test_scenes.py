# SPDX-License-Identifier: AGPL-3.0-only
"""Whole pictures."""

import numpy as np
import pytest

from engine.datasets.demo import scenes
from engine.datasets.demo.scenes import MOST_HIDDEN, draw_scene


@pytest.mark.parametrize(
    ("people", "width", "height"), [(0, 320, 240), (1, 240, 320), (2, 320, 240), (7, 320, 240)]
)
def test_a_scene_holds_exactly_its_people(people, width, height):
    scene = draw_scene(np.random.default_rng(people), people, width, height)
    boxes = scene.boxes_xyxy_px
    assert scene.image.shape == (height, width, 3)
    assert scene.image.dtype == np.uint8
    assert boxes.shape == (people, 4)
    assert boxes.dtype == np.float32
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert (boxes >= 0).all()
    assert (boxes <= [width, height, width, height]).all()
    assert scene.hidden.shape == (people,)
    assert (scene.hidden <= MOST_HIDDEN).all()


def test_the_seed_decides_everything():
    first, again, other = (draw_scene(np.random.default_rng(seed), 2, 320, 240) for seed in (8, 8, 9))
    assert (first.image == again.image).all()
    assert (first.boxes_xyxy_px == again.boxes_xyxy_px).all()
    assert (first.image != other.image).any()


@pytest.mark.parametrize("seed", range(3))
def test_a_box_is_tight_around_what_was_drawn(seed, monkeypatch):
    drawn = []
    place = scenes._place

    def watched(canvas, actor, *rest):
        before = canvas.copy()
        place(canvas, actor, *rest)
        if actor.person:
            drawn.append((canvas != before).any(axis=2))

    monkeypatch.setattr(scenes, "_place", watched)
    scene = draw_scene(np.random.default_rng(seed), 3, 320, 240)
    for box, changed in zip(scene.boxes_xyxy_px, drawn, strict=True):
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        found = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / 2
        assert box == pytest.approx(found, abs=1)
