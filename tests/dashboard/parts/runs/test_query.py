# SPDX-License-Identifier: AGPL-3.0-only
"""Values of several in a link; the widgets are seen in the page's own test."""

from __future__ import annotations

import pytest

from dashboard.parts.runs.query import SEVERAL


@pytest.mark.parametrize("values", [[], ["a"], ["a, b", "c"], ["50%", "é·"]])
def test_values_survive_a_link(values: list[str]) -> None:
    assert [each for each in SEVERAL["parse"](SEVERAL["write"](values)) if each] == values
