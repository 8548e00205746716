# SPDX-License-Identifier: AGPL-3.0-only
"""A film's moments in words and as curves; what is drawn is tested through the pages."""

from __future__ import annotations

import pytest

from dashboard.parts.film import curves, said
from dashboard.services.films import Moment


def moment(step: int, loss: float | None = None, **scores: float) -> Moment:
    return Moment(step=step, iteration=step // 10, picture=b"", loss=loss, scores=scores)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (moment(0), "Before the first step"),
        (moment(1234), "Step 1,234, iteration 123"),
        (
            moment(12, 0.5, asr=0.25, ap50=0.75),
            "Step 12, iteration 1 · Loss 0.500 · ASR 25% · AP50 0.75",
        ),
    ],
)
def test_a_moment_in_words(shown: Moment, text: str) -> None:
    assert said(shown) == text


def test_curves_have_a_value_for_each_moment_or_a_gap() -> None:
    assert [curve.values for curve in curves([])] == [[]]
    loss, asr = curves([moment(0), moment(1, 3.0), moment(2, 1.0, asr=0.5), moment(4, 2.0, asr=0.25)])
    assert loss.values == [None, 1.0, 0.0, 0.5]
    assert asr.values == [None, None, 0.5, 0.25]
    assert loss.colour != asr.colour
    assert curves([moment(1, 3.0)])[0].values == [0.0]
