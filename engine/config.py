# SPDX-License-Identifier: AGPL-3.0-only
"""Settings: frozen, keyword-only dataclasses that reject what cannot work, and where things are kept."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from engine.errors import SettingsError

__all__ = ["home_folder"]


def home_folder() -> Path:
    """The folder of the database and the results: `PATCHBENCH_HOME`, by default `./data`. Not created."""
    return Path(os.environ.get("PATCHBENCH_HOME") or "data").expanduser().resolve()


def require_between(name: str, value: float, low: float, high: float) -> None:
    """Raise `SettingsError` unless low ≤ value ≤ high (NaN never is)."""
    if not low <= value <= high:
        raise SettingsError(f"{name}: expected {low:g} to {high:g}, got {value:g}")


def require_choice(name: str, value: str, allowed: Collection[str]) -> None:
    """Raise `SettingsError` unless the value is one of those allowed."""
    if value not in allowed:
        raise SettingsError(f"{name}: expected one of {', '.join(sorted(allowed))}, got {value!r}")
