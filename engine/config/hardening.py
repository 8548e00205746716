# SPDX-License-Identifier: AGPL-3.0-only
"""The settings of a detector's hardening."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from engine.config.placement import PlacementConfig
from engine.config.run import RunConfig
from engine.config.training import TrainingConfig
from engine.errors import SettingsError
from engine.settings import borrowed, nested, setting

TRIALS = ("short", "full")

shared = partial(borrowed, RunConfig, art=None)
training = partial(borrowed, TrainingConfig)
recipe = partial(setting, role="recipe")


@dataclass(frozen=True, kw_only=True)
class HardeningConfig(TrainingConfig):
    """Everything that decides a hardening's result, and nothing else."""

    REMEDY: ClassVar[str] = "start a new hardening"

    class_name: str = setting(
        "person",
        "Class",
        "The class whose objects carry the patches.",
        role="subject",
        option="--class",
        called="class",
    )
    classes: tuple[str, ...] = training(
        "classes",
        label="Classes to learn",
        help="A class that the hardened detector distinguishes; repeatable.",
        option="--learn",
        called="classes to learn",
    )
    strategy: str = training(
        "strategy",
        choices=("whole", "head"),
        help="whole: train all weights; head: train all but the backbone.",
    )
    epochs: int = training(
        "epochs",
        default=1000,
        help="Number of passes over the training images. The time limit is usually reached first.",
    )
    time_limit_s: float = training(
        "time_limit_s",
        default=1200.0,
        help="Time limit for the whole command in seconds, including the trial. 0 means no limit.",
    )
    validation_share: float = training(
        "validation_share",
        default=0.3,
        help="Fraction of the images held out for the trial. 0 runs it on the training images.",
    )
    patches: tuple[str, ...] = setting(
        (),
        "Initial patches",
        "A patch for the pool; repeatable: a file, a folder of files, or the number of a stored patch.",
        role="recipe",
        called="patches",
    )
    placement: PlacementConfig = nested(PlacementConfig)
    patch_size: int = recipe(
        96, "Patch size", "Side of the generated patches, in texels.", unit="texels", bounds=(16, 512)
    )
    patched_share: float = recipe(
        0.6,
        "Patched images",
        "Fraction of the images that carry patches. The rest stay clean.",
        bounds=(0.05, 1),
        sweep=(0.3, 0.9),
    )
    object_share: float = recipe(
        0.8,
        "Patched objects",
        "Fraction of the objects in such an image that carry a patch.",
        bounds=(0.05, 1),
    )
    texture_share: float = recipe(
        0.25,
        "Textures",
        "Fraction of the patches that are noise, stripes or plain colours instead of pool patches.",
        bounds=(0, 1),
    )
    pool_size: int = recipe(
        16,
        "Pool",
        "Maximum number of generated patches in the pool. The oldest are replaced first.",
        unit="patches",
        bounds=(1, 1000),
    )
    renew_every: int = recipe(
        25,
        "Renewal",
        "Number of steps between new patches. 0 generates none.",
        unit="steps",
        bounds=(0, 1_000_000),
    )
    renew_images: int = recipe(
        160,
        "Renewal: budget",
        "Budget for each new patch, which attacks the current weights.",
        unit="image-iterations",
        bounds=(1, 1_000_000),
    )
    distillation: float = recipe(
        1.0,
        "Distillation",
        "Weight of the loss that keeps predictions close to the original detector's on the clean images; "
        "0: off. Ultralytics detectors only.",
        bounds=(0, 100),
    )
    trial: str = setting(
        "short",
        "Final trial",
        "short: one new patch with equal budget; full: also a battery of other attacks, of which "
        "the strongest counts.",
        choices=TRIALS,
    )
    trial_time_s: float = setting(
        0.0,
        "Trial: time per patch",
        "Time in seconds to generate the patch that attacks the original weights; later patches "
        "get the same budget. 0: 75 s, or what the time limit allows.",
        unit="s",
        bounds=(0, 1_000_000),
        option="--trial-time",
    )
    transfer_weights: str = setting(
        "",
        "Trial: other detector",
        "Another detector whose patch is transferred in the full trial.",
        default_text="none",
        metavar="WEIGHTS",
    )

    def __post_init__(self) -> None:
        given: Any = self.patches
        names = [given] if isinstance(given, str) else list(given)
        object.__setattr__(self, "patches", tuple(dict.fromkeys(map(str, names))))
        object.__setattr__(self, "class_name", str(self.class_name).strip())
        super().__post_init__()
        if not self.class_name:
            raise SettingsError("class: expected the name of a class, got none; name one with --class")
        if self.classes and self.class_name not in self.classes:
            raise SettingsError(
                f"classes to learn: expected {self.class_name} among them, got {', '.join(self.classes)}; "
                f"add --learn {self.class_name!r}"
            )
        if self.early_stop:
            raise SettingsError(
                "early stop: expected 0 for a hardening, which keeps its last weights, "
                f"got {self.early_stop}; leave it out"
            )
        if not self.renew_every and not self.patches:
            raise SettingsError(
                "patches: expected an initial patch, as none is generated, got none; name one with "
                "--patches or set --renew-every above 0"
            )

    def attack(self, **changes: Any) -> RunConfig:
        """The settings of the runs that attack the detector.

        Args:
            changes: of these settings.
        """
        known: dict[str, Any] = {
            "dataset": self.dataset,
            "weights": self.weights,
            "class_name": self.class_name,
            "device": self.device,
            "image_size": self.image_size,
            "placement": self.placement,
            "seed": self.seed,
            "patch_width": self.patch_size,
            "patch_height": self.patch_size,
            "learning_rate": ATTACK_RATE,
        }
        return RunConfig(**known | changes)


ATTACK_RATE = 0.03
"""Of the runs against a detector that is hardened: the demo's, ahead of the default in short times."""
