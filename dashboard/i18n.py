# SPDX-License-Identifier: AGPL-3.0-only
"""Texts in the language of the session, from gettext catalogues: one .po a page, merged when first needed."""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

import polib

from dashboard.drawing import st

LANGUAGES = {"en": "English", "ko": "한국어"}
LOCALE = Path(__file__).with_name("locale")
_SPOKEN: ContextVar[str] = ContextVar("language")


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Texts within are in this language whatever the session's, also where there is no session.

    Args:
        code: a key of `LANGUAGES`.
    """
    token = _SPOKEN.set(code)
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def language() -> str:
    """The session's language: as chosen in the sidebar, else the browser's if it is there, else English."""
    if spoken := _SPOKEN.get(""):
        return spoken
    chosen = st.session_state.get("kept.lang")
    return str(chosen) if chosen in LANGUAGES else browser_language()


def browser_language() -> str:
    """The language that the browser asks for, if it is one of ours; else English."""
    browser = (st.context.locale or "en").partition("-")[0]
    return browser if browser in LANGUAGES else "en"


@lru_cache(maxsize=len(LANGUAGES))
def translations(code: str) -> gettext.NullTranslations:
    """The catalogue of a language, all its .po files in one; English is what the code itself says.

    Args:
        code: a key of `LANGUAGES`.
    """
    merged = polib.POFile()
    entries: dict[str, polib.POEntry] = {}
    for path in sorted((LOCALE / code / "LC_MESSAGES").glob("*.po")):
        catalogue = polib.pofile(str(path))
        merged.metadata |= catalogue.metadata
        entries |= {entry.msgid: entry for entry in catalogue}
    merged.extend(entries.values())
    return gettext.GNUTranslations(io.BytesIO(merged.to_binary())) if merged else gettext.NullTranslations()


def _(text: str) -> str:
    """A text in the session's language."""
    return translations(language()).gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    """The form of a text that goes with a number; fill the number in with `.format`."""
    return translations(language()).ngettext(one, many, number)


def N_(text: str) -> str:
    """Mark a text of a table for translation; what shows it calls `_` on it."""
    return text
