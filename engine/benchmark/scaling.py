# SPDX-License-Identifier: AGPL-3.0-only
"""The suite of scaling: what an image-iteration costs by images, objects, patch size and image size."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import replace

import numpy as np

from engine.benchmark.rows import median_row
from engine.benchmark.sides import SCALING_AXES
from engine.benchmark.subject import Subject
from engine.benchmark.suite import Part, Report, Scale
from engine.benchmark.timing import alternate
from engine.patch.run import PatchRun
from engine.records import ImageRecord, Measurement

IMAGES = (10, 100, 1000, 5000)
OBJECTS = (1, 5, 10, 20)
TEXELS = (16, 64, 128, 256, 512)
SIZES_PX = (320, 640, 960, 1280)


def scaling_parts(subject: Subject, scale: Scale) -> list[Part]:
    """One part for each axis; all else stays as the settings have it."""
    records = subject.records

    def over_images() -> dict[int, PatchRun]:
        return {n: subject.over([records[i % len(records)] for i in range(n)]).run() for n in IMAGES}

    def over_objects() -> dict[int, PatchRun]:
        # Whole images: a view would show some of the objects only.
        return {n: subject.over([_crowded(each, n) for each in records]).run(view_size=0) for n in OBJECTS}

    def over_texels() -> dict[int, PatchRun]:
        return {n: subject.run(patch_height=n, patch_width=n) for n in TEXELS}

    def over_pixels() -> dict[int, PatchRun]:
        return {n: subject.run(image_size=n, view_size=0) for n in SIZES_PX}

    makers = {"images": over_images, "objects": over_objects, "texels": over_texels, "pixels": over_pixels}

    def part(axis: str) -> Part:
        return Part(key=axis, measure=lambda report: _measure(subject, scale, axis, makers[axis](), report))

    return [part(axis) for axis in SCALING_AXES]


def _measure(
    subject: Subject, scale: Scale, axis: str, runs: Mapping[int, PatchRun], report: Report
) -> list[Measurement]:
    with ExitStack() as stack:
        sides = {}
        for number, run in runs.items():
            steps = stack.enter_context(closing(run.iterate()))
            side = f"{number} {SCALING_AXES[axis]}"
            sides[side] = lambda steps=steps: 1 / subject.rate_of(steps, scale.images)
        figures = alternate(sides, rounds=scale.rounds, report=report)
    return [
        median_row(side, samples, "s/image", axis=axis, **{axis: number})
        for number, (side, samples) in zip(runs, figures.items(), strict=True)
    ]


def _crowded(record: ImageRecord, objects: int) -> ImageRecord:
    """The image with so many boxes, each a tenth to a third of its sides, spread by chance."""
    rng = np.random.default_rng(objects)
    size = np.array([record.width, record.height])
    extent = rng.uniform(0.1, 0.33, (objects, 2)) * size
    corner = rng.uniform(0, 1, (objects, 2)) * (size - extent)
    boxes = np.concatenate([corner, corner + extent], axis=1).astype(np.float32)
    return replace(
        record, boxes_xyxy_px=boxes, class_ids=np.full(objects, record.class_ids[0], dtype=np.int64)
    )
