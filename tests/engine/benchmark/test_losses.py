# SPDX-License-Identifier: AGPL-3.0-only
"""Losses: gradients on the same batches, scores at equal time, and the answer from hand-made figures."""

from __future__ import annotations

import pytest

from engine.benchmark.losses import losses_answer, losses_parts
from tests.engine.benchmark.factories import measured, row, scores, sides


def test_gradients_and_scores_of_all_losses(subject, scale):
    rows = measured(losses_parts(subject, scale), "losses")
    cosines = {each.side: each.figure.value for each in rows if each.unit == "cosine"}
    assert len(cosines) == 7 * 6 / 2
    assert all(-1.0001 <= cosine <= 1.0001 for cosine in cosines.values())
    # Total is the sum of the three: together with them it points the same way, twice as far.
    assert cosines["total and total with cls, box, dfl"] == pytest.approx(1, abs=1e-5)
    assert cosines["total and object"] < 0.999
    assert sides(rows, "ASR") == ["total", "total with cls, box, dfl", "object", "max confidence"]


@pytest.mark.parametrize(
    ("four", "cosine", "words"),
    [
        (0.8, 0.5, "total with cls, box, dfl has the highest ASR"),
        (0.8, 0.5, "has a cosine of 0.500 with the total's: another direction"),
        (0.41, 1.0, "no difference beyond noise in ASR"),
        (0.41, 1.0, "has a cosine of 1.000 with the total's: the same direction"),
        (0.1, 1.0, "object has the highest ASR"),
    ],
)
def test_whether_four_losses_beat_one(four, cosine, words):
    rows = [
        *scores(0.02, object=0.4),
        row("total with cls, box, dfl", four, "ASR", noise=0.02),
        row("total and total with cls, box, dfl", cosine, "cosine"),
        row("total and object", 0.25, "cosine"),
    ]
    answer = losses_answer(rows)
    assert words in answer
    assert answer.endswith("that of object has 0.25.")
