# SPDX-License-Identifier: AGPL-3.0-only
"""The load of the machine over time, as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

from dashboard.charts.hardware import load_rows, load_spec
from dashboard.components import line_chart, look
from dashboard.i18n import N_, _
from engine.hardware import Load

UNITS = (
    (600.0, 1.0),
    (3 * 3600.0, 60.0),
    (2 * 86400.0, 3600.0),
    (float("inf"), 86400.0),
)  # up to → seconds of one
UNTIL_NOW = {
    1.0: N_("Seconds before now"),
    60.0: N_("Minutes before now"),
    3600.0: N_("Hours before now"),
    86400.0: N_("Days before now"),
}
GAP = 0.05  # of the axis: a stretch without samples beyond which lines break
PAUSES = 3  # times the usual distance of samples, which a short axis may have few of: at least that long
SINCE_START = {
    1.0: N_("Seconds since start"),
    60.0: N_("Minutes since start"),
    3600.0: N_("Hours since start"),
    86400.0: N_("Days since start"),
}


def load_chart(
    samples: Sequence[tuple[float, Load]], *, zero: float, span_s: tuple[float, float], alt: str
) -> None:
    """Lines of processor, memory and GPUs.

    Args:
        samples: moment (Unix seconds) and load, at least one.
        zero: the moment that the axis counts from.
        span_s: the ends of the axis, in seconds from there; a start or an end of 0.
        alt: what is drawn, in a sentence.
    """
    first, last = span_s
    unit = next(seconds for longest, seconds in UNITS if last - first <= longest)
    series = series_of([load for _at, load in samples])
    spec = load_spec(
        list(series),
        title=_("Load (%)"),
        x_title=_((UNTIL_NOW if last == 0 else SINCE_START)[unit]),
        span=(first / unit, last / unit),
        **look(),
    )
    ages = [(at - zero) / unit for at, _load in samples]
    ages, series = broken(ages, series, longest_pause(ages, (last - first) / unit))
    line_chart(load_rows(ages, series), spec, alt=alt)


def longest_pause(ages: Sequence[float], length: float) -> float:
    """How far apart samples may be without a break in the lines.

    Args:
        ages: of the samples, rising.
        length: of the axis, in the same unit.
    """
    usual = median(later - earlier for earlier, later in pairwise(ages)) if len(ages) > 1 else 0.0
    return max(GAP * length, PAUSES * usual)


def broken(
    ages: Sequence[float], series: Mapping[str, Sequence[float | None]], longest: float
) -> tuple[list[float], dict[str, list[float | None]]]:
    """Ages and series with a break in the lines where nothing was sampled for longer than that."""
    cuts = [index for index in range(1, len(ages)) if ages[index] - ages[index - 1] > longest]
    whole: list[float] = list(ages)
    parted: dict[str, list[float | None]] = {name: list(values) for name, values in series.items()}
    for index in reversed(cuts):
        whole.insert(index, (ages[index - 1] + ages[index]) / 2)
        for values in parted.values():
            values.insert(index, None)
    return whole, parted


def series_of(loads: Sequence[Load]) -> dict[str, list[float | None]]:
    """Name → percentages, as many as loads; with as many GPUs as the machine has now."""
    series: dict[str, list[float | None]] = {
        _("CPU load"): [load.cpu for load in loads],
        _("Memory"): [load.memory for load in loads],
    }
    for index in range(len(loads[-1].gpus)):
        gpus = [load.gpus[index] if index < len(load.gpus) else (None, None) for load in loads]
        series[f"GPU {index}"] = [used for used, _memory in gpus]
        series[_("GPU {index} memory").format(index=index)] = [memory for _used, memory in gpus]
    return series
