# SPDX-License-Identifier: AGPL-3.0-only
"""Strength: a patch beside its controls, and the answer from hand-made figures."""

from __future__ import annotations

from engine.benchmark.strength import strength_answer, strength_parts
from tests.engine.benchmark.factories import measured, row, sides


def test_the_patch_is_scored_beside_its_controls(subject, scale):
    rows = measured(strength_parts(subject, scale), "strength")
    conditions = ("clean", "grey", "noise", "patch")
    assert sides(rows, "per image") == [f"{name}, hallucinations_per_image" for name in conditions]
    assert {f"{name}, asr" for name in conditions} <= set(sides(rows, "share"))
    assert rows[0].settings["held_out_images"] == 2


def test_the_answer_tells_the_patch_and_the_grey_one():
    rows = [
        row("grey, asr", 0.14, "share"),
        row("patch, asr", 0.41, "share", seconds=60.0, held_out_images=20),
        row("patch, ap50", 0.47, "share"),
        row("patch, hallucinations_per_image", 1.0, "per image"),
    ]
    assert strength_answer([]) == "No patch could be scored."
    assert strength_answer(rows) == (
        "After 60 s the patch reaches ASR 0.410 (a grey one 0.140) and AP50 0.470 on 20 images that it was "
        "not made on, with 1.00 hallucinations an image."
    )
