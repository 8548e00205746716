# SPDX-License-Identifier: AGPL-3.0-only
"""Suites of speed: against ART, against the bare pass, by precision and batch size."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, closing

import numpy as np
import torch

from engine.baselines.art import generate_with_art
from engine.baselines.config import ArtConfig
from engine.benchmark.subject import Subject, synchronize
from engine.benchmark.suite import Answer, Report, Scale
from engine.benchmark.timing import alternate, median_interval, ratio_interval
from engine.datasets.loader import ImageLoader
from engine.errors import DeviceError
from engine.patch.render import compose
from engine.patch.transforms import place
from engine.records import Interval, Measurement
from engine.seeding import generator

__all__ = ["baseline", "floor", "precision"]

RATE = "image-iterations/s"


def baseline(subject: Subject, scale: Scale, report: Report) -> Answer:
    """Throughput against ART, batch 1 against batch 1 and against the defaults."""
    chosen = np.random.default_rng(0).permutation(len(subject.records))[: scale.images].tolist()
    loader = ImageLoader(
        subject.records, image_size=subject.config.image_size, device=subject.detector.device
    )

    def art() -> float:
        settings = ArtConfig(iterations=1, batch_size=1, patch_size=subject.config.patch_height)
        result = generate_with_art(
            subject.unfused, loader, chosen, class_id=subject.class_id, config=settings
        )
        return float(result.summary["image_iterations_per_s"])

    natives = {
        "PatchBench, batch 1": {"batch_size": 1},
        f"PatchBench, batch {subject.config.batch_size}": {},
        "PatchBench, whole images, batch 1": {"batch_size": 1, "view_size": 0},
        f"PatchBench, whole images, batch {subject.config.batch_size}": {"view_size": 0},
    }
    with ExitStack() as stack:
        sides: dict[str, Callable[[], float]] = {"ART, batch 1": art}
        for name, changes in natives.items():
            steps = stack.enter_context(closing(subject.run(**changes).iterate()))
            sides[name] = lambda steps=steps: subject.rate_of(steps, scale.images)  # type: ignore[misc]
        figures = alternate(sides, rounds=scale.rounds, report=report)
    rates = [
        Measurement(side=name, figure=median_interval(values), unit=RATE) for name, values in figures.items()
    ]
    ratios = [
        Measurement(
            side=f"{name} / ART", figure=ratio_interval(values, figures["ART, batch 1"]), unit="times"
        )
        for name, values in figures.items()
        if not name.startswith("ART")
    ]
    answer = (
        f"At batch 1 PatchBench does {ratios[0].figure.value:.1f} times ART's image-iterations a second, "
        f"with whole images {ratios[2].figure.value:.1f} times."
    )
    return rates + ratios, answer


def floor(subject: Subject, scale: Scale, report: Report) -> Answer:
    """A run's step against the bare pass, with rendering and loading alone beside it."""
    rows: list[Measurement] = []
    shares = []
    for view, changes in (("views", {}), ("whole images", {"view_size": 0})):
        measured, share = _floor_of(subject, scale, report, view, changes)
        rows += measured
        shares.append(f"{share.value:.2f} with {view}")
    return rows, f"A step reaches this share of the bare pass's speed: {', '.join(shares)}."


def _floor_of(
    subject: Subject, scale: Scale, report: Report, view: str, changes: dict[str, int]
) -> tuple[list[Measurement], Interval]:
    run = subject.run(**changes)
    size = subject.config.batch_size
    indices = [index % len(subject.records) for index in range(size)]
    batch = next(run.batches([indices]))
    height, width = batch.images_nchw.shape[2:]
    images = batch.images_nchw.float().div(255).contiguous(memory_format=torch.channels_last)
    patch = run.state.patch_chw.to(images.device).requires_grad_(True)
    upstream = torch.rand_like(images)
    repeats = max(scale.images // size, 1)

    def timed(work: Callable[[], object]) -> Callable[[], float]:
        def measure() -> float:
            synchronize(images.device)
            started = time.perf_counter()
            for _ in range(repeats):
                work()
            synchronize(images.device)
            return (time.perf_counter() - started) / (repeats * size)

        return measure

    def bare(*, boxes: bool) -> None:
        pixels = images.detach().requires_grad_(True)
        if boxes:
            found = subject.detector.predictions(pixels, subject.class_id)
            torch.autograd.grad(found.logits.sum() + found.boxes_xyxy_px.sum(), pixels)
        else:
            torch.autograd.grad(subject.detector.class_scores(pixels, subject.class_id).logits.sum(), pixels)

    def render() -> None:
        placements = place(
            batch.targets,
            canvas_hw=(height, width),
            aspect=1.0,
            placement=subject.config.placement,
            augmentation=subject.config.augmentation,
            generator=generator(0, 0),
        )
        torch.autograd.grad(compose(batch.images_nchw, patch, placements), patch, upstream)

    with closing(run.iterate()) as steps:
        sides = {
            "step": lambda: 1 / subject.rate_of(steps, scale.images),
            "bare pass": timed(lambda: bare(boxes=True)),
            "bare pass without the box branch": timed(lambda: bare(boxes=False)),
            "rendering alone": timed(render),
            "loading alone": timed(lambda: next(run.batches([indices]))),
        }
        figures = alternate(sides, rounds=scale.rounds, report=report)
    settings = {"view": view, "canvas": f"{width}x{height}", "batch_size": size}
    rows = [
        Measurement(side=name, figure=median_interval(values), unit="s/image", settings=settings)
        for name, values in figures.items()
    ]
    share = ratio_interval(figures["bare pass"], figures["step"])
    for name, figure in (
        ("speed of a step / bare pass", share),
        (
            "speed of a step / bare pass without the box branch",
            ratio_interval(figures["bare pass without the box branch"], figures["step"]),
        ),
        ("rendering / step", ratio_interval(figures["rendering alone"], figures["step"])),
    ):
        rows.append(Measurement(side=name, figure=figure, unit="share", settings=settings))
    return rows, share


def precision(subject: Subject, scale: Scale, report: Report) -> Answer:
    """Throughput by precision and batch size on the device."""
    on_cuda = subject.detector.device.type == "cuda"
    sizes = (1, 8, 32, 128) if on_cuda else (1, 8)
    with ExitStack() as stack:
        sides: dict[str, Callable[[], float]] = {}
        for size in sizes:
            for precision in ("fp32", "bf16", "fp16"):
                try:
                    run = subject.run(batch_size=size, precision=precision)
                except DeviceError as error:
                    report(str(error))
                    continue
                steps = stack.enter_context(closing(run.iterate()))
                images = max(scale.images, 4 * size if on_cuda else size)
                sides[f"{precision}, batch {size}"] = lambda steps=steps, images=images: subject.rate_of(  # type: ignore[misc]
                    steps, images
                )
        figures = alternate(sides, rounds=scale.rounds, report=report)
    rows = [
        Measurement(side=name, figure=median_interval(values), unit=RATE) for name, values in figures.items()
    ]
    best = max(rows, key=lambda row: row.figure.value)
    return rows, f"The fastest is {best.side} with {best.figure.value:.1f} image-iterations a second."
