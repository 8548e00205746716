# SPDX-License-Identifier: AGPL-3.0-only
"""Merge, sampling, accumulate: equal work on a tiny detector."""

from __future__ import annotations

import pytest
import torch

from engine.benchmark import equal_work
from engine.benchmark.answers.strength import accumulate_answer, merge_answer, sampling_answer
from tests.engine.benchmark.factories import measured, sides


def test_merge_gives_both_ways_equal_image_iterations(subject, scale):
    rows = measured(equal_work.merge_parts(subject, scale), "merge")
    assert sides(rows, "ASR") == ["one shared patch", "averaged patches"]
    assert {each.settings["image_iterations"] for each in rows if each.unit == "AP50"} == {3}
    assert sides(rows, "cosine") == ["agreement of the groups' patches"]
    assert "At equal image-iterations" in str(merge_answer(rows))


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


def test_sampling_scores_each_object_count(subject, scale):
    rows = measured(equal_work.sampling_parts(subject, scale), "sampling")
    by_count = [each for each in rows if "objects" in each.settings]
    assert {each.settings["sampling"] for each in by_count} == {"uniform", "balanced"}
    assert sum(each.settings["images"] for each in by_count) == 2 * 2  # two held-out images, two samplings
    assert "Over all images" in str(sampling_answer(rows))


def test_accumulate_compares_speed_memory_and_score(subject, scale, monkeypatch):
    monkeypatch.setattr(equal_work, "peak_memory", lambda subject, batch_size, **rest: batch_size * 2**20)
    rows = measured(equal_work.accumulate_parts(subject, scale), "accumulate")
    assert [each.figure.value for each in rows if each.unit == "bytes"] == [32 * 2**20, 8 * 2**20]
    assert sides(rows, "ASR") == ["batch 32", "4 x batch 8"]
    assert "takes 0.25 of its memory" in str(accumulate_answer(rows))
