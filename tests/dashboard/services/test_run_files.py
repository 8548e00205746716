# SPDX-License-Identifier: AGPL-3.0-only
"""Lines of the table as files: none, with intervals, with formulas in names, in the types of Parquet."""

from __future__ import annotations

import io
import json

from pyarrow import parquet

from dashboard.services.run_files import as_csv, as_json, as_parquet
from dashboard.services.run_table import Row

ROWS = [
    Row(
        id="1",
        job=1,
        patch=1,
        image="",
        values={"name": "=1+1", "asr": 0.5, "tags": ["a", "b"], "batch_size": 8},
        intervals={"asr": (0.4, 0.6)},
    ),
    Row(id="2", job=2, patch=None, image="", values={"name": "b", "batch_size": 0.5}, intervals={}),
]
COLUMNS = ["name", "asr", "tags", "batch_size", "notes"]


def test_no_lines_leave_the_head() -> None:
    assert as_csv([], ["name", "asr"]) == "name,asr\r\n"
    assert as_json([], ["name"]) == "[]"
    assert parquet.read_table(io.BytesIO(as_parquet([], ["name"]))).num_rows == 0


def test_csv_has_the_ends_of_intervals_and_no_formula() -> None:
    assert as_csv(ROWS, COLUMNS).splitlines() == [
        "name,asr,asr_low,asr_high,tags,batch_size,notes",
        """'=1+1,0.5,0.4,0.6,"[""a"", ""b""]",8,""",
        "b,,,,,0.5,",
    ]


def test_json_has_an_object_for_each_line() -> None:
    first, second = json.loads(as_json(ROWS, COLUMNS))
    assert (first["tags"], first["asr_low"]) == (["a", "b"], 0.4)
    assert second == {"name": "b", "asr": None, "tags": None, "batch_size": 0.5, "notes": None}


def test_parquet_has_typed_columns() -> None:
    table = parquet.read_table(io.BytesIO(as_parquet(ROWS, COLUMNS))).to_pydict()
    assert table["batch_size"] == [8.0, 0.5]
    assert (table["asr"], table["asr_high"]) == ([0.5, None], [0.6, None])
    assert (table["tags"], table["notes"]) == (['["a", "b"]', None], [None, None])
