# SPDX-License-Identifier: AGPL-3.0-only
"""House fronts."""

import numpy as np
import pytest

from engine.datasets.demo.buildings import draw_front


@pytest.mark.parametrize(("width", "height"), [(40, 40), (90, 160), (420, 300)])
def test_a_front_fills_its_size(width, height):
    front = draw_front(np.random.default_rng(0), width, height, lamps=False)
    assert front.shape == (height, width, 3)
    assert front.dtype == np.uint8
    assert front.astype(float).std() > 5


def test_lit_windows_are_brighter():
    day, night = (draw_front(np.random.default_rng(5), 300, 400, lamps=lamps) for lamps in (False, True))
    assert (night.astype(int).sum(axis=2) > 600).sum() > (day.astype(int).sum(axis=2) > 600).sum()
