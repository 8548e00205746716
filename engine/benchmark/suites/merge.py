# SPDX-License-Identifier: AGPL-3.0-only
"""One patch for each object count, averaged, beside one shared patch, at equal image-iterations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

from engine.benchmark.rows import measured
from engine.benchmark.suite import SUITES, Claim, Report, Row, Scale, Suite

if TYPE_CHECKING:
    from torch import Tensor

    from engine.benchmark.subject import Subject
    from engine.benchmark.trials import Outcome

SHARED, AVERAGED = {"merge": "one shared patch"}, {"merge": "averaged patches"}
WEAKER = Claim(
    key="weaker",
    holds="Averaging one patch a group weakens the attack",
    fails="Averaging one patch a group does not weaken the attack",
)


def _scores(subject: Subject, scale: Scale, report: Report) -> list[Row]:
    import torch

    from engine.benchmark.trials import Trials, Way, rows_of
    from engine.records import ImageRecord

    trials = Trials(subject, scale.scored, report)
    agreements: list[float] = []

    def averaged(seed: int) -> Outcome:
        groups: dict[int, list[ImageRecord]] = defaultdict(list)
        for record in trials.training.records:
            groups[record.count()].append(record)
        states = [
            trials.train(records=group, iterations=scale.iterations, seed=seed) for group in groups.values()
        ]
        agreements.append(_agreement([state.patch_chw for state in states]))
        images = torch.tensor([float(len(group)) for group in groups.values()])
        weights = (images / images.sum())[:, None, None, None]
        patch = (torch.stack([state.patch_chw for state in states]) * weights).sum(dim=0)
        return trials.judged(patch, *states)

    ways = [
        Way(side=SHARED, make=partial(trials.made, iterations=scale.iterations)),
        Way(side=AVERAGED, make=averaged, claim=WEAKER),
    ]
    outcomes = trials.contest(ways, report=report, seeds=scale.seeds)
    return [
        *rows_of(ways, outcomes),
        measured({"": "agreement of the groups' patches"}, "cosine", agreements),
    ]


def _agreement(patches: Sequence[Tensor]) -> float:
    """The mean cosine between what each two patches changed of grey; 1 where there is one patch only."""
    from torch.nn.functional import cosine_similarity

    changes = [(patch - 0.5).flatten() for patch in patches]
    pairs = [float(cosine_similarity(a, b, dim=0)) for a, b in combinations(changes, 2)]
    return sum(pairs) / len(pairs) if pairs else 1.0


SUITES.add(
    Suite(
        name="merge",
        question="Is one patch per group, averaged, as good as one shared patch?",
        source="averaging has a “consistency problem”",
        claims=(WEAKER,),
        parts={"score": _scores},
        names=("one shared patch", "averaged patches", "agreement of the groups' patches"),
    )
)
