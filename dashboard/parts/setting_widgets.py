# SPDX-License-Identifier: AGPL-3.0-only
"""The widget of a setting, by the type of its default."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.page_state import chosen, kept
from dashboard.parts.class_choice import read_classes, write_classes


def setting_widget(
    name: str,
    default: Any,
    *,
    label: str,
    meaning: str,
    options: Sequence[str] = (),
    bounds: tuple[float, float] | None = None,
    step: float = 1,
    wording: Callable[[str], str] = str,
) -> Any:
    """Draw the widget of a setting.

    Args:
        name: of the query parameter.
        default: the setting's default: a text, a switch, a number or a tuple of texts.
        label, meaning: its name and its help, in the session's language.
        options: what is offered for a text, which is one of them, or for texts, which may be others too;
            empty for any.
        bounds: of a number, both included.
        step: of a number, of its type.
        wording: an option in words, in the session's language.

    Returns:
        The setting's value, of the default's type; of texts a list.
    """
    if isinstance(default, tuple):
        return _texts(name, label, meaning, options)
    if options:
        how = kept(name, default, allowed=options)
        return st.selectbox(label, options, format_func=wording, help=meaning, **how)
    how = kept(name, default, parse=parser(default, bounds))
    if isinstance(default, str):
        return st.text_input(label, help=meaning, **how).strip()
    if isinstance(default, bool):
        return st.toggle(label, help=meaning, **how)
    low, high = map(type(default), bounds or ())
    written = None if isinstance(default, int) else "%g"
    return st.number_input(label, low, high, step=step, format=written, help=meaning, **how)


def _texts(name: str, label: str, meaning: str, options: Sequence[str]) -> list[str]:
    """Any number of texts in their order: those offered, those written here, those of a link."""
    known = chosen(name, [], parse=read_classes)
    found: list[str] = st.multiselect(
        label,
        list(dict.fromkeys([*options, *known])),
        help=meaning,
        placeholder=_("Choose or type"),
        accept_new_options=True,
        **kept(name, [], parse=read_classes, write=write_classes),
    )
    return found


def parser(default: Any, bounds: tuple[float, float] | None) -> Callable[[str], Any]:
    """From a link's text to a setting's value; it raises ValueError for a number out of bounds."""
    if isinstance(default, str):
        return str
    if isinstance(default, tuple):
        return read_classes
    if isinstance(default, bool):
        return lambda text: text == "True"
    low, high = bounds or (-math.inf, math.inf)
    return lambda text: bounded(type(default)(text), low, high)


def bounded(value: Any, low: float, high: float) -> Any:
    """A number as it is.

    Raises:
        ValueError: it is out of its bounds.
    """
    if not low <= value <= high:
        raise ValueError(value)
    return value
