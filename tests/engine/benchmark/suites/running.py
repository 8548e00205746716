# SPDX-License-Identifier: AGPL-3.0-only
"""Runs a suite's parts on the tiny subject, and looks at what all suites have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from engine.benchmark.subject import Subject
from engine.benchmark.suite import SUITES, Scale
from engine.benchmark.verdicts import NULL
from engine.benchmark.wording import AXES, METRICS, headline, label
from engine.measurements import OUTCOMES, Axes, Comparison, Measurement

SPEED, CONFIDENCE = "image-iterations/s", "confidence retained"
TESTED: dict[str, dict[str, tuple[str, str]]] = {
    "batching": {
        "grouping": (SPEED, "times"),
        "saving": ("s/image", "times"),
        "batches": (SPEED, "times"),
        "memory": ("bytes", "times"),
    },
    "merge": {"weaker": (CONFIDENCE, "difference")},
    "precision": {
        "faster": (SPEED, "times"),
        "compiled": (SPEED, "times"),
        "memory": ("bytes", "times"),
    },
    "warm-start": {"shorter": ("s", "times")},
    "losses": {"four": (CONFIDENCE, "difference"), "other": (CONFIDENCE, "difference")},
    "sampling": {"stronger": (CONFIDENCE, "difference"), "by count": (CONFIDENCE, "difference")},
    "data-source": {"costly": ("s", "share"), "other": ("s", "share")},
    "loader": {"keeps up": ("images/s", "times"), "copies": ("images/s", "times")},
    "budget": {
        "time": ("s", "times"),
        "iterations": (CONFIDENCE, "difference"),
        "images": (CONFIDENCE, "difference"),
        "texels": (CONFIDENCE, "difference"),
        "learning rate": (CONFIDENCE, "difference"),
    },
    "accumulate": {
        "same": (CONFIDENCE, "difference"),
        "speed": (SPEED, "times"),
        "memory": ("bytes", "times"),
    },
    "baseline": {
        "faster": (SPEED, "times"),
        "stronger": (CONFIDENCE, "difference"),
        "memory": ("bytes", "times"),
    },
    "floor": {"close": (SPEED, "times"), "small": ("s/image", "share")},
    "scaling": dict.fromkeys(("images", "objects", "texels", "pixels"), ("s/image", "times")),
    "memory": {"less": ("bytes", "times"), "saved": ("bytes", "times")},
    "strength": {"stronger": (CONFIDENCE, "difference")},
    "transfer-learning": {"frozen": ("AP50", "difference"), "scratch": ("AP50", "difference")},
    "transfer": dict.fromkeys(
        ("transfers", "reaches", "gap", "shared", "largest"), (CONFIDENCE, "difference")
    ),
    "defences": dict.fromkeys(("adaptive", "unaware", "cost", "smooth", "random"), ("AP50", "difference")),
    "hardening": {
        "gain": ("ASR", "difference"),
        "cost": ("AP50", "difference"),
        "newer": ("ASR", "difference"),
    },
}
"""Suite → claim → by which metric and in which unit it is tested."""
IDENTIFIERS = {"fp32", "bf16", "fp16", "cls", "box", "dfl"}  # the same in every language


class Rows(NamedTuple):
    """What parts of a suite found."""

    measurements: list[Measurement]
    comparisons: list[Comparison]

    def sides(self, metric: str) -> list[str]:
        """Names of the sides that were measured by a metric."""
        return [label(row.side) for row in self.measurements if row.metric == metric]

    def pairs(self, claim: str) -> list[tuple[str, str]]:
        """Names of the sides that a claim compares."""
        return [(label(row.side), label(row.reference)) for row in self.comparisons if row.claim == claim]

    def of(self, claim: str) -> list[Comparison]:
        """The comparisons that test a claim."""
        return [row for row in self.comparisons if row.claim == claim]


def measure(name: str, subject: Subject, scale: Scale, parts: Sequence[str] = ()) -> Rows:
    """What a suite's parts find, by default those that a processor can do, with the checks of every suite.

    Each part tells what it does and measures something. All that the rows hold can be said, and claims are
    tested as `TESTED` says.
    """
    suite = SUITES[name]
    rows = Rows([], [])
    for key in parts or [key for key in suite.parts if key not in suite.needs_cuda]:
        lines: list[str] = []
        found = suite.parts[key](subject, scale, lines.append)
        assert lines, key
        assert any(isinstance(row, Measurement) for row in found), key
        for row in found:
            rows[isinstance(row, Comparison)].append(row)  # type: ignore[arg-type]
    _assert_sides(suite.names, rows)
    _assert_measurements(rows.measurements)
    _assert_comparisons(name, rows.comparisons)
    return rows


def words(sides: Iterable[Axes]) -> set[str]:
    """Values of sides that are words to translate."""
    values = {
        value for side in sides for key, value in side.items() if key not in AXES and isinstance(value, str)
    }
    return values - IDENTIFIERS


def _assert_sides(names: Sequence[str], rows: Rows) -> None:
    sides = [row.side for row in (*rows.measurements, *rows.comparisons)]
    sides += [row.reference for row in rows.comparisons]
    assert words(sides) <= set(names)
    assert all(label(side) for side in sides)


def _assert_measurements(measurements: Sequence[Measurement]) -> None:
    found = [(label(row.side), row.metric) for row in measurements]
    assert {name: found.count(name) for name in found if found.count(name) > 1} == {}
    assert {row.metric for row in measurements} <= set(METRICS)


def _assert_comparisons(name: str, comparisons: Sequence[Comparison]) -> None:
    tested: Mapping[str, tuple[str, str]] = TESTED[name]
    for row in comparisons:
        assert row.side != row.reference
        assert row.metric in METRICS
        assert row.unit in NULL
        assert bool(row.claim) is bool(row.outcome)
        if row.claim:
            assert (row.metric, row.unit) == tested[row.claim]
            assert row.outcome in OUTCOMES
            assert math.isnan(row.effect.low) or row.effect.low <= row.effect.value <= row.effect.high
    if comparisons:
        assert headline(name, comparisons).endswith(".")
