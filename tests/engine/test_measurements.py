# SPDX-License-Identifier: AGPL-3.0-only
"""Measurements and comparisons as JSON has them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from engine.measurements import Comparison, Interval, Measurement, spans_orders

NAN, INF = math.nan, math.inf


def figure(value: float, low: float, high: float) -> Interval:
    return Interval(value=value, low=low, high=high)


def compared(**changes: Any) -> Comparison:
    made = {
        "side": {"batching": "grouped", "batch_size": 8},
        "reference": {"batching": "ragged", "batch_size": 8},
        "metric": "image-iterations/s",
        "unit": "times",
        "effect": figure(1.5, 1.25, 1.75),
    }
    return Comparison(**{**made, **changes})


@pytest.mark.parametrize(
    ("numbers", "written"),
    [
        ((NAN, NAN, NAN), [None] * 3),
        ((0.5, NAN, NAN), [0.5, None, None]),
        ((0.5, -INF, INF), [0.5, None, None]),
        ((2.0, 1.0, 3.0), [2.0, 1.0, 3.0]),
    ],
)
def test_numbers_that_are_not_finite_are_null(numbers: tuple[float, float, float], written: list) -> None:
    assert figure(*numbers).to_json() == written


def test_a_measurement_is_plain_json() -> None:
    bare = Measurement(side={}, figure=figure(2.0, 1.0, 3.0), metric="s").to_json()
    assert (bare["side"], bare["facts"], bare["samples"]) == ({}, {}, [])
    full = Measurement(
        side={"of": "step"}, figure=figure(2.0, 1.0, 3.0), metric="s", facts={"images": 2}, samples=(1.0, 3.0)
    )
    assert json.loads(json.dumps(full.to_json())) == {
        "side": {"of": "step"},
        "metric": "s",
        "value": 2.0,
        "low": 1.0,
        "high": 3.0,
        "facts": {"images": 2},
        "samples": [1.0, 3.0],
    }


@pytest.mark.parametrize(
    "numbers", [(NAN, NAN, NAN), (0.5, NAN, NAN), (2.0, 1.0, 3.0)], ids=["undefined", "unbounded", "whole"]
)
@pytest.mark.parametrize("samples", [(), (1.0, 2.5)])
def test_a_measurement_comes_back(numbers: tuple[float, float, float], samples: tuple[float, ...]) -> None:
    measurement = Measurement(
        side={"of": "step", "batch_size": 2},
        figure=figure(*numbers),
        metric="s",
        facts={"seconds": 1.5},
        samples=samples,
    )
    read = Measurement.from_json(json.loads(json.dumps(measurement.to_json())))
    assert repr(read) == repr(measurement)  # NaN equals itself in no other way


def test_a_sample_that_json_lacks_is_undefined() -> None:
    written = Measurement(side={}, figure=figure(2.0, 2.0, 2.0), metric="s").to_json()
    assert math.isnan(Measurement.from_json({**written, "samples": [None]}).samples[0])


@pytest.mark.parametrize(
    ("claimed", "written"),
    [
        (None, None),
        ((1.4, 1.4), [1.4, 1.4]),
        ((0.85, INF), [0.85, None]),
        ((-INF, 0.1), [None, 0.1]),
        ((-INF, INF), [None, None]),
    ],
)
def test_a_comparison_comes_back(claimed: tuple[float, float] | None, written: list | None) -> None:
    comparison = compared(claimed=claimed, claim="grouping", outcome="undecided", needs={"rounds": 3})
    content = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert content == {
        "side": {"batching": "grouped", "batch_size": 8},
        "reference": {"batching": "ragged", "batch_size": 8},
        "metric": "image-iterations/s",
        "unit": "times",
        "effect": [1.5, 1.25, 1.75],
        "claim": "grouping",
        "claimed": written,
        "outcome": "undecided",
        "needs": {"rounds": 3},
    }
    assert Comparison.from_json(content) == comparison


def test_an_undefined_effect_stays_undefined() -> None:
    content = json.loads(json.dumps(compared(effect=figure(0.5, NAN, NAN)).to_json(), allow_nan=False))
    effect = Comparison.from_json(content).effect
    assert (effect.value, math.isnan(effect.low), math.isnan(effect.high)) == (0.5, True, True)
    assert (content["claim"], content["outcome"], content["needs"]) == ("", "", {})


@pytest.mark.parametrize(
    ("values", "far"),
    [([], False), ([3.0], False), ([1.0, 20.0], False), ([1.0, 20.1], True), ([0.0, 101.0], False)],
)
def test_figures_far_apart_are_told(values: list[float], far: bool) -> None:
    assert spans_orders(values) is far
