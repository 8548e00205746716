# SPDX-License-Identifier: AGPL-3.0-only
"""The loop: what it minimises, what it records, what it leaves as it was."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from engine.config import BATCHINGS, AugmentationConfig, ScheduleConfig
from engine.errors import SettingsError
from engine.patch import optimizer as module
from engine.patch.optimizer import PatchRun
from engine.patch.render import circle_mask
from engine.registries import LOSSES, OPTIMIZERS
from tests.engine.patch.factories import (
    WITHOUT_CHANCE,
    SmallDetector,
    begin,
    photographs,
    random_patch,
    scaler,
    settings,
)
from tests.fakes import FakeDetector


def losses_by_iteration(run: PatchRun) -> list[float]:
    """Each iteration's loss, the mean over its images."""
    sums: dict[int, list[float]] = {}
    for record in run.iterate():
        loss, images = sums.setdefault(record.iteration, [0.0, 0])
        sums[record.iteration] = [loss + record.loss * record.images, images + record.images]
    return [loss / images for loss, images in sums.values()]


def test_no_images(records):
    with pytest.raises(ValueError, match="expected at least one image to train on, got none"):
        begin([], settings())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_loss_falls_and_the_detector_stays_as_it_was(name, records):
    detector = FakeDetector()
    before = detector.checksum()
    config = settings(iterations=8, batch_size=8, optimizer=name, learning_rate=0.05)
    losses = losses_by_iteration(begin(records, config, detector))
    assert len(losses) == 8
    assert losses[-1] < 0.95 * losses[0]
    assert detector.checksum() == before


# The fake detector's random boxes begin and cease to overlap the objects as the patch changes.
UNSTEADY = ("object", "overlap", "tv")


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in UNSTEADY])
def test_every_loss_can_be_lowered(name, records):
    losses = losses_by_iteration(begin(records, settings(iterations=6, batch_size=8, losses={name: 1.0})))
    assert losses[-1] < losses[0]


def test_the_patch_stays_in_the_range_of_colours_and_the_given_one_as_it_was(records):
    patch = random_patch(16, 16)
    given = patch.clone()
    run = begin(records, settings(learning_rate=1.0, optimizer="sign"), patch=patch)
    states = [run.state.patch_chw for _ in run.iterate()]
    assert torch.equal(patch, given)
    assert not patch.requires_grad
    assert all(state.min() == 0 and state.max() == 1 for state in states)
    assert not torch.equal(states[0], states[-1])


def test_records_tell_each_step(records):
    config = settings(iterations=2, batch_size=3, losses={"object": 2.0, "tv": 0.5}, sampling="balanced")
    run = begin(records, config)
    assert run.steps_per_iteration() == 3
    history = list(run.iterate())
    assert history == run.state.history
    assert [record.step for record in history] == [1, 2, 3, 4, 5, 6]
    assert [record.iteration for record in history] == [1, 1, 1, 2, 2, 2]
    assert sorted(record.images for record in history) == [2, 2, 3, 3, 3, 3]
    assert run.state.image_iterations == 16
    assert (run.state.iteration, run.state.steps_in_iteration, run.state.step) == (2, 0, 6)
    for record in history:
        assert record.loss == pytest.approx(2 * record.terms["object"] + 0.5 * record.terms["tv"])
        assert record.learning_rate == config.learning_rate
    times = [record.elapsed_s for record in history]
    assert times[0] > 0
    assert times == sorted(times)


def test_the_rate_follows_the_schedule_within_an_iteration(records):
    config = settings(iterations=2, batch_size=4, schedule=ScheduleConfig(kind="cosine"))
    rates = [record.learning_rate / config.learning_rate for record in begin(records, config).iterate()]
    assert rates == pytest.approx([(1 + math.cos(math.pi * step / 4)) / 2 for step in range(4)])


def test_a_plateau_lowers_the_rate(records):
    schedule = ScheduleConfig(kind="plateau", patience=1, gamma=0.5)
    config = settings(iterations=5, batch_size=8, schedule=schedule, learning_rate=1e-6, **WITHOUT_CHANCE)
    rates = [record.learning_rate / config.learning_rate for record in begin(records, config).iterate()]
    assert rates == [1, 1, 1, 0.5, 0.5]


@pytest.mark.parametrize("counts", [[0], [0, 0, 0], [0, 1, 0]])
@pytest.mark.parametrize("batching", BATCHINGS)
@pytest.mark.parametrize("placement", ["object", "random"])
def test_images_without_objects_do_no_harm(batching, counts, placement, tmp_path):
    weights = dict.fromkeys(LOSSES, 1.0)
    config = settings(iterations=1, batching=batching, losses=weights)
    config = config.changed(placement=replace(config.placement, kind=placement))
    run = begin(photographs(tmp_path, counts), config)
    assert all(math.isfinite(record.loss) for record in run.iterate())
    assert run.state.patch_chw.isfinite().all()


