# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import numpy as np
import pytest

from engine.evaluation.matching import ClassBoxes, match_greedy, uncovered_objects, unfounded_boxes
from tests.engine.evaluation.factories import boxes, random_boxes

LEFT, RIGHT, FAR = [0, 0, 10, 10], [4, 0, 14, 10], [50, 50, 60, 60]


@pytest.mark.parametrize(
    ("objects", "found", "expected"),
    [
        ([], [], []),
        ([], [LEFT], []),
        ([LEFT], [], [-1]),
        ([LEFT], [FAR], [-1]),
        ([LEFT], [FAR, LEFT, LEFT], [1]),
        ([LEFT], [[0, 0, 10, 5]], [0]),  # an IoU of exactly 0.5 counts
        ([LEFT], [[0, 0, 10, 4.9]], [-1]),
        ([LEFT, LEFT], [LEFT], [0, -1]),  # one to one: a box is used once
        ([LEFT, RIGHT], [[1, 0, 11, 10], [3, 0, 13, 10]], [0, 1]),
        ([LEFT, RIGHT], [[3, 0, 13, 10], [1, 0, 11, 10]], [1, 0]),
        # Greedy, not optimal: the better box takes LEFT although only LEFT is left for the other.
        ([LEFT, RIGHT], [[1.9, 0, 11.9, 10], [-2, 0, 8, 10]], [0, -1]),
    ],
)
def test_match_greedy(objects: list, found: list, expected: list[int]) -> None:
    assert match_greedy(boxes(objects), boxes(found), iou=0.5).tolist() == expected


def slow_iou(first: np.ndarray, second: np.ndarray) -> float:
    width = max(0.0, min(first[2], second[2]) - max(first[0], second[0]))
    height = max(0.0, min(first[3], second[3]) - max(first[1], second[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return width * height / (sum(areas) - width * height)


def slow_match(objects: np.ndarray, found: np.ndarray, iou: float) -> list[int]:
    matched: dict[int, int] = {}
    for index, box in enumerate(found):
        candidates = [(slow_iou(box, each), g) for g, each in enumerate(objects) if g not in matched]
        candidates = [each for each in candidates if each[0] >= iou]
        if candidates:
            matched[max(candidates)[1]] = index
    return [matched.get(g, -1) for g in range(len(objects))]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("iou", [0.3, 0.5, 0.75])
def test_agrees_with_plain_loops(seed: int, iou: float) -> None:
    rng = np.random.default_rng(seed)
    objects, found = random_boxes(rng, 6), random_boxes(rng, 12)
    overlaps = np.array([[slow_iou(g, d) for d in found] for g in objects])
    assert match_greedy(objects, found, iou=iou).tolist() == slow_match(objects, found, iou)
    assert uncovered_objects(objects, found, iou=iou).tolist() == (overlaps < iou).all(axis=1).tolist()
    assert unfounded_boxes(objects, found, iou=iou).tolist() == (overlaps < iou).all(axis=0).tolist()


@pytest.mark.parametrize(
    ("objects", "found", "uncovered", "unfounded"),
    [
        ([], [], [], []),
        ([LEFT], [], [True], []),
        ([], [LEFT], [], [True]),
        ([LEFT, LEFT], [LEFT], [False, False], [False]),  # overlap, not one to one
        ([LEFT], [LEFT, LEFT, FAR], [False], [False, False, True]),
    ],
)
def test_overlap_without_matching(objects: list, found: list, uncovered: list, unfounded: list) -> None:
    assert uncovered_objects(boxes(objects), boxes(found), iou=0.5).tolist() == uncovered
    assert unfounded_boxes(boxes(objects), boxes(found), iou=0.5).tolist() == unfounded


def test_at_least_keeps_the_threshold_itself() -> None:
    found = ClassBoxes(boxes_xyxy_px=boxes([LEFT, RIGHT, FAR]), scores=np.array([0.9, 0.25, 0.24]))
    assert found.at_least(0.25).scores.tolist() == [0.9, 0.25]
    assert found.at_least(0.95).boxes_xyxy_px.shape == (0, 4)
