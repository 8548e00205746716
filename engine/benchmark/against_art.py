# SPDX-License-Identifier: AGPL-3.0-only
"""The suite of the baseline: PatchBench against ART by throughput, memory, and score at equal time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any

import numpy as np
import torch

from engine.baselines.art import generate_with_art
from engine.baselines.config import ArtConfig
from engine.benchmark.memory import peak_memory
from engine.benchmark.rows import exact_row, rate_rows, ratio_row
from engine.benchmark.sides import ART
from engine.benchmark.subject import Subject
from engine.benchmark.suite import Part, Report, Scale
from engine.benchmark.timing import alternate
from engine.benchmark.trials import SEEDS, Outcome, Trials, score_rows, seconds_each
from engine.datasets.loader import ImageLoader
from engine.records import Measurement

OURS = "PatchBench"
SIDES = (ART, OURS)


def baseline_parts(subject: Subject, scale: Scale) -> list[Part]:
    """Throughput in turn; memory; patches made in equal time, scored by the same judge."""
    return [
        Part(key="throughput", measure=lambda report: _throughput(subject, scale, report)),
        Part(key="memory", measure=lambda report: _memory(subject, report)),
        Part(key="score", measure=lambda report: _scores(subject, scale, report)),
    ]


def _throughput(subject: Subject, scale: Scale, report: Report) -> list[Measurement]:
    config = subject.config
    chosen = np.random.default_rng(0).permutation(len(subject.records))[: scale.images].tolist()
    loader = ImageLoader(subject.records, image_size=config.image_size, device=subject.detector.device)

    def art() -> float:
        settings = ArtConfig(iterations=1, batch_size=1, patch_size=config.patch_height)
        result = generate_with_art(
            subject.unfused, loader, chosen, class_id=subject.class_id, config=settings
        )
        return float(result.summary["image_iterations_per_s"])

    ours: dict[str, dict[str, Any]] = {
        f"{OURS}, batch 1": {"batch_size": 1},
        f"{OURS}, batch {config.batch_size}": {"batch_size": config.batch_size},
        f"{OURS}, whole images, batch 1": {"batch_size": 1, "view_size": 0},
        f"{OURS}, whole images, batch {config.batch_size}": {"view_size": 0},
    }
    with ExitStack() as stack:
        sides: dict[str, Callable[[], float]] = {ART: art}
        for side, changes in ours.items():
            steps = stack.enter_context(closing(subject.run(**changes).iterate()))
            sides[side] = lambda steps=steps: subject.rate_of(steps, scale.images)  # type: ignore[misc]
        figures = alternate(sides, rounds=scale.rounds, report=report)
    ratios = [
        ratio_row(side, figures[side], figures[ART], "times ART", **changes) for side, changes in ours.items()
    ]
    return [*rate_rows(figures, ours), *ratios]


def _memory(subject: Subject, report: Report) -> list[Measurement]:
    changes: dict[str, dict[str, Any]] = {
        ART: {"backend": "art", "batch_size": 1},
        f"{OURS}, batch 1": {"batch_size": 1},
        f"{OURS}, whole images, batch 1": {"batch_size": 1, "view_size": 0},
    }
    rows = []
    for side, settings in changes.items():
        rows.append(exact_row(side, peak_memory(subject, **settings), "bytes", **settings))
        report(f"{side}: {rows[-1].figure.value / 1e9:.2f} GB")
    return rows


def _scores(subject: Subject, scale: Scale, report: Report) -> list[Measurement]:
    trials = Trials(subject)
    limit_s = seconds_each(scale, len(SIDES) * SEEDS)
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
            scores=trials.score(patch),
            elapsed_s=float(result.summary["elapsed_s"]),
            image_iterations=int(result.summary["image_iterations"]),
        )

    def ours(seed: int) -> Outcome:
        return trials.judged(trials.train(time_limit_s=limit_s, seed=seed))

    outcomes = trials.contest({ART: art, OURS: ours}, report=report)
    return [row for side, results in outcomes.items() for row in score_rows(side, results)]
