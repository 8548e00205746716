# SPDX-License-Identifier: AGPL-3.0-only
"""Defences: what each costs, and whether it helps against attackers who do not know it and who do.

Its claims are statements of "Revisiting Adversarial Patch Defenses on Object Detectors" (arXiv 2508.00649)
that can be tested on one detector: adaptive attacks bypass most defences, patches without high frequencies
escape defences that look for these, and random defences hold best. AP50 of the attacked class decides, as
there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.benchmark.rows import compared, measured, ratio
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite
from engine.benchmark.wording import label
from engine.defences.chains import chain_name, chain_steps
from engine.defences.kinds import Defence
from engine.measurements import Axes, Comparison, Interval, Measurement
from engine.registries import DEFENCES

if TYPE_CHECKING:
    from engine.benchmark.paired import PairedEffect, Resampled
    from engine.benchmark.subject import Subject
    from engine.benchmark.trials import Outcome, Trials
    from engine.evaluation.metrics import PatchMetrics

OFFERED = ("jpeg:quality=75", "lgs", "resize-pad", "median", "bit-depth:bits=3", "total-variation")
"""Cheap first; a scale takes the first so many, and those that settings name are tried in their place."""
HIGH_FREQUENCIES = {"lgs", "median", "gaussian", "total-variation", "entropy-mask"}
"""Those that smooth or look for high frequencies."""
PASSES = 2  # times the scale's iterations: weaker patches leave little to give back
SMOOTH_TEXELS = 16  # the fewest that a patch may have: nothing fine is left where it is drawn

NOTHING, CLEAN, GREY, NOISE = "no defence", "no patch", "grey patch", "noise patch"
PLAIN, UNAWARE, ADAPTIVE_PATCH = "attacked", "attacked without it", "attacked through it"
SMOOTH_PLAIN, SMOOTH_PATCH = "attacked smoothly", "attacked smoothly without it"

ADAPTIVE = Claim(
    key="adaptive",
    holds="The defence {defence} helps against an adaptive attacker too",
    fails="The defence {defence} helps only against the unaware attacker",
    margin=0.02,
)
BLIND = Claim(
    key="unaware",
    holds="The defence {defence} helps against the unaware attacker",
    fails="The defence {defence} does not help against any attacker",
    margin=0.02,
)
COST = Claim(
    key="cost",
    holds="The defence {defence} lowers AP50 on clean images",
    fails="The defence {defence} does not lower AP50 on clean images",
    direction=-1,
    margin=0.02,
)
SMOOTH = Claim(
    key="smooth",
    holds="The defence {defence} helps against a smooth patch too",
    fails="A smooth patch escapes the defence {defence}",
    margin=0.02,
)
CHANCE = Claim(
    key="random",
    holds="A random defence is the most robust to adaptive attacks",
    fails="A random defence is not the most robust to adaptive attacks",
    margin=0.02,
)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What came out behind one defence, one outcome a seed.

    Attributes:
        steps: of its chain.
        unaware: the patch that was made without it.
        adaptive: one made through it, by equal image-iterations.
        smooth: a smooth patch that was made without it; empty unless the defence is against high frequencies.
    """

    steps: tuple[str, ...]
    unaware: list[Outcome]
    adaptive: list[Outcome]
    smooth: list[Outcome]

    def side(self, attacker: str) -> Axes:
        """What tells it from others."""
        return _side(self.steps, attacker)


def _chains(subject: Subject, scale: Scale) -> list[tuple[str, ...]]:
    """The user's own defences, each alone and all together, or the first of those offered."""
    own = subject.config.defences
    if own:
        return [*((each,) for each in own), *([own] if len(own) > 1 else [])]
    known = [each for each in OFFERED if each.partition(":")[0] in DEFENCES]
    return [chain_steps(each) for each in known[: scale.defences]]


def _side(steps: Sequence[str], attacker: str) -> Axes:
    return {"defence": chain_name(steps) if steps else NOTHING, "attacker": attacker}


def _trials(
    subject: Subject, scale: Scale, report: Report, chains: Sequence[tuple[str, ...]]
) -> tuple[Trials, list[Trials]]:
    """The trials of the undefended detector, and of it behind each chain, on the same images."""
    from engine.benchmark.trials import Trials
    from engine.defences.kinds import defended

    bare = subject.undefended or subject.detector
    alone = replace(subject, detector=bare, config=subject.config.changed(defences=()))
    plain = Trials(alone, scale.scored, report)
    return plain, [plain.behind(defended(bare, steps), defences=steps) for steps in chains]


