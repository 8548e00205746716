# SPDX-License-Identifier: AGPL-3.0-only
"""Trains Ultralytics' detectors with Ultralytics' own trainer, without network, plots or stray files."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.config import TrainingConfig
from engine.detectors.base import Targets
from engine.detectors.checkpoints import load_checkpoint
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
from engine.detectors.ultralytics_adapter import UltralyticsDetector
from engine.detectors.ultralytics_distillation import ANSWERS, Distillation
from engine.detectors.ultralytics_model import detection_model, input_channels
from engine.detectors.ultralytics_quiet import DetectionModel, quiet_environment
from engine.detectors.ultralytics_records import RecordsDataset
from engine.detectors.ultralytics_small import yolo11_small
from engine.errors import DetectorError

with quiet_environment():
    from ultralytics.data import build_dataloader
    from ultralytics.models.yolo.detect import DetectionTrainer

LEARNING_RATES = {"adamw": 0.002, "sgd": 0.01}  # Ultralytics' own for few classes, and its default
# Measured from the demo's weights, 3 epochs of 20 scenes: AP50 0.83 on others, 0.75 at the full rate.
FINE_TUNING = 0.25  # of that rate, from given weights
FEW_CLASSES = 5  # over 4 more than the weights' classes: the share of that rate from 17 classes on
LAYOUTS = {"yolo11_small": yolo11_small}  # those of the family that need no file
MOSAIC_SHARE = 0.75  # of the training; after it, images are shown whole, as Ultralytics does at the end
_AMP = {"fp32": False, "bf16": "bf16", "fp16": True}
_WORKERS = 4  # on GPUs; on a CPU they would take the cores from the training
_RECIPE: dict[str, Any] = {
    "pretrained": False,
    "plots": False,
    "save": False,
    "verbose": False,
    "name": "run",
    "exist_ok": True,
    "patience": 0,  # the course stops early
    "warmup_epochs": 0,  # and warms up
    "close_mosaic": 0,  # see MOSAIC_SHARE
    "mosaic": 0.5,
    "scale": 0.3,
}


def train(task: TrainingTask, course: Course) -> None:
    """Train an Ultralytics detector; see `engine.detectors.training.Trainer`."""
    start = _trainable(task)
    threads, size = torch.get_num_threads(), task.config.image_size
    with tempfile.TemporaryDirectory(prefix="patchbench-") as scratch:
        trainer = _CourseTrainer(task, course, start, Path(scratch))
        trainer.add_callback("on_train_start", lambda _: torch.set_num_threads(threads))
        try:
            with named_memory(f"{task.config.batch_size} images of {size} pixels", task.device):
                trainer.train()
        finally:
            trainer.close()


def _trainable(task: TrainingTask) -> Any:
    """The model to start from.

    Raises:
        DetectorError: it has another task beside detection, or does not take colour images.
    """
    if task.architecture:
        return LAYOUTS[task.architecture]()
    model = detection_model(load_checkpoint(task.weights, trust=task.trust).model)
    head = type(model.model[-1]).__name__
    if type(model) is not DetectionModel or head not in ("Detect", "v10Detect"):
        raise DetectorError(
            f"weights {task.weights}: expected a plain detection model to train, got one with the head "
            f"{head}; use detection weights"
        )
    if input_channels(model) != 3:
        raise DetectorError(
            f"weights {task.weights}: expected a detector for colour images to train, "
            "got one for grey images; use other weights"
        )
    return model.float()


class _CourseTrainer(DetectionTrainer):
    """Ultralytics' trainer on our records, with our course, validation and checkpoints."""

    # None, or a path, until the training begins.
    model: Any
    ema: Any
    optimizer: Any
    loss: Any

    def __init__(self, task: TrainingTask, course: Course, start: Any, scratch: Path) -> None:
        self._task, self._course, self._start = task, course, start
        self._distillation: Distillation | None = None
        config = task.config
        self._folded = config.strategy != "scratch" and _folded(start)
        self._kept = {
            **_RECIPE,
            "device": str(task.device).removeprefix("cuda:"),
            "workers": _WORKERS if task.device.type == "cuda" else 0,
            "amp": _AMP[task.precision],
            "batch": config.batch_size,
            "nbs": config.batch_size,  # a step a batch, where Ultralytics would gather 64 images
            "optimizer": {"adamw": "AdamW", "sgd": "SGD"}[config.optimizer],
            "lr0": config.learning_rate or _usual_rate(config, start),
            "epochs": config.epochs,
            "imgsz": config.image_size,
            "seed": config.seed % 2**31,
            "freeze": _backbone_layers(start) if config.strategy == "head" else None,
            **({} if task.alteration is None else {"mosaic": 0.0}),
        }
        local = {"model": "patchbench.yaml", "data": "", "project": str(scratch)}
        super().__init__(overrides={**self._kept, **local})
        self.add_callback("on_train_epoch_start", lambda _: self._begin_epoch())
        self.add_callback("on_train_batch_start", lambda _: self._set_rate())
        self.add_callback("on_train_batch_end", lambda _: self._end_batch())

    def get_dataset(self) -> dict[str, Any]:
        """Ultralytics' description of the dataset, without its own check, which downloads a font."""
        names = dict(enumerate(self._task.class_names))
        return {"train": "", "val": "", "nc": len(names), "names": names, "channels": 3}

    def setup_model(self) -> None:
        """A new model of the layout for our classes, with the weights to start from unless from scratch."""
        model = DetectionModel(copy.deepcopy(self._start.yaml), nc=self.data["nc"], ch=3, verbose=False)
        model.names = self.data["names"]  # by which `load` finds a class that had another number
        if self._task.config.strategy != "scratch":
            model.load(self._start, verbose=False)
        self.model = model
        alteration = self._task.alteration
        if alteration is not None and alteration.distillation:
            known = list(self._start.names.values())
            self._distillation = Distillation(model, alteration.distillation, known)

    def get_dataloader(
        self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train"
    ) -> Any:
        """The training images, shuffled; the validation's are not Ultralytics' matter."""
        if mode != "train":
            return self.train_loader
        dataset = RecordsDataset(
            self._task.records,
            data=self.data,
            imgsz=self.args.imgsz,
            hyp=self.args,
            batch_size=batch_size,
            stride=self.stride,
        )
        return build_dataloader(dataset, batch_size, self.args.workers, shuffle=True, device=self.device)

    def resume_training(self, ckpt: Any) -> None:
        """Go on from our own checkpoint: Ultralytics' rounds the weights and loses those that train."""
        state = self._task.state
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.ema.ema.load_state_dict(state["ema"])
        self.ema.updates = state["updates"]
        if state["criterion_updates"]:
            self.model.criterion = self.model.init_criterion()
            self.model.criterion.updates = state["criterion_updates"] - 1
            self.model.criterion.update()
        self.start_epoch = self._course.epoch

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Ultralytics' batch on the device, its images altered if the task says how."""
        batch = super().preprocess_batch(batch)
        if self._distillation is not None:
            batch[ANSWERS] = self._distillation.answers(batch["img"])
        if self._task.alteration is not None:
            with torch.autocast(self.device.type, enabled=False):
                batch["img"] = self._task.alteration(
                    TrainingBatch(
                        images_nchw=batch["img"],
                        targets=_targets(batch),
                        epoch=self.epoch,
                        number=self._batch,
                        detector=lambda: self._detector(_bare_model(self.ema.ema, self._kept)),
                    )
                )
        return batch

    def _model_train(self) -> None:
        """Training, but batch norms that were folded, and any with an alteration, keep their statistics."""
        super()._model_train()
        if self._task.alteration is not None or self._folded:
            keep_statistics(self.model)

    def optimizer_step(self) -> None:
        """A step, unless the loss is no number."""
        require_finite_loss(self.loss, self.epoch + 1)
        super().optimizer_step()

    def validate(self) -> tuple[dict[str, Any], float]:
        """Let the course score the averaged weights; Ultralytics' own fitness is not used."""
        bare = _bare_model(self.ema.ema, self._kept)
        goes_on = self._course.epoch_done(
            EpochResult(
                detector=self._detector(copy.deepcopy(bare)),
                weights=lambda: _weight_file(bare, self._kept),
                state=self._state,
            )
        )
        self.stop = self.stop or not goes_on
        return {}, 0.0

    def save_metrics(self, metrics: dict[str, Any]) -> None:
        """Do nothing: the course keeps the history."""

    def save_model(self) -> bool:
        """Do nothing: the course keeps the weights."""
        return False

    def final_eval(self) -> None:
        """Do nothing: each epoch has been validated."""

    def close(self) -> None:
        """End the processes that load images, if there are any."""
        loader = getattr(self, "train_loader", None)
        if loader is not None:
            loader.close()

    def _detector(self, bare: Any) -> UltralyticsDetector:
        """A frozen detector of a model, which it keeps."""
        return UltralyticsDetector(bare, name=self._task.weights.stem, device=self.device)

    def _begin_epoch(self) -> None:
        """Make chance a function of seed and epoch, which a resumed training draws again."""
        seed_epoch(self._task.config.seed, self.epoch)
        self.train_loader.generator.manual_seed(torch.initial_seed())
        if self._course.progress(self.epoch) >= MOSAIC_SHARE:
            self._close_dataloader_mosaic()
        self.train_loader.reset()
        self._batch = 0
        if self._distillation is not None:
            self.model.criterion = self._distillation.criterion(self.model)

    def _set_rate(self) -> None:
        factor = self._course.rate_factor(self.epoch + self._batch / len(self.train_loader))
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor

    def _end_batch(self) -> None:
        self._batch += 1
        goes_on = self._course.batch_done(
            self.epoch + self._batch / len(self.train_loader),
            {name.removesuffix("_loss"): value for name, value in self.loss_items.items()},
            images=min(self.batch_size, len(self._task.records) - (self._batch - 1) * self.batch_size),
            rate=self.optimizer.param_groups[0]["lr"],
        )
        self.stop = self.stop or not goes_on

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.ema.state_dict(),
            "updates": self.ema.updates,
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            # A head with two branches shifts their weights with each epoch.
            "criterion_updates": getattr(self.model.criterion, "updates", 0),
        }


