# SPDX-License-Identifier: AGPL-3.0-only
"""The load's history."""

from __future__ import annotations

import pytest

from dashboard.charts.hardware import load_rows, load_spec

WORDS = {"title": "Load", "x_title": "Seconds", "span": (-120.0, 0.0)}


@pytest.mark.parametrize(
    ("ages", "series", "rows"),
    [
        ([], {}, {"age": [], "name": [], "load": []}),
        ([0.0], {"CPU": [50.0]}, {"age": [0.0], "name": ["CPU"], "load": [50.0]}),
        (
            [-2.0, 0.0],
            {"CPU": [1.0, 2.0], "GPU 0": [None, 90.0]},
            {"age": [-2, 0, -2, 0], "name": ["CPU", "CPU", "GPU 0", "GPU 0"], "load": [1, 2, None, 90]},
        ),
    ],
)
def test_each_sample_is_a_row(
    ages: list[float], series: dict[str, list[float | None]], rows: dict[str, list[object]]
) -> None:
    assert load_rows(ages, series) == rows


def test_a_series_without_a_sample_for_each_age_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        load_rows([-2.0, 0.0], {"CPU": [1.0]})


@pytest.mark.parametrize("count", [0, 1, 2, 18])
def test_each_series_has_a_look_of_its_own_within_0_to_100(count: int) -> None:
    names = [f"GPU {index}" for index in range(count)]
    spec = load_spec(names, **WORDS)
    lines, pointed = (layer["encoding"] for layer in spec["layer"])
    looks = zip(
        lines["color"]["scale"]["range"], map(str, lines["strokeDash"]["scale"]["range"]), strict=True
    )
    assert len(set(looks)) == count
    assert lines["color"]["scale"]["domain"] == names
    assert lines["y"]["scale"]["domain"] == [0, 103]
    assert spec["encoding"]["x"]["scale"]["domain"] == [-120, 0]
    assert [each["field"] for each in pointed["tooltip"]] == ["age", *names]
