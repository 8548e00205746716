# SPDX-License-Identifier: AGPL-3.0-only
"""Draws a suite's comparisons as SVG: effects with their intervals, beside what is claimed."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from engine.benchmark.verdicts import NULL
from engine.benchmark.wording import pair_name
from engine.measurements import Comparison, spans_orders

# Okabe and Ito (2008): told apart by colour-blind readers too.
MEASURED, CLAIMED = "#0072B2", "#D55E00"
STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "patchbench", "font.size": 9, "axes.grid": True}


def draw(comparisons: Sequence[Comparison]) -> str | None:
    """An `<svg>` element, a panel for each unit; None where no effect is defined."""
    shown = [each for each in comparisons if not math.isnan(each.effect.value)]
    units = list(dict.fromkeys(each.unit for each in shown))
    if not shown:
        return None
    panels = [[each for each in shown if each.unit == unit] for unit in units]
    heights = [1.0 + 0.32 * len(rows) for rows in panels]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8, sum(heights)), layout="constrained")
        axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)
        for (panel,), rows in zip(axes, panels, strict=True):
            _draw(panel, rows)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :].strip()


def _draw(axes: Any, rows: Sequence[Comparison]) -> None:
    places, effects = list(range(len(rows))), [row.effect for row in rows]
    errors = [
        [max(each.value - each.low, 0.0) if each.low == each.low else 0.0 for each in effects],
        [max(each.high - each.value, 0.0) if each.high == each.high else 0.0 for each in effects],
    ]
    values = [each.value for each in effects]
    axes.axvline(NULL[rows[0].unit], color="#888888", linewidth=1)
    axes.errorbar(values, places, xerr=errors, fmt="o", color=MEASURED, capsize=3, label="measured")
    claimed = [
        (bound, place)
        for place, row in zip(places, rows, strict=True)
        for bound in dict.fromkeys(row.claimed or ())
        if math.isfinite(bound) and bound != 0
    ]
    if claimed:
        look: Any = {"marker": "D", "color": CLAIMED, "markerfacecolor": "none", "linestyle": "none"}
        axes.plot(*zip(*claimed, strict=True), label="claimed", **look)
        axes.legend()
    if spans_orders(values + [bound for bound, _ in claimed]):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yticks(places, [pair_name(row) for row in rows])
    axes.invert_yaxis()
    axes.margins(y=0.6 / len(places))
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(rows[0].unit)
