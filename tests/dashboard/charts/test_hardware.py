# SPDX-License-Identifier: AGPL-3.0-only
"""The load's history."""

from __future__ import annotations

import pytest

from dashboard.charts.hardware import load_rows, load_spec

WORDS = {"title": "Load", "x_title": "Seconds", "span_s": 120.0}


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
    shown = load_spec(names, **WORDS)["encoding"]
    looks = zip(
        shown["color"]["scale"]["range"], map(str, shown["strokeDash"]["scale"]["range"]), strict=True
    )
    assert len(set(looks)) == count
    assert shown["color"]["scale"]["domain"] == names
    assert shown["y"]["scale"]["domain"] == [0, 103]
    assert shown["x"]["scale"]["domain"] == [-120, 0]


def test_it_follows_the_page() -> None:
    light, dark, large = (
        load_spec(["CPU"], **WORDS, **look) for look in ({}, {"dark": True}, {"large": True})
    )
    assert light["config"]["background"] != dark["config"]["background"]
    assert light["config"]["axis"]["labelFontSize"] < large["config"]["axis"]["labelFontSize"]
    assert light["height"] < large["height"]
