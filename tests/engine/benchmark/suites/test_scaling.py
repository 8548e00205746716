# SPDX-License-Identifier: AGPL-3.0-only
"""Scaling: the cost of an image-iteration at the points of each axis."""

from __future__ import annotations

import numpy as np
import pytest

from engine.benchmark.suites import scaling
from tests.engine.benchmark.suites.running import measure


@pytest.mark.parametrize(
    ("axis", "points", "names"),
    [
        ("images", (2, 4, 7), ["2 images", "4 images", "7 images"]),
        ("objects", (1, 5), ["1 object per image", "5 objects per image"]),
        ("texels", (16, 64), ["16 texels per side", "64 texels per side"]),
        ("pixels", (64, 96), ["images of 64 px", "images of 96 px"]),
    ],
)
def test_each_point_is_compared_with_the_first(subject, scale, monkeypatch, axis, points, names):
    monkeypatch.setitem(scaling.POINTS, axis, points)
    rows = measure("scaling", subject, scale, [axis])
    first, *others = names
    assert rows.sides("s/image") == names
    assert [row.side[axis] for row in rows.comparisons] == [*reversed(points[1:])]
    assert rows.pairs(axis) == [(others[-1], first)]  # the widest step tests the claim
    assert all(row.reference == {axis: points[0]} for row in rows.comparisons)


def test_pixels_may_cost_as_much_as_there_are():
    assert scaling.CLAIMS["pixels"].expected[1] == 16


@pytest.mark.parametrize("objects", [1, 20])
def test_a_crowd_lies_within_its_image(subject, objects):
    record = scaling._crowded(subject.records[0], objects)
    assert record.count() == record.count(0) == objects
    corners = record.boxes_xyxy_px.reshape(-1, 2, 2)
    assert (corners[:, 0] < corners[:, 1]).all()
    assert corners.min() >= 0
    assert (corners <= np.array([record.width, record.height])).all()
