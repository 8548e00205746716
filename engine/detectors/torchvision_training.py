# SPDX-License-Identifier: AGPL-3.0-only
"""Trains torchvision's detectors by a short loop: they compute their own losses from images and boxes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.datasets.loader import Batch, ImageLoader
from engine.datasets.views import ViewChooser
from engine.detectors.base import Detector, Targets
from engine.detectors.class_lists import without_background
from engine.detectors.state_dicts import load_state_dict
from engine.detectors.torchvision_adapter import TorchvisionDetector
from engine.detectors.torchvision_models import build_model, choose_architecture, new_model, take_weights
from engine.detectors.torchvision_names import names_of
from engine.detectors.training import (
    Course,
    EpochResult,
    TrainingBatch,
    TrainingTask,
    keep_statistics,
    named_memory,
    require_finite_loss,
    seed_epoch,
)

LEARNING_RATES = {"adamw": 0.0001, "sgd": 0.005}
ZOOM = (0.7, 1.4)  # of the jittered scale
MOST_GRADIENT = 10.0  # norm above which gradients are clipped, as Ultralytics does
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
# torchvision's names of losses that families call otherwise; `loss_` is left out in any case.
_LOSSES = {
    "box_reg": "box",
    "rpn_box_reg": "rpn",
    "classification": "cls",
    "bbox_regression": "box",
    "bbox_ctrness": "centerness",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainableModel:
    """A model as torchvision trains it: `model(images, targets)` gives its losses by name.

    Attributes:
        model: float32; label 0 is the background, label c + 1 is class c of the task.
        backbone: its part that the strategy `head` freezes.
        detector: makes a frozen detector of a copy of the model, which it may keep.
        weights: the content of a weight file with the model, for `torch.save`.
    """

    model: nn.Module
    backbone: nn.Module
    detector: Callable[[nn.Module], Detector]
    weights: Callable[[nn.Module], dict[str, Any]]


def train(task: TrainingTask, course: Course) -> None:
    """Train a torchvision detector; see `engine.detectors.training.Trainer`."""
    train_model(_trainable(task), task, course)


def _trainable(task: TrainingTask) -> TrainableModel:
    """The model to start from; `scratch` takes its architecture only.

    Raises:
        DetectorError: the file holds no state dict of a known architecture.
    """
    path, classes, architecture = task.weights, task.class_names, task.architecture
    content = None if architecture else load_state_dict(path, trust=task.trust)
    if content is not None:
        facts = content.facts
        architecture = choose_architecture(path, "auto", facts.architecture, facts.shapes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(task.config.seed)
        model: Any = new_model(architecture, len(classes) + 1)
    if content is not None and task.config.strategy != "scratch":
        former, labels = build_model(path, architecture, content.weights)
        known = without_background(names_of(path, content.facts, labels), labels - 1)
        rows = {classes.index(name) + 1: index + 1 for index, name in enumerate(known) if name in classes}
        take_weights(model, former, architecture, rows | {0: 0})

    if hasattr(model, "roi_heads"):
        model.roi_heads.mask_roi_pool = None  # a Mask R-CNN would ask for masks, which datasets of boxes lack

    return TrainableModel(
        model=model,
        backbone=getattr(model.backbone, "body", model.backbone),
        detector=lambda trained: TorchvisionDetector(
            trained.half(),  # as the weight file has it
            name=path.stem,
            architecture=architecture,
            class_names=classes,
            device=task.device,
        ),
        weights=lambda trained: {
            "model": {
                name: (value.half() if value.is_floating_point() else value).cpu()
                for name, value in trained.state_dict().items()
            },
            "architecture": architecture,
            "classes": list(classes),
        },
    )


def train_model(trainable: TrainableModel, task: TrainingTask, course: Course) -> None:
    """Train a model until the course ends.

    Args:
        trainable: on any device; changed in place.
        task: records and settings; `weights` and `trust` are not used.
        course: decides when it ends.

    Raises:
        DatasetError: an image cannot be read.
        NonFiniteLossError, RunInterruptedError, MemoryExhaustedError: see there.
    """
    loop, size = _Loop(trainable, task), task.config.image_size
    goes_on = True
    with named_memory(f"{task.config.batch_size} images of {size} pixels", task.device):
        while goes_on:
            seed_epoch(task.config.seed, course.epoch)
            loop.epoch(course)
            goes_on = course.epoch_done(loop.result())


class _Loop:
    """The model with its optimizer, an epoch at a time."""

    def __init__(self, trainable: TrainableModel, task: TrainingTask) -> None:
        self._trainable, self._task = trainable, task
        self._model = trainable.model.float().to(task.device)
        self._model.requires_grad_(True)
        trainable.backbone.requires_grad_(task.config.strategy != "head")
        self._optimizer = _optimizer(self._model, task)
        self._scaler = torch.amp.GradScaler(task.device.type, enabled=task.precision == "fp16")
        self._loader = ImageLoader(task.records, image_size=task.config.image_size, device=task.device)
        self._rate = self._optimizer.param_groups[0]["lr"]
        if task.state is not None:
            self._model.load_state_dict(task.state["model"])
            self._optimizer.load_state_dict(task.state["optimizer"])
            self._scaler.load_state_dict(task.state["scaler"])

    def epoch(self, course: Course) -> None:
        """One pass over the images, or the part of it for which there is time."""
        self._train_mode()
        start, seen, images = course.epoch, 0, len(self._task.records)
        for number, batch in enumerate(self._batches(start)):
            rate = self._rate * course.rate_factor(start + seen / images)
            losses = self._step(self._altered(*_inputs(batch), start, number), rate, start + 1)
            seen += len(batch.indices)
            if not course.batch_done(start + seen / images, losses, images=len(batch.indices), rate=rate):
                return

    def result(self) -> EpochResult:
        """What the epochs so far have made."""
        model = self._model
        return EpochResult(
            detector=self._trainable.detector(copy.deepcopy(model)),
            weights=lambda: self._trainable.weights(model),
            state=lambda: {
                "model": model.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "scaler": self._scaler.state_dict(),
            },
        )

    def _train_mode(self) -> None:
        """Training, but batch norm keeps the statistics that weights were trained with."""
        self._model.train()
        if self._task.config.strategy != "scratch" or self._task.alteration is not None:
            keep_statistics(self._model)

    def _batches(self, epoch: int) -> Iterator[Batch]:
        """The epoch's batches in random order, each image at a random zoom."""
        config = self._task.config
        order = torch.randperm(len(self._task.records)).tolist()
        size = config.batch_size
        view = ViewChooser(
            side_px=config.image_size, zoom_low=ZOOM[0], zoom_high=ZOOM[1], seed=config.seed, iteration=epoch
        )
        return self._loader.batches([order[at : at + size] for at in range(0, len(order), size)], view)

    def _altered(
        self, images: list[Tensor], targets: list[dict[str, Tensor]], epoch: int, number: int
    ) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
        """What the model is given, its images altered if the task says how."""
        if self._task.alteration is None:
            return images, targets
        altered = self._task.alteration(
            TrainingBatch(
                images_nchw=torch.stack(images),
                targets=_targets(targets),
                epoch=epoch,
                number=number,
                detector=lambda: self._trainable.detector(copy.deepcopy(self._model)),
            )
        )
        return [*altered], targets

    def _step(
        self, inputs: tuple[list[Tensor], list[dict[str, Tensor]]], rate: float, epoch: int
    ) -> dict[str, Tensor]:
        """One step of the optimizer; returns the losses by the family's names."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        device, dtype = self._task.device.type, _DTYPES.get(self._task.precision)
        with torch.autocast(device, dtype=dtype or torch.bfloat16, enabled=dtype is not None):
            losses = self._model(*inputs)
            loss = torch.stack([*losses.values()]).sum()
        require_finite_loss(loss, epoch)
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self._optimizer)
        nn.utils.clip_grad_norm_(self._model.parameters(), MOST_GRADIENT)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return _named(losses)


def _optimizer(model: nn.Module, task: TrainingTask) -> torch.optim.Optimizer:
    config = task.config
    rate = config.learning_rate or LEARNING_RATES[config.optimizer]
    parameters = [each for each in model.parameters() if each.requires_grad]
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=0.9, weight_decay=0.0005)
    return torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0005)


def _inputs(batch: Batch) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """A batch as torchvision's models take it in training, half of its images mirrored."""
    images, targets = batch.images_nchw.float() / 255, batch.targets
    width, height = images.shape[3], images.shape[2]
    mirrored = (torch.rand(len(images)) < 0.5).tolist()
    found = []
    for index, mirror in enumerate(mirrored):
        own = targets.image_index == index
        boxes = targets.boxes_xyxy_px[own].clone()
        boxes[:, 0::2], boxes[:, 1::2] = boxes[:, 0::2].clamp(0, width), boxes[:, 1::2].clamp(0, height)
        if mirror:
            boxes = torch.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], dim=1)
        found.append({"boxes": boxes, "labels": targets.class_ids[own] + 1})
    return [image.flip(2) if mirror else image for image, mirror in zip(images, mirrored, strict=True)], found


def _targets(by_image: Sequence[Mapping[str, Tensor]]) -> Targets:
    """The objects of a batch, whose labels are class ids + 1."""
    boxes = [each["boxes"] for each in by_image]
    owners = [torch.full((len(each),), index, device=each.device) for index, each in enumerate(boxes)]
    return Targets(
        boxes_xyxy_px=torch.cat(boxes),
        class_ids=torch.cat([each["labels"] for each in by_image]) - 1,
        image_index=torch.cat(owners),
        images=len(by_image),
    )


def _named(losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
    bare = {name.removeprefix("loss_"): value.detach() for name, value in losses.items()}
    return {_LOSSES.get(name, name): value for name, value in bare.items()}
