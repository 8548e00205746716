# SPDX-License-Identifier: AGPL-3.0-only
"""Heads."""

from dataclasses import replace

import numpy as np
import pytest

from engine.datasets.demo.canvas import Sprite
from engine.datasets.demo.heads import draw_head
from engine.datasets.demo.poses import skeleton
from engine.datasets.demo.wardrobe import draw_outfit
from tests.engine.datasets.demo.test_poses import standing

SKIN, HAIR = (220.0, 170.0, 130.0), (40.0, 90.0, 40.0)


def head(yaw, **changes):
    outfit = replace(
        draw_outfit(np.random.default_rng(0)), skin=SKIN, hair="short", hair_colour=HAIR, crown=HAIR
    )
    pose = standing(yaw=yaw)
    sprite = Sprite(0.5, 0.5, 2.0, 0.1, 200.0)
    draw_head(sprite, skeleton(pose), pose, replace(outfit, **{"hat": "none", "beard": False, **changes}))
    return sprite


def pixels(sprite, colour):
    return np.count_nonzero((sprite.rgb == colour).all(axis=2))


def test_only_a_head_that_faces_us_shows_its_face():
    front, back = head(0.0), head(np.pi)
    assert pixels(front, (28, 22, 22)) > 10
    assert pixels(back, (28, 22, 22)) == 0
    assert pixels(front, SKIN) > 2 * pixels(back, SKIN)


@pytest.mark.parametrize("changes", [{"hair": "long"}, {"hair": "bun"}, {"hat": "brim"}, {"hat": "helmet"}])
def test_hair_and_hats_widen_the_silhouette(changes):
    assert np.count_nonzero(head(0.3, **changes).mask) > np.count_nonzero(head(0.3).mask)


def test_a_beard_covers_skin():
    assert pixels(head(0.0, beard=True), SKIN) < pixels(head(0.0), SKIN)
