# SPDX-License-Identifier: AGPL-3.0-only
"""Box maths on cases that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.boxes import iou_matrix, letterbox


@pytest.mark.parametrize(
    ("size", "canvas", "scale", "left_top", "fitted"),
    [
        ((64, 64), (64, 64), 1.0, (0, 0), (64, 64)),
        ((128, 64), (64, 64), 0.5, (0, 16), (64, 32)),
        ((30, 60), (120, 120), 2.0, (30, 0), (60, 120)),
        ((10_000, 1), (64, 64), 0.0064, (0, 31), (64, 1)),  # a side never vanishes
    ],
)
def test_an_image_is_fitted_and_centred(size, canvas, scale, left_top, fitted) -> None:
    found = letterbox(*size, canvas_width=canvas[0], canvas_height=canvas[1])
    assert found.scale == pytest.approx(scale)
    assert (found.left, found.top) == left_top
    assert (found.width, found.height) == fitted


@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), np.array([[0, 0, 127, 63], [5.5, 6, 30, 40]])])
def test_boxes_go_to_the_canvas(boxes: np.ndarray) -> None:
    fit = letterbox(128, 64, canvas_width=64, canvas_height=64)
    there = fit.to_canvas(boxes)
    assert (there.dtype, there.shape) == (np.float32, boxes.shape)
    assert np.allclose(there, boxes * 0.5 + [0, 16, 0, 16])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (np.zeros((0, 4)), np.zeros((0, 4)), np.zeros((0, 0))),
        (np.zeros((0, 4)), [[0, 0, 1, 1]], np.zeros((0, 1))),
        ([[0, 0, 2, 2]], [[0, 0, 2, 2], [2, 0, 4, 2], [1, 0, 3, 2], [0, 0, 1, 1]], [[1, 0, 1 / 3, 0.25]]),
        ([[1, 1, 1, 1]], [[1, 1, 1, 1], [0, 0, 2, 2]], [[0, 0]]),  # no area, no overlap
        ([[2, 2, 0, 0]], [[0, 0, 2, 2]], [[0]]),  # corners that are swapped hold nothing
    ],
)
def test_overlaps(first, second, expected) -> None:
    found = iou_matrix(np.array(first), np.array(second))
    assert np.allclose(found, expected)
    assert found.shape == np.shape(expected)
    assert np.allclose(iou_matrix(np.array(second), np.array(first)), found.T)
