# SPDX-License-Identifier: AGPL-3.0-only
"""Scaling: each axis's points."""

from __future__ import annotations

import numpy as np
import pytest

from engine.benchmark import scaling
from tests.engine.benchmark.factories import measured, sides


def test_each_axis_has_its_points(subject, scale, monkeypatch):
    monkeypatch.setattr(scaling, "SIZES_PX", (64, 96))
    monkeypatch.setattr(scaling, "IMAGES", (2, 7))
    rows = measured(scaling.scaling_parts(subject, scale), "scaling")
    assert [each.settings["images"] for each in rows if each.settings["axis"] == "images"] == [2, 7]
    assert [each.settings["objects"] for each in rows if each.settings["axis"] == "objects"] == [1, 5, 10, 20]
    assert "64 pixels a side" in sides(rows, "s/image")
    assert "512 texels a side" in sides(rows, "s/image")


@pytest.mark.parametrize("objects", [1, 20])
def test_a_crowd_lies_within_its_image(subject, objects):
    record = scaling._crowded(subject.records[0], objects)
    assert record.count() == record.count(0) == objects
    corners = record.boxes_xyxy_px.reshape(-1, 2, 2)
    assert (corners[:, 0] < corners[:, 1]).all()
    assert corners.min() >= 0
    assert (corners <= np.array([record.width, record.height])).all()
