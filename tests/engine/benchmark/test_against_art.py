# SPDX-License-Identifier: AGPL-3.0-only
"""The baseline: throughput, memory and score beside ART's."""

from __future__ import annotations

import pytest

from engine.benchmark import against_art
from engine.benchmark.answers.strength import baseline_answer
from tests.engine.benchmark.factories import measured, sides


def test_both_are_measured_on_the_same(subject, scale, monkeypatch):
    asked = []
    monkeypatch.setattr(against_art, "peak_memory", lambda subject, **changes: asked.append(changes) or 1e9)
    rows = measured(against_art.baseline_parts(subject, scale), "baseline")
    rates = {each.side: each.samples for each in rows if each.unit == "image-iterations/s"}
    assert min(rates["ART, batch 1"]) > 0
    ratios = {each.side: each.samples for each in rows if each.unit == "times ART"}
    by_round = zip(rates["PatchBench, batch 1"], rates["ART, batch 1"], strict=True)
    assert ratios["PatchBench, batch 1"] == pytest.approx([ours / art for ours, art in by_round])
    assert asked[0] == {"backend": "art", "batch_size": 1}
    assert sides(rows, "ASR") == sides(rows, "AP50") == ["ART, batch 1", "PatchBench"]
    assert str(baseline_answer(rows)).endswith(".")
