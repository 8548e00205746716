# SPDX-License-Identifier: AGPL-3.0-only
"""Draws a suite's charts as SVG: measured beside claimed, intervals as error bars."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from engine.benchmark.catalogue import Chart
from engine.benchmark.wording import readable, side_name
from engine.measurements import spans_orders

# Okabe and Ito (2008): told apart by colour-blind readers too.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
MARKERS = "osD^v<>"
CLAIMED: dict[str, Any] = {"marker": "D", "color": "#D55E00", "markerfacecolor": "none", "linestyle": "none"}
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "patchbench",
    "font.size": 9,
    "axes.grid": True,
}

Row = dict[str, Any]


def draw(chart: Chart, rows: Sequence[Row]) -> str | None:
    """An `<svg>` element, or None where nothing of what the chart shows was measured.

    Args:
        chart: what to draw.
        rows: measurements as `Measurement.to_json` has them.
    """
    shown = [readable(row) for row in rows if row["unit"] == chart.unit and row["value"] is not None]
    lines = chart.x != "side"
    if lines:
        shown = [row for row in shown if isinstance(row["settings"].get(chart.x), int | float)]
    if not shown:
        return None
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7, 3.6 if lines else 1.2 + 0.32 * len(shown)), layout="constrained")
        axes = figure.subplots()
        (_draw_lines if lines else _draw_bars)(axes, chart, shown)
        axes.set_title(chart.title, loc="left")
        if axes.get_legend_handles_labels()[1]:
            axes.legend()
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :].strip()


def _draw_bars(axes: Axes, chart: Chart, rows: Sequence[Row]) -> None:
    places, values = list(range(len(rows))), [row["value"] for row in rows]
    look: dict[str, Any] = {"xerr": _errors(rows), "color": COLOURS[0], "capsize": 3, "label": "measured"}
    if _wide(rows):  # a bar's length means nothing where there is no 0
        axes.errorbar(values, places, fmt="o", **look)
        axes.margins(y=0.5 / len(places))
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    else:
        axes.barh(places, values, **look)
    claimed = [(row["claimed"], place) for place, row in zip(places, rows, strict=True) if _has_claim(row)]
    if claimed:
        axes.plot(*zip(*claimed, strict=True), label="claimed", **CLAIMED)
    axes.set_yticks(places, [side_name(row) for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(rows[0]["unit"])


def _draw_lines(axes: Axes, chart: Chart, rows: Sequence[Row]) -> None:
    def series(row: Row) -> str:
        return str(row["settings"].get(chart.series, "measured"))

    for number, (name, group) in enumerate(groupby(sorted(rows, key=series), series)):
        points = sorted(group, key=lambda row: row["settings"][chart.x])
        axes.errorbar(
            [row["settings"][chart.x] for row in points],
            [row["value"] for row in points],
            yerr=_errors(points),
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            capsize=3,
            label=name,
        )
    claimed = sorted({(row["settings"][chart.x], row["claimed"]) for row in rows if _has_claim(row)})
    if claimed:
        axes.plot(*zip(*claimed, strict=True), label="claimed", **CLAIMED)
    if chart.log_x:
        axes.set_xscale("log", base=2)
    ticks = sorted({row["settings"][chart.x] for row in rows})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    if _wide(rows):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    else:
        axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    axes.set_xlabel(chart.x.replace("_", " "))
    axes.set_ylabel(rows[0]["unit"])


def _errors(rows: Sequence[Row]) -> list[list[float]]:
    """Distances down and up from each value; none where the interval is undefined."""
    return [
        [0.0 if row[bound] is None else max(sign * (row[bound] - row["value"]), 0.0) for row in rows]
        for bound, sign in (("low", -1), ("high", 1))
    ]


def _wide(rows: Sequence[Row]) -> bool:
    return spans_orders(row[name] for row in rows for name in ("value", "claimed") if row[name] is not None)


def _has_claim(row: Row) -> bool:
    return row["claimed"] is not None
