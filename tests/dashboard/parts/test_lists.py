# SPDX-License-Identifier: AGPL-3.0-only
"""Search, filters, order and pages of a list, as a link opens them and as they are used."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def script() -> None:
    from dashboard.parts.lists import filters, page_number

    choices = {"states": ("State", {"queued": 1, "failed": 2}, str.upper)}
    wanted = filters("list", searched="Names", orders={"newest": "Newest", "name": "By name"}, **choices)
    import streamlit as st

    st.session_state["seen"] = (wanted, page_number("list.page", 3), page_number("list.short", 1))


@pytest.fixture
def page() -> AppTest:
    return AppTest.from_function(script)


def test_a_list_begins_without_filters_on_its_first_page(page: AppTest) -> None:
    page.run()
    assert not page.exception
    assert page.session_state["seen"] == ({"states": (), "text": "", "order": "newest"}, 1, 1)
    assert len(page.get("pagination")) == 1
    assert page.multiselect[0].options == ["QUEUED", "FAILED"]


def test_a_link_opens_it_without_what_it_does_not_know(page: AppTest) -> None:
    page.query_params |= {"list.text": " cat ", "list.order": "name", "list.page": "2"}
    page.query_params["list.states"] = "failed,lost"
    page.run()
    wanted = {"states": ("failed",), "text": "cat", "order": "name"}
    assert page.session_state["seen"] == (wanted, 2, 1)
    assert page.query_params["list.states"] == "failed"


def test_another_filter_begins_at_the_first_page(page: AppTest) -> None:
    page.query_params["list.page"] = "3"
    page.run()
    assert page.session_state["seen"][1] == 3
    page.multiselect[0].select("failed").run()
    assert page.session_state["seen"] == ({"states": ("failed",), "text": "", "order": "newest"}, 1, 1)
    assert page.query_params["list.states"] == "failed"
    assert "list.page" not in page.query_params


def opening() -> None:
    import streamlit as st

    from dashboard.parts.lists import linked

    st.text(str(linked("entry", {7: "seven"}.__getitem__, KeyError)))


@pytest.mark.parametrize(
    ("link", "shown", "failing"), [(None, "None", False), ("7", "seven", False), ("8", "None", True)]
)
def test_a_link_opens_an_entry_or_says_why_not(link: str | None, shown: str, failing: bool) -> None:
    app = AppTest.from_function(opening)
    if link:
        app.query_params["entry"] = link
    app.run()
    assert app.text[0].value == shown
    assert bool(app.error) is failing
    assert ("entry" in app.query_params) is (shown == "seven")
