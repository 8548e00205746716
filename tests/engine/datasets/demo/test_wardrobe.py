# SPDX-License-Identifier: AGPL-3.0-only
"""Outfits and cloth."""

from dataclasses import replace

import numpy as np
import pytest

from engine.datasets.demo.wardrobe import PATTERNS, draw_outfit, fabric


def cloth_of(pattern):
    outfit = replace(
        draw_outfit(np.random.default_rng(0)),
        pattern=pattern,
        cloth=(200.0, 40.0, 40.0),
        second=(20.0, 20.0, 200.0),
    )
    return fabric(np.random.default_rng(1), outfit, (120, 80), 12.0)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_cloth_shows_its_pattern(pattern):
    cloth = cloth_of(pattern)
    assert cloth.shape == (120, 80, 3)
    assert cloth.dtype == np.uint8
    spread = cloth.astype(float).std(axis=(0, 1)).max()
    assert (spread < 20) == (pattern == "plain")


def test_hoops_run_across_and_stripes_along():
    hoops, stripes = (cloth_of(name).astype(float)[..., 2] for name in ("hoops", "stripes"))
    assert np.abs(np.diff(hoops, axis=0)).mean() > 2 * np.abs(np.diff(hoops, axis=1)).mean()
    assert np.abs(np.diff(stripes, axis=1)).mean() > 2 * np.abs(np.diff(stripes, axis=0)).mean()


def test_outfits_differ_and_repeat_with_the_seed():
    first, again, other = (draw_outfit(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other
