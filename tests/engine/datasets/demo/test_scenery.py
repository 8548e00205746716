# SPDX-License-Identifier: AGPL-3.0-only
"""Backgrounds and the camera's view."""

from dataclasses import replace

import numpy as np
import pytest

from engine.datasets.demo.lighting import draw_light
from engine.datasets.demo.scenery import PLACES, draw_background, draw_view


def view_of(place, seed=0):
    return replace(draw_view(np.random.default_rng(seed), 160, 120), place=place)


@pytest.mark.parametrize("place", PLACES)
def test_every_place_fills_the_canvas(place):
    view = replace(view_of(place), wall_m=(-5.0, 5.0), end_m=15.0)
    canvas = draw_background(np.random.default_rng(1), view, draw_light(np.random.default_rng(2)))
    assert canvas.shape == (120, 160, 3)
    assert canvas.dtype == np.uint8
    assert canvas.astype(float).std() > 10


def test_things_grow_towards_the_viewer():
    view = view_of("park")
    assert view.foot_y(30.0) > view.foot_y(10.0) > view.horizon
    assert view.px_per_m(view.foot_y(12.5)) == pytest.approx(12.5)


def test_nothing_stands_in_or_behind_a_wall():
    view = replace(view_of("street"), wall_m=(-5.0, 5.0), end_m=20.0)
    scale = view.focal / 10
    assert view.has_ground(view.vanish_x, scale)
    assert not view.has_ground(view.vanish_x + 4.9 * scale, scale)
    assert not view.has_ground(view.vanish_x - 4.9 * scale, scale)
    assert not view.has_ground(view.vanish_x, view.focal / 21)


def test_a_shrunk_view_sees_the_same():
    view = view_of("row")
    half = view.shrunk(2)
    assert (half.width, half.height) == (80, 60)
    assert half.px_per_m(half.horizon + 20) * 2 == pytest.approx(view.px_per_m(view.horizon + 40))
