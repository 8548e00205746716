# SPDX-License-Identifier: AGPL-3.0-only
"""Loading: images a second from memory and from files beside a run's demand, and copies to the device."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from engine.benchmark.rows import measured, ratio
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite
from engine.benchmark.wording import label
from engine.measurements import Axes

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject

SIZES = (1, 8, 32, 128, 512)
PREFETCHES = (0, 2)
LEAST: Axes = {"batch_size": 1, "prefetch": 2}
DECODING: Axes = {"batch_size": 8, "loading": "decoding each image"}
DEMAND: Axes = {"loading": "a run's demand"}
PINNED, PAGEABLE = {"memory": "pinned memory"}, {"memory": "pageable memory"}
COPIED = 32  # images of a copy to the device
RATE = "images/s"
KEEPS_UP = Claim(
    key="keeps up",
    holds="Loading keeps up with a run",
    fails="Loading does not keep up with a run",
    expected=(1.0, math.inf),
    within=True,
)
COPIES = Claim(key="copies", holds="Pinned memory is copied faster", fails="It is copied no faster")


def _batches(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.timing import alternate

    plans: list[Axes] = [
        {"batch_size": size, "prefetch": prefetch} for size in SIZES for prefetch in PREFETCHES
    ]
    with closing(subject.run().iterate()) as steps:
        ways = {label(plan): _feed(subject, plan["batch_size"], plan["prefetch"], scale) for plan in plans}
        ways[label(DECODING)] = _feed(subject, 8, PREFETCHES[-1], scale, cache_bytes=0)
        ways[label(DEMAND)] = lambda: subject.rate_of(steps, scale.images)
        figures = alternate(ways, rounds=scale.rounds, report=report)
    sides = {label(side): side for side in (*plans, DECODING, DEMAND)}
    return [
        *(measured(sides[name], RATE, samples) for name, samples in figures.items()),
        *(
            ratio(side, DEMAND, RATE, (figures[label(side)], figures[label(DEMAND)]), KEEPS_UP)
            for side in (LEAST, DECODING)
        ),
    ]


def _feed(
    subject: Subject, size: int, prefetch: int, scale: Scale, cache_bytes: int = 512 * 2**20
) -> Callable[[], float]:
    """Images a second of a loader that does nothing else, looking at them as a run does."""
    from engine.benchmark.subject import synchronize
    from engine.datasets.loader import ImageLoader
    from engine.datasets.views import ViewChooser

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
    if config.looks_at_windows:
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


def _copies(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    import torch

    from engine.benchmark.subject import synchronize
    from engine.benchmark.timing import alternate

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

    ways = {"pinned": copying(pinned=True), "pageable": copying(pinned=False)}
    pinned, pageable = alternate(ways, rounds=scale.rounds, report=report).values()
    return [
        measured(PINNED, RATE, pinned),
        measured(PAGEABLE, RATE, pageable),
        ratio(PINNED, PAGEABLE, RATE, (pinned, pageable), COPIES),
    ]


SUITES.add(
    Suite(
        name="loader",
        question="How fast can batches be fed?",
        claims=(KEEPS_UP, COPIES),
        parts={"batches": _batches, "copies": _copies},
        names=("decoding each image", "a run's demand", "pinned memory", "pageable memory"),
        needs_cuda=("copies",),
        on_cuda="prefetch and pinned memory",
    )
)
