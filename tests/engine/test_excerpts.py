# SPDX-License-Identifier: AGPL-3.0-only
"""Excerpts of values and files: one line, short, and cheap whatever is given."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.excerpts import read_bounded, short_line, short_list, short_repr


def laughs(levels: int = 60) -> Any:
    """A list that is a few objects in memory and would be written as 10 to the power of `levels`."""
    value: Any = ["lol"]
    for _ in range(levels):
        value = [value] * 10
    return value


class Large:
    def __repr__(self) -> str:
        raise AssertionError("written out")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        ("", "''"),
        (3, "3"),
        (2.5, "2.5"),
        ([], "[]"),
        ({}, "{}"),
        ("a\nb", r"'a\nb'"),
        ({"b": 1, "a": [1, 2]}, "{'b': 1, 'a': [1, 2]}"),
        (date(2001, 1, 2), "datetime.date(2001, 1, 2)"),
        (2**5000, "<a number of 5001 bits>"),
        (OrderedDict(a=1), "{'a': 1}"),
        (Large(), "<Large>"),
        (list(range(9)), "[0, 1, 2, 3, 4, 5, ...]"),
        (dict.fromkeys(range(9), 0), "{0: 0, 1: 0, 2: 0, 3: 0, ...}"),
        ([[[["deep"]]]], "[[[[...]]]]"),
        ("a" * 100, "'" + "a" * 78 + "…"),
        (b"x" * 300, "b'" + "x" * 77 + "…"),
    ],
)
def test_values_are_shown_in_short(value: object, shown: str) -> None:
    assert short_repr(value) == shown


@pytest.mark.parametrize(
    "value",
    [
        laughs(),
        {"a": laughs(), "b": OrderedDict(c=laughs())},
        (laughs(), {1: laughs()}),
        ["x" * 10**7] * 10**6,
        dict.fromkeys(range(10**6), "x" * 10**7),
        b"x" * 10**8,
        9**10**5,
    ],
    ids=["lists", "mappings", "tuples", "texts", "large mapping", "bytes", "number"],
)
def test_large_and_nested_values_cost_nothing(value: object) -> None:
    started_s = time.process_time()
    assert len(short_repr(value)) <= 80
    assert time.process_time() - started_s < 0.2


@given(st.recursive(st.none() | st.text() | st.binary() | st.floats(), st.lists, max_leaves=30))
def test_any_value_is_one_line_of_bounded_length(value: object) -> None:
    shown = short_repr(value, 40)
    assert len(shown) <= 40
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a\n  b\tc", "a b c"),
        (ValueError("bad"), "bad"),
        ("caf\udcff", r"caf\udcff"),
        ("a" * 10**7, "a" * 199 + "…"),
    ],
)
def test_texts_become_one_line(text: object, shown: str) -> None:
    assert short_line(text) == shown


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([], ""),
        (["a", "b"], "a, b"),
        (map(str, range(9)), "0, 1, 2, 3, 4, 5, 6, 7, … 9 in total"),
        (["n" * 100], "n" * 59 + "…"),
    ],
)
def test_lists_show_the_first_names(names: Any, shown: str) -> None:
    assert short_list(names) == shown


@pytest.mark.parametrize("content", [b"", b"abc"])
def test_files_up_to_the_bound_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert read_bounded(tmp_path / "a", 3) == content


def test_larger_files_pipes_and_folders_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "large", "wb") as file:
        file.truncate(2**40)  # a hole: nobody could read it into memory
    for name, reason in (
        ("large", "it is larger than 1 MiB"),
        ("pipe", "it is not a regular file"),
        (".", "Is a directory"),
        ("none", "No such file or directory"),
    ):
        with pytest.raises(OSError, match=r"\[Errno") as raised:
            read_bounded(tmp_path / name, 2**20)
        assert raised.value.strerror == reason
