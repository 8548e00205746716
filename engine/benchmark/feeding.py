# SPDX-License-Identifier: AGPL-3.0-only
"""Suites of feeding: what reading the records costs, and how fast images become batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing

import torch

from engine.benchmark.rows import median_row, ratio_row
from engine.benchmark.sides import CONSUMED, PINNED
from engine.benchmark.subject import Subject, synchronize
from engine.benchmark.suite import Part, Report, Scale
from engine.benchmark.timing import alternate
from engine.datasets.loader import ImageLoader
from engine.datasets.views import ViewChooser
from engine.records import ImageRecord, Measurement

ITERATION = "an iteration of a run"
LOADER_SIZES = (1, 8, 32, 128, 512)
PREFETCHES = (0, 2)
DECODING = "batch 8, decoding each image"
PAGEABLE = "pageable memory to the device"
COPIED = 32  # images of a copy to the device


def data_source_parts(subject: Subject, scale: Scale) -> list[Part]:
    """One part: all ways to read the records in turn, with an iteration of a run beside them."""
    return [Part(key="reading", measure=lambda report: _reading(subject, scale, report))]


def _reading(subject: Subject, scale: Scale, report: Report) -> list[Measurement]:
    def timed(read: Callable[[], Sequence[ImageRecord]]) -> Callable[[], float]:
        def measure() -> float:
            started = time.perf_counter()
            read()
            return time.perf_counter() - started

        return measure

    count = len(subject.records)
    with closing(subject.run().iterate()) as steps:
        sides = {name: timed(read) for name, read in subject.readers.items()}
        sides[ITERATION] = lambda: count / subject.rate_of(steps, scale.images)
        figures = alternate(sides, rounds=scale.rounds, report=report)
    rows = [median_row(side, samples, "s", images=count) for side, samples in figures.items()]
    return rows + [
        ratio_row(side, figures[side], figures[ITERATION], "of an iteration") for side in subject.readers
    ]


def loader_parts(subject: Subject, scale: Scale) -> list[Part]:
    """Batches from memory and from files in turn; copies to the device, on CUDA."""
    return [
        Part(key="batches", measure=lambda report: _batches(subject, scale, report)),
        Part(key="copies", measure=lambda report: _copies(subject, scale, report), needs="cuda"),
    ]


def _batches(subject: Subject, scale: Scale, report: Report) -> list[Measurement]:
    settings = {
        f"batch {size}, prefetch {prefetch}": {"batch_size": size, "prefetch": prefetch}
        for size in LOADER_SIZES
        for prefetch in PREFETCHES
    }
    with closing(subject.run().iterate()) as steps:
        sides = {
            side: _feed(subject, each["batch_size"], each["prefetch"], scale)
            for side, each in settings.items()
        }
        sides[DECODING] = _feed(subject, 8, PREFETCHES[-1], scale, cache_bytes=0)
        sides[CONSUMED] = lambda: subject.rate_of(steps, scale.images)
        figures = alternate(sides, rounds=scale.rounds, report=report)
    rows = [
        median_row(side, samples, "images/s", **settings.get(side, {})) for side, samples in figures.items()
    ]
    least = f"batch 1, prefetch {PREFETCHES[-1]}"
    return rows + [
        ratio_row(side, figures[side], figures[CONSUMED], "times a run's demand")
        for side in (least, DECODING)
    ]


def _feed(
    subject: Subject, size: int, prefetch: int, scale: Scale, cache_bytes: int = 512 * 2**20
) -> Callable[[], float]:
    """Images a second of a loader that does nothing else, looking at them as a run does."""
    config = subject.config
    loader = ImageLoader(
        subject.records,
        image_size=config.image_size,
        class_id=subject.class_id,
        stride_px=subject.detector.stride_px,
        cache_bytes=cache_bytes,
        prefetch=prefetch,
        device=subject.detector.device,
    )
    view = None
    if 0 < config.view_size < config.image_size:
        view = ViewChooser(
            side_px=config.view_size,
            zoom_low=config.view_zoom[0],
            zoom_high=config.view_zoom[1],
            seed=config.seed,
            iteration=0,
            class_id=subject.class_id,
        )
    count = max(2 * size, scale.images)
    plan = [
        [index % len(subject.records) for index in range(start, start + size)]
        for start in range(0, count, size)
    ]

    def measure() -> float:
        started = time.perf_counter()
        for batch in loader.batches(plan, view):
            synchronize(batch.images_nchw.device)
        return len(plan) * size / (time.perf_counter() - started)

    return measure


def _copies(subject: Subject, scale: Scale, report: Report) -> list[Measurement]:
    side_px, device = subject.config.image_size, subject.detector.device

    def copying(*, pinned: bool) -> Callable[[], float]:
        images = torch.zeros((COPIED, 3, side_px, side_px), dtype=torch.uint8, pin_memory=pinned)

        def measure() -> float:
            synchronize(device)
            started = time.perf_counter()
            images.to(device, non_blocking=True)
            synchronize(device)
            return COPIED / (time.perf_counter() - started)

        return measure

    sides = {PINNED: copying(pinned=True), PAGEABLE: copying(pinned=False)}
    figures = alternate(sides, rounds=scale.rounds, report=report)
    rows = [median_row(side, samples, "images/s copied") for side, samples in figures.items()]
    return [*rows, ratio_row(PINNED, figures[PINNED], figures[PAGEABLE], "times pageable memory")]
