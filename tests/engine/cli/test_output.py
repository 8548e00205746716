# SPDX-License-Identifier: AGPL-3.0-only
"""Tables and JSON on standard output."""

from __future__ import annotations

import json

import pytest

from engine.cli.output import SCORE_COLUMNS, print_json, print_table, score_rows

OLD_KEYS = ("ap50", "ap50_95", "relative_ap50", "asr", "disappearance", "hallucinations_per_image")
KEYS = (*OLD_KEYS, "confidence_retained")


@pytest.mark.parametrize(
    ("result", "read"),
    [
        ({}, {}),
        ([], []),
        ({"name": "Übung", "asr": None}, {"name": "Übung", "asr": None}),
        ({"asr": float("nan"), "low": [-float("inf")]}, {"asr": None, "low": [None]}),
    ],
)
def test_json_can_be_read_again(capsys: pytest.CaptureFixture[str], result: object, read: object) -> None:
    print_json(result)
    assert json.loads(capsys.readouterr().out) == read


def test_json_stays_json_where_the_terminal_lacks_characters(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.cli.output.lacks_characters", lambda: True)
    print_json({"name": "é…한"})
    assert capsys.readouterr().out == '{\n  "name": "\\u00e9\\u2026\\ud55c"\n}\n'


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ([], ["name  images", "----  ------"]),
        (
            [["a", 1], ["longer", 1234567]],
            ["name     images", "------  -------", "a             1", "longer  1234567"],
        ),
    ],
)
def test_tables_are_aligned(capsys: pytest.CaptureFixture[str], rows: list, lines: list[str]) -> None:
    print_table(["name", "images"], rows)
    assert capsys.readouterr().out.splitlines() == lines


def scores(value: float | None, low: float | None, high: float | None) -> dict:
    return dict.fromkeys(KEYS, value) | {"ci95": {key: [low, high] for key in KEYS}}


def test_scores_show_value_and_interval_where_there_are_any() -> None:
    evaluation = {
        "controls": {"clean": scores(0.5, 0.25, 0.75), "grey": scores(0.5, None, None)},
        "patch": scores(None, None, None),
    }
    rows = score_rows(evaluation)
    assert {len(row) for row in rows} == {len(SCORE_COLUMNS)}
    assert [row[:2] for row in rows] == [["clean", "0.500 [0.25, 0.75]"], ["grey", "0.500"], ["patch", "-"]]


def test_runs_from_before_a_score_show_a_dash_in_its_column() -> None:
    old = dict.fromkeys(OLD_KEYS, 0.5) | {"ci95": {key: [0.25, 0.75] for key in OLD_KEYS}}
    (row,) = score_rows({"controls": {}, "patch": old})
    assert [title for title, cell in zip(SCORE_COLUMNS, row, strict=True) if cell == "-"] == ["confidence"]
