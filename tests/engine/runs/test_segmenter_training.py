# SPDX-License-Identifier: AGPL-3.0-only
"""The loop that trains the network, on a handful of blocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.config import DefenceTrainingConfig
from engine.datasets.sources import read_dataset
from engine.defences.patch_finder import CELL_PX, PatchFinder, as_saved, cells_of
from engine.detectors.training import EpochResult
from engine.errors import MemoryExhaustedError, NonFiniteLossError
from engine.runs import segmenter_training
from engine.runs.patch_pool import PatchPool
from engine.runs.segmenter_training import (
    FinderScores,
    SegmenterTask,
    _losses,
    held_out_scores,
    train_segmenter,
)
from tests.engine.detectors import test_ultralytics_training as trainings


class Recorder(trainings.Recorder):
    """Detects with nothing."""

    def epoch_done(self, result: EpochResult) -> bool:
        self.epoch += 1
        self.weights.append(result.weights()["finder"])
        self.states.append(torch.load(trainings.saved(result.state()), weights_only=True))
        return self.epoch < self.epochs


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenter_training, "ROUND", 1)


@pytest.fixture
def task(blocks: Path) -> Callable[..., SegmenterTask]:
    records = read_dataset(blocks).images

    def make(state: Any = None, **changes: Any) -> SegmenterTask:
        small: dict[str, Any] = {"image_size": 64, "view_size": 64, "batch_size": 2, "clean_share": 0.0}
        return SegmenterTask(
            records=records[:4],
            held_out=records[4:],
            pool=PatchPool(),
            held_out_pool=PatchPool(),
            config=DefenceTrainingConfig(dataset=str(blocks), **small | changes),
            device=torch.device("cpu"),
            state=state,
        )

    return make


def test_an_epoch_goes_over_small_datasets_several_times(
    task: Callable[..., SegmenterTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segmenter_training, "ROUND", 10)
    course = Recorder(epochs=1)
    train_segmenter(task(), course)
    assert [images for _, _, images in course.batches] == [2] * 6
    assert set(course.batches[0][1]) == {"cross_entropy", "dice"}


def test_it_goes_on_to_the_same_bits(task: Callable[..., SegmenterTask]) -> None:
    whole = Recorder(epochs=2)
    train_segmenter(task(), whole)
    rest = Recorder(epochs=2, epoch=1)
    train_segmenter(task(state=whole.states[0]), rest)
    assert all(torch.equal(value, rest.weights[-1][name]) for name, value in whole.weights[-1].items())


def test_it_learns(task: Callable[..., SegmenterTask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenter_training, "ROUND", 60)
    course = Recorder(epochs=1)
    train_segmenter(task(learning_rate=0.01), course)
    losses = [sum(losses.values()) for _, losses, _ in course.batches]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_scores_of_what_finds_nothing_and_of_what_finds_all(task: Callable[..., SegmenterTask]) -> None:
    class Always(PatchFinder):
        def forward(self, images_nchw: torch.Tensor) -> torch.Tensor:
            return torch.full_like(cells_of(images_nchw[:, :1]), self.logit)

    finder, stops = Always(), []
    finder.logit = -9.0
    assert held_out_scores(finder, task()) == FinderScores(iou=0.0, recall=0.0, false_area=0.0)
    finder.logit = 9.0
    found = held_out_scores(finder, task(), lambda: stops.append(1))
    assert (found.recall, found.false_area) == (1.0, 1.0)
    assert 0 < found.iou < 0.6
    assert held_out_scores(finder, task()) == found
    assert stops == [1]


@pytest.mark.parametrize("logit", [-12.0, 12.0])
def test_losses_are_lowest_where_patches_are(logit: float) -> None:
    cells = torch.zeros(1, 1, 4, 4)
    cells[..., :2] = 1
    right, wrong = _losses((cells * 2 - 1) * 12, cells), _losses(torch.full_like(cells, logit), cells)
    assert all(right[name] < wrong[name] for name in right)
    assert CELL_PX == 4


def test_a_loss_that_is_no_number_stops(
    task: Callable[..., SegmenterTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatchFinder, "forward", lambda self, images: cells_of(images[:, :1]) * torch.nan)
    with pytest.raises(NonFiniteLossError, match="expected a finite loss, got nan in epoch 1"):
        train_segmenter(task(), Recorder(epochs=1))


def test_a_full_memory_says_what_to_lower(
    task: Callable[..., SegmenterTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: PatchFinder, images: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(PatchFinder, "forward", full)
    with pytest.raises(MemoryExhaustedError, match=r"batches of 2 crops of 64 .* lower --batch-size"):
        train_segmenter(task(), Recorder(epochs=1))


def test_weights_begin_from_the_seed(task: Callable[..., SegmenterTask]) -> None:
    def start(seed: int) -> dict[str, torch.Tensor]:
        return as_saved(segmenter_training._Loop(task(seed=seed))._finder)

    first, again, other = start(1), start(1), start(2)
    assert torch.equal(first["start.0.weight"], again["start.0.weight"])
    assert not torch.equal(first["start.0.weight"], other["start.0.weight"])
