# SPDX-License-Identifier: AGPL-3.0-only
"""The suites by name."""

from __future__ import annotations

from engine.benchmark.memory import memory
from engine.benchmark.speed import baseline, floor, precision
from engine.benchmark.strength import strength
from engine.benchmark.suite import Suite

__all__ = ["SUITES"]

SUITES = {
    "baseline": Suite(question="How does PatchBench's throughput compare with ART's?", measure=baseline),
    "floor": Suite(question="How far is a step from the hardware's limit?", measure=floor),
    "memory": Suite(question="How much memory does a batch size take?", measure=memory),
    "precision": Suite(question="What do precision and batch size buy in speed?", measure=precision),
    "strength": Suite(question="How strong is a patch made within a time?", measure=strength),
}
