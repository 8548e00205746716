# SPDX-License-Identifier: AGPL-3.0-only
"""Small records to store."""

from __future__ import annotations

from engine.records import StepRecord


def step(number: int, *, loss: float | None = None) -> StepRecord:
    return StepRecord(
        step=number,
        iteration=(number + 2) // 3,
        loss=1 / 3 + number if loss is None else loss,
        terms={"object": 0.1 * number},
        learning_rate=0.03,
        images=2,
        elapsed_s=number / 7,
    )
