# SPDX-License-Identifier: AGPL-3.0-only
"""Settings: frozen, keyword-only dataclasses that reject what cannot work, and where things are kept."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.classes import require_detector_class
from engine.errors import SettingsError
from engine.excerpts import short_repr
from engine.registries import LOSSES, OPTIMIZERS, SCHEDULES

__all__ = [
    "BATCHINGS",
    "DEMO_SETTINGS",
    "PRECISIONS",
    "PRESETS",
    "SAMPLINGS",
    "AugmentationConfig",
    "PlacementConfig",
    "RunConfig",
    "ScheduleConfig",
    "home_folder",
]

BATCHINGS = ("sequential", "grouped", "ragged")
SAMPLINGS = ("uniform", "balanced")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
PRESETS = {"quick": 50, "standard": 200, "thorough": 1000}
# Measured: what makes a patch within two minutes on two CPU cores that beats its controls clearly.
DEMO_SETTINGS: dict[str, Any] = {
    "dataset": "demo",
    "weights": "demo",
    "image_size": 320,
    "learning_rate": 0.03,  # ahead of the default in the demo's short time
    "time_limit_s": 75.0,
    "validation_share": 0.3,
    "validate_every": 1_000_000,
}
_ONLY_WITH_ART: dict[str, tuple[Any, ...]] = {
    "accumulate": (1,),
    "batch_start": (0,),
    "circular": (False,),
    "compile": (False,),
    "initial": ("grey",),
    "losses": ({"object": 1.0},),
    "merge": ("shared",),
    "optimizer": ("adam", "pyramid-adam"),
    "precision": ("auto", "fp32"),
    "validation_share": (0.0,),
}


def home_folder() -> Path:
    """The folder of the database and the results: `PATCHBENCH_HOME`, by default `./data`. Not created."""
    return Path(os.environ.get("PATCHBENCH_HOME") or "data").expanduser().resolve()


def require_between(name: str, value: float, low: float, high: float) -> None:
    """Raise `SettingsError` unless low ≤ value ≤ high (NaN never is)."""
    if not low <= value <= high:
        expected = f"{_number(low)} to {_number(high)}"
        raise SettingsError(f"{name}: expected {expected}, got {_number(value)}")


def _number(value: float) -> str:
    """A number in short, whole ones with all their digits."""
    return str(value) if isinstance(value, int) else f"{value:g}"


def require_choice(name: str, value: str, allowed: Collection[str]) -> None:
    """Raise `SettingsError` unless the value is one of those allowed."""
    if value not in allowed:
        raise SettingsError(f"{name}: expected one of {', '.join(sorted(allowed))}, got {short_repr(value)}")


@dataclass(frozen=True, kw_only=True)
class PlacementConfig:
    """Where a patch is put and how large it is drawn.

    Attributes:
        kind: `object` (on each object), `random` or `fixed` (one on each image).
        scale: for `object` the patch's side over the box's diagonal, otherwise over the image's shorter side.
        rise: `object` only: how far the centre is raised above the box's, as a share of the box's height.
        position: `fixed` only: (x, y) of the patch within the free space, 0 (left, top) to 1 (right, bottom).
    """

    kind: str = "object"
    scale: float = 0.2
    rise: float = 0.1
    position: tuple[float, float] = (0.5, 0.5)

    def __post_init__(self) -> None:
        require_choice("placement", self.kind, ("object", "random", "fixed"))
        require_between("placement scale", self.scale, 0.01, 1)
        require_between("placement rise", self.rise, -1, 1)
        for coordinate in self.position:
            require_between("placement position", coordinate, 0, 1)


@dataclass(frozen=True, kw_only=True)
class AugmentationConfig:
    """Chance in each step (expectation over transformation, Athalye et al. 2018): each is the largest amount.

    Attributes:
        shift: of the centre, as a share of the patch's side.
        resize: of the side: between 1 / (1 + resize) and 1 + resize times.
        rotation_deg: in degrees, either way.
        contrast: of the patch's colours: times 1 - contrast to 1 + contrast.
        brightness: added to the patch's colours, either way.
    """

    shift: float = 0.1
    resize: float = 0.1
    rotation_deg: float = 5.0
    contrast: float = 0.1
    brightness: float = 0.05

    def __post_init__(self) -> None:
        require_between("augmentation shift", self.shift, 0, 1)
        require_between("augmentation resize", self.resize, 0, 1)
        require_between("augmentation rotation", self.rotation_deg, 0, 180)
        require_between("augmentation contrast", self.contrast, 0, 0.9)
        require_between("augmentation brightness", self.brightness, 0, 0.5)

    @classmethod
    def none(cls) -> AugmentationConfig:
        """No chance at all, as at evaluation."""
        return cls(shift=0, resize=0, rotation_deg=0, contrast=0, brightness=0)


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """How the learning rate moves; see `engine.patch.schedules`.

    Attributes:
        kind: one of `SCHEDULES`.
        warmup: iterations of linear warm-up before it.
        cycles: `cosine` only: how many times it runs from the full rate to `floor`.
        floor: `cosine` only: the rate's last share.
        gamma: `step`, `multi-step`, `exponential`, `plateau`: what the rate is multiplied with.
        every: `step` only: after how many iterations.
        milestones: `multi-step` only: at which shares of the run.
        patience: `plateau` only: iterations without a better loss before the rate falls.
    """

    kind: str = "cosine"
    warmup: int = 0
    cycles: int = 1
    floor: float = 0.0
    gamma: float = 0.5
    every: int = 30
    milestones: tuple[float, ...] = (0.5, 0.75)
    patience: int = 10

    def __post_init__(self) -> None:
        require_choice("schedule", self.kind, SCHEDULES)
        require_between("warm-up iterations", self.warmup, 0, 100_000)
        require_between("schedule cycles", self.cycles, 1, 1000)
        require_between("schedule floor", self.floor, 0, 1)
        require_between("schedule gamma", self.gamma, 0.001, 1)
        require_between("schedule step iterations", self.every, 1, 100_000)
        for milestone in self.milestones:
            require_between("schedule milestone", milestone, 0, 1)
        require_between("schedule patience", self.patience, 1, 100_000)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides a patch run's result, and nothing else.

    Attributes:
        dataset: a source or the name of an imported dataset.
        weights: a weight file or a name that Ultralytics knows.
        class_name: the dataset's class under attack, or several whose objects are attacked together; a name
            alone is no tuple.
        detector_class: the class that they are for the detector, by name or number; empty: the one that is
            called like the dataset's only class.
        backend: `native`, or `art`: ART's AdversarialPatchPyTorch, for comparison.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        iterations: passes over the run's images.
        batch_size: images a batch; 0 means `auto`, probed for memory and speed.
        batch_start: if set, the batch grows from this: min(batch_start × 2^(iteration // 10), batch_size).
        batching, sampling: see `engine.datasets.sampling`.
        accumulate: batches whose gradients make one step.
        max_images: use at most this many of the dataset's images; 0 means all.
        include_empty: images without objects of the class take part too.
        image_size: the long side in pixels, at evaluation and as the scale of views.
        view_size: side of the window of each image that a step looks at; 0 looks at whole images.
        view_zoom: lowest and highest zoom of views.
        patch_height, patch_width: in texels.
        circular: draw only the ellipse that fills the patch.
        placement, augmentation, schedule: see those.
        flip: mirror each image with probability 0.5.
        learning_rate: in colour range (0 to 1) a step.
        optimizer: one of `OPTIMIZERS`.
        clip_norm: the gradient's largest L2 norm; 0 means no clipping.
        losses: term → weight; see `engine.patch.losses`.
        top_k: anchor points that an object's suppression term looks at.
        precision: one of `PRECISIONS`; `auto` is bf16 on a CUDA device that has it, else fp32.
        compile: use torch.compile.
        deterministic: bit-identical on CUDA too, at some cost.
        initial: `grey`, `noise`, or the path of an image or an earlier patch.
        merge: `shared` (one patch) or `mean` (one patch for each object count, averaged at the end).
        seed: of all chance.
        time_limit_s: stop after this long; 0 means no limit. The schedule is fitted to it.
        validation_share: of the images, held out to choose the best patch.
        validate_every: iterations between two validations.
        early_stop: stop after so many validations without a better patch; 0 means never.
        checkpoint_every: iterations between two checkpoints.
    """

    dataset: str
    weights: str
    class_name: str | tuple[str, ...] = "person"
    detector_class: str = ""
    backend: str = "native"
    device: str = "auto"
    iterations: int = PRESETS["standard"]
    batch_size: int = 2
    batch_start: int = 0
    batching: str = "ragged"
    sampling: str = "uniform"
    accumulate: int = 1
    max_images: int = 0
    include_empty: bool = False
    image_size: int = 640
    view_size: int = 384
    view_zoom: tuple[float, float] = (0.8, 1.2)
    patch_height: int = 96
    patch_width: int = 96
    circular: bool = False
    placement: PlacementConfig = field(default_factory=PlacementConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    flip: bool = True
    learning_rate: float = 0.01
    optimizer: str = "pyramid-adam"
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    clip_norm: float = 0.0
    losses: dict[str, float] = field(default_factory=lambda: {"object": 1.0})
    top_k: int = 10
    precision: str = "auto"
    compile: bool = False
    deterministic: bool = False
    initial: str = "grey"
    merge: str = "shared"
    seed: int = 0
    time_limit_s: float = 0.0
    validation_share: float = 0.0
    validate_every: int = 10
    early_stop: int = 0
    checkpoint_every: int = 10

    def __post_init__(self) -> None:
        self._check_classes()
        self._check_numbers()
        self._check_choices()
        self._check_combinations()

    @property
    def class_names(self) -> tuple[str, ...]:
        """The dataset's classes under attack, at least one."""
        return (self.class_name,) if isinstance(self.class_name, str) else self.class_name

    def _check_classes(self) -> None:
        """Bring `class_name` into its one form, so that equal settings are equal, and refuse empty names."""
        given: Any = self.class_name
        names = tuple(dict.fromkeys(map(str, given if isinstance(given, list | tuple) else [given])))
        if not names or not all(name.strip() for name in names):
            raise SettingsError("class: expected the name of a class, got none; name one with --class")
        object.__setattr__(self, "class_name", names[0] if len(names) == 1 else names)
        object.__setattr__(self, "detector_class", str(self.detector_class).strip())
        require_detector_class(names, self.detector_class)

    def _check_numbers(self) -> None:
        for name, low, high in (
            ("iterations", 1, 1_000_000),
            ("batch_size", 0, 4096),
            ("batch_start", 0, 4096),
            ("accumulate", 1, 4096),
            ("max_images", 0, 10_000_000),
            ("image_size", 32, 4096),
            ("view_size", 0, 4096),
            ("patch_height", 16, 512),
            ("patch_width", 16, 512),
            ("learning_rate", 1e-6, 1),
            ("clip_norm", 0, 1_000_000),
            ("top_k", 1, 1000),
            ("seed", 0, 2**32 - 1),
            ("time_limit_s", 0, 10_000_000),
            ("validation_share", 0, 0.9),
            ("validate_every", 1, 1_000_000),
            ("early_stop", 0, 1_000_000),
            ("checkpoint_every", 1, 1_000_000),
        ):
            require_between(name.replace("_", " "), getattr(self, name), low, high)
        for name, weight in self.losses.items():
            require_between(f"weight of the loss {name}", weight, -10_000, 10_000)

    def _check_choices(self) -> None:
        require_choice("backend", self.backend, ("native", "art"))
        require_choice("batching", self.batching, BATCHINGS)
        require_choice("sampling", self.sampling, SAMPLINGS)
        require_choice("optimizer", self.optimizer, OPTIMIZERS)
        require_choice("precision", self.precision, PRECISIONS)
        require_choice("merge", self.merge, ("shared", "mean"))
        for name in self.losses:
            require_choice("loss", name, LOSSES)

    def _check_combinations(self) -> None:
        if not any(weight for name, weight in self.losses.items() if name != "tv"):
            raise SettingsError("losses: expected a weight other than 0 for one beside tv, got none")
        if self.image_size % 32:
            nearest = max(round(self.image_size / 32), 1) * 32
            raise SettingsError(
                f"image size: expected a multiple of 32, got {self.image_size}; use {nearest}"
            )
        if self.view_size % 32:
            nearest = max(round(self.view_size / 32), 1) * 32
            raise SettingsError(
                f"view size: expected 0 or a multiple of 32, got {self.view_size}; use {nearest}"
            )
        low, high = self.view_zoom
        if not 0.1 <= low <= high <= 10:
            raise SettingsError(
                f"view zoom: expected a lowest and a highest of 0.1 to 10, got {low:g} and {high:g}; "
                "name the lower one first"
            )
        if self.batch_start and (self.batch_start > self.batch_size > 0 or self.batching == "sequential"):
            raise SettingsError(
                f"growing batch: expected a start of at most the batch size and not sequential batching, "
                f"got a start of {self.batch_start}, batch size {self.batch_size}, {self.batching}"
            )
        if self.backend == "art":
            self._check_art()
        if self.early_stop and not self.validation_share:
            raise SettingsError("early stop: expected a validation share above 0, got none; set both")
        if self.merge == "mean" and self.validation_share:
            raise SettingsError(
                "merge mean: expected no validation share, got one; the merged patch has no steps"
            )

    def _check_art(self) -> None:
        """Refuse what ART would silently do without."""
        if self.patch_height != self.patch_width:
            raise SettingsError(
                f"ART's patch: expected a square, got {self.patch_width}x{self.patch_height} texels; "
                "give one size"
            )
        for name, only in _ONLY_WITH_ART.items():
            got = getattr(self, name)
            if got not in only:
                raise SettingsError(
                    f"{name.replace('_', ' ')}: expected {only[0]} with ART, got {got}; leave it out, or "
                    "use the native backend"
                )

    def to_json(self) -> dict[str, Any]:
        """All settings as JSON has them; `from_json` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> RunConfig:
        """Settings that `to_json` wrote.

        Raises:
            SettingsError: a setting is unknown, missing or out of its range.
        """
        known = dict(settings)
        try:
            placement = dict(known.pop("placement"))
            schedule = dict(known.pop("schedule"))
            return cls(
                placement=PlacementConfig(**placement | {"position": tuple(placement["position"])}),
                augmentation=AugmentationConfig(**known.pop("augmentation")),
                view_zoom=tuple(known.pop("view_zoom")),
                schedule=ScheduleConfig(**schedule | {"milestones": tuple(schedule["milestones"])}),
                **known,
            )
        except (KeyError, TypeError) as error:
            raise SettingsError(
                f"settings: expected those of this version, got {error}; start a new run"
            ) from error

    def changed(self, **changes: Any) -> RunConfig:
        """A copy with some settings changed, validated again."""
        return replace(self, **changes)
