# SPDX-License-Identifier: AGPL-3.0-only
"""The settings of a defence's training: a network that finds patches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from engine.config.schedule import ScheduleConfig
from engine.config.training import TrainingConfig
from engine.errors import SettingsError
from engine.settings import Settings, borrowed, nested, setting

shared = partial(borrowed, TrainingConfig)


@dataclass(frozen=True, kw_only=True)
class DefenceTrainingConfig(Settings):
    """Everything that decides a trained defence, and nothing else."""

    TOPIC: ClassVar[str] = ""
    REMEDY: ClassVar[str] = "start a new training"

    dataset: str = shared("dataset")
    classes: tuple[str, ...] = shared("classes", help="A class whose objects carry patches; repeatable.")
    patches: tuple[str, ...] = setting(
        (),
        "Patches",
        "A patch file or folder to learn from, in addition to generated textures; repeatable.",
        role="subject",
        called="patches",
        default_text="all stored patches",
        metavar="PATH",
    )
    device: str = shared("device")
    image_size: int = shared("image_size", bounds=(64, 4096))
    view_size: int = setting(
        192,
        "Window",
        "Side of the image crop that a step uses.",
        unit="px",
        bounds=(64, 4096),
        multiple_of=32,
        costs=True,
    )
    max_images: int = shared("max_images")
    include_empty: bool = shared("include_empty", default=True)
    clean_share: float = setting(
        0.3, "Clean fraction", "Fraction of the crops that carry no patch.", bounds=(0, 0.9)
    )
    seed: int = shared("seed")
    epochs: int = shared(
        "epochs", default=1000, help="Number of epochs of at least 400 crops each, scored after each epoch."
    )
    time_limit_s: float = shared("time_limit_s", default=600.0)
    batch_size: int = shared("batch_size", help="Image crops per step.")
    validation_share: float = shared(
        "validation_share",
        help="Fraction of the images held out to choose the best weights.",
        bounds=(0.01, 0.9),
    )
    early_stop: int = shared(
        "early_stop", help="Stop after this many epochs without improvement. 0 disables early stopping."
    )
    learning_rate: float = shared(
        "learning_rate", default=0.003, help="Learning rate.", bounds=(1e-6, 1), sweep=(0.001, 0.01)
    )
    schedule: ScheduleConfig = nested(ScheduleConfig)

    def __post_init__(self) -> None:
        for name in ("classes", "patches"):
            given: Any = getattr(self, name)
            names = [given] if isinstance(given, str) else list(given)
            object.__setattr__(self, name, tuple(dict.fromkeys(str(each).strip() for each in names)))
        super().__post_init__()
        if not all(self.classes):
            raise SettingsError("class: expected the name of a class, got none; name one with --class")
        if not all(self.patches):
            raise SettingsError("patches: expected a file or a folder, got none; name one with --patches")
