# SPDX-License-Identifier: AGPL-3.0-only
"""Strength: a patch beside its controls."""

from __future__ import annotations

from engine.benchmark.strength import strength_parts
from tests.engine.benchmark.factories import measured, sides


def test_the_patch_is_scored_beside_its_controls(subject, scale):
    rows = measured(strength_parts(subject, scale), "strength")
    conditions = ("clean", "grey", "noise", "patch")
    assert sides(rows, "per image") == [f"{name}, hallucinations_per_image" for name in conditions]
    assert {f"{name}, asr" for name in conditions} <= set(sides(rows, "share"))
    assert rows[0].settings["held_out_images"] == 2
