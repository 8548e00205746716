# SPDX-License-Identifier: AGPL-3.0-only
"""The settings of a detector's training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from engine.config.run import RunConfig
from engine.config.schedule import ScheduleConfig
from engine.errors import SettingsError
from engine.settings import Settings, borrowed, nested, setting

STRATEGIES = ("head", "whole", "scratch")
DETECTOR_OPTIMIZERS = ("adamw", "sgd")

shared = partial(borrowed, RunConfig, art=None)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Settings):
    """Everything that decides a training's result, and nothing else."""

    TOPIC: ClassVar[str] = ""
    REMEDY: ClassVar[str] = "start a new training"

    dataset: str = shared("dataset")
    weights: str = shared(
        "weights",
        help="Initial weights: a file, `demo`, or a published name. scratch uses only the "
        "architecture, which can also be given by name (torchvision/fasterrcnn_small).",
    )
    classes: tuple[str, ...] = setting(
        (),
        "Classes",
        "A class of the dataset to learn; repeatable.",
        role="subject",
        option="--class",
        called="class",
        default_text="all that have objects",
    )
    strategy: str = setting(
        "whole",
        "Strategy",
        "head: train all but the backbone; whole: train all weights; scratch: start from random weights.",
        role="subject",
        choices=STRATEGIES,
    )
    device: str = shared("device")
    image_size: int = shared("image_size", bounds=(64, 4096))
    max_images: int = shared("max_images")
    include_empty: bool = shared("include_empty")
    seed: int = shared("seed")
    epochs: int = setting(50, "Epochs", "Number of passes over the training images.", bounds=(1, 100_000))
    time_limit_s: float = shared("time_limit_s")
    batch_size: int = shared(
        "batch_size", default=8, help="Images per step.", bounds=(1, 4096), costs=True, sweep=(4, 32)
    )
    precision: str = shared(
        "precision", help="Precision of the forward pass. auto: bf16 on GPUs that support it, else fp32."
    )
    validation_share: float = shared(
        "validation_share",
        default=0.2,
        help="Fraction of the images held out to choose the best weights. 0 keeps the last weights.",
    )
    early_stop: int = shared(
        "early_stop",
        help="Stop after this many epochs without improvement in AP50. 0 disables early stopping.",
        unit="epochs",
    )
    optimizer: str = shared("optimizer", default="adamw", choices=DETECTOR_OPTIMIZERS)
    learning_rate: float = shared(
        "learning_rate",
        default=0.0,
        help="Learning rate. 0 uses a default for the optimizer and the detector's family.",
        bounds=(0, 1),
        sweep=(0.0001, 0.01),
    )
    schedule: ScheduleConfig = nested(ScheduleConfig)

    def __post_init__(self) -> None:
        given: Any = self.classes
        names = [given] if isinstance(given, str) else list(given)
        object.__setattr__(self, "classes", tuple(dict.fromkeys(str(name).strip() for name in names)))
        super().__post_init__()
        if not all(self.classes):
            raise SettingsError("class: expected the name of a class, got none; name one with --class")
        if self.early_stop and not self.validation_share:
            raise SettingsError("early stop: expected a validation share above 0, got none; set both")
