# SPDX-License-Identifier: AGPL-3.0-only
"""Plain dataclasses that cross borders between packages. No torch, no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.measurements import BENCHMARK_STATES, BenchmarkRun, Interval, Measurement

__all__ = [
    "BENCHMARK_STATES",
    "JOB_STATES",
    "BenchmarkRun",
    "Dataset",
    "Evaluation",
    "ImageRecord",
    "Interval",
    "Job",
    "JobEvent",
    "JobGroup",
    "Measurement",
    "PatchRecord",
    "Progress",
    "Repair",
    "ScoreRecord",
    "Scores",
    "StepRecord",
    "WeightRecord",
]

JOB_STATES = ("queued", "running", "paused", "succeeded", "failed", "cancelled", "interrupted")


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageRecord:
    """One image of a dataset and its boxes.

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

    def count(self, class_id: int | Sequence[int] | None = None) -> int:
        """The number of objects, of one class, of several in total, or (None) of all."""
        if class_id is None:
            return len(self.class_ids)
        keep = self.class_ids == class_id if isinstance(class_id, int) else np.isin(self.class_ids, class_id)
        return int(keep.sum())


@dataclass(frozen=True, kw_only=True)
class Repair:
    """A fault in a dataset and its repair.

    Attributes:
        kind: a key of `engine.datasets.annotations.REPAIR_KINDS`.
        file: the file with the fault.
        line: 1-based line of a label file, or annotation id of COCO JSON; None for a whole file.
        action: the repair in a few words.
        times: number of occurrences; a fault common to the dataset is one entry, with the first file.
    """

    kind: str
    file: str
    line: int | None
    action: str
    times: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images with boxes, class names and the report of repairs.

    Attributes:
        name: unique name.
        source: the path or name that it was read from.
        class_names: index → name, with empty names for gaps in the source's ids.
        images: in a stable order.
        repairs: all faults that were repaired or left out.
        synthetic: True for the embedded demo.
        notes: on the reading, such as the available splits, a line each; not stored.
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    images: tuple[ImageRecord, ...]
    repairs: tuple[Repair, ...] = ()
    synthetic: bool = False
    notes: tuple[str, ...] = ()

    def repair_counts(self) -> dict[str, int]:
        """Number of repairs of each kind, most frequent first."""
        counts: Counter[str] = Counter()
        for repair in self.repairs:
            counts[repair.kind] += repair.times
        return dict(counts.most_common())

    def object_counts(self, class_id: int | Sequence[int] | None = None) -> list[int]:
        """Objects per image, of one class, of several in total, or (None) of all, in order."""
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
class Scores:
    """Scores of one condition (a patch or a control); see `engine.evaluation.metrics` for the definitions.

    `ap50`, `ap50_95` are absolute (against the dataset's labels); `relative_ap50`, `relative_ap50_95` are
    against the same detector's clean detections. Rates are 0 to 1.
    """

    ap50: Interval
    ap50_95: Interval
    relative_ap50: Interval
    relative_ap50_95: Interval
    asr: Interval
    confidence_retained: Interval
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
class ImageOutcome:
    """What became of the objects of one image that carried a patch.

    Attributes:
        image: its number: among the images of a loader, or its place in the dataset.
        clean, patched: for each object the score of the detection matched to it, 0 to 1; None without one.
        appeared: detections with the patch that overlap no object, and nothing that was found without it.
        size, boxes_xyxy_px: of the image and the objects, in its pixels; empty if the dataset was not asked.
    """

    image: int
    clean: tuple[float | None, ...]
    patched: tuple[float | None, ...]
    appeared: int
    size: tuple[int, int] = (0, 0)
    boxes_xyxy_px: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores of a patch and its controls, with the settings of the evaluation.

    Attributes:
        outcomes: what became of the objects under the patch, by image; large, so no part of the JSON.
        by_image: the patch's sums by image, see `PatchMetrics.by_image`; empty where they are not kept.
    """

    patch: Scores
    controls: dict[str, Scores]
    settings: dict[str, Any]
    outcomes: tuple[ImageOutcome, ...] = ()
    by_image: dict[str, list[float]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The form printed by `patch evaluate --json`."""
        return {
            "patch": self.patch.to_json(),
            "controls": {name: scores.to_json() for name, scores in self.controls.items()},
            "settings": self.settings,
            **({"by_image": self.by_image} if self.by_image else {}),
        }


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Progress of a job; values that are unknown or do not apply are None.

    Attributes:
        phase: current phase in a word or two, such as `optimising` or `scoring`.
        done, total: of the phase, in `unit`s.
        loss: of the latest step.
        rate: units per second; for a generation image-iterations per second.
        remaining_s: estimate for the whole job, if known.
        memory_bytes: current memory on the device; on a CPU the process's resident memory.
        updated_at: Unix seconds.
    """

    phase: str = ""
    done: int = 0
    total: int | None = None
    unit: str = ""
    loss: float | None = None
    rate: float | None = None
    remaining_s: float | None = None
    memory_bytes: int | None = None
    updated_at: float | None = None

    @property
    def share(self) -> float | None:
        """Done over total, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else None


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """An event of a job, such as `queued`, `started`, `pause asked`; `at` in Unix seconds."""

    at: float
    event: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of the queue. Times are Unix seconds.

    Attributes:
        kind: a name in `engine.jobs.kinds.KINDS`.
        state: one of `JOB_STATES`.
        label: name in lists.
        request: everything needed to carry it out again, in JSON's types.
        device: requested device: `auto`, `cpu`, `cuda:0` …
        running_on: the worker's device while it runs.
        priority: higher goes first; within one priority, lower `place` goes first.
        waits_for: the job that must succeed before this one starts.
        origin: the job that it was retried or duplicated from.
        group_id: its `JobGroup`.
        wanted: `cancel` or `pause`, requested while it runs and not done yet.
        auto_resume: whether it is resumed automatically after a crash.
        attempt: number of starts.
        worker: id of the worker that runs it.
        code_version: PatchBench's version and commit at submission.
        folder: of its results.
        needs: what it asks of a cluster's node, as `engine.jobs.needs.Needs` has it.
        node: the name of the cluster's node that it runs on or ran on last; None: on this machine.
        node_device: its device there: `cuda:3`, `cpu`.
        estimate: estimated `elapsed_s` and `peak_memory_bytes`; empty if unknown.
        result: of its work (for a generation the content of `run.json`).
        error: one line, if it failed or was interrupted.
    """

    id: int
    kind: str
    state: str
    label: str
    request: dict[str, Any]
    device: str
    seed: int
    code_version: str
    created_at: float
    priority: int = 0
    place: float = 0.0
    waits_for: int | None = None
    origin: int | None = None
    group_id: int | None = None
    wanted: str | None = None
    auto_resume: bool = False
    attempt: int = 0
    worker: str | None = None
    running_on: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    folder: str | None = None
    notes: str = ""
    tags: tuple[str, ...] = ()
    error: str | None = None
    progress: Progress = field(default_factory=Progress)
    estimate: dict[str, Any] = field(default_factory=dict)
    needs: dict[str, Any] = field(default_factory=dict)
    node: str | None = None
    node_device: str | None = None
    result: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class JobGroup:
    """Jobs that belong together; `created_at` in Unix seconds.

    Attributes:
        kind: such as `sweep` or `merge`.
        name: in lists.
        request: everything needed to create its jobs again, in JSON's types.
    """

    id: int
    kind: str
    name: str
    request: dict[str, Any]
    created_at: float


@dataclass(frozen=True, kw_only=True)
class WeightRecord:
    """A detector's weights, given or trained here; `created_at` in Unix seconds.

    Attributes:
        name, family: the detector's.
        path: the file, or the name in settings, such as `demo`.
        checksum: from `Detector.checksum`.
        classes: names by index; empty if unknown.
        origin: for weights trained here, `job_id` and `parent`, the checksum of the initial weights.
    """

    id: int
    name: str
    path: str
    checksum: str
    family: str
    created_at: float
    classes: tuple[str, ...] = ()
    origin: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ScoreRecord:
    """One evaluation of a patch; `created_at` in Unix seconds.

    Attributes:
        job_id: its run or evaluation, unless deleted.
        dataset, detector, class_name: names of its subject, the class worded as by `engine.classes.words`.
        defences: in front of the detector, the first one first.
        held_out: whether the patch was generated without these images; None if unknown.
        asr, ap50: of the patch, 0 to 1; None if undefined.
        evaluation: from `Evaluation.to_json`.
    """

    id: int
    patch_id: int
    job_id: int | None
    created_at: float
    dataset: str
    detector: str
    class_name: str
    held_out: bool | None
    asr: float | None
    ap50: float | None
    evaluation: dict[str, Any]
    defences: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PatchRecord:
    """A patch, generated or imported; `created_at` in Unix seconds.

    Attributes:
        job_id: its run; None if imported, or if the run was deleted.
        path: the file to score: a .npy, or a .png if not all texels are drawn.
        image: the .png to show, with a .npy of the same texels beside it.
        height, width: in texels.
        circular: whether some texels are not drawn.
        sha256: from `engine.patch.arrays.fingerprint`.
        dataset, detector, class_name: its training subject, see `ScoreRecord`; empty if imported.
        summary: content of `run.json` without the evaluation; empty if imported.
        score: its first score (for a run, the run's own evaluation), if any.
    """

    id: int
    job_id: int | None
    name: str
    path: str
    image: str
    height: int
    width: int
    circular: bool
    sha256: str
    created_at: float
    dataset: str = ""
    detector: str = ""
    class_name: str = ""
    notes: str = ""
    summary: dict[str, Any] = field(default_factory=dict)
    score: ScoreRecord | None = None
