# SPDX-License-Identifier: AGPL-3.0-only
"""Changes between two runs as they are named and scaled; the page's test has the rest."""

from __future__ import annotations

import math

import pytest

from dashboard.parts.benchmarks import changes as parts
from engine.benchmark.comparison import changes
from tests.dashboard.measured import row


def test_names_that_repeat_are_numbered() -> None:
    assert parts.unique([]) == []
    assert parts.unique(["a", "b", "a"]) == ["a", "b", "a (2)"]


@pytest.mark.parametrize(("before", "share"), [(10.0, 0.5), (-10.0, 2.5), (0.0, math.nan)])
def test_changes_are_shares_of_what_was(before: float, share: float) -> None:
    (change,) = changes([row("a", before)], [row("a", 15.0)])
    assert parts.shares(change).value == pytest.approx(share, nan_ok=True)
