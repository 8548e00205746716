# SPDX-License-Identifier: AGPL-3.0-only
"""Measurements as JSON has them."""

import json

import pytest

from engine.measurements import Interval, Measurement, spans_orders

NAN = float("nan")


@pytest.mark.parametrize(
    ("numbers", "written"),
    [((NAN, NAN, NAN), [None] * 3), ((0.5, NAN, NAN), [0.5, None, None]), ((2.0, 1.0, 3.0), [2.0, 1.0, 3.0])],
)
def test_an_interval_without_a_value_is_null(numbers, written):
    value, low, high = numbers
    assert Interval(value=value, low=low, high=high).to_json() == written


def test_a_measurement_is_plain_json():
    figure = Interval(value=2.0, low=1.0, high=3.0)
    bare = Measurement(side="step", figure=figure, unit="s").to_json()
    assert (bare["settings"], bare["claimed"], bare["samples"]) == ({}, None, [])
    full = Measurement(
        side="step", figure=figure, unit="s", settings={"batch_size": 2}, claimed=1.5, samples=(1.0, 3.0)
    )
    assert json.loads(json.dumps(full.to_json())) == {
        "side": "step",
        "value": 2.0,
        "low": 1.0,
        "high": 3.0,
        "unit": "s",
        "settings": {"batch_size": 2},
        "claimed": 1.5,
        "samples": [1.0, 3.0],
    }


@pytest.mark.parametrize(
    ("values", "far"),
    [([], False), ([3.0], False), ([1.0, 100.0], False), ([1.0, 101.0], True), ([0.0, 101.0], False)],
)
def test_figures_far_apart_are_told(values, far):
    assert spans_orders(values) is far
