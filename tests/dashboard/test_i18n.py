# SPDX-License-Identifier: AGPL-3.0-only
"""Every text that the dashboard shows has its translation, and none is shown around the catalogues."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard import catalogue, i18n

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "dashboard").rglob("*.py"))
LANGUAGES = sorted(set(i18n.LANGUAGES) - {"en"})
# Functions whose texts are shown, whoever's method they are.
SHOWN = {
    *("badge", "button", "caption", "checkbox", "download_button", "error", "expander", "file_uploader"),
    *("header", "info", "link_button", "markdown", "metric", "multiselect", "number_input", "page_link"),
    *("pills", "popover", "radio", "segmented_control", "select_slider", "selectbox", "slider", "subheader"),
    *("success", "tab", "tabs", "text", "text_area", "text_input", "title", "toast", "toggle", "warning"),
    *("write", "page_title", "empty_state", "go_to", "fact"),
}
SHOWN_ARGUMENTS = {"label", "help", "placeholder", "alt", "text", "title", "body"}
NOT_TRANSLATED = {"PatchBench", "Language · 언어", "Python"}  # names


def shown_literals(tree: ast.AST) -> Iterator[str]:
    """Texts with letters that go straight into a widget, past `_`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name not in SHOWN:
            continue
        skipped = 1 if name in ("go_to", "fact") else 0  # the page's script, the place
        values = [*node.args[skipped : skipped + 1]]
        values += [each.value for each in node.keywords if each.arg in SHOWN_ARGUMENTS]
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_text_lacks_its_translation(code: str) -> None:
    assert catalogue.texts()
    assert catalogue.missing(code) == {}
    assert catalogue.unused(code) == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_translations_have_the_same_places_to_fill_in(code: str) -> None:
    for text, entry in catalogue.translated(code).items():
        forms = [entry.msgstr] if not entry.msgid_plural else entry.msgstr_plural.values()
        for form in forms:
            assert places(form) == places(text), text


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_translation_is_struck_through(code: str) -> None:
    for entry in catalogue.translated(code).values():
        for form in (entry.msgstr, *entry.msgstr_plural.values()):
            assert form.count("~") < 2, form  # Markdown strikes out what lies between two


def places(text: str) -> set[tuple[str, str | None]]:
    """Names with how their figures are written."""
    return {(name, spec) for _text, name, spec, _how in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_text_is_shown_past_the_catalogues(path: Path) -> None:
    found = [
        text
        for text in shown_literals(ast.parse(path.read_text(encoding="utf-8")))
        if any(letter.isalpha() for letter in text) and text not in NOT_TRANSLATED
    ]
    assert found == []


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("", []),
        ("st.button(_('Run'))", []),
        ("st.button('Run')", ["Run"]),
        ("left.metric(_('Device'), 'cpu', help='What runs')", ["What runs"]),
        ("go_to('jobs', 'Open')", ["Open"]),
    ],
)
def test_texts_past_the_catalogues_are_found(program: str, found: list[str]) -> None:
    assert list(shown_literals(ast.parse(program))) == found


def test_a_language_without_catalogues_gives_the_text_itself() -> None:
    assert i18n.translations("en").gettext("Overview") == "Overview"
    assert i18n.translations("ko").gettext("Overview") == "개요"
    assert i18n.translations("ko").ngettext("{number} image", "{number} images", 3) == "이미지 {number}장"


def test_a_language_can_be_spoken_without_a_session() -> None:
    with i18n.speaking("ko"):
        assert (i18n.language(), i18n._("Overview")) == ("ko", "개요")
        with i18n.speaking("en"):
            assert i18n._("Overview") == "Overview"
