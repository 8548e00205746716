# SPDX-License-Identifier: AGPL-3.0-only
"""The suites by name, with the code that measures."""

from __future__ import annotations

from engine.benchmark.against_art import baseline_parts
from engine.benchmark.answers import ANSWERS
from engine.benchmark.budget import budget_parts
from engine.benchmark.catalogue import CATALOGUE
from engine.benchmark.equal_work import accumulate_parts, merge_parts, sampling_parts
from engine.benchmark.feeding import data_source_parts, loader_parts
from engine.benchmark.floor import floor_parts
from engine.benchmark.losses import losses_parts
from engine.benchmark.memory import memory_parts
from engine.benchmark.scaling import scaling_parts
from engine.benchmark.speed import batching_parts, precision_parts
from engine.benchmark.strength import strength_parts
from engine.benchmark.suite import Suite
from engine.benchmark.warm_start import warm_start_parts

_PARTS = {
    "batching": batching_parts,
    "precision": precision_parts,
    "baseline": baseline_parts,
    "floor": floor_parts,
    "scaling": scaling_parts,
    "memory": memory_parts,
    "strength": strength_parts,
    "merge": merge_parts,
    "sampling": sampling_parts,
    "accumulate": accumulate_parts,
    "losses": losses_parts,
    "warm-start": warm_start_parts,
    "budget": budget_parts,
    "data-source": data_source_parts,
    "loader": loader_parts,
}
SUITES = {
    name: Suite(about=about, parts=_PARTS[name], answer=ANSWERS[name]) for name, about in CATALOGUE.items()
}
