# SPDX-License-Identifier: AGPL-3.0-only
"""Numbers as people read them; what is not known is a dash."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dashboard.i18n import _

DASH = "–"  # noqa: RUF001


def number(value: float | None, digits: int = 2) -> str:
    """A number with its digits after the point."""
    return DASH if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 0) -> str:
    """A share, 0 to 1, as a percentage."""
    return DASH if value is None or math.isnan(value) else f"{value:.{digits}%}"


def interval(value: float | None, bounds: tuple[float | None, float | None] | list[float | None]) -> str:
    """A score with its 95% interval: `0.51 (0.42 to 0.60)`."""
    low, high = bounds
    if low is None or high is None:
        return number(value)
    return spread(number(value), f"{low:.2f}", f"{high:.2f}")


def score(scores: Mapping[str, Any], name: str) -> str:
    """One of a patch's scores with its interval, of what `Evaluation.to_json` gives for a condition."""
    return interval(scores.get(name), scores.get("ci95", {}).get(name, (None, None)))


def spread(value: str, low: str, high: str) -> str:
    """A figure with its bounds, as text."""
    return _("{value} ({low} to {high})").format(value=value, low=low, high=high)


def bytes_text(count: float | None) -> str:
    """Bytes in the unit that fits, by powers of 1024."""
    if count is None:
        return DASH
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    power = min(int(math.log(max(abs(count), 1), 1024)), len(units) - 1)
    return f"{count / 1024**power:.{1 if power else 0}f} {units[power]}"


def duration(seconds: float | None) -> str:
    """Seconds as the two largest units that fit."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    whole = round(seconds)
    if whole < 60:
        return _("{seconds} s").format(seconds=whole)
    if whole < 3600:
        return _("{minutes} min {seconds} s").format(minutes=whole // 60, seconds=whole % 60)
    return _("{hours} h {minutes} min").format(hours=whole // 3600, minutes=whole % 3600 // 60)


def moment(unix_s: float | None) -> str:
    """A time in the server's zone, to the minute."""
    return DASH if unix_s is None else datetime.fromtimestamp(unix_s).strftime("%Y-%m-%d %H:%M")
