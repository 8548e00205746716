# SPDX-License-Identifier: AGPL-3.0-only
"""What a family's trainer is given, and what it tells of a training while it trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from engine.config import TrainingConfig
from engine.detectors.base import Detector, Targets
from engine.detectors.device import is_out_of_memory
from engine.errors import MemoryExhaustedError, NonFiniteLossError
from engine.records import ImageRecord
from engine.seeding import derived_seed, seed_everything

EPOCH_STREAM = 31  # of the seed; no patch run draws from it


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingBatch:
    """The images of a step, as the model is about to see them.

    Attributes:
        images_nchw: float (n, 3, h, w), 0 to 1, RGB.
        targets: their objects, in pixels of these images; class ids are indices of the task's class names.
        epoch: number of finished epochs.
        number: of the batch in its epoch, from 0.
        detector: makes a frozen detector of the current weights: of their average where one is kept.
    """

    images_nchw: Tensor
    targets: Targets
    epoch: int
    number: int
    detector: Callable[[], Detector]


class Alteration(Protocol):
    """Changes the images of each step before the model sees them.

    Attributes:
        distillation: how much the answers of the initial weights to the unaltered images count beside the
            labels; 0 for nothing. Ultralytics' detectors alone learn from them.
    """

    distillation: float

    def __call__(self, batch: TrainingBatch) -> Tensor:
        """The images to train on, shaped like the batch's, which may be returned; chance is its own."""

    def state(self) -> dict[str, Any]:
        """What going on to the same bits needs: plain values and tensors by name."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingTask:
    """What a detector is trained on, and how.

    Attributes:
        weights: the file to start from; the strategy `scratch` takes its layout only. With an architecture,
            the name of what is trained.
        trust: open that file even if its pickle could run code.
        records: the training images; their class ids are indices of `class_names`.
        class_names: what the trained detector tells apart.
        config: strategy, batch size, image size, optimizer, rate, seed and epochs are the trainer's; all else
            is the course's.
        device: of the training.
        precision: `fp32`, `bf16` or `fp16`.
        architecture: the layout to train from random weights, one of the family's, for which no file is read;
            empty to start from the file.
        state: what `EpochResult.state` gave after the epochs that are done; None for a new training.
        alteration: changes the images of each step. With one, batch norms keep the statistics that they
            have, whatever the strategy, and no mosaics are made: images stay as an attacker finds them.
    """

    weights: Path
    trust: bool
    records: Sequence[ImageRecord]
    class_names: tuple[str, ...]
    config: TrainingConfig
    device: torch.device
    precision: str
    architecture: str = ""
    state: Mapping[str, Any] | None = None
    alteration: Alteration | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class EpochResult:
    """What an epoch has made of a detector.

    Attributes:
        detector: as the weight file will hold it, rounded as there.
        weights: gives the content of the weight file, for `torch.save`: no optimizer, no local path.
        state: gives what going on to the same bits needs: plain values and tensors by name.
    """

    detector: Detector
    weights: Callable[[], dict[str, Any]]
    state: Callable[[], dict[str, Any]]


class Course(Protocol):
    """The course of a training, which decides when it ends; the same for all families."""

    @property
    def epoch(self) -> int:
        """Number of finished epochs."""

    def progress(self, epoch: float) -> float:
        """Share of the training that is done, 0 to 1, by epochs or by time."""

    def rate_factor(self, epoch: float) -> float:
        """Factor of the learning rate, 0 to 1, after so many epochs (2.5: in the middle of the third)."""

    def batch_done(self, epoch: float, losses: Mapping[str, Tensor], *, images: int, rate: float) -> bool:
        """Note a step.

        Args:
            epoch: finished epochs, with the part of the current one.
            losses: name → scalar, an image's mean; the training minimises their sum.
            images: in the batch.
            rate: the learning rate of the step.

        Returns:
            False if the time is up: the epoch ends here.

        Raises:
            RunInterruptedError: a stop was requested; the training goes on after the last kept epoch.
        """

    def epoch_done(self, result: EpochResult) -> bool:
        """Score and keep what an epoch has made; False if it was the last one."""


class Trainer(Protocol):
    """A family's module of functions that train its detectors."""

    def train(self, task: TrainingTask, course: Course) -> None:
        """Train until the course ends.

        Raises:
            DetectorError: the weights cannot be trained.
            NonFiniteLossError, RunInterruptedError, MemoryExhaustedError: see there.
        """


@contextmanager
def named_memory(batches: str, device: torch.device) -> Iterator[None]:
    """A context in which a full memory is a `MemoryExhaustedError` that says what to lower.

    Args:
        batches: how large they are, such as `8 images of 640 pixels`.
        device: whose memory it is.
    """
    try:
        yield
    except RuntimeError as error:
        if not (is_out_of_memory(error) or "out of memory" in str(error).lower()):
            raise
        raise MemoryExhaustedError(
            f"training: expected batches of {batches} to fit into the memory of {device}, "
            "got out of memory; lower --batch-size"
        ) from error


def seed_epoch(seed: int, epoch: int) -> None:
    """Seed all global generators for an epoch, so that chance does not depend on what came before."""
    seed_everything(derived_seed(seed, EPOCH_STREAM, epoch) % 2**32)


def keep_statistics(model: nn.Module) -> None:
    """Let the batch norms of a model in training keep their statistics, until its mode is set again."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()


def require_finite_loss(loss: Tensor, epoch: int) -> None:
    """Raise `NonFiniteLossError` before a step with a loss that is no number; `epoch` is the current one."""
    if not bool(torch.isfinite(loss.detach()).all()):
        raise NonFiniteLossError(
            f"training: expected a finite loss, got {float(loss.detach().sum())} in epoch {epoch}; "
            "lower --learning-rate, or choose fp32 as --precision"
        )
