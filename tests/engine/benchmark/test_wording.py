# SPDX-License-Identifier: AGPL-3.0-only
"""Figures and sides as tables show them."""

import pytest

from engine.benchmark.wording import figure_text, readable, side_name


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0"), (0.123456, "0.1235"), (1234567.0, "1.235e+06"), (-2.5, "-2.5")],
)
def test_figures_have_four_digits(value, text):
    assert figure_text(value) == text


@pytest.mark.parametrize(
    ("settings", "name"), [({}, "step"), ({"view": "whole"}, "step (whole)"), ({"view": "step"}, "step")]
)
def test_a_side_is_told_from_another_of_its_name(settings, name):
    row = {"side": "step", "settings": settings}
    assert side_name(row) == name
    assert side_name(row, str.upper) == name.upper()


@pytest.mark.parametrize(
    ("unit", "shown", "value", "claimed"),
    [("s", "s", 2e9, None), ("bytes", "GB", 2.0, None), ("bytes", "GB", 2.0, 1.5)],
)
def test_bytes_are_shown_as_gigabytes(unit, shown, value, claimed):
    row = {"side": "a", "unit": unit, "value": 2e9, "low": None, "high": 2e9}
    row |= {"claimed": None if claimed is None else claimed * 1e9}
    numbers = {"value": value, "low": None, "high": value, "claimed": claimed}
    assert readable(row) == {"side": "a", "unit": shown, **numbers}
