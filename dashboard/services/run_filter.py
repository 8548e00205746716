# SPDX-License-Identifier: AGPL-3.0-only
"""What a table is filtered by: `asr > 0.5 and batch_size = 8`, parsed by a small grammar, never evaluated.

any  := all ("or" all)*
all  := one ("and"? one)*
one  := "not" one | "(" any ")" | column operator value | text
text := a word or "a quoted text", looked for in names, tags, notes and subjects
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from engine.errors import SettingsError
from engine.excerpts import short_repr

Row = Mapping[str, Any]
Test = Callable[[Row], bool]

SEARCHED = ("name", "notes", "tags", "dataset", "detector", "class")
LONGEST, DEEPEST = 1000, 50  # characters, brackets: parsed by recursion
_PARTS = re.compile(r'\s*(?:(<=|>=|!=|==|[<>=~()])|"([^"]*)"|([^\s<>=!~()"]+))')
_SIZES = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_SIGNS = (*_SIZES, "=", "==", "!=", "~")
_FLAGS = {"yes": True, "true": True, "no": False, "false": False}


def parse(text: str, columns: Collection[str]) -> Test:
    """A filter as a function of a line's values; an empty one lets all through.

    Args:
        text: as the module describes it; `~` means contains. Texts are compared ignoring case, a list (tags)
            equals each of its entries, and a column without a value meets nothing but `!=`.
        columns: that there are.

    Raises:
        SettingsError: it cannot be read; the message says where.
    """
    if len(text) > LONGEST:
        raise SettingsError(f"filter: expected at most {LONGEST:,} characters, got {len(text):,}")
    parser = _Parser(_tokens(text), columns)
    if parser.ended:
        return lambda _row: True
    test = parser.any_of()
    if not parser.ended:
        raise SettingsError(f"filter: expected 'and', 'or' or the end, got {short_repr(parser.seen)}")
    return test


def _tokens(text: str) -> list[tuple[str, str]]:
    """Kind (`sign`, `quoted`, `word`) and text of each part."""
    found, place = [], 0
    text = text.rstrip()
    while place < len(text):
        part = _PARTS.match(text, place)
        if part is None:
            got = short_repr(text[place:].strip())
            raise SettingsError(f"filter: expected a column, a value or a closed quote, got {got}")
        kind = ("sign", "quoted", "word")[(part.lastindex or 1) - 1]
        found.append((kind, part[part.lastindex or 1]))
        place = part.end()
    return found


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[tuple[str, str]], columns: Collection[str]) -> None:
        self._tokens, self._columns, self._at, self._depth = tokens, columns, 0, 0

    @property
    def ended(self) -> bool:
        """Whether all is read."""
        return self._at >= len(self._tokens)

    @property
    def seen(self) -> str:
        """The text of the next part; empty at the end."""
        return "" if self.ended else self._tokens[self._at][1]

    def any_of(self) -> Test:
        tests = [self._all_of()]
        while self._takes("or"):
            tests.append(self._all_of())
        return lambda row: any(test(row) for test in tests)

    def _all_of(self) -> Test:
        tests = [self._one()]
        while self._takes("and") or not (self.ended or self._next_is("or") or self.seen == ")"):
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        self._depth += 1
        if self._depth > DEEPEST:
            raise SettingsError(f"filter: expected at most {DEEPEST} brackets and nots, got more")
        try:
            if self._takes("not"):
                denied = self._one()
                return lambda row: not denied(row)
            if self._takes("(", "sign"):
                inner = self.any_of()
                if not self._takes(")", "sign"):
                    raise SettingsError(f"filter: expected ')', got {self._got()}")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Test:
        if self.ended or self._tokens[self._at][0] == "sign" or self._next_is("and", "or"):
            raise SettingsError(f"filter: expected a column or a text, got {self._got()}")
        kind, name = self._tokens[self._at]
        self._at += 1
        if kind == "quoted" or self.ended or self.seen not in _SIGNS or self._tokens[self._at][0] != "sign":
            return _containing(name, SEARCHED)
        sign = self.seen
        self._at += 1
        if name not in self._columns:
            raise SettingsError(f"filter: expected a column, got {short_repr(name)}{self._hint(name)}")
        if self.ended or self._tokens[self._at][0] == "sign":
            raise SettingsError(f"filter: expected a value after {name} {sign}, got {self._got()}")
        value = self.seen
        self._at += 1
        if sign == "~":
            return _containing(value, (name,))
        return _comparing(name, sign, value)

    def _hint(self, name: str) -> str:
        near = get_close_matches(name, self._columns, n=1)
        return f"; did you mean {near[0]}?" if near else "; choose a column from the list"

    def _got(self) -> str:
        return "the end" if self.ended else short_repr(self.seen)

    def _next_is(self, *words: str) -> bool:
        return not self.ended and self._tokens[self._at][0] == "word" and self.seen.lower() in words

    def _takes(self, text: str, kind: str = "word") -> bool:
        """Step over the next part if it is this one."""
        if self.ended or (self._tokens[self._at][0], self.seen.lower()) != (kind, text):
            return False
        self._at += 1
        return True


def _containing(text: str, columns: Collection[str]) -> Test:
    wanted = text.casefold()
    return lambda row: any(wanted in _text(row.get(column, "")).casefold() for column in columns)


def _comparing(name: str, sign: str, wanted: str) -> Test:
    """The test of one comparison: by size where both sides are numbers, otherwise as texts."""
    number, flag = _number(wanted), _FLAGS.get(wanted.lower())
    if number is None and sign in _SIZES:
        raise SettingsError(
            f"filter: expected a number or a day after {name} {sign}, got {short_repr(wanted)}"
        )

    def equal(value: Any) -> bool:
        if isinstance(value, list):
            return any(equal(each) for each in value)
        if isinstance(value, bool):
            return value is flag
        if isinstance(value, int | float):
            return value == number
        return _text(value).casefold() == wanted.casefold()

    def test(row: Row) -> bool:
        value = row.get(name)
        if sign in ("=", "=="):
            return value is not None and equal(value)
        if sign == "!=":
            return value is None or not equal(value)
        if not isinstance(value, int | float) or isinstance(value, bool) or number is None:
            return False
        return bool(_SIZES[sign](value, number))

    return test


def _number(text: str) -> float | None:
    """A number, a share such as `50%`, or the moment at which a day such as `2026-11-30` begins."""
    with suppress(ValueError):
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    with suppress(ValueError):
        return datetime.fromisoformat(text).timestamp()
    return None


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(
            f"{name}={each:g}" if isinstance(each, float) else f"{name}={each}"
            for name, each in value.items()
        )
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
