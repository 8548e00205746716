# SPDX-License-Identifier: AGPL-3.0-only
"""Trains the network that finds patches, on windows of images with patches from a pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import DefenceTrainingConfig
from engine.datasets.loader import Batch, ImageLoader
from engine.datasets.views import ViewChooser
from engine.defences.patch_finder import PatchFinder, as_saved, cells_of, finder_of
from engine.detectors.training import Course, EpochResult, named_memory, require_finite_loss
from engine.records import ImageRecord
from engine.runs.patch_pool import PatchPool
from engine.runs.patched_views import patched
from engine.seeding import derived_seed, generator

ORDER_STREAM, PATCH_STREAM, HELD_OUT_STREAM, WEIGHT_STREAM = 41, 42, 43, 44  # of the seed
ZOOM = (0.6, 1.8)
MOST_GRADIENT = 5.0
SURE = 0.5  # the probability from which a validation counts a cell
MOST_HELD_OUT = 100  # windows of a validation with patches, and as many without
ROUND = 400  # windows of an epoch at least: small datasets are gone over several times


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmenterTask:
    """What a network is trained on.

    Attributes:
        records, held_out: images, the latter for validations alone.
        pool, held_out_pool: patches, likewise.
        config: all settings.
        device: of the training.
        state: what `EpochResult.state` gave after the epochs that are done; None for a new training.
    """

    records: Sequence[ImageRecord]
    held_out: Sequence[ImageRecord]
    pool: PatchPool
    held_out_pool: PatchPool
    config: DefenceTrainingConfig
    device: torch.device
    state: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class FinderScores:
    """How well a network finds patches in windows that it has not learned from.

    Attributes:
        iou: cells that are and are said to be a patch over those that are or are said to be one.
        recall: share of the patches' cells that is found.
        false_area: share of the cells of windows without patches that is taken for a patch.
    """

    iou: float
    recall: float
    false_area: float


def train_segmenter(task: SegmenterTask, course: Course) -> None:
    """Train until the course ends; chance depends on (seed, epoch, batch) alone.

    Raises:
        DatasetError: an image cannot be read.
        NonFiniteLossError, RunInterruptedError, MemoryExhaustedError: see there.
    """
    loop, size = _Loop(task), task.config.view_size
    goes_on = True
    with named_memory(f"{task.config.batch_size} crops of {size} pixels", task.device):
        while goes_on:
            loop.epoch(course)
            goes_on = course.epoch_done(loop.result())


def held_out_scores(
    finder: PatchFinder, task: SegmenterTask, stop: Callable[[], object] = lambda: None
) -> FinderScores:
    """Score a network on windows of the images held out, half of them with patches; always the same ones.

    Args:
        finder: on the task's device.
        task: what is held out of it.
        stop: called between batches; may raise.
    """
    config = task.config
    loader = ImageLoader(task.held_out, image_size=config.image_size, device=task.device)
    view = _view(config, HELD_OUT_STREAM)
    size, shown = config.batch_size, range(min(len(task.held_out), MOST_HELD_OUT))
    plan = [shown[at : at + size] for at in range(0, len(shown), size)]
    both, either, there, false, clean = torch.zeros(5, dtype=torch.float64).unbind()
    for number, batch in enumerate(loader.batches(plan, view)):
        chance = generator(config.seed, HELD_OUT_STREAM, number)
        for clean_share in (0.0, 1.0):
            images, mask = patched(
                batch.images_nchw, batch.targets, task.held_out_pool, chance, clean_share=clean_share
            )
            with torch.no_grad():
                found = finder(images).sigmoid() >= SURE
            if clean_share:
                false, clean = false + found.sum().cpu(), clean + found.numel()
                continue
            truth = cells_of(mask) >= 0.5
            both, either = both + (found & truth).sum().cpu(), either + (found | truth).sum().cpu()
            there = there + truth.sum().cpu()
        stop()
    return FinderScores(
        iou=_share(both, either, nothing=1.0),
        recall=_share(both, there, nothing=1.0),
        false_area=_share(false, clean, nothing=0.0),
    )


def _share(part: Tensor, whole: Tensor, *, nothing: float) -> float:
    return float(part / whole) if whole else nothing


class _Loop:
    """The network with its optimizer, an epoch at a time."""

    def __init__(self, task: SegmenterTask) -> None:
        self._task, config = task, task.config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derived_seed(config.seed, WEIGHT_STREAM))
            finder = PatchFinder()
        self._finder = finder.to(task.device)
        self._optimizer = torch.optim.AdamW(finder.parameters(), lr=config.learning_rate, weight_decay=1e-4)
        self._loader = ImageLoader(task.records, image_size=config.image_size, device=task.device)
        self._passes = ceil(ROUND / len(task.records))
        if task.state is not None:
            finder.load_state_dict(task.state["model"])
            self._optimizer.load_state_dict(task.state["optimizer"])

    def epoch(self, course: Course) -> None:
        """A round of windows, or the part of it for which there is time."""
        start, seen = course.epoch, 0
        windows = self._passes * len(self._task.records)
        self._finder.train()
        for number, batch in enumerate(self._batches(start)):
            rate = self._task.config.learning_rate * course.rate_factor(start + seen / windows)
            losses = self._step(batch, rate, start, number)
            seen += len(batch.indices)
            if not course.batch_done(start + seen / windows, losses, images=len(batch.indices), rate=rate):
                return

    def result(self) -> EpochResult:
        """What the epochs so far have made; it is scored as its file will hold it."""
        saved = as_saved(self._finder)
        return EpochResult(
            detector=cast(Any, finder_of(saved).to(self._task.device)),  # what the course's score is given
            weights=lambda: {"finder": saved},
            state=lambda: {
                "model": self._finder.state_dict(),
                "optimizer": self._optimizer.state_dict(),
            },
        )

    def _batches(self, epoch: int) -> Iterator[Batch]:
        config, count = self._task.config, len(self._task.records)
        chance = generator(config.seed, ORDER_STREAM, epoch)
        order = [
            index for _ in range(self._passes) for index in torch.randperm(count, generator=chance).tolist()
        ]
        size = config.batch_size
        plan = [order[at : at + size] for at in range(0, len(order), size)]
        return self._loader.batches(plan, _view(config, epoch))

    def _step(self, batch: Batch, rate: float, epoch: int, number: int) -> dict[str, Tensor]:
        """One step of the optimizer; returns the losses by name."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        config = self._task.config
        images, mask = patched(
            batch.images_nchw,
            batch.targets,
            self._task.pool,
            generator(config.seed, PATCH_STREAM, epoch, number),
            clean_share=config.clean_share,
        )
        losses = _losses(self._finder(images), cells_of(mask))
        loss = torch.stack([*losses.values()]).sum()
        require_finite_loss(loss, epoch + 1)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._finder.parameters(), MOST_GRADIENT)
        self._optimizer.step()
        return {name: value.detach() for name, value in losses.items()}


def _view(config: DefenceTrainingConfig, iteration: int) -> ViewChooser:
    return ViewChooser(
        side_px=config.view_size, zoom_low=ZOOM[0], zoom_high=ZOOM[1], seed=config.seed, iteration=iteration
    )


def _losses(logits: Tensor, cells: Tensor) -> dict[str, Tensor]:
    """Cross entropy, and Dice over the batch, which weighs patches and background alike."""
    probability = logits.sigmoid()
    both = (probability * cells).sum()
    return {
        "cross_entropy": F.binary_cross_entropy_with_logits(logits, cells),
        "dice": 1 - (2 * both + 1) / (probability.sum() + cells.sum() + 1),
    }
