# SPDX-License-Identifier: AGPL-3.0-only
"""Losses: gradients on the same batches, scores at equal time."""

from __future__ import annotations

import pytest

from engine.benchmark.losses import losses_parts
from tests.engine.benchmark.factories import measured, sides


def test_gradients_and_scores_of_all_losses(subject, scale):
    rows = measured(losses_parts(subject, scale), "losses")
    cosines = {each.side: each.figure.value for each in rows if each.unit == "cosine"}
    assert len(cosines) == 7 * 6 / 2
    assert all(-1.0001 <= cosine <= 1.0001 for cosine in cosines.values())
    # Total is the sum of the three: together with them it points the same way, twice as far.
    assert cosines["total and total with cls, box, dfl"] == pytest.approx(1, abs=1e-5)
    assert cosines["total and object"] < 0.999
    assert sides(rows, "ASR") == ["total", "total with cls, box, dfl", "object", "max confidence"]