def _cost(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    """Clean AP50 and time of each defence beside none, and its AP50 under a grey patch and noise."""
    from engine.evaluation.speed import seconds_an_image

    chains, config = _chains(subject, scale), subject.config
    first, defended = _trials(subject, scale, report, chains)
    chains, trials = [(), *chains], [first, *defended]
    looked_at = range(min(2 * scale.rounds, len(first.held_out)))
    times = seconds_an_image([each.training.detector for each in trials], first.loader, looked_at)
    rows: list[Row] = []
    plain: tuple[PatchMetrics, list[float]] | None = None
    for steps, each, seconds in zip(chains, trials, times, strict=True):
        found = each.judge.controls(config.patch_height, config.patch_width)
        report(f"{label(_side(steps, CLEAN))}: detections on clean images are ready")
        rows.append(measured(_side(steps, CLEAN), "s/image", seconds))
        rows += [
            _measured_ap50(_side(steps, name), found[key])
            for key, name in (("clean", CLEAN), ("grey", GREY), ("noise", NOISE))
        ]
        if plain is None:
            plain = found["clean"], seconds
            continue
        pair = _side(steps, CLEAN), _side((), CLEAN)
        rows.append(_difference(*pair, [_ap50(found["clean"])], [_ap50(plain[0])], plain[0].detected, COST))
        rows.append(ratio(*pair, "s/image", (seconds, plain[1])))
    return rows


def _attacks(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    """Patches made without and through each defence, seed by seed, scored behind it and without it."""
    chains = _chains(subject, scale)
    plain, trials_of = _trials(subject, scale, report, chains)
    behind = dict(zip(chains, trials_of, strict=True))
    none = Tried(steps=(), unaware=[], adaptive=[], smooth=[])
    tried = {steps: Tried(steps=steps, unaware=[], adaptive=[], smooth=[]) for steps in chains}
    smoothed = [steps for steps in chains if _against_high_frequencies(steps)]
    work: dict[str, Any] = {"iterations": PASSES * scale.iterations}
    for turn in range(scale.seeds):
        seed = subject.config.seed + turn
        state = plain.train(seed=seed, **work)
        none.unaware.append(plain.judged(state.patch_chw, state))
        _tell(report, none.side(PLAIN), none.unaware[-1], turn, scale)
        for steps, trials in behind.items():
            tried[steps].unaware.append(trials.judged(state.patch_chw, state))
            _tell(report, tried[steps].side(UNAWARE), tried[steps].unaware[-1], turn, scale)
            tried[steps].adaptive.append(trials.made(seed, **work))
            _tell(report, tried[steps].side(ADAPTIVE_PATCH), tried[steps].adaptive[-1], turn, scale)
        if smoothed:
            smooth = plain.train(seed=seed, patch_height=SMOOTH_TEXELS, patch_width=SMOOTH_TEXELS, **work)
            none.smooth.append(plain.judged(smooth.patch_chw, smooth))
            for steps in smoothed:
                tried[steps].smooth.append(behind[steps].judged(smooth.patch_chw, smooth))
            _tell(report, none.side(SMOOTH_PLAIN), none.smooth[-1], turn, scale)
    return _told([none, *tried.values()])


def _told(tried: Sequence[Tried]) -> list[Row]:
    """Scores of all, then what they say about the claims; the first is that without a defence."""
    from engine.benchmark.trials import score_rows

    none, *others = tried
    rows: list[Row] = [*score_rows(none.side(PLAIN), none.unaware)]
    if none.smooth:
        rows += score_rows(none.side(SMOOTH_PLAIN), none.smooth)
    for each in others:
        for attacker, outcomes in (
            (UNAWARE, each.unaware),
            (ADAPTIVE_PATCH, each.adaptive),
            (SMOOTH_PATCH, each.smooth),
        ):
            rows += score_rows(each.side(attacker), outcomes) if outcomes else []
    return [*rows, *_verdicts(none, others)]


def _verdicts(none: Tried, others: Sequence[Tried]) -> list[Comparison]:
    """The comparisons, first those that headlines tell: defences that only the unaware attacker respects."""
    blind = [
        _beside(each.side(UNAWARE), each.unaware, none.side(PLAIN), none.unaware, BLIND) for each in others
    ]
    knowing = []
    for each, first in zip(others, blind, strict=True):
        helps = first.outcome in ("confirmed", "larger", "smaller")
        claim = ADAPTIVE if helps else None  # what helps against nobody cannot help against nobody only
        knowing.append(
            _beside(each.side(ADAPTIVE_PATCH), each.adaptive, none.side(PLAIN), none.unaware, claim)
        )
    gains = {label(row.side): first.effect.value for row, first in zip(knowing, blind, strict=True)}
    knowing.sort(key=lambda row: (row.outcome not in ("none", "refuted"), -gains[label(row.side)]))
    smooth = [
        _beside(each.side(SMOOTH_PATCH), each.smooth, none.side(SMOOTH_PLAIN), none.smooth, SMOOTH)
        for each in others
        if each.smooth
    ]
    return [*knowing, *blind, *smooth, *_by_chance(others)]


def _by_chance(others: Sequence[Tried]) -> list[Comparison]:
    """Each random defence beside the best of the others, both under their adaptive attackers."""
    fixed = [each for each in others if not _random(each.steps)]
    if not fixed:
        return []
    best = max(fixed, key=lambda each: sum(outcome.scores.ap50.value for outcome in each.adaptive))
    return [
        _beside(each.side(ADAPTIVE_PATCH), each.adaptive, best.side(ADAPTIVE_PATCH), best.adaptive, CHANCE)
        for each in others
        if _random(each.steps)
    ]


def _beside(
    side: Axes, outcomes: Sequence[Outcome], reference: Axes, others: Sequence[Outcome], claim: Claim | None
) -> Comparison:
    first, second = ([each.resampled["ap50"] for each in some] for some in (outcomes, others))
    return _difference(side, reference, first, second, others[0].metrics.detected, claim)


def _difference(
    side: Axes,
    reference: Axes,
    values: Sequence[Resampled],
    others: Sequence[Resampled],
    objects: int,
    claim: Claim | None,
) -> Comparison:
    """The paired difference in AP50, and what would decide an undecided one."""
    from engine.benchmark.paired import paired_effect
    from engine.benchmark.verdicts import factor_needed

    effect: PairedEffect = paired_effect(values, others)
    found = effect.interval
    # AP is no sum over images: on few of them, its resamples can all lie to one side of it.
    found = replace(found, low=min(found.low, found.value), high=max(found.high, found.value))
    row = compared(side, reference, "AP50", "difference", found, claim)
    if claim is not None and row.outcome == "undecided" and not math.isnan(found.low):
        factor = factor_needed(found, row.unit, claim, row.claimed)
        row = replace(row, needs=effect.needs(factor, objects=objects))
    return row


def _ap50(metrics: PatchMetrics) -> Resampled:
    from engine.benchmark.paired import RESAMPLES

    return metrics.resampled(resamples=RESAMPLES)["ap50"]


def _measured_ap50(side: Axes, metrics: PatchMetrics) -> Measurement:
    """With its interval over images."""
    import numpy as np

    value, samples = _ap50(metrics)
    low, high = (float(bound) for bound in np.nanpercentile(samples, [2.5, 97.5]))
    return Measurement(side=side, metric="AP50", figure=Interval(value=value, low=low, high=high))


def _tell(report: Report, side: Axes, outcome: Outcome, turn: int, scale: Scale) -> None:
    ap50, asr = outcome.scores.ap50.value, outcome.scores.asr.value
    report(f"{label(side)}, seed {turn + 1} of {scale.seeds}: AP50 {ap50:.3f}, ASR {asr:.3f}")


def _against_high_frequencies(steps: Sequence[str]) -> bool:
    return any(Defence.parse(each).kind.name in HIGH_FREQUENCIES for each in steps)


def _random(steps: Sequence[str]) -> bool:
    return any(Defence.parse(each).kind.random for each in steps)


SUITES.add(
    Suite(
        name="defences",
        question="Which defence helps, against whom, and at what cost?",
        source="adaptive attacks bypass most defences (arXiv 2508.00649)",
        claims=(ADAPTIVE, BLIND, COST, SMOOTH, CHANCE),
        parts={"cost": _cost, "attacks": _attacks},
        names=(CLEAN, GREY, NOISE, PLAIN, UNAWARE, ADAPTIVE_PATCH, SMOOTH_PLAIN, SMOOTH_PATCH, NOTHING),
    )
)
