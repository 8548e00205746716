# SPDX-License-Identifier: AGPL-3.0-only
"""Boxes between shares of an image and its pixels, and candidates that look where their boxes are."""

from __future__ import annotations

import pytest
import torch

from engine.detectors.queries import best_detections, pixel_corners, query_candidates, unit_boxes

IMAGES = torch.zeros(1, 3, 50, 200)


@pytest.mark.parametrize(
    ("shares", "corners"),
    [
        ([], []),
        ([[0.5, 0.5, 1.0, 1.0]], [[0.0, 0, 200, 50]]),
        ([[0.25, 0.2, 0.1, 0.4], [1.0, 0.5, 0.5, 0.0]], [[40.0, 0, 60, 20], [150.0, 25, 250, 25]]),
    ],
)
def test_shares_are_pixels_and_back(shares, corners):
    shares, corners = (torch.tensor(each).reshape(-1, 4) for each in (shares, corners))
    torch.testing.assert_close(pixel_corners(shares, IMAGES), corners)
    torch.testing.assert_close(unit_boxes(corners, IMAGES), shares)


@pytest.mark.parametrize("boxes", [False, True])
def test_candidates_look_at_the_centre_of_their_box(boxes):
    corners = torch.tensor([[[0.0, 0, 10, 20], [40.0, 10, 60, 20]]], requires_grad=True)
    found = query_candidates(torch.zeros(1, 2), corners, boxes=boxes)
    assert found.points_xy_px.tolist() == [[[5, 10], [50, 15]]]
    assert not found.points_xy_px.requires_grad
    assert (found.boxes_xyxy_px is corners) == boxes
    assert found.valid is None


SCORES = torch.tensor([[[0.9, 0.8], [0.1, 0.7]], [[0.2, 0.1], [0.2, 0.3]]])
CORNERS = torch.arange(16.0).reshape(2, 2, 4)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"min_score": 0.9}, [[], []]),
        ({"min_score": 0.25}, [[(0, 0, 0.9), (0, 1, 0.8), (1, 1, 0.7)], [(1, 1, 0.3)]]),
        ({"min_score": 0.0, "most": 1}, [[(0, 0, 0.9)], [(1, 1, 0.3)]]),
        ({"min_score": 0.0, "one_each": True}, [[(0, 0, 0.9), (1, 1, 0.7)], [(1, 1, 0.3), (0, 0, 0.2)]]),
    ],
    ids=["none", "pairs", "most", "one each"],
)
def test_best_detections_are_pairs_of_query_and_class(options, expected):
    found = best_detections(SCORES, CORNERS, **{"most": 300, **options})
    for image, (ours, rows) in enumerate(zip(found, expected, strict=True)):
        assert ours.class_ids.tolist() == [row[1] for row in rows]
        torch.testing.assert_close(ours.scores, torch.tensor([row[2] for row in rows]))
        wanted = CORNERS[image][[row[0] for row in rows]] if rows else torch.zeros(0, 4)
        torch.testing.assert_close(ours.boxes_xyxy_px, wanted)
