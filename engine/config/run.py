# SPDX-License-Identifier: AGPL-3.0-only
"""Everything that decides a patch run's result."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any, ClassVar

from engine.config.augmentation import AugmentationConfig
from engine.config.schedule import ScheduleConfig
from engine.config.subject import SubjectConfig
from engine.errors import SettingsError
from engine.registries import LOSSES, OPTIMIZERS
from engine.settings import declared, nested, setting

BATCHINGS = ("sequential", "grouped", "ragged")
SAMPLINGS = ("uniform", "balanced")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
COMPILED = ("off", "on", "auto")
PRESETS = {"quick": 50, "standard": 200, "thorough": 1000}
_MILLION = 1_000_000

recipe = partial(setting, role="recipe")
course = partial(setting, role="course")


@dataclass(frozen=True, kw_only=True)
class RunConfig(SubjectConfig):
    """Everything that decides a patch run's result, and nothing else."""

    REMEDY: ClassVar[str] = "start a new run"

    backend: str = course(
        "native",
        "Backend",
        "native: PatchBench's own training loop; art: ART's, for comparison.",
        choices=("native", "art"),
        group="technique",
        costs=True,
    )
    iterations: int = course(
        PRESETS["standard"],
        "Iterations",
        "Number of passes over the images.",
        default_text="the preset's, else 200",
        bounds=(1, _MILLION),
    )
    time_limit_s: float = course(
        0.0,
        "Time limit",
        "Stop after this many seconds. 0 means no limit. The schedule is adapted to it.",
        zero="no limit",
        unit="s",
        bounds=(0, 10 * _MILLION),
        group="budget",
        option="--time-limit",
    )
    batch_size: int = course(
        2,
        "Batch size",
        "Images per batch. 0 or auto picks a fast size that fits in memory.",
        zero="automatic",
        bounds=(0, 4096),
        group="batches",
        sweep=(1, 32),
    )
    batch_start: int = course(
        0,
        "Initial batch size",
        "Start with this batch size and double it every ten iterations up to the full batch size. "
        "0 keeps it constant.",
        zero="constant",
        bounds=(0, 4096),
        group="batches",
        costs=True,
        art=(0,),
    )
    batching: str = course(
        "ragged",
        "Batching",
        "sequential: one image at a time; grouped: images with the same object count; ragged: any "
        "images together.",
        choices=BATCHINGS,
        group="batches",
    )
    accumulate: int = course(
        1,
        "Batches per step",
        "Number of batches whose gradients are accumulated into one step.",
        bounds=(1, 4096),
        group="batches",
        art=(1,),
    )
    precision: str = course(
        "auto",
        "Precision",
        "Precision of the forward pass. auto: the fastest that the device supports natively.",
        choices=PRECISIONS,
        group="technique",
        costs=True,
        art=("auto", "fp32"),
    )
    compile: str = course(
        "off",
        "Compiled",
        "Compile the detector first (torch.compile). auto: only where it saves time overall.",
        choices=COMPILED,
        group="technique",
        costs=True,
        art=("off",),
        bare="on",
    )
    deterministic: bool = course(
        False,
        "Deterministic",
        "Bit-identical results on GPUs as well, at lower speed.",
        group="technique",
        costs=True,
    )
    validation_share: float = course(
        0.2,
        "Validation fraction",
        "Fraction of the images held out to choose the best patch and to score it. 0 scores it on "
        "the images it was made on.",
        zero="none held out",
        bounds=(0, 0.9),
        group="budget",
    )
    validate_every: int = course(
        10,
        "Iterations between validations",
        "Number of iterations between validations.",
        bounds=(1, _MILLION),
        group="budget",
    )
    early_stop: int = course(
        0,
        "Early stopping",
        "Stop after this many validations without improvement. 0 disables early stopping.",
        zero="off",
        unit="validations",
        bounds=(0, _MILLION),
        group="budget",
        art=(0,),
    )
    checkpoint_every: int = course(
        10,
        "Iterations between checkpoints",
        "Number of iterations between checkpoints.",
        bounds=(1, _MILLION),
        group="technique",
    )
    sampling: str = recipe(
        "uniform",
        "Sampling",
        "uniform: every image equally often; balanced: every object count equally often.",
        choices=SAMPLINGS,
        group="batches",
    )
    view_size: int = recipe(
        384,
        "View size",
        "Side of the image crop that a step uses. 0 uses whole images.",
        zero="whole images",
        unit="px",
        bounds=(0, 4096),
        multiple_of=32,
        group="batches",
        costs=True,
    )
    view_zoom: tuple[float, float] = recipe(
        (0.8, 1.2),
        "View zoom",
        "Minimum and maximum zoom of the view.",
        bounds=(0.1, 10),
        parts=(
            ("View zoom, minimum", "Minimum zoom of the view."),
            ("View zoom, maximum", "Maximum zoom of the view."),
        ),
        group="batches",
    )
    patch_height: int = recipe(
        96,
        "Patch height",
        "Height of the patch in texels (its own pixels).",
        unit="px",
        bounds=(16, 512),
        group="patch",
        costs=True,
        option="--patch-size",
    )
    patch_width: int = recipe(
        96,
        "Patch width",
        "Width of the patch in texels (its own pixels).",
        unit="px",
        bounds=(16, 512),
        group="patch",
        costs=True,
        sweep=(32, 256),
        option="--patch-size",
    )
    circular: bool = recipe(
        False, "Circular patch", "Draw only the ellipse inscribed in the patch.", group="patch", art=(False,)
    )
    merge: str = course(
        "shared",
        "Merge",
        "shared: one patch for all images; mean (experimental): one patch per object count, averaged.",
        choices=("shared", "mean"),
        group="patch",
        costs=True,
        art=("shared",),
    )
    initial: str = recipe(
        "grey", "Starting patch", "grey, noise, or a file (an image or an earlier patch).", art=("grey",)
    )
    learning_rate: float = recipe(
        0.01,
        "Learning rate",
        "Step size, in units of the colour range (0 to 1).",
        bounds=(1e-6, 1),
        group="optimizer",
        sweep=(0.002, 0.1),
    )
    optimizer: str = recipe(
        "pyramid-adam",
        "Optimizer",
        "The rule that turns gradients into updates.",
        choices=OPTIMIZERS,
        group="optimizer",
        art=("adam", "pyramid-adam"),
    )
    schedule: ScheduleConfig = nested(ScheduleConfig)
    clip_norm: float = recipe(
        0.0,
        "Gradient clipping",
        "Maximum norm of the gradient. 0 disables clipping.",
        zero="off",
        unit="L2 norm",
        bounds=(0, _MILLION),
        group="optimizer",
    )
    losses: dict[str, float] = setting(
        {"object": 1.0},
        "Losses",
        "The loss terms to minimise, with their weights.",
        default_text="object=1",
        bounds=(-10_000, 10_000),
        choices=LOSSES,
        group="losses",
        art=({"object": 1.0},),
        role="recipe",
        option="--loss",
        called="loss",
    )
    ensemble: str = recipe(
        "mean",
        "Loss of several detectors",
        "How the losses of several detectors are combined: mean, or the largest (max).",
        choices=("mean", "max"),
    )
    top_k: int = recipe(
        10,
        "Top k",
        "Number of highest-scoring candidates per object that the loss uses.",
        bounds=(1, 1000),
        group="losses",
        sweep=(1, 30),
    )
    flip: bool = recipe(
        True, "Horizontal flip", "Flip half of the images horizontally at random.", group="placement"
    )
    augmentation: AugmentationConfig = nested(AugmentationConfig)

    @property
    def looks_at_windows(self) -> bool:
        """Whether steps are to look at windows of images, which are smaller than these."""
        return 0 < self.view_size < self.image_size

    def costly(self) -> dict[str, Any]:
        """The settings that a step's time or memory depends on, by name.

        Defences stand among them only if there are any, so that what was measured before there were still
        serves.
        """
        costly = {key: getattr(self, key) for key, each in declared(RunConfig).items() if each.costs}
        return {key: value for key, value in costly.items() if key != "defences" or value}

    def __post_init__(self) -> None:
        self._check_zoom()
        object.__setattr__(self, "compile", compile_choice(self.compile))
        super().__post_init__()
        self._check_combinations()

    def _check_zoom(self) -> None:
        low, high = self.view_zoom
        if all(isinstance(each, Real) for each in self.view_zoom) and not 0.1 <= low <= high <= 10:
            raise SettingsError(
                f"view zoom: expected a minimum and a maximum from 0.1 to 10, got {low:g} and {high:g}; "
                "give the minimum first"
            )

    def _check_combinations(self) -> None:
        if not any(weight for name, weight in self.losses.items() if name != "tv"):
            raise SettingsError("losses: expected a nonzero weight for a term other than tv, got none")
        if self.batch_start and (self.batch_start > self.batch_size > 0 or self.batching == "sequential"):
            raise SettingsError(
                "initial batch size: expected at most the batch size, and no sequential batching, "
                f"got {self.batch_start} with batch size {self.batch_size} and {self.batching} batching"
            )
        if self.backend == "art":
            self._check_art()
        if self.early_stop and not self.validation_share:
            raise SettingsError("early stop: expected a validation share above 0, got none; set both")
        if self.merge == "mean" and self.early_stop:
            raise SettingsError(
                "merge mean: expected no early stopping, as the merged patch has no steps of its own, "
                f"got {self.early_stop}; set it to 0"
            )

    def _check_art(self) -> None:
        """Refuse what ART would silently do without."""
        if self.patch_height != self.patch_width:
            raise SettingsError(
                f"ART's patch: expected a square, got {self.patch_width}x{self.patch_height} texels; "
                "give one size"
            )
        for key, each in declared(RunConfig, inside=True).items():
            got = getattr(self, key)
            if each.art is not None and got not in each.art:
                raise SettingsError(
                    f"{key.replace('_', ' ')}: expected {_listed(each.art[0])} with ART, got {_listed(got)}; "
                    "leave it out, or use the native backend"
                )


def _listed(value: Any) -> Any:
    """A value in a message; several with commas between."""
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else value


def compile_choice(value: Any) -> Any:
    """The setting `compile` as stored by any version; at first it was true or false."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value
