# SPDX-License-Identifier: AGPL-3.0-only
"""The suites by name, with the code that measures."""

from __future__ import annotations

from engine.benchmark.against_art import baseline_answer, baseline_parts
from engine.benchmark.budget import budget_answer, budget_parts
from engine.benchmark.catalogue import CATALOGUE
from engine.benchmark.equal_work import (
    accumulate_answer,
    accumulate_parts,
    merge_answer,
    merge_parts,
    sampling_answer,
    sampling_parts,
)
from engine.benchmark.feeding import data_source_answer, data_source_parts, loader_answer, loader_parts
from engine.benchmark.floor import floor_answer, floor_parts
from engine.benchmark.losses import losses_answer, losses_parts
from engine.benchmark.memory import memory_answer, memory_parts
from engine.benchmark.scaling import scaling_answer, scaling_parts
from engine.benchmark.speed import batching_answer, batching_parts, precision_answer, precision_parts
from engine.benchmark.strength import strength_answer, strength_parts
from engine.benchmark.suite import Suite
from engine.benchmark.warm_start import warm_start_answer, warm_start_parts

__all__ = ["SUITES"]

_CODE = {
    "batching": (batching_parts, batching_answer),
    "precision": (precision_parts, precision_answer),
    "baseline": (baseline_parts, baseline_answer),
    "floor": (floor_parts, floor_answer),
    "scaling": (scaling_parts, scaling_answer),
    "memory": (memory_parts, memory_answer),
    "strength": (strength_parts, strength_answer),
    "merge": (merge_parts, merge_answer),
    "sampling": (sampling_parts, sampling_answer),
    "accumulate": (accumulate_parts, accumulate_answer),
    "losses": (losses_parts, losses_answer),
    "warm-start": (warm_start_parts, warm_start_answer),
    "budget": (budget_parts, budget_answer),
    "data-source": (data_source_parts, data_source_answer),
    "loader": (loader_parts, loader_answer),
}
SUITES = {
    name: Suite(about=about, parts=_CODE[name][0], answer=_CODE[name][1]) for name, about in CATALOGUE.items()
}
