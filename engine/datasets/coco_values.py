# SPDX-License-Identifier: AGPL-3.0-only
"""Values of COCO JSON, which some tools write as numbers and others as text. No torch."""

from __future__ import annotations

from typing import Any

_LONGEST = 40  # characters of a number written as text


def identity(value: Any) -> int | str | None:
    """An id: 1, 1.0, "1" and "1.0" are equal, other text is kept as it is; None for anything else."""
    if isinstance(value, str) and not value.strip():
        return None
    parsed = number(value)
    if parsed is not None and float(parsed).is_integer():
        return int(parsed)
    return value.strip() if isinstance(value, str) else None


def number(value: Any) -> int | float | None:
    """A number, possibly written as text; None for anything else or values that overflow a float."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST or "_" in text:
            return None
        try:
            return int(text) if text.lstrip("+-").isdigit() else float(text)
        except ValueError:
            return None
    try:
        float(value)
    except OverflowError:
        return None
    return value


def flag(value: Any) -> bool | None:
    """A boolean, such as 0, 1, true, "1" or "false"; False if missing; None for anything else."""
    if value is None or value == "":
        return False
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    parsed = int(value) if isinstance(value, bool) else number(value)
    return bool(parsed) if parsed in (0, 1) else None
