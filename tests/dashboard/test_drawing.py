# SPDX-License-Identifier: AGPL-3.0-only
"""Texts are drawn as they are; only what is marked as Markdown is read as Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from dashboard.drawing import DRAWN, Markdown, notes, plain

J = "\N{WORD JOINER}"
# Streamlit calls these Markdown, and pages do not draw with them; a test of the architecture sees to that.
UNUSED = {"Page", "dialog", "latex", "menu_button", "navigation", "set_page_config", "write", "write_stream"}
SWITCHES = {"anchors", "bind", "unsafe_allow_html", "width", "wrap"}  # no texts


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("job 3: expected a file, got none; see it", "job 3: expected a file, got none; see it"),
        ("**a** _b_ `g` ~~s~~", r"\*\*a\*\* \_b\_ \`g\` \~\~s\~\~"),
        ("[c](d) ![e](f) <e> &lt; $f$", r"\[c\](d) \!\[e\](f) \<e\> \&lt; \$f\$"),
        (":red[x] :material/home: :smile: :+1:", rf"\:{J}red\[x\] \:{J}material/home: \:{J}smile: \:{J}+1:"),
        ("2026-01-02 12:30", r"2026-01-02 12\:30"),
        ("https://a.test www.a.test me@a.test", rf"https:{J}//a.test www{J}.a.test me@{J}a.test"),
        ("a -> b <- c -- d <= e", rf"a -{J}\> b \<{J}- c -{J}- d \<{J}= e"),
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("# a\n\n    b", r"\# a      b"),
        (
            "0.51 (0.42\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}0.6)",
            "0.51 (0.42\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}0.6)",
        ),
    ],
)
def test_a_text_of_somebody_else_is_shown_as_it_is(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("**strong**\n\n- one\n- two", "**strong**\n\n- one\n- two"),
        ("see https://a.test", "see https://a.test"),
        ("[bank](https://a.test)", r"\[bank\](https://a.test)"),
        (r"\[bank](https://a.test)", r"\\\[bank\](https://a.test)"),
        ("![x](https://a.test/x.png)", r"\!\[x\](https://a.test/x.png)"),
        ("<img src=x> &lt; $x$ :red[x] `c`", rf"\<img src=x\> \&lt; \$x\$ \:{J}red\[x\] \`c\`"),
    ],
)
def test_notes_have_emphasis_and_lists_but_no_pictures_html_or_hidden_links(text: str, shown: str) -> None:
    assert notes(text) == shown


@pytest.mark.parametrize(
    ("template", "values", "shown"),
    [
        ("", {}, ""),
        ("**{a}**", {"a": "**b**"}, r"**\*\*b\*\***"),
        ("{a} of {b}", {"a": 3, "b": Markdown("**4**")}, "3 of **4**"),
    ],
)
def test_what_is_filled_into_markdown_is_text(template: str, values: dict[str, object], shown: str) -> None:
    filled = Markdown(template).format(**values)
    assert filled == shown
    assert isinstance(filled, Markdown)


def drawn_as_markdown() -> Iterator[tuple[str, str]]:
    """Function and parameter of all that Streamlit's own documentation calls Markdown."""
    for name in sorted(each for each in vars(streamlit) if not each.startswith("_")):
        lines = (inspect.getdoc(getattr(streamlit, name)) or "").partition("Parameters\n")[2].splitlines()
        parameter = ""
        for line in lines[1:]:
            if line[:1].isalpha() and ":" in line:
                parameter = line.partition(":")[0].strip()
            elif line[:1].isalpha():
                break
            elif "Markdown" in line and name not in UNUSED:
                yield name, parameter


def test_all_that_streamlit_draws_as_markdown_is_known() -> None:
    found = {pair for pair in drawn_as_markdown() if pair[1] not in SWITCHES}
    known = {(name, parameter) for name, parameters in DRAWN.items() for parameter in parameters}
    options = {(name, "options") for name, parameters in DRAWN.items() if "format_func" in parameters}
    assert len(found) > 60
    assert found - known - options == set()


def widgets() -> None:
    from dashboard.drawing import Markdown, st

    left, right = st.columns(2)
    left.metric("*l*", "*v*", "*d*", help="*h*")
    with right, st.expander("*e*"):
        st.markdown("*m*")
        st.markdown(Markdown("*m*"))
    st.segmented_control("*s*", ["*a*", "*b*"])
    st.radio("*r*", [1, 2], format_func=lambda number: f"*{number}*")
    st.selectbox("*s*", ["*a*"])
    st.sidebar.caption("*c*")
    st.sidebar.container().badge("[*b*]")
    st.table([{"*k*": "*t*"}])
    st.tabs(["*t*"])[0].text("*x*")


def test_texts_are_escaped_wherever_they_are_drawn() -> None:
    app = AppTest.from_function(widgets).run()
    assert not app.exception
    (metric,) = app.metric
    assert (metric.label, metric.value, metric.delta, metric.help) == (r"\*l\*", r"\*v\*", r"\*d\*", r"\*h\*")
    assert app.expander[0].label == r"\*e\*"
    assert [each.value for each in app.markdown] == [r"\*m\*", "*m*", r":blue-badge[\[\*b\*\]]"]
    assert app.segmented_control[0].options == [r"\*a\*", r"\*b\*"]
    assert app.radio[0].options == [r"\*1\*", r"\*2\*"]
    assert (app.selectbox[0].label, app.selectbox[0].options) == (r"\*s\*", ["*a*"])  # options are plain text
    assert app.sidebar.caption[0].value == r"\*c\*"
    assert app.table[0].value.to_dict("list") == {r"\*k\*": [r"\*t\*"]}
    assert (app.tabs[0].label, app.text[0].value) == (r"\*t\*", "*x*")


def test_what_a_choice_returns_is_not_escaped() -> None:
    def choose() -> None:
        from dashboard.drawing import st

        st.session_state["chosen"] = st.radio("r", ["*a*", "*b*"], index=1)

    assert AppTest.from_function(choose).run().session_state["chosen"] == "*b*"
    assert re.fullmatch(r"\\\*a\\\*", AppTest.from_function(choose).run().radio[0].options[0])
