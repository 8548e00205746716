# SPDX-License-Identifier: AGPL-3.0-only
"""Seeded boxes and detections for the metrics' tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.evaluation.matching import ClassBoxes

FloatArray = npt.NDArray[np.floating]


def boxes(corners: list) -> FloatArray:
    return np.array(corners, dtype=np.float64).reshape(-1, 4)


def random_boxes(rng: np.random.Generator, count: int, canvas: float = 40) -> FloatArray:
    corners = rng.uniform(0, canvas, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(5, canvas / 2, (count, 2))], axis=1)


def detections(corners: list, scores: list[float]) -> ClassBoxes:
    return ClassBoxes(boxes_xyxy_px=boxes(corners), scores=np.array(scores, dtype=np.float64))


def random_detections(rng: np.random.Generator, objects: FloatArray, extra: int) -> ClassBoxes:
    """Most objects found with some error, and a few boxes elsewhere, best first."""
    near = objects[rng.random(len(objects)) < 0.8]
    near = near + rng.normal(0, 1.5, near.shape)
    found = np.concatenate([near, random_boxes(rng, extra)])
    found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
    order = rng.permutation(len(found))
    return ClassBoxes(boxes_xyxy_px=found[order], scores=np.sort(rng.random(len(found)))[::-1])


def random_images(seed: int, images: int) -> tuple[list[FloatArray], list[ClassBoxes]]:
    rng = np.random.default_rng(seed)
    objects = [random_boxes(rng, int(rng.integers(0, 6))) for _ in range(images)]
    return objects, [random_detections(rng, each, int(rng.integers(0, 8))) for each in objects]
