# SPDX-License-Identifier: AGPL-3.0-only
"""Every suite has its answer, and an answer tells what could not be measured."""

from __future__ import annotations

import math

import pytest

from engine.benchmark.answers import ANSWERS, with_left_out
from engine.benchmark.catalogue import CATALOGUE
from engine.benchmark.said import said
from tests.engine.benchmark.factories import row, scores


def test_every_suite_has_its_answer():
    assert set(ANSWERS) == set(CATALOGUE)


@pytest.mark.parametrize("suite", ANSWERS)
@pytest.mark.parametrize("confidence", [math.nan, 0.0, 1.0])
def test_confidence_retained_beside_asr_changes_no_answer(suite, confidence):
    asr = [
        *scores(0.05, uniform=0.2, balanced=0.4),
        *(
            row(f"{name}, 1 object", 0.3, "ASR", noise=0.05, objects=1, seconds=5.0)
            for name in ("uniform", "balanced")
        ),
        row("100 texels", 0.3, "ASR", noise=0.05, axis="texels", seconds=5.0),
        *(row(f"{name}, asr", 0.3, "share", seconds=5.0, held_out_images=9) for name in ("patch", "grey")),
        row("patch, ap50", 0.5, "share"),
        row("patch, hallucinations_per_image", 1.0, "per image"),
    ]
    beside = [row(each.side, confidence, "confidence retained", **each.settings) for each in asr]
    beside += [row(f"{name}, confidence_retained", confidence, "share") for name in ("patch", "grey")]
    assert str(ANSWERS[suite]([*beside, *asr])) == str(ANSWERS[suite](asr))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], "Slower."),
        (["copies"], "Slower. Not measured here, as it needs CUDA: copies."),
        (["memory, fp16", "copies"], "Slower. Not measured here, as it needs CUDA: memory, fp16, copies."),
    ],
)
def test_parts_that_need_another_device_are_told(parts, words):
    assert str(with_left_out(said("Slower."), parts)) == words
