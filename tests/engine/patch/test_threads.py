# SPDX-License-Identifier: AGPL-3.0-only
"""Parts of a batch side by side: how it is split, and what becomes of errors and threads."""

from __future__ import annotations

import threading

import pytest
import torch

from engine.patch.threads import BatchThreads
from tests.engine.patch.factories import begin, settings


@pytest.mark.parametrize(
    ("most", "images", "parts"),
    [
        (1, 1, [(0, 1)]),
        (1, 5, [(0, 5)]),
        (2, 1, [(0, 1)]),
        (2, 2, [(0, 1), (1, 2)]),
        (2, 5, [(0, 2), (2, 5)]),
        (4, 3, [(0, 1), (1, 2), (2, 3)]),
        (4, 8, [(0, 2), (2, 4), (4, 6), (6, 8)]),
    ],
)
def test_a_batch_is_split_evenly(most, images, parts):
    assert BatchThreads(most).split(images) == parts


def test_parts_run_side_by_side_and_come_back_in_their_order():
    met = threading.Barrier(2)

    def part(first: int, last: int) -> int:
        met.wait(timeout=20)  # passes only if both are under way at once
        return first

    assert BatchThreads(2).map(part, 4) == [0, 2]


def test_each_part_has_its_share_of_the_threads_and_the_caller_keeps_its_own():
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(4)
    try:

        def part(first: int, last: int) -> int:
            torch.ones(100_000).mul_(2)  # the first parallel work must not change the number
            seen.append(torch.get_num_threads())
            return last - first

        pool = BatchThreads(4)
        pool.map(part, 2)
        pool.map(part, 8)
        assert seen == [2, 2, 1, 1, 1, 1]
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_an_error_of_a_part_reaches_the_caller():
    def part(first: int, last: int) -> int:
        if first:
            raise RuntimeError("can't allocate memory")
        return last - first

    with pytest.raises(RuntimeError, match="can't allocate memory"):
        BatchThreads(2).map(part, 4)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [({}, 3), ({"losses": {"overlap": 1.0, "tv": 1.0}}, 3), ({"losses": {"object": 1.0, "cls": 1.0}}, 1)],
)
def test_a_run_makes_the_same_steps_in_any_number_of_threads(changes, parts, records):
    before = torch.get_num_threads()
    patches = []
    try:
        for threads in (1, 3, 3):
            torch.set_num_threads(threads)
            run = begin(records, settings(iterations=2, batch_size=4, optimizer="adam", **changes))
            assert len(run.gradient.threads.split(4)) == (parts if threads > 1 else 1)
            list(run.iterate())
            patches.append(run.state.patch_chw)
    finally:
        torch.set_num_threads(before)
    assert (patches[0] - patches[1]).abs().max() < 1e-3
    assert torch.equal(patches[1], patches[2])
