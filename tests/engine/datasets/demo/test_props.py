# SPDX-License-Identifier: AGPL-3.0-only
"""Things that are no people."""

import numpy as np
import pytest

from engine.datasets.demo.props import PROPS, draw_prop


@pytest.mark.parametrize("name", PROPS)
def test_a_thing_stands_on_the_ground_and_fits_its_sprite(name):
    _, height, share, _ = PROPS[name]
    sprite = draw_prop(name, np.random.default_rng(0), 40.0, (0.5, -0.5))
    rows = np.flatnonzero(sprite.mask.any(axis=1))
    assert abs(rows[-1] / 40 - height) < 0.35
    assert len(rows) / 40 > 0.5 * height
    assert sprite.mask[0].max() == 0
    assert sprite.mask[:, 0].max() == sprite.mask[:, -1].max() == 0
    assert share > 0
