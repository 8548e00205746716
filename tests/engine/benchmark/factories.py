# SPDX-License-Identifier: AGPL-3.0-only
"""Hand-made measurements, comparisons and claims."""

from __future__ import annotations

from typing import Any

from engine.benchmark.suite import Claim
from engine.measurements import Comparison, Interval, Measurement

CLAIM = Claim(key="faster", holds="It is faster", fails="It is not faster")


def interval(value: float, low: float | None = None, high: float | None = None) -> Interval:
    """A figure with its bounds, by default without width."""
    return Interval(value=value, low=value if low is None else low, high=value if high is None else high)


def row(side: str = "step", value: float = 2.0, metric: str = "s", **rest: Any) -> Measurement:
    """A figure that lies half of one from its bounds."""
    figure = interval(value, value - 0.5, value + 0.5)
    return Measurement(**{"side": {"of": side}, "metric": metric, "figure": figure, **rest})


def comparison(value: float = 2.0, noise: float = 0.0, **rest: Any) -> Comparison:
    """`a` beside `b` by speed, with an interval of that much noise to either side."""
    made = {
        "side": {"of": "a"},
        "reference": {"of": "b"},
        "metric": "image-iterations/s",
        "unit": "times",
        "effect": interval(value, value - noise, value + noise),
    }
    return Comparison(**{**made, **rest})
