# SPDX-License-Identifier: AGPL-3.0-only
"""Data sources: each way to read is measured beside an iteration of a run."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from engine.benchmark.suites.data_source import DATABASE, EACH_IMAGE, FILES, ITERATION
from engine.jobs.benchmark_readers import readers
from engine.runs.imports import open_dataset
from tests.engine.benchmark.suites.running import measure


def test_each_way_to_read_is_beside_an_iteration(subject, scale):
    calls = []
    ways = {FILES: lambda: calls.append(FILES) or time.sleep(0.001), DATABASE: lambda: calls.append(DATABASE)}
    rows = measure("data-source", replace(subject, readers=ways), scale)
    assert rows.sides("s") == [FILES, DATABASE, ITERATION]
    assert calls.count(FILES) == calls.count(DATABASE) == scale.rounds + 1
    assert rows.pairs("costly") == [(DATABASE, ITERATION)]
    assert rows.pairs("other") == [(FILES, ITERATION)]
    assert {row.facts["images"] for row in rows.measurements} == {5}
    (costly,) = rows.of("costly")
    assert (costly.unit, costly.outcome) == ("share", "none")  # doing nothing costs nothing


def test_without_a_dataset_there_is_nothing_to_compare(subject, scale):
    rows = measure("data-source", subject, scale)
    assert (rows.sides("s"), rows.comparisons) == ([ITERATION], [])


@pytest.mark.parametrize("name", [FILES, EACH_IMAGE, DATABASE])
def test_the_ways_are_called_as_jobs_call_them(blocks, name):
    assert name in readers(open_dataset(str(blocks)))
