# SPDX-License-Identifier: AGPL-3.0-only
"""Fields for defences take any chain, in its one form, and tell a wrong one at once."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def script(field: str) -> AppTest:
    def draw(field: str) -> None:
        import streamlit

        from dashboard.parts import defence_choice

        streamlit.text(str(getattr(defence_choice, field)("d")))

    return AppTest.from_function(draw, args=(field,))


@pytest.mark.parametrize(
    ("field", "query", "chosen"),
    [
        ("choose_chain", "", "none"),
        ("choose_chain", "bit-depth:3", "bit-depth:bits=3"),
        ("choose_chains", "", "['none']"),
        ("choose_chains", "none,bit-depth:3,bit-depth:bits=3", "['none', 'bit-depth:bits=3']"),
    ],
)
def test_a_link_may_hold_any_chain(field: str, query: str, chosen: str) -> None:
    page = script(field)
    if query:
        page.query_params["d"] = query
    page.run()
    assert not page.exception
    assert page.text[0].value == chosen


@pytest.mark.parametrize("field", ["choose_chain", "choose_chains"])
def test_a_wrong_one_is_told(field: str) -> None:
    page = script(field)
    page.query_params["d"] = "bit-depth:99"
    page.run()
    assert page.text[0].value == "None"
    assert "bits: expected 1 to 8, got 99" in page.error[0].value
