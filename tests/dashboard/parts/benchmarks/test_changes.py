# SPDX-License-Identifier: AGPL-3.0-only
"""Changes between two runs as they are scaled; the page's test has the rest."""

from __future__ import annotations

import math

import pytest

from dashboard.parts.benchmarks import changes as parts
from engine.benchmark.changes import changes
from tests.dashboard.measured import row


@pytest.mark.parametrize(("before", "share"), [(10.0, 0.5), (-10.0, 2.5), (0.0, math.nan)])
def test_changes_are_shares_of_what_was(before: float, share: float) -> None:
    (change,) = changes([row({"batch_size": 8}, before)], [row({"batch_size": 8}, 15.0)])
    assert parts.shares(change).value == pytest.approx(share, nan_ok=True)
