# SPDX-License-Identifier: AGPL-3.0-only
"""Lines of the table as files: CSV, JSON and Parquet."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from dashboard.services.run_table import Row
from engine.csv_text import csv_text
from engine.json_text import json_document, json_text


def as_csv(shown: Sequence[Row], columns: Sequence[str]) -> str:
    """A head and a line for each run; scores with a column for each end of their interval."""
    lines = [_flat(row, columns) for row in shown]
    head = _head(shown, columns)
    return csv_text([head, *([_cell(line.get(name)) for name in head] for line in lines)])


def as_json(shown: Sequence[Row], columns: Sequence[str]) -> str:
    """A list of objects."""
    return json_document([_flat(row, columns) for row in shown])


def as_parquet(shown: Sequence[Row], columns: Sequence[str]) -> bytes:
    """A table of typed columns; one whose values are not all of a kind holds them as text."""
    import pyarrow
    from pyarrow import parquet

    lines = [_flat(row, columns) for row in shown]
    table = pyarrow.table(
        {name: _typed([line.get(name) for line in lines]) for name in _head(shown, columns)}
    )
    file = io.BytesIO()
    parquet.write_table(table, file)
    return file.getvalue()


def _head(shown: Sequence[Row], columns: Sequence[str]) -> list[str]:
    bounded = {key for row in shown for key in row.intervals}
    head: list[str] = []
    for column in columns:
        head += [column, f"{column}_low", f"{column}_high"] if column in bounded else [column]
    return head


def _flat(row: Row, columns: Sequence[str]) -> dict[str, Any]:
    line: dict[str, Any] = {}
    for column in columns:
        line[column] = row.values.get(column)
        if column in row.intervals:
            line[f"{column}_low"], line[f"{column}_high"] = row.intervals[column]
    return line


def _cell(value: Any) -> Any:
    """Lists and mappings as JSON, as a cell has room for one text."""
    return json_text(value) if isinstance(value, list | dict) else value


def _typed(values: Sequence[Any]) -> list[Any]:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} or (len(kinds) == 1 and not kinds & {dict, list}):
        return [float(value) if kinds == {int, float} and value is not None else value for value in values]
    return [
        None if value is None else value if isinstance(value, str) else json_text(value) for value in values
    ]
