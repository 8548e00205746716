# SPDX-License-Identifier: AGPL-3.0-only
"""What hardening gives against patches that it knew and ones that it did not, and what it costs."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.benchmark.paired import RESAMPLES, Resampled, paired_effect
from engine.benchmark.rows import compared, measured
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite
from engine.benchmark.verdicts import factor_needed
from engine.config import HardeningConfig

if TYPE_CHECKING:
    from torch import Tensor

    from engine.benchmark.subject import Subject
    from engine.benchmark.trials import Trials
    from engine.records import ImageRecord

ORIGINAL, HARDENED = "original", "hardened"
CLEAN, NOISE, OLD, NEW = "no patch", "noise", "old patch", "new patch"
TIMES = 3  # the scale's seconds, for all seeds' attacks and hardenings together
ATTACK_SHARE = 1 / 8  # of that, for the patch against the original weights
TRAINING_SHARE = 1 - 2 * ATTACK_SHARE
GAIN = Claim(
    key="gain",
    holds="Hardening withstands a new patch",
    fails="Hardening does not withstand a new patch",
    direction=-1,
)
COST = Claim(
    key="cost",
    holds="Hardening lowers clean AP50",
    fails="Hardening does not lower clean AP50",
    direction=-1,
    margin=0.02,
)
NEWER = Claim(
    key="newer",
    holds="A new patch is more effective than the old one",
    fails="A new patch is no more effective than the old one",
)
BATCH = 8


@dataclass(frozen=True, kw_only=True)
class Result:
    """Of one seed: (weights, attacker) → score → its value, on all images and on each resample of them."""

    scores: dict[tuple[str, str], dict[str, Resampled]]
    detected: int


def _part(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    """Hardens once a seed and attacks the result by the work that the attack on the original took."""
    from engine.benchmark.trials import Trials

    trials = Trials(subject, scale.scored, report)
    results = []
    for turn in range(scale.seeds):
        results.append(_hardened(trials, subject.config.seed + turn, TIMES * scale.seconds / scale.seeds))
        asr = results[-1].scores[HARDENED, NEW]["asr"][0]
        report(f"seed {turn + 1} of {scale.seeds}: ASR {asr:.3f} under a new patch")
    return _rows(results)


def _hardened(trials: Trials, seed: int, seconds: float) -> Result:
    """The scores of the original and the hardened weights."""
    old = trials.train(seed=seed, time_limit_s=ATTACK_SHARE * seconds)
    hardened = _after(trials, old.patch_chw, seed, TRAINING_SHARE * seconds)
    rounds = max(math.ceil(old.image_iterations / len(hardened.training.records)), 1)
    new = hardened.train(seed=seed, iterations=rounds)
    scores = _scores(trials, ORIGINAL, {OLD: old.patch_chw, NEW: old.patch_chw})
    scores |= _scores(hardened, HARDENED, {OLD: old.patch_chw, NEW: new.patch_chw})
    return Result(scores=scores, detected=trials.judge.metrics(old.patch_chw).detected)


def _after(trials: Trials, old_chw: Tensor, seed: int, seconds: float) -> Trials:
    """The same trials of weights that were hardened, among others with the old patch."""
    from engine.benchmark.trials import Trials
    from engine.patch.files import write_patch

    subject = trials.training
    config, training = subject.config, _alone(subject.records)
    assert subject.train is not None
    with tempfile.TemporaryDirectory(prefix="patchbench-") as scratch:
        write_patch(scratch, old_chw)
        detector, _summary = subject.train(
            HardeningConfig(
                dataset=config.dataset,
                weights=config.weights,
                class_name=config.class_names[0],
                patches=(str(Path(scratch) / "patch.npy"),),
                device=str(subject.detector.device),
                image_size=max(config.image_size, 64),
                placement=config.placement,
                patch_size=config.patch_width,
                seed=seed,
                epochs=100_000,
                time_limit_s=seconds,
                batch_size=BATCH,
                precision=config.precision,
                validation_share=0.0,
            ),
            training,
            (subject.detector.class_names[subject.class_id],),
        )
    held_out = _alone(trials.held_out)
    return Trials(
        replace(subject, detector=detector, class_id=0, records=training, unseen=lambda report: held_out),
        len(held_out),
        lambda line: None,
    )


def _alone(records: Sequence[ImageRecord]) -> list[ImageRecord]:
    """The same objects, all of class 0."""
    return [replace(each, class_ids=np.zeros(len(each.class_ids), dtype=np.int64)) for each in records]


def _scores(
    trials: Trials, weights: str, patches: dict[str, Tensor]
) -> dict[tuple[str, str], dict[str, Resampled]]:
    """The scores under each patch and each control."""
    first = next(iter(patches.values()))
    controls = trials.judge.controls(first.shape[1], first.shape[2])
    found = {CLEAN: controls["clean"], NOISE: controls["noise"]}
    found |= {name: trials.judge.metrics(patch_chw) for name, patch_chw in patches.items()}
    return {(weights, name): each.resampled(resamples=RESAMPLES) for name, each in found.items()}


def _rows(results: Sequence[Result]) -> list[Row]:
    """AP50 and ASR of both weights under each attacker, and the three comparisons."""
    rows: list[Row] = []
    for weights in (ORIGINAL, HARDENED):
        for attacker in (CLEAN, NOISE, OLD, NEW):
            side = {"weights": weights, "attacker": attacker}
            for metric, score in (("AP50", "ap50"), ("ASR", "asr")):
                values = [result.scores[weights, attacker][score][0] for result in results]
                rows.append(measured(side, metric, values))
    pairs = (
        (GAIN, (HARDENED, NEW), (ORIGINAL, NEW), "ASR", "asr"),
        (COST, (HARDENED, CLEAN), (ORIGINAL, CLEAN), "AP50", "ap50"),
        (NEWER, (HARDENED, NEW), (HARDENED, OLD), "ASR", "asr"),
    )
    for claim, key, other, metric, score in pairs:
        sides = [{"weights": weights, "attacker": attacker} for weights, attacker in (key, other)]
        pair = [[result.scores[each][score] for result in results] for each in (key, other)]
        effect = paired_effect(*pair)
        row = compared(sides[0], sides[1], metric, "difference", effect.interval, claim)
        if row.outcome == "undecided" and not math.isnan(effect.interval.low):
            factor = factor_needed(effect.interval, row.unit, claim, row.claimed)
            row = replace(row, needs=effect.needs(factor, objects=results[0].detected))
        rows.append(row)
    return rows


SUITES.add(
    Suite(
        name="hardening",
        question="Does hardening withstand a patch that attacks the hardened weights?",
        source="“adversarial training withstands adaptive attackers, at a cost on clean images”",
        claims=(GAIN, COST, NEWER),
        parts={"before and after": _part},
        names=(ORIGINAL, HARDENED, CLEAN, NOISE, OLD, NEW),
    )
)
