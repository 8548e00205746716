# SPDX-License-Identifier: AGPL-3.0-only
"""The sentence that answers each suite's question from its measurements; no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.benchmark.answers.cost import (
    batching_answer,
    data_source_answer,
    floor_answer,
    loader_answer,
    memory_answer,
    precision_answer,
    scaling_answer,
)
from engine.benchmark.answers.strength import (
    accumulate_answer,
    baseline_answer,
    budget_answer,
    losses_answer,
    merge_answer,
    sampling_answer,
    strength_answer,
    warm_start_answer,
)
from engine.benchmark.said import Said, listed, said
from engine.records import Measurement

__all__ = ["ANSWERS", "Answer", "with_left_out"]

Answer = Callable[[Sequence[Measurement]], Said]

ANSWERS: Mapping[str, Answer] = {
    "batching": batching_answer,
    "merge": merge_answer,
    "precision": precision_answer,
    "warm-start": warm_start_answer,
    "losses": losses_answer,
    "sampling": sampling_answer,
    "data-source": data_source_answer,
    "loader": loader_answer,
    "budget": budget_answer,
    "accumulate": accumulate_answer,
    "baseline": baseline_answer,
    "floor": floor_answer,
    "scaling": scaling_answer,
    "memory": memory_answer,
    "strength": strength_answer,
}


def with_left_out(answer: Said, parts: Sequence[str]) -> Said:
    """An answer, and which parts this device could not measure.

    Args:
        answer: of a suite.
        parts: their keys; none if all were measured.
    """
    if not parts:
        return answer
    return said(
        "{answer} Not measured here, as it needs CUDA: {parts}.", answer=answer, parts=listed(parts, ", ")
    )
