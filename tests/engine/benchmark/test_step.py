# SPDX-License-Identifier: AGPL-3.0-only
"""The parts of a step that are measured alone are those of a step."""

from __future__ import annotations

import pytest
import torch

from engine.benchmark.step import StepBench


@pytest.fixture
def bench(subject):
    return StepBench.of(subject, subject.run(), [0, 1])


def test_it_holds_one_batch_of_the_runs_images(bench):
    assert bench.images_nchw.shape == bench.upstream.shape == (2, 3, 32, 32)  # views of half an image
    assert 0 <= bench.images_nchw.min() < bench.images_nchw.max() <= 1
    assert bench.images_nchw.is_contiguous(memory_format=torch.channels_last)
    assert bench.patch_chw.requires_grad


def test_whole_images_are_larger(subject):
    assert StepBench.of(subject, subject.run(view_size=0), [0]).images_nchw.shape == (1, 3, 64, 64)


@pytest.mark.parametrize("work", ["bare", "bare_scores", "render"])
def test_each_part_leaves_no_gradient_behind(bench, work):
    getattr(bench, work)()
    assert bench.patch_chw.grad is None
    assert bench.images_nchw.grad is None


def test_the_scores_alone_are_asked_for_in_parts(bench, monkeypatch):
    detector, seen = bench.subject.detector, []
    candidates = detector.candidates
    monkeypatch.setattr(
        type(detector),
        "candidates",
        lambda self, images, class_id: seen.append(len(images)) or candidates(images, class_id),
    )
    bench.bare_scores()
    assert sum(seen) == 2
