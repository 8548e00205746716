# SPDX-License-Identifier: AGPL-3.0-only
"""Figures and sides as tables show them."""

import pytest

from engine.benchmark.wording import figure_text, side_name


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0"), (0.123456, "0.1235"), (1234567.0, "1.235e+06"), (-2.5, "-2.5")],
)
def test_figures_have_four_digits(value, text):
    assert figure_text(value) == text


@pytest.mark.parametrize(
    ("settings", "name"), [({}, "step"), ({"view": "views", "batch": 1}, "step (views)")]
)
def test_a_side_is_told_from_another_of_its_name(settings, name):
    assert side_name({"side": "step", "settings": settings}) == name
