# SPDX-License-Identifier: AGPL-3.0-only
"""The baseline: throughput, memory and score beside ART's, and the answer from hand-made figures."""

from __future__ import annotations

import pytest

from engine.benchmark import against_art
from tests.engine.benchmark.factories import measured, row, sides


def test_both_are_measured_on_the_same(subject, scale, monkeypatch):
    asked = []
    monkeypatch.setattr(against_art, "peak_memory", lambda subject, **changes: asked.append(changes) or 1e9)
    rows = measured(against_art.baseline_parts(subject, scale), "baseline")
    rates = {each.side: each.figure.value for each in rows if each.unit == "image-iterations/s"}
    assert rates["ART, batch 1"] > 0
    ratios = {each.side: each.figure.value for each in rows if each.unit == "times ART"}
    expected = rates["PatchBench, batch 1"] / rates["ART, batch 1"]
    assert ratios["PatchBench, batch 1"] == pytest.approx(expected, rel=0.8)
    assert asked[0] == {"backend": "art", "batch_size": 1}
    assert sides(rows, "ASR") == sides(rows, "AP50") == ["ART, batch 1", "PatchBench"]
    assert against_art.baseline_answer(rows).endswith(".")


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        (0.8, "after 5 s each, PatchBench has the highest ASR on held-out images"),
        (0.32, "after 5 s each, no difference beyond noise in ASR on held-out images"),
        (0.1, "after 5 s each, ART, batch 1 has the highest ASR on held-out images"),
    ],
)
def test_how_both_compare(ours, words):
    rows = [
        row("PatchBench, batch 1", 5.0, "times ART", noise=0.5),
        row("ART, batch 1", 2e9, "bytes"),
        row("PatchBench, batch 1", 1e9, "bytes"),
        row("ART, batch 1", 0.3, "ASR", noise=0.03, seconds=5.0),
        row("PatchBench", ours, "ASR", noise=0.03, seconds=5.0),
    ]
    answer = against_art.baseline_answer(rows)
    assert words in answer
    assert "PatchBench, batch 1 does 5.00 times ART's image-iterations a second" in answer
    assert "PatchBench, batch 1 takes 0.50 of its memory" in answer


def test_nothing_measured_is_said():
    assert against_art.baseline_answer([]) == "Nothing could be measured against ART."
