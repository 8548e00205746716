# SPDX-License-Identifier: AGPL-3.0-only
"""Settings' widgets, and what a link may give them."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.parts.setting_widgets import parser


def drawn(default: object, **how: object) -> None:
    import streamlit as st

    from dashboard.parts.setting_widgets import setting_widget

    st.session_state["value"] = setting_widget("it", default, label="It", meaning="What it is.", **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("default", "how", "kind"),
    [
        ("", {}, "text_input"),
        ("a", {"options": ("a", "b")}, "selectbox"),
        ((), {"options": ("a", "b")}, "multiselect"),
        (True, {}, "toggle"),
        (3, {"bounds": (0, 9)}, "number_input"),
        (0.5, {"bounds": (0, 1), "step": 0.1}, "number_input"),
    ],
)
def test_a_default_says_which_widget_there_is(default: Any, how: dict[str, Any], kind: str) -> None:
    app = AppTest.from_function(drawn, args=(default,), kwargs=how).run()
    assert not app.exception
    assert [each.label for each in app.get(kind)] == ["It"]
    expected = [] if default == () else default
    assert (app.session_state["value"], type(app.session_state["value"])) == (expected, type(expected))


@pytest.mark.parametrize(
    ("text", "default", "bounds", "value"),
    [
        ("", 0, (0, 9), None),
        ("3", 0, (0, 9), 3),
        ("10", 0, (0, 9), None),
        ("0.5", 0.0, (0, 1), 0.5),
        ("nan", 0.0, (0, 1), None),
        ("a", "", None, "a"),
        ("a:b=1", (), None, ["a:b=1"]),
        ('["a", "b:c=1"]', (), None, ["a", "b:c=1"]),
        ("[", (), None, None),
        ("True", False, None, True),
    ],
)
def test_a_link_gives_numbers_within_their_bounds(
    text: str, default: Any, bounds: tuple[float, float] | None, value: Any
) -> None:
    if value is None:
        with pytest.raises(ValueError):  # noqa: PT011
            parser(default, bounds)(text)
    else:
        assert parser(default, bounds)(text) == value
