# SPDX-License-Identifier: AGPL-3.0-only
"""What a patch is made against or scored on: images, detectors, classes, and where the patch lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.classes import own_class, require_detector_class
from engine.config.placement import PlacementConfig
from engine.defences.kinds import normal_form
from engine.errors import SettingsError
from engine.registries import ARCHITECTURES, AUTO, DEFENCES
from engine.settings import Settings, nested, setting

_MILLION = 1_000_000

subject = partial(setting, role="subject")
# For requests: it decides whether a file is opened, and no result, so it is no setting of a run.
trusted_weights = partial(
    setting, False, "Trusted weights", "Open the weight file even if its pickle refers to unknown code."
)


@dataclass(frozen=True, kw_only=True)
class SubjectConfig(Settings):
    """What is attacked, how it is looked at, and the seed of all chance."""

    dataset: str = subject(..., "Dataset", "Name of an imported dataset, or a source to import.")
    weights: str = subject(
        ...,
        "Detector's weights",
        "A weight file, an embedded detector (demo, demo-rcnn, demo-yolo11), or a model name of "
        "Ultralytics or "
        "torchvision (yolo11n, torchvision/fcos_resnet50_fpn).",
    )
    architecture: str = subject(
        AUTO,
        "Architecture",
        "The model architecture of a state dict (.pth, .safetensors). auto: as the file states or "
        "its contents show.",
        choices=ARCHITECTURES,
        group="detector",
    )
    detector_classes: str = subject(
        "",
        "Class file",
        "A file with the detector's class names in order: one per line, a JSON list, or YAML with `names`.",
        default_text="those in the weights",
        group="detector",
        metavar="FILE",
    )
    further_weights: tuple[str, ...] = subject(
        (),
        "Additional detectors",
        "Additional weights: the patch attacks all of these detectors at once.",
        option="--weights",
        art=((),),
    )
    defences: tuple[str, ...] = subject(
        (),
        "Defences",
        "Defences in front of the detector, such as jpeg:quality=75, applied in this order. The "
        "attack goes through them.",
        option="--defence",
        group="detector",
        art=((),),
        costs=True,
        offered=DEFENCES,
        metavar="NAME[:SETTING=VALUE]",
    )
    class_name: str | tuple[str, ...] = subject(
        "person",
        "Class",
        "The dataset's class to attack; repeatable.",
        kinds=(str, tuple),
        option="--class",
    )
    detector_class: str = subject(
        "",
        "Detector's class",
        "The detector's name for this class.",
        default_text="the same name",
        metavar="NAME|NUMBER[@DETECTOR]",
    )
    own_detector_classes: tuple[str, ...] = subject(
        (),
        "Per-detector classes",
        "For detectors that use another name for the class: NAME@DETECTOR.",
        option="--detector-class",
    )
    device: str = subject(
        "auto",
        "Device",
        "auto, cpu, cuda, cuda:1 or mps. auto picks the best available device.",
        offered=("auto", "cpu", "cuda", "mps"),
        group="technique",
    )
    image_size: int = subject(
        640,
        "Image size",
        "Long side of the images in pixels, a multiple of 32.",
        unit="px",
        bounds=(32, 4096),
        multiple_of=32,
        group="batches",
        costs=True,
    )
    max_images: int = subject(
        0,
        "Maximum images",
        "Maximum number of images to use from the dataset. 0 uses all.",
        zero="all",
        bounds=(0, 10 * _MILLION),
        group="budget",
    )
    include_empty: bool = subject(
        False,
        "Include images without objects",
        "Also use images without objects of the class.",
        group="budget",
    )
    placement: PlacementConfig = nested(PlacementConfig)
    seed: int = subject(
        0,
        "Seed",
        "Seed for all random choices. The same seed gives the same result.",
        bounds=(0, 2**32 - 1),
        group="technique",
    )

    def __post_init__(self) -> None:
        self._check_classes()
        super().__post_init__()
        object.__setattr__(self, "defences", normal_form(self.defences))
        if len(set(self.all_weights)) < len(self.all_weights):
            raise SettingsError(
                f"weights: expected each detector once, got {', '.join(self.all_weights)}; "
                "remove the duplicates"
            )

    @property
    def all_weights(self) -> tuple[str, ...]:
        """The weights of all detectors under attack, the first one's first."""
        return (self.weights, *self.further_weights)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The dataset's classes under attack, at least one."""
        return (self.class_name,) if isinstance(self.class_name, str) else self.class_name

    def detector_class_of(self, weights: str) -> str:
        """The class of one of the detectors; empty for the one of the same name as in the dataset."""
        return own_class(weights, self.detector_class, self.own_detector_classes)

    def _check_classes(self) -> None:
        """Bring `class_name` into its one form, so that equal settings are equal, and refuse empty names."""
        given: Any = self.class_name
        names = tuple(dict.fromkeys(map(str, given if isinstance(given, list | tuple) else [given])))
        if not names or not all(name.strip() for name in names):
            raise SettingsError("class: expected the name of a class, got none; name one with --class")
        object.__setattr__(self, "class_name", names[0] if len(names) == 1 else names)
        object.__setattr__(self, "detector_class", str(self.detector_class).strip())
        for weights in self.all_weights:
            require_detector_class(names, self.detector_class_of(weights))
