# SPDX-License-Identifier: AGPL-3.0-only
"""What an image-iteration costs by images, objects, patch size and image size."""

from __future__ import annotations

import math
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from engine.benchmark.rows import measured, ratio
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite
from engine.records import ImageRecord

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject
    from engine.patch.run import PatchRun

POINTS = {
    "images": (10, 100, 1000, 5000),
    "objects": (1, 5, 10, 20),
    "texels": (16, 64, 128, 256, 512),
    "pixels": (320, 640, 960, 1280),
}


def _flat(key: str, noun: str) -> Claim:
    return Claim(
        key=key,
        holds=f"An image-iteration costs the same with more {noun}",
        fails=f"An image-iteration does not cost the same with more {noun}",
        expected=(0.9, 1.1),
        within=True,
    )


CLAIMS = {
    "images": _flat("images", "images"),
    "objects": _flat("objects", "objects"),
    "texels": _flat("texels", "texels"),
    "pixels": Claim(
        key="pixels",
        holds="Cost grows no faster than the number of pixels",
        fails="Cost grows faster than the number of pixels",
        expected=(-math.inf, (POINTS["pixels"][-1] / POINTS["pixels"][0]) ** 2),
        within=True,
    ),
}


def _run(subject: Subject, axis: str, point: int) -> PatchRun:
    records = subject.records
    if axis == "images":
        return subject.over([records[index % len(records)] for index in range(point)]).run()
    if axis == "objects":  # whole images: a view would show some of the objects only
        return subject.over([_crowded(record, point) for record in records]).run(view_size=0)
    if axis == "texels":
        return subject.run(patch_height=point, patch_width=point)
    return subject.run(image_size=point, view_size=0)


def _measure(axis: str, subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.timing import alternate

    with ExitStack() as stack:
        ways = {}
        for point in POINTS[axis]:
            steps = stack.enter_context(closing(_run(subject, axis, point).iterate()))
            ways[str(point)] = lambda steps=steps: 1 / subject.rate_of(steps, scale.images)
        figures = alternate(ways, rounds=scale.rounds, report=report)
    first, *others = POINTS[axis]
    rows: list[Row] = [measured({axis: point}, "s/image", figures[str(point)]) for point in POINTS[axis]]
    for point in reversed(others):  # the widest step first: the headline tells it
        claim = CLAIMS[axis] if point == others[-1] else None
        samples = figures[str(point)], figures[str(first)]
        rows.append(ratio({axis: point}, {axis: first}, "s/image", samples, claim))
    return rows


def _crowded(record: ImageRecord, objects: int) -> ImageRecord:
    """The image with so many boxes, each a tenth to a third of its sides, spread by chance."""
    import numpy as np

    rng = np.random.default_rng(objects)
    size = np.array([record.width, record.height])
    extent = rng.uniform(0.1, 0.33, (objects, 2)) * size
    corner = rng.uniform(0, 1, (objects, 2)) * (size - extent)
    boxes = np.concatenate([corner, corner + extent], axis=1).astype(np.float32)
    return replace(
        record, boxes_xyxy_px=boxes, class_ids=np.full(objects, record.class_ids[0], dtype=np.int64)
    )


SUITES.add(
    Suite(
        name="scaling",
        question="How does cost grow?",
        claims=(*CLAIMS.values(),),
        parts={axis: partial(_measure, axis) for axis in POINTS},
        on_cuda="device time by events",
    )
)
