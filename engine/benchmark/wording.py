# SPDX-License-Identifier: AGPL-3.0-only
"""How figures and sides are written in tables, charts and reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["figure_text", "side_name"]


def figure_text(value: float | None) -> str:
    """A figure to four digits; a dash where it is undefined."""
    return "-" if value is None else f"{value:.4g}"


def side_name(row: Mapping[str, Any]) -> str:
    """A measurement's side, with what tells it from another of the same name; `row` as `to_json` has it."""
    view = row["settings"].get("view")
    return f"{row['side']} ({view})" if view else str(row["side"])
