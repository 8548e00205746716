# SPDX-License-Identifier: AGPL-3.0-only
"""Cells that a spreadsheet could take for formulas."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from engine.csv_text import csv_text, inert


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (None, ""),
        ("", ""),
        ("person", "person"),
        ("a=b", "a=b"),
        ("'quoted", "'quoted"),
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("＝1+1", "'＝1+1"),  # noqa: RUF001
        ("-", "'-"),
        ("-0.5", "-0.5"),
        ("-1e-05", "-1e-05"),
        ("-inf", "-inf"),
        ("nan", "nan"),
        ("\t1", "'\t1"),
        (-0.5, "-0.5"),
        (-3, "-3"),
    ],
)
def test_what_would_begin_a_formula_gets_an_apostrophe(cell: Any, written: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_text([["first", cell]]), newline=""))
    assert row == ["first", written]


def test_no_rows_are_no_text() -> None:
    assert csv_text([]) == ""
    assert csv_text([["a"], [1]], line_end="\n") == "a\n1\n"


def test_what_is_no_text_stays_as_it_is() -> None:
    assert inert(-1.5) == -1.5
    assert inert(None) is None
