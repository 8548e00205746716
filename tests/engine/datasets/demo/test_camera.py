# SPDX-License-Identifier: AGPL-3.0-only
"""From a canvas to a photograph."""

from dataclasses import replace

import numpy as np
import pytest

from engine.datasets.demo.camera import photograph
from engine.datasets.demo.lighting import draw_light

LIGHT = replace(draw_light(np.random.default_rng(0)), tint=(1.0, 1.0, 1.0), lamps=False)


@pytest.mark.parametrize("seed", range(6))
def test_a_grey_wall_stays_grey_but_noisy(seed):
    canvas = np.full((96, 128, 3), 118, dtype=np.uint8)
    picture = photograph(np.random.default_rng(seed), canvas, LIGHT, 64, 48)
    assert picture.shape == (48, 64, 3)
    assert picture.dtype == np.uint8
    assert picture.mean() == pytest.approx(118, abs=30)
    assert 0.5 < picture.astype(float).std() < 15


def test_an_edge_stays_where_it_is():
    canvas = np.zeros((96, 128, 3), dtype=np.uint8)
    canvas[:, 64:] = 255
    for seed in range(6):
        picture = (
            photograph(np.random.default_rng(seed), canvas, LIGHT, 64, 48).astype(float).mean(axis=(0, 2))
        )
        assert picture[:29].max() < 118 < picture[35:].min()