def _targets(batch: dict[str, Any]) -> Targets:
    """The objects of Ultralytics' batch, whose boxes are centres and sizes as shares of the image."""
    height, width = batch["img"].shape[2:]
    centres, sizes = batch["bboxes"].float().split(2, dim=1)
    corners = torch.cat([centres - sizes / 2, centres + sizes / 2], dim=1)
    return Targets(
        boxes_xyxy_px=corners * corners.new_tensor([width, height, width, height]),
        class_ids=batch["cls"].view(-1).long(),
        image_index=batch["batch_idx"].long(),
        images=len(batch["img"]),
    )


def _usual_rate(config: TrainingConfig, start: Any) -> float:
    """The learning rate where the settings name none.

    With AdamW, weights of many classes forget at a rate that suits those of one, whichever classes they go
    on to learn; the rule for them is Ultralytics' own (`BaseTrainer.build_optimizer`).
    """
    rate = LEARNING_RATES[config.optimizer]
    if config.strategy == "scratch":
        return rate
    many = FEW_CLASSES / (4 + len(start.names)) if config.optimizer == "adamw" else 1.0
    return rate * min(FINE_TUNING, many)


def _folded(model: nn.Module) -> bool:
    """Whether a model was trained and the statistics of its batch norms then folded away, as exports do.

    What is left of such norms adds an offset; normalising by each batch would change what weights compute.
    """
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    means, offsets = (
        any(bool(getattr(norm, name).any()) for norm in norms) for name in ("running_mean", "bias")
    )
    return offsets and not means


def _backbone_layers(model: Any) -> int:
    """How many layers, from the first one on, are the backbone."""
    return len(model.yaml["backbone"])


def _bare_model(ema: nn.Module, settings: dict[str, Any]) -> Any:
    """The averaged weights in half precision, on the CPU, without gradients and local paths."""
    model: Any = copy.deepcopy(ema).cpu()
    model.criterion = None
    model.args = dict(settings)
    model.yaml["yaml_file"] = Path(model.yaml.get("yaml_file", "yolo.yaml")).name
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model.half()


def _weight_file(model: Any, settings: dict[str, Any]) -> dict[str, Any]:
    return {"model": model, "ema": None, "optimizer": None, "epoch": -1, "train_args": dict(settings)}
