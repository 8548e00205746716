# SPDX-License-Identifier: AGPL-3.0-only
"""The patch of one detector, of another, and of both: what each does to both, and to others not attacked.

That attacks on several models transfer better was found by Liu et al. (2017, ICLR, "Delving into Transferable
Adversarial Examples and Black-box Attacks") for classifiers, and for patches against detectors by Wu et al.
(2020, ECCV, "Making an Invisibility Cloak").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite
from engine.measurements import Axes

if TYPE_CHECKING:
    from engine.benchmark.subject import Subject
    from engine.benchmark.trials import Outcome, Trials, Way

ATTACKED = 2  # the first detectors; any further ones are only scored on
MEAN, LARGEST, GREY = "patch of both", "patch of both, largest loss", "grey"
TRANSFERS = Claim(
    key="transfers",
    holds="A patch made on two detectors transfers better",
    fails="A patch made on two detectors transfers no better",
    direction=-1,
)
REACHES = Claim(
    key="reaches",
    holds="A patch transfers to an unseen detector",
    fails="A patch does not transfer to an unseen detector",
    direction=-1,
)
GAP = Claim(
    key="gap",
    holds="A detector's own patch is stronger than another's",
    fails="A detector's own patch is no stronger than another's",
    direction=-1,
)
SHARED = Claim(
    key="shared",
    holds="A joint patch is weaker than each detector's own",
    fails="A joint patch is no weaker than each detector's own",
)
LARGEST_LOSS = Claim(
    key="largest",
    holds="The largest loss makes a stronger patch",
    fails="The largest loss makes no stronger patch",
    direction=-1,
)


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What patches do to one detector, each as a side with its outcomes, one a seed.

    Attributes:
        own: the patches of each attacked detector alone.
        mean, largest: those of both, by the mean or the largest of their losses.
        grey: a grey one, the same for each seed.
    """

    own: Sequence[tuple[Axes, Sequence[Outcome]]]
    mean: tuple[Axes, Sequence[Outcome]]
    largest: tuple[Axes, Sequence[Outcome]]
    grey: tuple[Axes, Sequence[Outcome]]


def _scores(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    from engine.benchmark.trials import Trials

    subjects = (subject, *subject.further)
    names = _names(subjects)
    trials = [Trials(each, scale.scored, report) for each in subjects]
    ways = _ways(trials, names, scale.iterations)
    outcomes = trials[0].contest(ways, report=report, seeds=scale.seeds)
    found = []
    for name, each in zip(names, trials, strict=True):
        found.append(_scored(name, each, ways, outcomes))
        report(f"Scored {sum(map(len, outcomes))} patches on {name}")
    return _rows(found)


def _names(subjects: Sequence[Subject]) -> list[str]:
    """The detectors' names, or what they were asked for by where these are not unlike."""
    names = [each.detector.name for each in subjects]
    return names if len(set(names)) == len(names) else list(subjects[0].config.all_weights)


def _ways(trials: Sequence[Trials], names: Sequence[str], iterations: int) -> list[Way]:
    """Equal image-iterations for each, though a step against both computes both."""
    from engine.benchmark.trials import Way
    from engine.detectors.ensemble import Ensemble, Member

    attacked = [each.training for each in trials[:ATTACKED]]
    both = Ensemble([Member(detector=each.detector, class_id=each.class_id) for each in attacked])
    shared = partial(trials[0].made, iterations=iterations, attacked=both)
    return [
        *(
            Way(side={"attacked": name}, make=partial(each.made, iterations=iterations))
            for name, each in zip(names[:ATTACKED], trials[:ATTACKED], strict=True)
        ),
        Way(side={"patch": MEAN}, make=partial(shared, ensemble="mean")),
        Way(side={"patch": LARGEST}, make=partial(shared, ensemble="max")),
    ]


def _scored(name: str, trials: Trials, ways: Sequence[Way], outcomes: Sequence[Sequence[Outcome]]) -> Scored:
    """All patches as a detector sees them."""
    import torch

    *own, mean, largest = (
        (
            {**way.side, "scored": name},
            [replace(each, metrics=trials.judge.metrics(each.patch_chw)) for each in made],
        )
        for way, made in zip(ways, outcomes, strict=True)
    )
    grey = trials.judged(torch.full_like(outcomes[0][0].patch_chw, 0.5))
    return Scored(
        own=own,
        mean=mean,
        largest=largest,
        grey=({"patch": GREY, "scored": name}, [grey] * len(outcomes[0])),
    )


def _rows(found: Sequence[Scored]) -> list[Row]:
    """The scores of all patches on all detectors, then the claims in their order."""
    from engine.benchmark.trials import score_rows, strength_rows

    attacked, others = found[:ATTACKED], found[ATTACKED:]
    rows: list[Row] = []
    for each in found:
        for side, outcomes in (*each.own, each.mean, each.largest):
            rows += score_rows(side, outcomes)
        side, (grey, *_) = each.grey
        rows += score_rows(side, [grey])
    pairs = [(TRANSFERS, each.mean, alone) for each in others for alone in each.own]
    for number, each in enumerate(found):
        pairs += [(REACHES, own, each.grey) for made, own in enumerate(each.own) if made != number]
    for number, each in enumerate(attacked):
        pairs += [(GAP, each.own[number], own) for made, own in enumerate(each.own) if made != number]
    pairs += [(SHARED, each.mean, each.own[number]) for number, each in enumerate(attacked)]
    pairs += [(LARGEST_LOSS, each.largest, each.mean) for each in found]
    for claim, tested, reference in pairs:
        rows += strength_rows(tested, reference, claim)
    return rows


SUITES.add(
    Suite(
        name="transfer",
        question="Does a patch made on several detectors transfer better?",
        source="a patch of several detectors transfers to others",
        claims=(TRANSFERS, REACHES, GAP, SHARED, LARGEST_LOSS),
        parts={"score": _scores},
        names=(MEAN, LARGEST, GREY),
        detectors=ATTACKED,
    )
)
