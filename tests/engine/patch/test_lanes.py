# SPDX-License-Identifier: AGPL-3.0-only
"""Parts of a batch side by side: how it is split, joined, and what becomes of errors and threads."""

from __future__ import annotations

import threading

import pytest
import torch

from engine.patch.lanes import Lanes, Outcome
from tests.engine.patch.factories import begin, settings


def outcome(images: int, value: float) -> Outcome:
    return Outcome(
        images=images, loss=value, terms={"tv": 2 * value}, gradient_chw=torch.full((3, 2, 2), value)
    )


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
    assert Lanes(most).split(images) == parts


def test_one_part_is_its_own_outcome():
    only = outcome(3, 0.5)
    assert Outcome.joined([only]) is only


def test_parts_are_joined_by_their_images():
    joined = Outcome.joined([outcome(1, 4.0), outcome(3, 0.0)])
    assert joined.images == 4
    assert joined.loss == 1
    assert joined.terms == {"tv": 2}
    assert torch.equal(joined.gradient_chw, torch.ones(3, 2, 2))


def test_parts_run_side_by_side_and_come_back_in_their_order():
    met = threading.Barrier(2)

    def part(first: int, last: int) -> Outcome:
        met.wait(timeout=20)  # passes only if both are under way at once
        return outcome(last - first, float(first))

    assert [each.loss for each in Lanes(2).map(part, 4)] == [0, 2]


def test_each_part_has_its_share_of_the_threads_and_the_caller_keeps_its_own():
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(4)
    try:

        def part(first: int, last: int) -> Outcome:
            torch.ones(100_000).mul_(2)  # the first parallel work must not change the number
            seen.append(torch.get_num_threads())
            return outcome(last - first, 0.0)

        lanes = Lanes(4)
        lanes.map(part, 2)
        lanes.map(part, 8)
        assert seen == [2, 2, 1, 1, 1, 1]
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_an_error_of_a_part_reaches_the_caller():
    def part(first: int, last: int) -> Outcome:
        if first:
            raise RuntimeError("can't allocate memory")
        return outcome(last - first, 0.0)

    with pytest.raises(RuntimeError, match="can't allocate memory"):
        Lanes(2).map(part, 4)


@pytest.mark.parametrize(
    ("changes", "lanes"),
    [({}, 3), ({"losses": {"overlap": 1.0, "tv": 1.0}}, 3), ({"losses": {"object": 1.0, "cls": 1.0}}, 1)],
)
def test_a_run_makes_the_same_steps_in_any_number_of_lanes(changes, lanes, records):
    before = torch.get_num_threads()
    patches = []
    try:
        for threads in (1, 3, 3):
            torch.set_num_threads(threads)
            run = begin(records, settings(iterations=2, batch_size=4, optimizer="adam", **changes))
            assert len(run.lanes.split(4)) == (lanes if threads > 1 else 1)
            list(run.iterate())
            patches.append(run.state.patch_chw)
    finally:
        torch.set_num_threads(before)
    assert (patches[0] - patches[1]).abs().max() < 1e-3
    assert torch.equal(patches[1], patches[2])
