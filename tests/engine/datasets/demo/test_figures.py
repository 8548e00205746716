# SPDX-License-Identifier: AGPL-3.0-only
"""People as sprites."""

import cv2
import numpy as np
import pytest

from engine.datasets.demo.figures import draw_person


def person(seed, px_per_m=60.0):
    return draw_person(np.random.default_rng(seed), px_per_m, (0.5, -0.5))


@pytest.mark.parametrize("seed", range(6))
def test_a_person_is_whole_upright_and_in_one_piece(seed):
    sprite = person(seed)
    rows, columns = (np.flatnonzero(sprite.mask.any(axis=axis)) for axis in (1, 0))
    tall_m, wide_m = len(rows) / 60, len(columns) / 60
    assert 1.0 < tall_m < 2.6
    assert 0.2 < wide_m < tall_m
    assert sprite.mask[0].max() == sprite.mask[:, 0].max() == sprite.mask[:, -1].max() == 0
    pieces = cv2.connectedComponentsWithStats(sprite.mask)[2][1:, cv2.CC_STAT_AREA]
    assert pieces.max() > 0.97 * pieces.sum()


def test_the_seed_decides_everything():
    assert (person(1).rgb == person(1).rgb).all()
    assert person(1).rgb.shape != person(2).rgb.shape or (person(1).rgb != person(2).rgb).any()
