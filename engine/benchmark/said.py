# SPDX-License-Identifier: AGPL-3.0-only
"""Sentences whose figures are kept apart from their words, so that a reader's language can word them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, Union

Value: TypeAlias = Union[str, float, "Said", "Listed"]
Wording = Callable[[str], str]


def _unchanged(text: str) -> str:
    return text


@dataclass(frozen=True)
class Said:
    """A sentence, or a piece of one; `str` gives it in English. Made by `said`.

    Attributes:
        text: in English, with named places as of `str.format`.
        values: place → a figure, the name of a side, or what is said there.
    """

    text: str
    values: Mapping[str, Value]

    def __str__(self) -> str:
        return self.worded()

    def worded(self, translate: Wording = _unchanged, name: Wording = _unchanged) -> str:
        """The whole in words.

        Args:
            translate: takes a text with its places and returns the same in another language.
            name: takes the name of a side.
        """
        values = {place: _worded(value, translate, name) for place, value in self.values.items()}
        return translate(self.text).format_map(values)


@dataclass(frozen=True)
class Listed:
    """Things said one after the other. Made by `listed`.

    Attributes:
        items: in order; names of sides or what is said.
        separator: between them; a text if it is the same in every language.
    """

    items: tuple[str | Said, ...]
    separator: str | Said


def said(text: str, /, **values: Value) -> Said:
    """A sentence or a piece of one.

    Args:
        text: a literal, for the catalogues of translations are made by reading the code; not empty.
        values: what goes to its places.
    """
    return Said(text, values)


def listed(items: Iterable[str | Said], separator: str | Said) -> Listed:
    """Things said one after the other; nothing where there are none."""
    return Listed(tuple(items), separator)


def _worded(value: Value, translate: Wording, name: Wording) -> str | float:
    if isinstance(value, Listed):
        items = [str(_worded(item, translate, name)) for item in value.items]
        between = value.separator
        return (between.worded(translate, name) if isinstance(between, Said) else between).join(items)
    if isinstance(value, Said):
        return value.worded(translate, name)
    return name(value) if isinstance(value, str) else value
