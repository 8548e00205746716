# SPDX-License-Identifier: AGPL-3.0-only
"""The columns of the table of runs: every one has a name; values as the browser sorts them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dashboard.parts.runs import columns as heads
from dashboard.services.run_table import COLUMNS, COSTS, FACTS, SCORES, Row


def row(**values: Any) -> Row:
    return Row(id="1", job=1, patch=None, image="", values=values, intervals={})


def test_every_column_has_a_name_and_filters_know_it() -> None:
    assert set(heads.TITLES) == {*FACTS, *SCORES, *COSTS}
    assert heads.option("batch_size") == "Batch size · batch_size"
    assert set(heads.USUAL) <= set(COLUMNS)


def test_a_tag_has_the_same_colour_everywhere() -> None:
    assert heads.tag_colour("") in heads.TAG_COLOURS
    assert heads.tag_colour("paper") == heads.tag_colour("paper")
    assert len({heads.tag_colour(str(number)) for number in range(50)}) == len(heads.TAG_COLOURS)


def test_no_lines_have_columns_all_the_same() -> None:
    assert heads.data([], ["name", "asr"]) == {"name": [], "asr": []}
    assert heads.numeric([], ["asr"]) == []
    assert set(heads.config([], list(COLUMNS))) == set(COLUMNS)


def test_numbers_stay_numbers_and_choices_are_words() -> None:
    lines = [
        row(
            state="failed",
            created=0.0,
            batch_size=8,
            batching="ragged",
            deterministic=False,
            tags=["a"],
            asr=0.5,
        ),
        row(batch_size=0, unseen=True),
    ]
    assert heads.data(
        lines, ["state", "created", "batch_size", "batching", "deterministic", "tags", "unseen"]
    ) == {
        "state": ["Failed", None],
        "created": [datetime.fromtimestamp(0), None],
        "batch_size": [8, 0],
        "batching": ["Any images together", None],
        "deterministic": ["no", None],
        "tags": [["a"], []],
        "unseen": [None, "yes"],
    }
    assert heads.numeric(lines, list(COLUMNS)) == ["asr", "batch_size"]
