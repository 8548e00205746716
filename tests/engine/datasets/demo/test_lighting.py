# SPDX-License-Identifier: AGPL-3.0-only
"""Light and shadows."""

from dataclasses import replace

import numpy as np
import pytest

from engine.datasets.demo.canvas import Sprite, rectangle
from engine.datasets.demo.lighting import cast_shadow, draw_light


def shadow_of(side):
    light = replace(draw_light(np.random.default_rng(0)), side=side, sun=0.8, length=1.0)
    post = Sprite(1.0, 1.0, 3.0, 0.1, 20.0)
    post.fill(rectangle(-0.1, 0, 0.1, 2.5), (80, 80, 80))
    shadows = np.zeros((100, 120), dtype=np.float32)
    cast_shadow(shadows, post, (120.0, 140.0), light, 0.5)
    return shadows


@pytest.mark.parametrize(("side", "sign"), [(1.0, -1), (-1.0, 1)])
def test_a_shadow_falls_away_from_the_sun(side, sign):
    shadows = shadow_of(side)
    rows, columns = np.nonzero(shadows)
    assert sign * (columns.mean() - 60) > 3
    assert shadows[70, 60] > 0.3
    assert rows.min() < 70
    assert 0 < shadows.max() <= 1


def test_light_comes_from_above_on_the_suns_side():
    for seed in range(10):
        light = draw_light(np.random.default_rng(seed))
        x, y = light.direction_xy
        assert np.sign(x) == np.sign(light.side)
        assert y < 0
        assert light.lamps == (light.hour in ("dusk", "night"))
