# SPDX-License-Identifier: AGPL-3.0-only
"""Defences: what each costs, and which attackers respect it; those that only one respects are called out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.benchmark.suite import SCALES
from engine.benchmark.suites import defences
from engine.benchmark.suites.defences import Tried
from engine.benchmark.wording import headline
from engine.defences.chains import chain_steps
from engine.defences.kinds import DefenceKind, defended
from engine.registries import DEFENCES
from engine.settings import Settings
from tests.engine.benchmark.suites.running import measure

OFFERED, HIGH = defences.OFFERED, set(defences.HIGH_FREQUENCIES)
FINE, COARSE = "bit-depth:bits=7", "bit-depth:bits=1"


@pytest.fixture(autouse=True)
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defences, "OFFERED", ("unheard-of", FINE, COARSE, "bit-depth"))
    monkeypatch.setattr(defences, "HIGH_FREQUENCIES", {"bit-depth"})


def test_each_defence_is_tried_by_every_attacker(subject, scale):
    rows = measure("defences", subject, replace(scale, defences=2))
    none, fine, coarse = ("with no defence", f"with {FINE}", f"with {COARSE}")
    assert rows.sides("s/image") == [f"{each}, no patch" for each in (none, fine, coarse)]
    assert set(rows.sides("AP50")) == {
        *(
            f"{each}, {what}"
            for each in (none, fine, coarse)
            for what in ("no patch", "grey patch", "noise patch")
        ),
        *(f"{none}, {what}" for what in ("attacked", "attacked smoothly")),
        *(
            f"{each}, {what}"
            for each in (fine, coarse)
            for what in ("attacked without it", "attacked through it", "attacked smoothly without it")
        ),
    }
    assert rows.pairs("cost") == [(f"{each}, no patch", f"{none}, no patch") for each in (fine, coarse)]
    assert rows.pairs("unaware") == [
        (f"{each}, attacked without it", f"{none}, attacked") for each in (fine, coarse)
    ]
    works = {row.facts["image_iterations"] for row in rows.measurements if "image_iterations" in row.facts}
    assert works == {len(subject.records) // 3 * 2 * 2} or len(works) == 1
    assert rows.of("random") == []


@pytest.mark.parametrize(
    ("own", "chains"),
    [
        ((), [chain_steps(FINE), chain_steps(COARSE)]),
        (("bit-depth",), [("bit-depth",)]),
        (("bit-depth", FINE), [("bit-depth",), (FINE,), ("bit-depth", FINE)]),
    ],
)
def test_the_users_own_defences_are_tried_in_place_of_the_offered(
    subject: Any, scale: Any, own: tuple[str, ...], chains: list[tuple[str, ...]]
) -> None:
    asked = replace(
        subject,
        detector=defended(subject.detector, own),
        undefended=subject.detector if own else None,
        config=subject.config.changed(defences=own),
    )
    assert defences._chains(asked, replace(scale, defences=2)) == chains
    plain, behind = defences._trials(asked, scale, print, chains)
    assert plain.training.detector is subject.detector
    assert [each.training.config.defences for each in (plain, *behind)] == [(), *chains]
    assert all(each.loader is plain.loader for each in behind)


def outcomes(*ap50: float) -> list[Any]:
    """Outcomes of so much AP50, a seed each, without any noise."""
    return [
        SimpleNamespace(
            resampled={"ap50": (each, np.full(20, each))},
            scores=SimpleNamespace(ap50=SimpleNamespace(value=each)),
            metrics=SimpleNamespace(detected=10),
        )
        for each in ap50
    ]


def tried(steps: Sequence[str], unaware: float, adaptive: float, smooth: float | None = None) -> Tried:
    more = [] if smooth is None else outcomes(smooth, smooth)
    return Tried(
        steps=tuple(steps),
        unaware=outcomes(unaware, unaware),
        adaptive=outcomes(adaptive, adaptive),
        smooth=more,
    )


NONE = tried((), 0.3, 0.3, 0.5)
HOLDS, FAILS, NEVER = (
    tried((FINE,), 0.6, 0.5),
    tried((COARSE,), 0.5, 0.3, 0.7),
    tried(("bit-depth",), 0.3, 0.25, 0.5),
)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ((), "Nothing could be compared."),
        ((HOLDS,), f"The defence {FINE} helps against an adaptive attacker too: +0.200 AP50."),
        (
            (HOLDS, FAILS),
            f"The defence {COARSE} helps only against the unaware attacker: no effect above 0.02.",
        ),
        ((NEVER,), "The defence bit-depth does not help against any attacker: no effect above 0.02."),
    ],
)
def test_the_headline_calls_out_what_only_the_unaware_attacker_respects(
    others: Sequence[Tried], said: str
) -> None:
    assert headline("defences", defences._verdicts(NONE, others)) == said


def test_an_undecided_headline_names_the_defence() -> None:
    (outcome, _same) = outcomes(0.32, 0.32)
    outcome.resampled = {"ap50": (0.32, np.linspace(0.2, 0.4, 20))}
    unsure = Tried(steps=(FINE,), unaware=[outcome, outcome], adaptive=outcomes(0.3, 0.3), smooth=[])
    said = headline("defences", defences._verdicts(NONE, [unsure]))
    assert said.startswith(f"Inconclusive with {FINE}, attacked without it: +0.020 AP50 (-0.")


def test_what_helps_against_nobody_is_not_said_to_help_against_one() -> None:
    rows = defences._verdicts(NONE, [NEVER])
    assert [(row.claim, row.outcome) for row in rows] == [("", ""), ("unaware", "none"), ("smooth", "none")]


def test_random_defences_are_held_against_the_best_of_the_others() -> None:
    kind = DefenceKind(
        name="dice", help="Throw dice.", settings=Settings, apply=lambda detector, _: detector, random=True
    )
    with DEFENCES.having(kind):
        dice = tried(("dice",), 0.7, 0.6)
        assert defences._by_chance([dice]) == []
        (row,) = defences._by_chance([FAILS, dice, HOLDS])
    assert (row.side["defence"], row.reference["defence"], row.outcome) == ("dice", FINE, "confirmed")


def test_what_is_offered_is_known_and_cheap_scales_ask_each_question() -> None:
    chains = [chain_steps(each) for each in OFFERED]
    assert len(set(chains)) == len(chains) == SCALES["large"].defences
    few = chains[: SCALES["small"].defences]
    assert any(map(defences._random, few))
    assert not all(map(defences._random, few))
    assert any(each[0].partition(":")[0] in HIGH for each in few)
