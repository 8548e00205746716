# SPDX-License-Identifier: AGPL-3.0-only
"""What steps look at: batches that grow, what accumulation leaves over, windows."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.patch.plan import RunPlan
from tests.engine.patch.factories import SIDE, begin, settings
from tests.fakes import FakeDetector


def plan(counts=(1, 0, 2), **changes) -> RunPlan:
    config = settings(**changes)
    return RunPlan(config=config, counts=counts, class_id=0, batch_size=config.batch_size)


@pytest.mark.parametrize(
    ("changes", "sizes"),
    [
        ({"batch_size": 8}, [[3]]),
        ({"batch_size": 1}, [[1], [1], [1]]),
        ({"batch_size": 1, "accumulate": 2}, [[1, 1], [1]]),
        ({"batch_size": 3, "batch_start": 1}, [[1], [1], [1]]),
    ],
)
def test_an_iteration_is_made_of_steps_of_batches(changes, sizes):
    steps = plan(**changes).steps(0)
    assert [[len(batch) for batch in step] for step in steps] == sizes
    assert sorted(index for step in steps for batch in step for index in batch) == [0, 1, 2]
    assert steps == plan(**changes).steps(0)


@pytest.mark.parametrize(("view_size", "side_px"), [(0, None), (32, 32), (64, None)])
def test_a_view_is_smaller_than_the_image(view_size, side_px):
    view = plan(view_size=view_size).view(3)
    assert (view and (view.side_px, view.iteration)) == (side_px and (side_px, 3))


def test_whole_images_have_no_view():
    assert replace(plan(view_size=32), whole_images=True).view(3) is None


def test_chance_depends_on_its_numbers_and_the_seed_alone():
    asked = [(0, 1, 2, 0, 0), (0, 1, 2, 0, 0), (0, 1, 2, 0, 1), (1, 1, 2, 0, 0)]
    drawn = [torch.rand(1, generator=plan(seed=seed).generator(*numbers)).item() for seed, *numbers in asked]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3


def test_a_left_over_of_the_accumulation_makes_a_step_of_its_own(records):
    run = begin(records, settings(iterations=1, batch_size=2, accumulate=3))
    assert [record.images for record in run.iterate()] == [6, 2]


def test_batches_grow(records):
    run = begin(records[:3], settings(iterations=21, batch_size=3, batch_start=1))
    largest = {record.iteration: record.images for record in run.iterate() if record.images != 1}
    assert largest == {**dict.fromkeys(range(11, 21), 2), 21: 3}


@pytest.mark.parametrize(
    ("view_size", "sees_windows", "side", "told"),
    [(0, False, SIDE, []), (32, True, 32, [SIDE]), (32, False, SIDE, [SIDE]), (SIDE, False, SIDE, [])],
)
def test_views_look_at_windows_unless_the_detector_sees_none(records, view_size, sees_windows, side, told):
    detector, shapes, asked = FakeDetector(), set(), []
    detector.for_windows = lambda image_px: asked.append(image_px) or (detector if sees_windows else None)
    plain = detector.candidates

    def noting(images_nchw, class_id, **options):
        shapes.add(tuple(images_nchw.shape[2:]))
        return plain(images_nchw, class_id, **options)

    detector.candidates = noting
    run = begin(records, settings(view_size=view_size), detector)
    list(run.iterate())
    assert (shapes, asked) == ({(side, side)}, told)
    assert run.whole_images is (bool(told) and not sees_windows)
