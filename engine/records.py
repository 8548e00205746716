# SPDX-License-Identifier: AGPL-3.0-only
"""Plain dataclasses that cross borders between packages. No torch, no I/O."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "Dataset",
    "Evaluation",
    "ImageRecord",
    "Interval",
    "Measurement",
    "Repair",
    "RunResult",
    "Scores",
    "StepRecord",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageRecord:
    """One image of a dataset and the boxes that it holds.

    Attributes:
        path: absolute path of the image file.
        width, height: size in pixels as decoded, EXIF orientation applied.
        boxes_xyxy_px: float32 (n, 4), corners in pixels of the file, x1 < x2 and y1 < y2, inside the image.
        class_ids: int64 (n,), indices into the dataset's class names.
    """

    path: str
    width: int
    height: int
    boxes_xyxy_px: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]

    def count(self, class_id: int | None = None) -> int:
        """The number of objects, of one class or (None) of all."""
        return len(self.class_ids) if class_id is None else int((self.class_ids == class_id).sum())


@dataclass(frozen=True, kw_only=True)
class Repair:
    """One thing that was wrong with a dataset and what was done about it.

    Attributes:
        kind: a short name out of `engine.datasets.annotations.REPAIR_KINDS`, for counting.
        file: the file concerned.
        line: 1-based line of a label file, or annotation id of COCO JSON; None for a whole file.
        action: what was done, in a few words.
    """

    kind: str
    file: str
    line: int | None
    action: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images with boxes, their class names and the report of what was repaired.

    Attributes:
        name: the name it is listed under.
        source: what it was read from (a path or a name).
        class_names: index → name; gaps in a source's ids are kept as empty names.
        images: the images, in a stable order.
        repairs: everything that was fixed or left out.
        synthetic: True for the embedded demo.
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    images: tuple[ImageRecord, ...]
    repairs: tuple[Repair, ...] = ()
    synthetic: bool = False

    def repair_counts(self) -> dict[str, int]:
        """How many repairs of each kind, most frequent first."""
        return dict(Counter(repair.kind for repair in self.repairs).most_common())

    def object_counts(self, class_id: int | None = None) -> list[int]:
        """Objects per image, of one class or (None) of all, in the order of `images`."""
        return [image.count(class_id) for image in self.images]


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """One optimiser step of a run. Losses are weighted sums; `terms` holds each unweighted term."""

    step: int
    iteration: int
    loss: float
    terms: dict[str, float]
    learning_rate: float
    images: int
    elapsed_s: float


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A measured value with its 95% bootstrap interval over images; NaN where it is undefined."""

    value: float
    low: float
    high: float

    def to_json(self) -> list[float | None]:
        """Value, low and high, None for NaN, which JSON has no word for."""
        return [None if math.isnan(number) else number for number in (self.value, self.low, self.high)]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How one condition (a patch or a control) scores; see `engine.evaluation.metrics` for the definitions.

    `ap50`, `ap50_95` are absolute (against the dataset's labels); `relative_ap50`, `relative_ap50_95` are
    against the same detector's clean detections. Rates are 0 to 1.
    """

    ap50: Interval
    ap50_95: Interval
    relative_ap50: Interval
    relative_ap50_95: Interval
    asr: Interval
    disappearance: Interval
    hallucinations_per_image: Interval

    def to_json(self) -> dict[str, Any]:
        """Point values under their names and the intervals under `ci95`; None where undefined."""
        intervals = {name: interval.to_json() for name, interval in vars(self).items()}
        return {
            **{name: value for name, (value, _, _) in intervals.items()},
            "ci95": {name: bounds for name, (_, *bounds) in intervals.items()},
        }


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores of a patch beside its controls, with the settings that they came from."""

    patch: Scores
    controls: dict[str, Scores]
    settings: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The form that `patch evaluate --json` prints."""
        return {
            "patch": self.patch.to_json(),
            "controls": {name: scores.to_json() for name, scores in self.controls.items()},
            "settings": self.settings,
        }


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One row of a benchmark: what one side reached, or how two sides compare.

    Attributes:
        side: what was measured.
        figure: the median over rounds with its 95% interval (a single figure has no width).
        unit: of the figure.
        settings: what the side was measured with, where it differs from the suite's.
    """

    side: str
    figure: Interval
    unit: str
    settings: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, as `json.dumps` takes them."""
        value, low, high = self.figure.to_json()
        return {
            "side": self.side,
            "value": value,
            "low": low,
            "high": high,
            "unit": self.unit,
            "settings": self.settings,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class RunResult:
    """What a patch run leaves in memory.

    Attributes:
        patch_chw: float32 (3, h, w), 0 to 1.
        history: one record a step.
        summary: the facts of `run.json` (device, precision, throughput, peak memory …).
    """

    patch_chw: npt.NDArray[np.float32]
    history: Sequence[StepRecord] = field(default_factory=tuple)
    summary: dict[str, Any] = field(default_factory=dict)
