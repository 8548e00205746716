# SPDX-License-Identifier: AGPL-3.0-only
"""Answers about how strong patches are, from hand-made figures."""

from __future__ import annotations

import math

import pytest

from engine.benchmark.answers import strength
from tests.engine.benchmark.factories import row, scores


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (strength.baseline_answer, "Nothing could be measured against ART."),
        (strength.budget_answer, "Nothing could be measured."),
        (strength.strength_answer, "No patch could be scored."),
        (strength.warm_start_answer, "The starts could not be compared: no score was reached by all."),
        (strength.merge_answer, "At equal image-iterations, no ASR could be measured."),
        (strength.losses_answer, "At equal time, no ASR could be measured."),
    ],
)
def test_without_figures_that_is_said(answer, words):
    assert str(answer([])) == words


@pytest.mark.parametrize(
    ("shared", "averaged", "words"),
    [
        (0.5, 0.2, "one shared patch has the highest ASR, 0.5 (averaged patches 0.2)"),
        (0.5, 0.45, "no difference beyond noise in ASR"),
        (0.2, 0.5, "averaged patches has the highest ASR"),
    ],
)
def test_whether_averaging_is_as_good(shared, averaged, words):
    rows = scores(0.05, one_shared_patch=shared, averaged_patches=averaged)
    rows.append(row("agreement of the groups' patches", 0.3, "cosine"))
    answer = str(strength.merge_answer(rows))
    assert words in answer
    assert answer.endswith("the groups' patches agree by a cosine of 0.30.")


@pytest.mark.parametrize(
    ("balanced", "words"),
    [
        (0.8, "Over all images balanced has the highest ASR"),
        (0.8, "3 objects or more: 0.80 against 0.40"),
        (0.42, "3 objects or more: 0.42 against 0.40, no difference beyond noise"),
        (0.1, "Over all images uniform has the highest ASR"),
    ],
)
def test_whether_balanced_sampling_is_stronger(balanced, words):
    rows = scores(0.05, uniform=0.4, balanced=balanced)
    for name, asr in (("uniform", 0.4), ("balanced", balanced)):
        rows.append(row(f"{name}, 3 objects or more", asr, "ASR", noise=0.05, objects=3))
    assert words in str(strength.sampling_answer(rows))


@pytest.mark.parametrize(
    ("accumulated", "words"),
    [
        (0.8, "4 x batch 8 has the highest ASR"),
        (0.5, "no difference beyond noise in ASR"),
        (0.2, "batch 32 has the highest ASR"),
    ],
)
def test_whether_accumulation_is_the_same(accumulated, words):
    rows = [
        row("batch 32", 0.5, "ASR", noise=0.05),
        row("4 x batch 8", accumulated, "ASR", noise=0.05),
        row("4 x batch 8", 1.0, "times the speed of batch 32", noise=0.1),
    ]
    answer = str(strength.accumulate_answer(rows))
    assert words in answer
    assert "4 x 8 does 1.00 times (no difference beyond noise) the speed of batch 32" in answer


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
    answer = str(strength.baseline_answer(rows))
    assert words in answer
    assert "PatchBench, batch 1 does 5.00 times ART's image-iterations a second" in answer
    assert "PatchBench, batch 1 takes 0.50 of its memory" in answer


@pytest.mark.parametrize(
    ("four", "cosine", "words"),
    [
        (0.8, 0.5, "total with cls, box, dfl has the highest ASR"),
        (0.8, 0.5, "has a cosine of 0.500 with the total's: another direction"),
        (0.41, 1.0, "no difference beyond noise in ASR"),
        (0.41, 1.0, "has a cosine of 1.000 with the total's: the same direction"),
        (0.1, 1.0, "object has the highest ASR"),
    ],
)
def test_whether_four_losses_beat_one(four, cosine, words):
    rows = [
        *scores(0.02, object=0.4),
        row("total with cls, box, dfl", four, "ASR", noise=0.02),
        row("total and total with cls, box, dfl", cosine, "cosine"),
        row("total and object", 0.25, "cosine"),
    ]
    answer = str(strength.losses_answer(rows))
    assert words in answer
    assert answer.endswith("that of object has 0.25.")


@pytest.mark.parametrize(
    ("earlier", "saved", "words"),
    [
        (4.0, 0.6, "60% shorter from an earlier patch than from grey (within noise of the claimed 0.6)"),
        (9.8, 0.02, "2% shorter from an earlier patch than from grey, no difference beyond noise"),
        (20.0, -1.0, "-100% shorter from an earlier patch than from grey (below the claimed 0.6)"),
        (4.0, math.nan, "undefined"),
    ],
)
def test_whether_a_warm_start_is_shorter(earlier, saved, words):
    rows = [
        row("grey", 10.0, "s", noise=0.5),
        row("noise", 12.0, "s", noise=0.5),
        row("an earlier patch", earlier, "s", noise=0.5),
        row("time saved by an earlier patch", saved, "share", noise=0.05),
        row("the score to reach", 0.3, "ASR to reach"),
        row("making the earlier patch", 5.0, "s before"),
    ]
    answer = str(strength.warm_start_answer(rows))
    assert words in answer
    assert "making the earlier patch took 5.0 s" in answer


@pytest.mark.parametrize(
    ("texels", "words"),
    [
        (0.8, "texels: 200 texels has the highest ASR, 0.8 (100 texels 0.4)"),
        (0.42, "texels: no difference beyond noise in ASR"),
        (0.1, "texels: 100 texels has the highest ASR"),
    ],
)
def test_what_a_budget_buys(texels, words):
    rows = [
        row("100 texels", 0.4, "ASR", noise=0.03, axis="texels"),
        row("200 texels", texels, "ASR", noise=0.03, axis="texels"),
        row("10 images x 50 iterations", 90.0, "s, by the measured rate", claimed=1500.0),
    ]
    answer = str(strength.budget_answer(rows))
    assert words in answer
    assert answer.endswith("take 1.5 min by the measured rate, below the claimed 1500 s.")


def test_the_answer_tells_the_patch_and_the_grey_one():
    rows = [
        row("grey, asr", 0.14, "share"),
        row("patch, asr", 0.41, "share", seconds=60.0, held_out_images=20),
        row("patch, ap50", 0.47, "share"),
        row("patch, hallucinations_per_image", 1.0, "per image"),
    ]
    assert str(strength.strength_answer(rows)) == (
        "After 60 s the patch reaches ASR 0.410 (a grey one 0.140) and AP50 0.470 on 20 images that it was "
        "not made on, with 1.00 hallucinations an image."
    )
