# SPDX-License-Identifier: AGPL-3.0-only
"""Output of commands: aligned tables or JSON on standard output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from engine.classes import recorded_words
from engine.json_text import json_document, json_text
from engine.terminal import lacks_characters

SCORES = {  # key → its column's title
    "ap50": "AP50",
    "ap50_95": "AP50-95",
    "relative_ap50": "relative AP50",
    "asr": "ASR",
    "confidence_retained": "confidence",
    "disappearance": "disappearance",
    "hallucinations_per_image": "hallucinations/image",
}
SCORE_COLUMNS = ("condition", *SCORES.values())

json_option: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print only the result, as JSON."
)


def print_json(result: Any) -> None:
    """Print a JSON document; non-finite numbers become null, characters that the terminal lacks escapes."""
    click.echo(json_text(result, indent=2) if lacks_characters() else json_document(result))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table with columns as wide as their widest cell, all but the first right-aligned."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for row in [list(columns), ["-" * width for width in widths], *cells]:
        aligned = [
            cell.ljust(width) if position == 0 else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(aligned).rstrip())


def print_classes(facts: Mapping[str, Any]) -> None:
    """Print which classes of the dataset match which of the detector, if their names differ.

    Args:
        facts: of a run, a score or a benchmark; see `recorded_words`.
    """
    text = recorded_words(facts) if "classes" in facts else ""
    if "→" in text:
        click.echo(f"class: {text}")


def print_defences(facts: Mapping[str, Any]) -> None:
    """Print what stood in front of the detector, if anything did; `facts` are settings of a run or score."""
    if defences := facts.get("defences"):
        click.echo(f"behind: {' + '.join(defences)}")


def score_rows(evaluation: dict[str, Any]) -> list[list[str]]:
    """A row for each control and for the patch: value and 95% interval."""
    conditions = {**evaluation["controls"], "patch": evaluation["patch"]}
    return [[name, *(_score(scores, key) for key in SCORES)] for name, scores in conditions.items()]


def _score(scores: dict[str, Any], key: str) -> str:
    return interval(scores.get(key), *scores["ci95"].get(key, (None, None)))  # old runs lack some


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """A score with its 95% interval as a cell of a table; a dash where it is undefined."""
    if value is None:
        return "-"
    if low is None or high is None:
        return f"{value:.3f}"
    return f"{value:.3f} [{low:.2f}, {high:.2f}]"
