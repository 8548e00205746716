# SPDX-License-Identifier: AGPL-3.0-only
"""Lines of label files: their numbers, also with commas, and what is said of the others."""

import pytest

from engine.datasets.label_lines import FaultyLine, LabelLine, read_lines

PLAIN = [0, 0.5, 0.5, 0.2, 0.4]


@pytest.mark.parametrize("text", ["", "\n \n\t\n"])
def test_blank_lines_are_none(text):
    assert list(read_lines(text)) == []


@pytest.mark.parametrize(
    ("text", "values", "commas"),
    [
        ("0 0.5 0.5 0.2 0.4", PLAIN, False),
        ("0\t0.5\t0.5\t0.2\t0.4", PLAIN, False),
        ("0,0.5,0.5,0.2,0.4", PLAIN, True),
        ("0, 0.5, 0.5, 0.2, 0.4", PLAIN, True),
        ("0,0.5,0.5,0.2,0.4,", PLAIN, True),
        ("0 0,5 0,5 0,2 0,4", PLAIN, True),
        ("0;0,5;0,5;0,2;0,4", PLAIN, True),
        ("0; 0.5; 0.5; 0.2; 0.4;", PLAIN, True),
        ("0,120,80,30,40", [0, 120, 80, 30, 40], True),
        ("0 0.1 0.2 0.3 0.2 0.3 0.8", [0, 0.1, 0.2, 0.3, 0.2, 0.3, 0.8], False),
    ],
)
def test_numbers_are_read(text, values, commas):
    (line,) = read_lines(text)
    assert line == LabelLine(1, values, commas)


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        (
            "person .5 .5 .2 .4",
            "malformed_line",
            "not all words are numbers, expected `class x y width height`",
        ),
        ("0,0,5,0,5,0,2,0,4", "malformed_line", "commas may separate numbers or decimals"),
        ("0 0,5 0.5 0,2 0.4", "malformed_line", "both points and commas in numbers"),
        ("0 1,000,5 0,5 0,2 0,4", "malformed_line", "not all words are numbers, commas included"),
        ("0 .5 .5 .2", "malformed_line", "4 numbers, expected `class x y width height`"),
        ("0.5 .5 .5 .2 .4", "malformed_line", "the class ID is 0.5"),
        ("0 nan .5 .2 .4", "non_finite", "a number is infinite or not a number"),
    ],
)
def test_other_lines_are_shown_with_the_reason(text, kind, reason):
    (line,) = read_lines(f"\n{text}\n")
    assert isinstance(line, FaultyLine)
    assert (line.number, line.kind) == (2, kind)
    assert line.reason.startswith(reason)
    assert line.reason.endswith(f": {text!r}")


def test_a_long_line_is_shown_in_part():
    (line,) = read_lines("x " * 100)
    assert len(line.reason) < 150
    assert str(LabelLine(1, [0.5] * 100, False)).endswith("0.5 …'")
