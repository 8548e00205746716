# SPDX-License-Identifier: AGPL-3.0-only
"""Parses the numbers in lines of YOLO label files, including those written with commas. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import NamedTuple

EXPECTED = "`class x y width height`"
_SHOWN = 60  # characters of a faulty line in a message


class LabelLine(NamedTuple):
    """At least five finite numbers of a line, the class first; `commas` if they were written with commas."""

    number: int
    values: list[float]
    commas: bool

    def __str__(self) -> str:
        return _shown(" ".join(f"{value:g}" for value in self.values))


class FaultyLine(NamedTuple):
    """A line without usable numbers, with the kind of repair and a short reason."""

    number: int
    kind: str
    reason: str


def read_lines(text: str) -> Iterator[LabelLine | FaultyLine]:
    """Parse the non-blank lines of a label file, numbered from 1."""
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        commas = False
        try:
            values = [float(word) for word in words]
        except ValueError:
            parsed = _numbers_with_commas(line)
            if isinstance(parsed, str):
                yield FaultyLine(number, "malformed_line", f"{parsed}: {_shown(line)}")
                continue
            values, commas = parsed, True
        if not all(map(isfinite, values)):
            yield FaultyLine(number, "non_finite", f"a number is infinite or not a number: {_shown(line)}")
        elif not values[0].is_integer():
            yield FaultyLine(number, "malformed_line", f"the class ID is {values[0]:g}: {_shown(line)}")
        elif len(values) < 5:
            reason = f"{len(values)} numbers, expected {EXPECTED}: {_shown(line)}"
            yield FaultyLine(number, "malformed_line", reason)
        else:
            yield LabelLine(number, values, commas)


def _numbers_with_commas(line: str) -> list[float] | str:
    """The numbers of a line if its commas are unambiguous, otherwise the reason why they are not."""
    words, separated = line.split(), False
    if ";" in line:
        words = line.strip().strip(";").split(";")
    elif "," in line and (len(words) < 5 or any(word.endswith(",") for word in words)):
        words, separated = line.strip().strip(",").split(","), True
        if "." not in line and len(words) != 5:
            return "commas may separate numbers or decimals, expected decimal points"
    if not separated:
        if "." in line and "," in line:
            return "both points and commas in numbers, expected decimal points"
        words = [word.replace(",", ".", 1) for word in words]
    try:
        return [float(word) for word in words]
    except ValueError:
        commas = ", commas included" if "," in line else ""
        return f"not all words are numbers{commas}, expected {EXPECTED}"


def _shown(line: str) -> str:
    text = line.strip()
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
