# SPDX-License-Identifier: AGPL-3.0-only
"""Sampling: balanced beside uniform, over all images and by their number of objects."""

from __future__ import annotations

from dataclasses import replace

from tests.engine.benchmark.suites.running import measure


def test_balanced_is_compared_over_all_images_and_by_count(subject, scale):
    unseen = [subject.records[0], subject.records[1], subject.records[2]]
    rows = measure("sampling", replace(subject, unseen=lambda report: unseen), scale)
    assert rows.sides("ASR") == ["uniform", "balanced"]
    assert rows.pairs("stronger") == [("balanced", "uniform")]
    assert rows.pairs("by count") == [
        ("balanced, 1 object per image", "uniform, 1 object per image"),
        ("balanced, 2 objects per image", "uniform, 2 objects per image"),
    ]


def test_images_with_many_objects_are_taken_together(subject, scale, monkeypatch):
    monkeypatch.setattr("engine.benchmark.suites.sampling.MOST_OBJECTS", 1)
    rows = measure("sampling", subject, scale)
    assert rows.pairs("by count") == [("balanced, 1+ objects per image", "uniform, 1+ objects per image")]
    whole = next(row for row in rows.comparisons if row.metric == "confidence retained")
    assert rows.of("by count")[0].effect == whole.effect
