# SPDX-License-Identifier: AGPL-3.0-only
"""Filters of a table: what they let through, and what they answer where they cannot be read."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from dashboard.services.run_filter import DEEPEST, parse
from engine.errors import SettingsError

COLUMNS = ("asr", "batch_size", "name", "tags", "unseen", "optimizer", "created", "losses", "schedule.kind")
ROW: dict[str, Any] = {
    "asr": 0.5,
    "batch_size": 8,
    "name": "Person on streets",
    "tags": ["paper", "Best of all"],
    "unseen": True,
    "optimizer": "pyramid-adam",
    "created": datetime(2026, 11, 30).timestamp(),
    "losses": {"object": 1.0, "tv": 0.1},
    "schedule.kind": "one-cycle",
}


@pytest.mark.parametrize(
    ("text", "through"),
    [
        ("", True),
        ("   ", True),
        ("asr > 0.5", False),
        ("asr>=0.5", True),
        ("asr >= 50%", True),
        ("asr < 0.6 and batch_size = 8", True),
        ("asr < 0.6 AND batch_size == 4", False),
        ("asr > 0.6 or batch_size = 8", True),
        ("asr > 0.6 or batch_size = 8 and unseen = no", False),
        ("(asr > 0.6 or batch_size = 8) and unseen = yes", True),
        ("not asr > 0.6", True),
        ("not (asr > 0.6 or batch_size = 8)", False),
        ("batch_size != 8", False),
        ("confidence_retained", False),
        ("optimizer = PYRAMID-ADAM", True),
        ("optimizer ~ adam", True),
        ('tags = "best of all"', True),
        ("tags = best", False),
        ("tags ~ best", True),
        ('losses ~ "tv=0.1"', True),
        ("schedule.kind = one-cycle", True),
        ("created > 2026-11-29", True),
        ("created > 2026-12-01", False),
        ("person", True),
        ("person streets", True),
        ("person car", False),
        ('"on streets"', True),
        ("person asr > 0.4", True),
        ("name > 3", False),
        ("__import__('os')", False),  # texts to look for, like any others
    ],
)
def test_a_filter_lets_through(text: str, through: bool) -> None:
    assert parse(text, COLUMNS)(ROW) is through


def test_a_column_without_a_value_meets_nothing_but_unequal() -> None:
    assert [parse(f"asr {sign} 0", COLUMNS)({}) for sign in ("=", "<", ">", ">=", "!=")] == [
        *[False] * 4,
        True,
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("asx > 1", "filter: expected a column, got 'asx'; did you mean asr?"),
        ("zzz = 1", "filter: expected a column, got 'zzz'; choose a column from the list"),
        ("asr >", "filter: expected a value after asr >, got the end"),
        ("asr > )", "filter: expected a value after asr >, got ')'"),
        ("asr > much", "filter: expected a number or a day after asr >, got 'much'"),
        ("> 3", "filter: expected a column or a text, got '>'"),
        ("asr > 1 and", "filter: expected a column or a text, got the end"),
        ("and asr > 1", "filter: expected a column or a text, got 'and'"),
        ("(asr > 1", "filter: expected ')', got the end"),
        ("asr > 1)", "filter: expected 'and', 'or' or the end, got ')'"),
        ('name = "open', "filter: expected a column, a value or a closed quote, got '\"open'"),
        ("!", "filter: expected a column, a value or a closed quote, got '!'"),
        ("x" * 1001, "filter: expected at most 1,000 characters, got 1,001"),
        ("(" * (DEEPEST + 1), f"filter: expected at most {DEEPEST} brackets and nots, got more"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match="^" + re.escape(told)) as raised:
        parse(text, COLUMNS)
    assert "\n" not in str(raised.value)
