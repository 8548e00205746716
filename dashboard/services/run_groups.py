# SPDX-License-Identifier: AGPL-3.0-only
"""Runs grouped by the value of a setting, and the mean of each figure over the runs of a group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from dashboard.services.run_table import SETTINGS, Row, differing

# Student's t, two-sided 95%, by degrees of freedom from 1 (NIST/SEMATECH e-Handbook, 1.3.6.7.2).
_T95 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
_NORMAL95 = 1.96


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean over runs with its 95% interval, by Student's t; without bounds of a single run."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Group:
    """Runs with the same value of a setting.

    Attributes:
        value: of the setting; None of those that have none.
        rows: the runs.
        means: column → mean over those that have it.
        differs: other settings than the seed in which they differ: their spread is not of seeds alone.
    """

    value: Any
    rows: list[Row]
    means: dict[str, Mean]
    differs: list[str]


def grouped(shown: Sequence[Row], by: str, columns: Sequence[str]) -> list[Group]:
    """The groups, those with numbers by size, others in order of appearance.

    Args:
        shown: the lines.
        by: a column.
        columns: whose means are wanted; what is no number is left out.
    """
    found: dict[str, list[Row]] = {}
    for row in shown:
        found.setdefault(repr(row.values.get(by)), []).append(row)
    groups = [_group(rows, by, columns) for rows in found.values()]
    if all(isinstance(group.value, int | float) for group in groups):
        groups.sort(key=lambda group: group.value)
    return groups


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of at least one value with its interval."""
    mean, count = fmean(values), len(values)
    if count < 2:
        return Mean(value=mean, low=None, high=None)
    t = _T95[count - 2] if count - 2 < len(_T95) else _NORMAL95
    half = t * stdev(values) / math.sqrt(count)
    return Mean(value=mean, low=mean - half, high=mean + half)


def _group(rows: list[Row], by: str, columns: Sequence[str]) -> Group:
    means = {}
    for column in columns:
        values = [row.values[column] for row in rows if _is_number(row.values.get(column))]
        if values:
            means[column] = mean_of(values)
    other = [key for key in differing(rows) if key in SETTINGS and key not in (by, "seed")]
    return Group(value=rows[0].values.get(by), rows=rows, means=means, differs=other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
