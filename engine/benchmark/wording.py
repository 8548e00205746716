# SPDX-License-Identifier: AGPL-3.0-only
"""How figures and sides are written in tables, charts and reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

SHOWN_AS = {"bytes": ("GB", 1e9)}  # what is too long to read


def figure_text(value: float | None) -> str:
    """A figure to four digits; a dash where it is undefined."""
    return "-" if value is None else f"{value:.4g}"


def readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A measurement in a unit that people read: GB in place of bytes; `row` as `to_json` has it."""
    unit, factor = SHOWN_AS.get(row["unit"], (row["unit"], 1.0))
    numbers = {
        name: None if row.get(name) is None else row[name] / factor
        for name in ("value", "low", "high", "claimed")
    }
    return {**row, **numbers, "unit": unit}


def side_name(row: Mapping[str, Any], name: Callable[[str], str] = str) -> str:
    """A measurement's side, with the view where its name does not tell it.

    Args:
        row: as `to_json` has it.
        name: says a name in another language.
    """
    side, view = str(row["side"]), row["settings"].get("view")
    return name(side) if not view or view in side else f"{name(side)} ({name(view)})"