@pytest.mark.parametrize("circular", [False, True])
def test_a_step_without_objects_has_no_gradient(circular, tmp_path, gradients):
    config = settings(learning_rate=1.0, losses=dict.fromkeys(["object", "total"], 1.0), circular=circular)
    gradient, _ = gradients(photographs(tmp_path, [0, 0]), config)
    assert torch.equal(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize("batching", BATCHINGS)
def test_batch_plans_agree_on_an_iteration(batching, records, gradients):
    weights = dict.fromkeys(LOSSES, 1.0)
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


def test_a_left_over_of_the_accumulation_makes_a_step_of_its_own(records):
    run = begin(records, settings(iterations=1, batch_size=2, accumulate=3))
    assert [record.images for record in run.iterate()] == [6, 2]


def test_batches_grow(records):
    run = begin(records[:3], settings(iterations=21, batch_size=3, batch_start=1))
    largest = {record.iteration: record.images for record in run.iterate() if record.images != 1}
    assert largest == {**dict.fromkeys(range(11, 21), 2), 21: 3}


@pytest.mark.parametrize("chance", [{}, {"augmentation": AugmentationConfig.none()}, {"flip": False}])
def test_the_seed_decides_the_patch(chance, records):
    patches = []
    for seed in (0, 0, 1):
        run = begin(records, settings(seed=seed, batch_size=4, sampling="balanced", **chance))
        list(run.iterate())
        patches.append(run.state.patch_chw)
    assert torch.equal(patches[0], patches[1])
    assert not torch.equal(patches[0], patches[2])


def test_a_circular_patch_changes_only_inside(records):
    config = settings(circular=True, patch_height=24, patch_width=32)
    run = begin(records, config, patch=random_patch(24, 32))
    list(run.iterate())
    changed = run.state.patch_chw != random_patch(24, 32)
    inside = circle_mask(24, 32)
    assert not changed[:, ~inside].any()
    assert changed[:, inside].float().mean() > 0.9


@pytest.mark.parametrize("clip", [1e-3, 1e3])
def test_the_gradient_is_clipped_by_its_norm(clip, records, gradients):
    config = settings(learning_rate=1.0, batch_size=8)
    gradient, _ = gradients(records, config)
    clipped, _ = gradients(records, config.changed(clip_norm=clip))
    expected = gradient * min(1, clip / gradient.norm())
    torch.testing.assert_close(clipped, expected, rtol=1e-3, atol=1e-7)


def test_a_scaler_changes_nothing_but_the_range(records, monkeypatch):
    config = settings(batch_size=4, accumulate=2, clip_norm=1e-3)  # clipped after it is unscaled
    plain = begin(records, config)
    list(plain.iterate())
    monkeypatch.setattr(module, "make_scaler", scaler)
    run = begin(records, config)
    list(run.iterate())
    assert run.state.scaler["scale"] == 1024
    assert torch.equal(run.state.patch_chw, plain.state.patch_chw)


def test_half_precision_makes_a_patch_too(records):
    patches = {}
    for precision in ("fp32", "bf16"):
        run = begin(records, settings(precision=precision, losses=dict.fromkeys(LOSSES, 0.1)))
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
    plain = detector.class_scores

    def noting(images_nchw, class_id):
        seen.append(images_nchw.detach())
        return plain(images_nchw, class_id)

    detector.class_scores = noting
    without_objects = [records[1]]
    list(begin(without_objects, settings(iterations=12, flip=flip), detector).iterate())
    as_it_is = sum(torch.equal(images, seen[0]) for images in seen)
    mirrored = sum(torch.equal(images, seen[0].flip(3)) for images in seen)
    assert as_it_is + mirrored == 12
    assert (mirrored > 0) == flip


def test_views_look_at_windows(records):
    detector, shapes = FakeDetector(), set()
    plain = detector.class_scores

    def noting(images_nchw, class_id):
        shapes.add(tuple(images_nchw.shape[2:]))
        return plain(images_nchw, class_id)

    detector.class_scores = noting
    list(begin(records, settings(view_size=32), detector).iterate())
    assert shapes == {(32, 32)}


def test_windows_must_suit_the_detectors_stride(records):
    detector = FakeDetector()
    detector.stride_px = 64
    with pytest.raises(SettingsError, match="multiple of 64, the detector's stride, got 96; use 128"):
        begin(records, settings(view_size=96), detector)


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
