# SPDX-License-Identifier: AGPL-3.0-only
"""The loop: what it minimises, what it records, what it leaves as it was."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from engine.config import BATCHINGS, AugmentationConfig
from engine.errors import SettingsError
from engine.patch.run import PatchRun
from engine.registries import OPTIMIZERS
from tests.engine.patch.factories import (
    TERMS,
    WITHOUT_CHANCE,
    SmallRaggedDetector,
    begin,
    photographs,
    settings,
)
from tests.fakes import FakeDetector, RaggedDetector


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


@pytest.mark.parametrize("name", [name for name in TERMS if name not in UNSTEADY])
def test_every_loss_can_be_lowered(name, records):
    losses = losses_by_iteration(begin(records, settings(iterations=6, batch_size=8, losses={name: 1.0})))
    assert losses[-1] < losses[0]


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


@pytest.mark.parametrize("counts", [[0], [0, 0, 0], [0, 1, 0]])
@pytest.mark.parametrize("batching", BATCHINGS)
@pytest.mark.parametrize("placement", ["object", "random"])
def test_images_without_objects_do_no_harm(batching, counts, placement, tmp_path):
    weights = dict.fromkeys(TERMS, 1.0)
    config = settings(iterations=1, batching=batching, losses=weights)
    config = config.changed(placement=replace(config.placement, kind=placement))
    run = begin(photographs(tmp_path, counts), config)
    assert all(math.isfinite(record.loss) for record in run.iterate())
    assert run.state.patch_chw.isfinite().all()


@pytest.mark.parametrize("chance", [{}, {"augmentation": AugmentationConfig.none()}, {"flip": False}])
def test_the_seed_decides_the_patch(chance, records):
    patches = []
    for seed in (0, 0, 1):
        run = begin(records, settings(seed=seed, batch_size=4, sampling="balanced", **chance))
        list(run.iterate())
        patches.append(run.state.patch_chw)
    assert torch.equal(patches[0], patches[1])
    assert not torch.equal(patches[0], patches[2])


def test_windows_must_suit_the_detectors_stride(records):
    detector = FakeDetector()
    detector.stride_px = 64
    with pytest.raises(SettingsError, match="multiple of 64, the detector's stride, got 96; use 128"):
        begin(records, settings(view_size=96), detector)


def test_a_training_loss_that_the_detector_lacks_is_refused_before_the_run(records):
    with pytest.raises(SettingsError, match="total, cls for ragged, got dfl; leave out those that it lacks"):
        begin(records, settings(losses={"object": 1.0, "dfl": 0.1}), RaggedDetector())


EVERY = dict.fromkeys(("object", "overlap", "max_confidence", "tv"), 1.0)
SAMPLED = {"total": 1.0, "cls": 0.5, "object": 1.0}


@pytest.mark.parametrize(
    "changes", [{}, {"losses": EVERY}, {"losses": SAMPLED}, {"view_size": 32}, {"precision": "bf16"}]
)
def test_a_detector_whose_images_have_different_candidates_is_attacked_like_any_other(changes, records):
    config = settings(iterations=6, batch_size=4, learning_rate=0.05, **(WITHOUT_CHANCE | changes))
    patches, losses = [], []
    for _ in range(2):
        run = begin(records, config, RaggedDetector())
        losses.append([record.loss for record in run.iterate()])
        patches.append(run.state.patch_chw)
    assert torch.equal(*patches)
    assert losses[0] == losses[1]
    assert all(math.isfinite(loss) for loss in losses[0])
    assert sum(losses[0][-2:]) < sum(losses[0][:2])


@pytest.mark.parametrize(("fits", "threads"), [(1, 1), (3, 1), (8, 3)])
def test_ragged_candidates_in_parts_give_the_gradient_of_the_whole(fits, threads, records, gradients):
    config = settings(batch_size=8, learning_rate=1.0, losses=EVERY, **WITHOUT_CHANCE)
    detector, before = SmallRaggedDetector(fits), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        whole, _ = gradients(records, config, detector=RaggedDetector())
        torch.set_num_threads(threads)
        gradient, _ = gradients(records, config, detector=detector)
    finally:
        torch.set_num_threads(before)
    assert max(detector.batches[-2:]) < 8
    torch.testing.assert_close(gradient, whole, rtol=1e-4, atol=1e-6)
