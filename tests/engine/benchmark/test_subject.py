# SPDX-License-Identifier: AGPL-3.0-only
"""The subject: runs with changed settings, over other images, and their rate."""

from __future__ import annotations

from contextlib import closing

import torch

from engine.detectors.ensemble import Ensemble, Member
from tests.fakes import FakeDetector


def test_a_run_takes_changes_and_is_endless_unless_told(subject):
    assert subject.run().state.iterations > 100_000
    run = subject.run(iterations=2, batch_size=3, patch_height=32)
    assert (run.state.iterations, run.batch_size, run.state.patch_chw.shape) == (2, 3, (3, 32, 16))


def test_a_run_begins_where_it_is_told(subject):
    start = torch.rand(3, 16, 16)
    assert torch.equal(subject.run(start=start).state.patch_chw, start)


def test_a_run_attacks_what_it_is_told(subject):
    members = [Member(detector=each, class_id=0) for each in (subject.detector, FakeDetector())]
    alone, both = (subject.run(attacked=attacked, iterations=1) for attacked in (None, Ensemble(members)))
    for run in (alone, both):
        list(run.iterate())
    assert not torch.equal(alone.state.patch_chw, both.state.patch_chw)


def test_other_images_leave_the_rest(subject):
    other = subject.over(subject.records[:1])
    assert (len(other.records), other.config, other.detector) == (1, subject.config, subject.detector)


def test_the_rate_counts_images(subject):
    with closing(subject.run().iterate()) as steps:
        assert subject.rate_of(steps, 4) > 0
        assert next(steps).step == 4  # batches of 2, 2 and 1 in an iteration of five: 2 + 2, then the rest
