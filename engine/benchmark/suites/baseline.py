# SPDX-License-Identifier: AGPL-3.0-only
"""PatchBench beside ART: throughput, memory, and strength at equal time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.benchmark.rows import RATE, measured, ratio
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite
from engine.benchmark.wording import label
from engine.measurements import Axes

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject
    from engine.benchmark.trials import Outcome

ART: Axes = {"by": "ART", "batch_size": 1}
OURS: Axes = {"by": "PatchBench"}
WHOLE = "whole images"
FASTER = Claim(key="faster", holds="PatchBench is faster than ART", fails="PatchBench is not faster than ART")
STRONGER = Claim(
    key="stronger",
    holds="PatchBench's patch is stronger in equal time",
    fails="PatchBench's patch is no stronger in equal time",
    direction=-1,
)
MEMORY = Claim(key="memory", holds="PatchBench saves memory", fails="It saves no memory", direction=-1)


def _throughput(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    import numpy as np

    from engine.baselines.art import generate_with_art
    from engine.baselines.config import ArtConfig
    from engine.benchmark.timing import alternate
    from engine.datasets.loader import ImageLoader

    config = subject.config
    chosen = np.random.default_rng(0).permutation(len(subject.records))[: scale.images].tolist()
    loader = ImageLoader(subject.records, image_size=config.image_size, device=subject.detector.device)

    def art() -> float:
        settings = ArtConfig(iterations=1, batch_size=1, patch_size=config.patch_height)
        result = generate_with_art(
            subject.unfused, loader, chosen, class_id=subject.class_id, config=settings
        )
        return float(result.summary["image_iterations_per_s"])

    ours: list[tuple[Axes, dict[str, Any]]] = []
    for size in sorted({8, config.batch_size, 1}, reverse=True):
        ours += [
            ({**OURS, "batch_size": size}, {"batch_size": size}),
            ({**OURS, "view": WHOLE, "batch_size": size}, {"batch_size": size, "view_size": 0}),
        ]
    with ExitStack() as stack:
        ways: dict[str, Callable[[], float]] = {label(ART): art}
        for side, changes in ours:
            steps = stack.enter_context(closing(subject.run(**changes).iterate()))
            images = max(scale.images, 2 * changes["batch_size"])
            ways[label(side)] = lambda steps=steps, images=images: subject.rate_of(steps, images)  # type: ignore[misc]
        figures = alternate(ways, rounds=scale.rounds, report=report)
    sides = [ART, *(side for side, _ in ours)]
    return [
        *(measured(side, RATE, figures[label(side)]) for side in sides),
        *(ratio(side, ART, RATE, (figures[label(side)], figures[label(ART)]), FASTER) for side in sides[1:]),
    ]


def _memory(subject: Subject, _scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.memory import peak_memory

    art = peak_memory(subject, backend="art", batch_size=1)
    rows: list[Row] = [measured(ART, "bytes", art)]
    for axes, changes in (({}, {}), ({"view": WHOLE}, {"view_size": 0})):
        side = {**OURS, **axes, "batch_size": 1}
        peak = peak_memory(subject, batch_size=1, **changes)
        report(f"{label(side)}: {peak / 1e9:.2f} GB, ART: {art / 1e9:.2f} GB")
        rows += [measured(side, "bytes", peak), ratio(side, ART, "bytes", (peak, art), MEMORY)]
    return rows


def _scores(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    import torch

    from engine.baselines.art import generate_with_art
    from engine.baselines.config import ArtConfig
    from engine.benchmark.trials import Outcome, Trials, Way, rows_of
    from engine.datasets.loader import ImageLoader

    trials = Trials(subject, scale.scored, report)
    limit_s = scale.compared_s / (2 * scale.seeds)
    training, config = trials.training, subject.config
    loader = ImageLoader(
        training.records,
        image_size=config.image_size,
        stride_px=subject.detector.stride_px,
        device=subject.detector.device,
    )

    def art(seed: int) -> Outcome:
        result = generate_with_art(
            subject.unfused,
            loader,
            range(len(training.records)),
            class_id=subject.class_id,
            config=ArtConfig(iterations=1_000_000, batch_size=1, patch_size=config.patch_height, seed=seed),
            time_limit_s=limit_s,
        )
        patch = torch.from_numpy(result.patch_chw)
        return Outcome(
            patch_chw=patch,
            metrics=trials.judge.metrics(patch),
            elapsed_s=float(result.summary["elapsed_s"]),
            image_iterations=int(result.summary["image_iterations"]),
        )

    ways = [
        Way(side=ART, make=art),
        Way(side=OURS, make=partial(trials.made, time_limit_s=limit_s), claim=STRONGER),
    ]
    return rows_of(ways, trials.contest(ways, report=report, seeds=scale.seeds))


SUITES.add(
    Suite(
        name="baseline",
        question="How does PatchBench compare with ART?",
        claims=(FASTER, STRONGER, MEMORY),
        parts={"throughput": _throughput, "memory": _memory, "score": _scores},
        names=("ART", "PatchBench", WHOLE),
        on_cuda="peak device memory and device time by events",
    )
)
