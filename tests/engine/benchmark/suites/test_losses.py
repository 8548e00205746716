# SPDX-License-Identifier: AGPL-3.0-only
"""Losses: gradients on the same batches, scores at equal time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.engine.benchmark.suites.running import measure

FOUR = "total with cls, box, dfl"


def test_gradients_of_all_pairs_are_compared(subject, scale):
    rows = measure("losses", subject, scale, ["gradients"])
    cosines = {tuple(row.side.values()): row.figure.value for row in rows.measurements}
    assert len(cosines) == 7 * 6 / 2
    assert all(-1.0001 <= cosine <= 1.0001 for cosine in cosines.values())
    # Total is the sum of the three: together with them it points the same way, twice as far.
    assert cosines["total", FOUR] == pytest.approx(1, abs=1e-5)
    assert cosines["total", "object"] < 0.999
    assert rows.comparisons == []


def test_each_loss_is_compared_with_the_total(subject, scale):
    rows = measure("losses", subject, replace(scale, seeds=1), ["score"])
    assert rows.sides("ASR") == ["total", FOUR, "object", "max confidence"]
    assert rows.pairs("four") == [(FOUR, "total")]
    assert rows.pairs("other") == [("object", "total"), ("max confidence", "total")]
    # ASR and AP50 stand beside what decides.
    assert [row.metric for row in rows.comparisons[:3]] == ["confidence retained", "ASR", "AP50"]
