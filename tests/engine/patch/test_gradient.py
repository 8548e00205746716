# SPDX-License-Identifier: AGPL-3.0-only
"""Gradients: joined by images, the same whatever the batches, each piece with its own chance."""

from __future__ import annotations

import math

import pytest
import torch

from engine.config import BATCHINGS
from engine.patch import gradient as module
from engine.patch.gradient import Gradient
from tests.engine.patch.factories import TERMS, WITHOUT_CHANCE, SmallDetector, begin, photographs, settings
from tests.fakes import FakeDetector


def gradient_of(images: int, value: float) -> Gradient:
    return Gradient(
        images=images, loss=value, terms={"tv": 2 * value}, gradient_chw=torch.full((3, 2, 2), value)
    )


def test_one_part_is_its_own_gradient():
    only = gradient_of(3, 0.5)
    assert Gradient.joined([only]) is only


def test_parts_are_joined_by_their_images():
    joined = Gradient.joined([gradient_of(1, 4.0), gradient_of(3, 0.0)])
    assert joined.images == 4
    assert joined.loss == 1
    assert joined.terms == {"tv": 2}
    assert torch.equal(joined.gradient_chw, torch.ones(3, 2, 2))


@pytest.mark.parametrize("circular", [False, True])
def test_a_step_without_objects_has_no_gradient(circular, tmp_path, gradients):
    config = settings(learning_rate=1.0, losses=dict.fromkeys(["object", "total"], 1.0), circular=circular)
    gradient, _ = gradients(photographs(tmp_path, [0, 0]), config)
    assert torch.equal(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize("batching", BATCHINGS)
def test_batch_plans_agree_on_an_iteration(batching, records, gradients):
    weights = dict.fromkeys(TERMS, 1.0)
    config = settings(losses=weights, learning_rate=1e-3, accumulate=8, **WITHOUT_CHANCE)
    whole, expected = gradients(records, config.changed(batching="ragged", batch_size=8, accumulate=1))
    gradient, run = gradients(records, config.changed(batching=batching))
    assert run.state.history[0].terms == pytest.approx(expected.state.history[0].terms, rel=1e-5)
    assert run.state.history[0].images == 8
    torch.testing.assert_close(gradient, whole, rtol=1e-3, atol=1e-3)


def test_four_batches_of_two_make_the_step_of_one_of_eight(records, gradients):
    config = settings(learning_rate=1.0, **WITHOUT_CHANCE)
    gradient, run = gradients(records, config.changed(batch_size=2, accumulate=4))
    whole, expected = gradients(records, config.changed(batch_size=8))
    assert whole.abs().max() > 1e-4
    torch.testing.assert_close(gradient, whole, rtol=1e-4, atol=1e-6)
    assert run.state.history[0].loss == pytest.approx(expected.state.history[0].loss)
    assert run.steps_per_iteration() == expected.steps_per_iteration() == 1


def test_half_precision_makes_a_patch_too(records):
    patches = {}
    for precision in ("fp32", "bf16"):
        run = begin(records, settings(precision=precision, losses=dict.fromkeys(TERMS, 0.1)))
        assert run.precision == precision
        assert all(math.isfinite(record.loss) for record in run.iterate())
        patches[precision] = run.state.patch_chw
    assert patches["bf16"].dtype == torch.float32
    assert patches["bf16"].isfinite().all()
    assert not torch.equal(patches["bf16"], patches["fp32"])
    assert (patches["bf16"] - patches["fp32"]).abs().mean() < 0.05


def test_every_piece_of_every_step_has_its_own_chance(records, monkeypatch):
    angles = []

    def noting(*arguments, place=module.place, **options):
        placed = place(*arguments, **options)
        angles.extend(placed.angle_rad.tolist())
        return placed

    monkeypatch.setattr(module, "place", noting)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # so that a batch is not taken apart anyway
    alike = records[:1] * 4
    list(begin(alike, settings(iterations=3, batch_size=4, accumulate=1), SmallDetector(2)).iterate())
    list(begin(alike, settings(iterations=3, batch_size=1, accumulate=2, seed=1)).iterate())
    assert len(angles) == 3 * 4 + 4 + 3 * 4  # what did not fit was placed twice
    assert len(set(angles)) == len(angles)


@pytest.mark.parametrize("flip", [False, True])
def test_images_are_mirrored_if_asked(flip, records):
    detector, seen = FakeDetector(), []
    plain = detector.candidates

    def noting(images_nchw, class_id, **options):
        seen.append(images_nchw.detach())
        return plain(images_nchw, class_id, **options)

    detector.candidates = noting
    without_objects = [records[1]]
    list(begin(without_objects, settings(iterations=12, flip=flip), detector).iterate())
    as_it_is = sum(torch.equal(images, seen[0]) for images in seen)
    mirrored = sum(torch.equal(images, seen[0].flip(3)) for images in seen)
    assert as_it_is + mirrored == 12
    assert (mirrored > 0) == flip


def test_compile_hands_the_loss_to_torch_and_changes_nothing_else(records, monkeypatch):
    handed = []
    monkeypatch.setattr(torch, "compile", lambda function: handed.append(function) or function)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # compiled or not, the batch stays whole
    plain = list(begin(records, settings(iterations=2)).iterate())
    assert not handed
    compiled = list(begin(records, settings(iterations=2, compile=True)).iterate())
    assert len(handed) == 1
    assert [record.loss for record in compiled] == [record.loss for record in plain]
    assert torch._dynamo.config.recompile_limit >= 64
