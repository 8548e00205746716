# SPDX-License-Identifier: AGPL-3.0-only
"""What the values of COCO JSON mean, which tools write as numbers, as text or in between. No torch."""

from __future__ import annotations

from typing import Any

_LONGEST = 40  # characters of a number written as text


def identity(value: Any) -> int | str | None:
    """An id: 1, 1.0, "1" and "1.0" are the same, other text is an id as it stands; None for anything else."""
    if isinstance(value, str) and not value.strip():
        return None
    found = number(value)
    if found is not None and float(found).is_integer():
        return int(found)
    return value.strip() if isinstance(value, str) else None


def number(value: Any) -> int | float | None:
    """A number, also one written as text; None for anything else or what a float cannot hold."""
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
    """A yes or no, as 0, 1, true, "1" or "false"; nothing is no; None for anything else."""
    if value is None or value == "":
        return False
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    found = int(value) if isinstance(value, bool) else number(value)
    return bool(found) if found in (0, 1) else None
