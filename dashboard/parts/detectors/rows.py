# SPDX-License-Identifier: AGPL-3.0-only
"""Widgets of declared settings in rows, for the forms of trainings and hardenings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.parts.setting_names import choice_name, setting_name
from dashboard.parts.setting_widgets import setting_widget
from engine.settings import Setting

IN_A_ROW = 3


def setting_rows(prefix: str, keys: Sequence[str], settings: Mapping[str, Setting]) -> dict[str, Any]:
    """Draw settings in rows of three; their values by key.

    Args:
        prefix: of the query parameters.
        keys: of `settings`.
        settings: the declarations.
    """
    values: dict[str, Any] = {}
    for start in range(0, len(keys), IN_A_ROW):
        row = keys[start : start + IN_A_ROW]
        for column, key in zip(st.columns(IN_A_ROW, vertical_alignment="bottom"), row, strict=False):
            with column:
                values[key] = _widget(prefix, settings[key], settings)
    return values


def _widget(prefix: str, setting: Setting, settings: Mapping[str, Setting]) -> Any:
    """The widget of a setting; its value."""
    by_share = setting.bounds if isinstance(setting.default, float) else None
    return setting_widget(
        f"{prefix}.{setting.key}",
        setting.default,
        label=setting_name(setting.key, settings),
        meaning=_(setting.help),
        options=list(setting.choices or setting.offered),
        bounds=setting.bounds,
        step=step_of(by_share[1]) if by_share else setting.multiple_of or 1,
        wording=partial(choice_name, setting.key),
    )


def step_of(high: float) -> float:
    """Shares go by twentieths, rates by thousandths, seconds by the minute."""
    return 60.0 if high > 1 else 0.05 if high < 1 else 0.001
