# SPDX-License-Identifier: AGPL-3.0-only
"""Settings as fields, alone or in rows, made from their declarations."""

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
                values[key] = setting_field(prefix, key, settings)
    return values


def setting_field(
    prefix: str, key: str, settings: Mapping[str, Setting], *, first: Any = None, meaning: str = ""
) -> Any:
    """Draw a setting; its value.

    Args:
        prefix: of the query parameter.
        key: of `settings`.
        settings: the declarations.
        first: what it is at first, if not its default.
        meaning: in place of its help, in the session's language.
    """
    setting = settings[key]
    by_share = setting.bounds if isinstance(setting.default, float) else None
    return setting_widget(
        f"{prefix}.{key}",
        setting.default if first is None else first,
        label=setting_name(key, settings),
        meaning=meaning or _(setting.help),
        options=list(setting.choices or setting.offered),
        bounds=setting.bounds,
        step=step_of(by_share[1]) if by_share else setting.multiple_of or 1,
        wording=partial(choice_name, key),
    )


def step_of(high: float) -> float:
    """Shares go by twentieths, rates by thousandths, seconds by the minute."""
    return 60.0 if high > 1 else 0.05 if high < 1 else 0.001
