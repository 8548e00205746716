# SPDX-License-Identifier: AGPL-3.0-only
"""Merge, sampling, accumulate: equal work on a tiny detector, and the answers from hand-made figures."""

from __future__ import annotations

import pytest
import torch

from engine.benchmark import equal_work
from tests.engine.benchmark.factories import measured, row, scores, sides


def test_merge_gives_both_ways_equal_image_iterations(subject, scale):
    rows = measured(equal_work.merge_parts(subject, scale), "merge")
    assert sides(rows, "ASR") == ["one shared patch", "averaged patches"]
    assert {each.settings["image_iterations"] for each in rows if each.unit == "AP50"} == {3}
    assert sides(rows, "cosine") == ["agreement of the groups' patches"]
    assert "At equal image-iterations" in equal_work.merge_answer(rows)


@pytest.mark.parametrize(
    ("patches", "cosine"),
    [
        ([], 1.0),
        ([0.7], 1.0),
        ([0.7, 0.9], 1.0),
        ([0.7, 0.3], -1.0),
        ([0.7, 0.9, 0.3], -1 / 3),
    ],
)
def test_agreement_is_between_what_patches_changed_of_grey(patches, cosine):
    assert equal_work._agreement([torch.full((3, 2, 2), each) for each in patches]) == pytest.approx(cosine)


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
    answer = equal_work.merge_answer(rows)
    assert words in answer
    assert answer.endswith("the groups' patches agree by a cosine of 0.30.")


def test_sampling_scores_each_object_count(subject, scale):
    rows = measured(equal_work.sampling_parts(subject, scale), "sampling")
    by_count = [each for each in rows if "objects" in each.settings]
    assert {each.settings["sampling"] for each in by_count} == {"uniform", "balanced"}
    assert sum(each.settings["images"] for each in by_count) == 2 * 2  # two held-out images, two samplings
    assert "Over all images" in equal_work.sampling_answer(rows)


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
    assert words in equal_work.sampling_answer(rows)


def test_accumulate_compares_speed_memory_and_score(subject, scale, monkeypatch):
    monkeypatch.setattr(equal_work, "peak_memory", lambda subject, batch_size, **rest: batch_size * 2**20)
    rows = measured(equal_work.accumulate_parts(subject, scale), "accumulate")
    assert [each.figure.value for each in rows if each.unit == "bytes"] == [32 * 2**20, 8 * 2**20]
    assert sides(rows, "ASR") == ["batch 32", "4 x batch 8"]
    assert "takes 0.25 of its memory" in equal_work.accumulate_answer(rows)


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
    answer = equal_work.accumulate_answer(rows)
    assert words in answer
    assert "4 x 8 does 1.00 times (no difference beyond noise) the speed of batch 32" in answer
