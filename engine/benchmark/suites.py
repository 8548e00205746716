# SPDX-License-Identifier: AGPL-3.0-only
"""The suites by name, with the code that measures."""

from __future__ import annotations

from engine.benchmark.against_art import baseline_answer, baseline_parts
from engine.benchmark.catalogue import CATALOGUE
from engine.benchmark.floor import floor_answer, floor_parts
from engine.benchmark.memory import memory_answer, memory_parts
from engine.benchmark.scaling import scaling_answer, scaling_parts
from engine.benchmark.speed import batching_answer, batching_parts, precision_answer, precision_parts
from engine.benchmark.suite import Suite

__all__ = ["SUITES"]

_CODE = {
    "batching": (batching_parts, batching_answer),
    "precision": (precision_parts, precision_answer),
    "baseline": (baseline_parts, baseline_answer),
    "floor": (floor_parts, floor_answer),
    "scaling": (scaling_parts, scaling_answer),
    "memory": (memory_parts, memory_answer),
}
SUITES = {
    name: Suite(about=about, parts=_CODE[name][0], answer=_CODE[name][1])
    for name, about in CATALOGUE.items()
    if name in _CODE
}
