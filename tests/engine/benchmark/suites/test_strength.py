# SPDX-License-Identifier: AGPL-3.0-only
"""Strength: a patch beside its controls."""

from __future__ import annotations

from dataclasses import replace

from tests.engine.benchmark.suites.running import measure

CONTROLS = ["clean", "grey", "noise"]
METRICS = ("AP50", "ASR", "confidence retained", "disappearance", "hallucinations/image")


def test_the_patch_is_compared_with_a_grey_one(subject, scale):
    rows = measure("strength", subject, scale)
    for metric in METRICS:
        assert rows.sides(metric) == [*CONTROLS, "patch, seed 0"]
    assert rows.pairs("stronger") == [("patch", "grey")]
    assert [row.metric for row in rows.comparisons] == ["confidence retained", "ASR", "AP50"]
    facts = rows.measurements[0].facts
    assert (facts["training_images"], facts["held_out_images"]) == (3, 2)
    assert rows.measurements[-1].facts["image_iterations"] > 0


def test_several_seeds_are_taken_together(subject, scale):
    rows = measure("strength", subject, replace(scale, strength_seeds=2))
    assert rows.sides("ASR") == [*CONTROLS, "patch, seed 0", "patch, seed 1", "patch"]
    whole = rows.measurements[-1]
    seeds = [row for row in rows.measurements if "seed" in row.side and row.metric == whole.metric]
    assert whole.samples == tuple(row.figure.value for row in seeds)


def test_clean_images_keep_everything(subject, scale):
    clean = [
        row for row in measure("strength", subject, scale).measurements if row.side["condition"] == "clean"
    ]
    kept = {row.metric: row.figure.value for row in clean}
    assert (kept["ASR"], kept["confidence retained"]) == (0.0, 1.0)
