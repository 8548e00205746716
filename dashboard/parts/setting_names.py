# SPDX-License-Identifier: AGPL-3.0-only
"""A setting's name and value as text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dashboard.formats import DASH
from dashboard.i18n import _
from dashboard.services.settings import SETTINGS
from engine.settings import Setting


def setting_name(key: str, settings: Mapping[str, Setting] = SETTINGS) -> str:
    """A setting's name and unit in the session's language; one that is not known is named as the engine does.

    Args:
        key: of `settings`, by default of `RunConfig`; nested ones as `placement.scale`.
        settings: by key.
    """
    if key not in settings:
        return key
    setting = settings[key]
    name = _(setting.label)
    return _("{name} ({unit})").format(name=name, unit=_(setting.unit)) if setting.unit else name


def decided_value(name: str, value: Any, facts: Mapping[str, Any]) -> str:
    """A run's setting as text; where that was left to the run, with what it took: `auto: bf16`.

    Args:
        name: of the setting.
        value: as it was asked for.
        facts: what `run.json` holds; empty before the end.
    """
    left_open = value == "auto" if name in ("precision", "compile") else (name, value) == ("batch_size", 0)
    taken = facts.get("compiled" if name == "compile" else name)
    if not left_open or taken is None:
        return setting_value(value)
    return f"auto: {setting_value(taken)}"


def setting_value(value: Any) -> str:
    """A setting's value as text: paths by their last part, lists and weights in a row."""
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return ", ".join(f"{name} {setting_value(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(setting_value(each) for each in value)
    if isinstance(value, float):
        return f"{value:g}"
    return Path(value).name if isinstance(value, str) and "/" in value else str(value)
