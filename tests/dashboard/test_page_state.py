# SPDX-License-Identifier: AGPL-3.0-only
"""Choices survive leaving a page and stand in the link."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def program() -> None:
    import streamlit as st

    from dashboard.page_state import choose, chosen, kept, reference

    if st.checkbox("shown", value=True, key="shown"):
        st.selectbox("size", [1, 2, 3], **kept("size", 1, allowed=[1, 2, 3], parse=int))
    if st.button("choose"):
        choose("patch", 7)
    st.text(str(chosen("patch", parse=int)))
    st.text(str(reference(job=3, nothing=None)))


def test_without_a_choice_the_default_holds_and_the_link_is_bare() -> None:
    app = AppTest.from_function(program).run()
    assert app.selectbox[0].value == 1
    assert dict(app.query_params) == {}
    assert [text.value for text in app.text] == ["None", "{'job': '3'}"]


def test_a_choice_survives_while_its_widget_is_away() -> None:
    app = AppTest.from_function(program).run()
    app.selectbox[0].set_value(3).run()
    assert app.query_params["size"] == "3"
    app.checkbox[0].uncheck().run()
    assert not app.selectbox
    app.checkbox[0].check().run()
    assert app.selectbox[0].value == 3
    app.selectbox[0].set_value(1).run()
    assert "size" not in app.query_params


def test_a_link_opens_the_view_again_and_nonsense_in_it_does_no_harm() -> None:
    for given, value in (("2", 2), ("9", 1), ("many", 1)):
        app = AppTest.from_function(program)
        app.query_params["size"] = given
        assert app.run().selectbox[0].value == value
        assert not app.exception


def test_what_is_chosen_without_a_widget_is_kept_too() -> None:
    app = AppTest.from_function(program).run()
    app.button[0].click().run()
    assert app.text[0].value == "7"
    assert app.query_params["patch"] == "7"
    assert app.run().text[0].value == "7"


def listing() -> None:
    import streamlit as st

    from dashboard.page_state import kept, presenting

    offered = [1, 2]
    st.multiselect(
        "sizes",
        offered,
        **kept(
            "sizes",
            [],
            allowed=offered,
            parse=lambda text: [int(part) for part in text.split(",")],
            write=lambda sizes: ",".join(map(str, sizes)),
        ),
    )
    st.toggle("mode", **kept("present", False, parse=lambda text: text == "True"))
    st.text(str(presenting()))


def test_of_a_list_each_part_must_be_offered() -> None:
    for given, value in (("1,2", [1, 2]), ("2", [2]), ("2,9", [])):
        app = AppTest.from_function(listing)
        app.query_params["sizes"] = given
        assert app.run().multiselect[0].value == value
        assert not app.exception


def test_the_presentation_mode_is_known_from_the_link_and_from_its_switch() -> None:
    app = AppTest.from_function(listing).run()
    assert app.text[0].value == "False"
    assert app.toggle[0].set_value(True).run().text[0].value == "True"
    linked = AppTest.from_function(listing)
    linked.query_params["present"] = "True"
    assert linked.run().text[0].value == "True"


def fields() -> None:
    from dashboard.drawing import st
    from dashboard.page_state import kept

    st.number_input("size", 1, 9, **kept("size", 5, parse=int))
    st.toggle("on", **kept("on", True))
    st.text_input("name", **kept("name", "a"))
    st.selectbox("one", ["a", "b"], **kept("one", "b", allowed=["a", "b"]))
    st.radio("of", ["a", "b"], **kept("of", "b", allowed=["a", "b"]))
    st.multiselect("many", ["a", "b"], **kept("many", ["b"], allowed=["a", "b"]))
    st.segmented_control("mode", ["a", "b"], **kept("mode", "b", allowed=["a", "b"]))


def test_a_browser_that_missed_the_first_run_shows_the_same_values() -> None:
    """Streamlit sends a value that the session gives only once; later a widget's own default counts."""
    app = AppTest.from_function(fields).run()
    for _ in range(2):
        protos = [app.number_input[0].proto, app.toggle[0].proto, app.text_input[0].proto]
        assert [proto.default for proto in protos] == [5, True, "a"]
        protos = [app.selectbox[0].proto, app.radio[0].proto]
        assert [proto.default for proto in protos] == [1, 1]
        assert list(app.multiselect[0].proto.default) == [1]
        assert list(app.button_group[0].proto.default) == [1]
        app.run()
    assert not any(element.proto.set_value for element in (app.number_input[0], app.toggle[0]))
    app.number_input[0].set_value(7).run()
    assert (app.run().number_input[0].proto.default, app.number_input[0].value) == (7, 7)
    assert not app.exception
    assert not app.warning


def watching() -> None:
    import streamlit as st

    from dashboard.page_state import changed

    now = st.number_input("now", 0)
    st.text(str(changed("watched", now)))


def test_a_change_is_seen_once_and_the_first_look_is_none() -> None:
    app = AppTest.from_function(watching).run()
    assert app.text[0].value == "False"
    app.number_input[0].set_value(1).run()
    assert app.text[0].value == "True"
    app.run()
    assert app.text[0].value == "False"


def two_pages() -> None:
    import streamlit as st

    from dashboard.page_state import chosen, enter, kept

    enter("")
    st.toggle("mode", **kept("mode", False, parse=lambda text: text == "True"))
    enter(st.text_input("page", "one", key="page"))
    if st.session_state["page"] == "one":
        st.selectbox("size", [1, 2, 3], **kept("size", 1, allowed=[1, 2, 3], parse=int))
        st.text(str(chosen("patch", parse=int)))
    else:
        st.number_input("rate", 0, 9, **kept("rate", 5, parse=int))


def test_back_shows_what_the_link_holds_and_leaves_other_pages_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = AppTest.from_function(two_pages).run()
    app.text_input[0].set_value("two").run()
    app.number_input[0].set_value(7).run()
    app.text_input[0].set_value("one").run()
    app.selectbox[0].set_value(3).run()
    app.query_params["patch"] = "4"
    assert app.run().text[0].value == "4"
    monkeypatch.setattr("dashboard.page_state.went_back", lambda: True)
    app.query_params.clear()
    app.query_params["size"] = "2"
    app.run()
    assert (app.selectbox[0].value, app.text[0].value, app.toggle[0].value) == (2, "None", False)
    monkeypatch.setattr("dashboard.page_state.went_back", lambda: False)
    app.text_input[0].set_value("two").run()
    assert app.number_input[0].value == 7
    assert not app.exception
