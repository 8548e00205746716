# SPDX-License-Identifier: AGPL-3.0-only
"""Merging: one patch a group, averaged, beside one shared patch."""

from __future__ import annotations

import pytest
import torch

from engine.benchmark.suites import merge
from tests.engine.benchmark.suites.running import measure


def test_both_ways_do_equal_work(subject, scale):
    rows = measure("merge", subject, scale)
    assert rows.sides("ASR") == ["one shared patch", "averaged patches"]
    work = {row.facts["image_iterations"] for row in rows.measurements if row.metric == "ASR"}
    assert work == {3}  # the images that are not held out, once
    assert rows.pairs("weaker") == [("averaged patches", "one shared patch")]
    (agreement,) = [row for row in rows.measurements if row.metric == "cosine"]
    assert len(agreement.samples) == scale.seeds
    assert all(-1.0001 <= cosine <= 1.0001 for cosine in agreement.samples)


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
    assert merge._agreement([torch.full((3, 2, 2), each) for each in patches]) == pytest.approx(cosine)
