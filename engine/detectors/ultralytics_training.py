# SPDX-License-Identifier: AGPL-3.0-only
"""Trains a small detector with Ultralytics' own trainer, without network, plots or stray files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import torch

from engine.detectors.ultralytics_quiet import quiet_environment

with quiet_environment():
    from ultralytics.models.yolo.detect import DetectionTrainer

_RECIPE: dict[str, Any] = {
    "device": "cpu",
    "workers": 0,
    "amp": False,
    "pretrained": False,
    "cache": "ram",
    "plots": False,
    "val": False,
    "verbose": False,
    "name": "run",
    "exist_ok": True,
    "batch": 8,
    "nbs": 8,  # a step a batch: Ultralytics would gather 64 images, and a short training needs many steps
    "optimizer": "AdamW",
    "lr0": 0.003,
    "lrf": 0.02,
    "cos_lr": True,
    "warmup_epochs": 1,
    "warmup_bias_lr": 0.0,
    "mosaic": 0.5,
    "scale": 0.3,
}


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained detector's weights and their scores on the validation images.

    Attributes:
        checkpoint: for Ultralytics' loaders: `model` (half precision, averaged weights), `train_args`.
        ap50, ap50_95: mean over classes, 0 to 1, by Ultralytics' validator at the training's image size.
    """

    checkpoint: dict[str, Any]
    ap50: float
    ap50_95: float


class _QuietTrainer(DetectionTrainer):
    """Ultralytics' trainer on existing folders, without a final evaluation."""

    folders: tuple[Path, Path]
    class_names: tuple[str, ...]
    start: torch.nn.Module | None

    def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = False) -> Any:
        """A model of the layout, with the initial weights if any."""
        return super().get_model(cfg=cfg, weights=self.start or weights, verbose=verbose)

    def get_dataset(self) -> dict[str, Any]:
        """Ultralytics' description of the dataset, without its own check, which downloads a font."""
        train, val = self.folders
        names = dict(enumerate(self.class_names))
        return {"train": str(train), "val": str(val), "nc": len(names), "names": names, "channels": 3}

    def build_dataset(self, *args: Any, **kwargs: Any) -> Any:
        """The images in memory, without Ultralytics' progress bars on standard output."""
        with redirect_stdout(StringIO()):
            return super().build_dataset(*args, **kwargs)

    def final_eval(self) -> None:
        """Do nothing, because the last epoch has been validated and its weights are kept."""


def train_detector(
    layout: Path,
    *,
    train_images: Path,
    val_images: Path,
    class_names: tuple[str, ...],
    epochs: int,
    image_size: int,
    seed: int,
    folder: Path,
    report: Callable[[str], None],
    threads: int = 1,
    start: torch.nn.Module | None = None,
) -> Trained:
    """Train a detector on the CPU, from random weights or from an earlier model.

    Args:
        layout: an Ultralytics model file (`.yaml`).
        train_images, val_images: folders called `images` with YOLO labels in `labels` beside each.
        class_names: by class id.
        epochs, image_size, seed: of the training; the size in pixels, divisible by 32.
        folder: for Ultralytics' intermediate files.
        report: called with one line per epoch.
        threads: number of torch's threads.
        start: an earlier model of the same layout, with which the learning rate is halved.

    Raises:
        RuntimeError: torch failed, for example for lack of memory.
    """
    settings = {
        **_RECIPE,
        "model": str(layout),
        "data": "",
        "project": str(folder),
        "epochs": epochs,
        "imgsz": image_size,
        "seed": seed,
        "close_mosaic": max(epochs // 4, 1),
    }
    if start is not None:
        settings["lr0"] /= 2
    bound = {"folders": (train_images, val_images), "class_names": class_names, "start": start}
    trainer = type("_BoundTrainer", (_QuietTrainer,), bound)(overrides=settings)
    trainer.add_callback("on_train_epoch_end", lambda t: report(_epoch_line(t)))
    trainer.add_callback("on_train_start", lambda _: torch.set_num_threads(threads))
    trainer.train()
    metrics = trainer.metrics
    return Trained(
        checkpoint=_bare_checkpoint(trainer, settings),
        ap50=float(metrics["metrics/mAP50(B)"]),
        ap50_95=float(metrics["metrics/mAP50-95(B)"]),
    )


def _epoch_line(trainer: Any) -> str:
    losses = ", ".join(f"{name} {float(value):.3f}" for name, value in trainer.tloss.items())
    return f"Epoch {trainer.epoch + 1}/{trainer.epochs}: {losses}"


def _bare_checkpoint(trainer: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """The averaged weights in half precision, without optimizer and local paths."""
    model = trainer.ema.ema.cpu()
    model.criterion = None
    kept = {
        name: value for name, value in settings.items() if name not in ("model", "data", "project", "name")
    }
    model.args = kept
    model.yaml["yaml_file"] = Path(model.yaml["yaml_file"]).name
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return {"model": model.half(), "ema": None, "optimizer": None, "epoch": -1, "train_args": kept}
