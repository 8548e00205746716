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

    def count(self, class_id: int | Sequence[int] | None = None) -> int:
        """The number of objects, of one class, of several together, or (None) of all."""
        if class_id is None:
            return len(self.class_ids)
        keep = self.class_ids == class_id if isinstance(class_id, int) else np.isin(self.class_ids, class_id)
        return int(keep.sum())


@dataclass(frozen=True, kw_only=True)
class Repair:
    """One thing that was wrong with a dataset and what was done about it.

    Attributes:
        kind: a short name out of `engine.datasets.annotations.REPAIR_KINDS`, for counting.
        file: the file concerned.
        line: 1-based line of a label file, or annotation id of COCO JSON; None for a whole file.
        action: what was done, in a few words.
        times: how often; what is the same all over a dataset is one entry, with the first file concerned.
    """

    kind: str
    file: str
    line: int | None
    action: str
    times: int = 1


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
        notes: what else reading it found out, such as which splits there are, a line each; not stored.
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    images: tuple[ImageRecord, ...]
    repairs: tuple[Repair, ...] = ()
    synthetic: bool = False
    notes: tuple[str, ...] = ()

    def repair_counts(self) -> dict[str, int]:
        """How many repairs of each kind, most frequent first."""
        counts: Counter[str] = Counter()
        for repair in self.repairs:
            counts[repair.kind] += repair.times
        return dict(counts.most_common())

    def object_counts(self, class_id: int | Sequence[int] | None = None) -> list[int]:
        """Objects per image, of one class, of several together, or (None) of all, in their order."""
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
    """How one condition (a patch or a control) scores; see `engine.evaluation.metrics` for the definitions.

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
class Progress:
    """How far a job is; what does not apply to it, or is not known yet, is None.

    Attributes:
        phase: what it does now, in a word or two, such as `optimising` or `scoring`.
        done, total: of the phase, in `unit`s.
        loss: of the latest step.
        rate: units a second; for a generation image-iterations a second.
        remaining_s: of the whole job, as far as it can be told.
        memory_bytes: of the device that it holds now; on a CPU the process's resident memory.
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
    """Something that happened to a job, such as `queued`, `started`, `pause asked`; `at` in Unix seconds."""

    at: float
    event: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Work that is queued. Times are Unix seconds.

    Attributes:
        kind: the name of one of `engine.jobs.kinds.KINDS`.
        state: one of `JOB_STATES`.
        label: what a list calls it.
        request: all that is needed to carry it out again, as JSON has it.
        device: asked for: `auto`, `cpu`, `cuda:0` …
        running_on: the worker's device while it runs.
        priority: higher goes first; within one, lower `place` goes first.
        waits_for: the job that must have succeeded before this one starts.
        origin: the job that it was retried or duplicated from.
        group_id: of the `JobGroup` that it belongs to.
        wanted: `cancel` or `pause`, asked for while it runs and not yet done.
        auto_resume: goes on by itself after a crash.
        attempt: how many times it was begun.
        worker: the id of the worker that has it.
        code_version: PatchBench's version and commit at submission.
        folder: of its results.
        estimate: what was foretold (`elapsed_s`, `peak_memory_bytes`); empty if nothing.
        result: what came of it (of a generation what `run.json` holds).
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
    result: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class JobGroup:
    """Jobs that belong together; `created_at` in Unix seconds.

    Attributes:
        kind: why, such as `sweep` or `merge`.
        name: what a list calls it.
        request: all that is needed to make its jobs again, as JSON has it.
    """

    id: int
    kind: str
    name: str
    request: dict[str, Any]
    created_at: float


@dataclass(frozen=True, kw_only=True)
class WeightRecord:
    """A detector's weights, found or made here; `created_at` in Unix seconds.

    Attributes:
        name, family: the detector's.
        path: what settings name them by: a file, or a name such as `demo`.
        checksum: what `Detector.checksum` gives.
        classes: their names by index; empty if not known.
        origin: of weights made here `job_id` and `parent`, the checksum of those they were trained from.
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
    """How a patch scored once; `created_at` in Unix seconds.

    Attributes:
        job_id: the run or the evaluation that it came from, unless that was deleted.
        dataset, detector, class_name: what it was scored on, by name; the class as `engine.classes.words` has
            it.
        held_out: whether the patch was made without the images scored on; None: not known.
        asr, ap50: of the patch, 0 to 1; None where undefined.
        evaluation: what `Evaluation.to_json` gives.
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


@dataclass(frozen=True, kw_only=True)
class PatchRecord:
    """A patch, made here or imported; `created_at` in Unix seconds.

    Attributes:
        job_id: the run that made it; None if imported, or once the run was deleted.
        path: the file that is scored: a .npy, or a .png where not all texels are drawn.
        image: the .png that is shown; a .npy of the same texels lies beside it.
        height, width: in texels.
        circular: not all texels are drawn.
        sha256: of its texels, as `engine.patch.arrays.fingerprint` counts them.
        dataset, detector, class_name: what it was made on, as of `ScoreRecord`; empty if imported.
        summary: what `run.json` holds without the evaluation; empty if imported.
        score: the first of its scores (of a run: its own), if it has any.
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
