# SPDX-License-Identifier: AGPL-3.0-only
"""Estimates a run's time, memory and disk space from measured steps, and how accurate estimates were."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from engine import hardware
from engine.classes import dataset_class_ids
from engine.config import RunConfig
from engine.errors import DatasetError
from engine.jobs.kinds import making
from engine.jobs.workers import default_device
from engine.runs.selection import held_out_of
from engine.store.costs import StepCost
from engine.store.repository import Repository

if TYPE_CHECKING:
    from engine.jobs.kinds.matrix import MatrixRequest

CONDITIONS = 4  # an evaluation detects on each image four times: clean, grey, noise, patch
FIRST_SPREAD, LEAST_SPREAD = 0.3, 0.1  # before any run has finished; lower bound afterwards
OTHER_SPREAD = 1.0  # measured with other settings: half to twice the time
ALIKE = ("detector", "further", "device", "machine", "backend")  # without which a measurement says nothing
NEWEST_SHARE = 0.5  # weight of the latest run in the moving average
BYTES_A_STEP = 420  # calculated, not measured: a step's rows in database, history and checkpoint
COPIES = 9  # calculated: float32 copies of the patch in results, record and optimizer moments


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The estimated time, memory and disk space of a run.

    Attributes:
        elapsed_s: of the whole job: loading, steps, validations, evaluation.
        low_s, high_s: range in which most runs with these settings finish.
        peak_memory_bytes: of the device; on a CPU of the process.
        disk_bytes: size of its results.
        measured_at: Unix seconds at which the underlying steps were measured.
        runs: finished runs that refined the measurement; 0 for measured steps alone.
        exact: measured with these settings; else with others of the same detector.
    """

    elapsed_s: float
    low_s: float
    high_s: float
    peak_memory_bytes: int
    disk_bytes: int
    measured_at: float
    runs: int
    exact: bool = True

    def to_json(self) -> dict[str, Any]:
        """The estimate in the form of `Job.estimate`."""
        return asdict(self)


def cost_key(config: RunConfig) -> dict[str, Any]:
    """Everything a step's cost depends on: detector, machine, batch, loss terms and settings marked `costs`.

    The dataset is left out: scaled images are cached, drawing a patch costs the same for any number of
    objects, and loading is a small part.
    """
    device = (default_device() if config.device == "auto" else config.device).replace("cuda:0", "cuda")
    kind = device.partition(":")[0] if device.startswith("cpu") else device
    return {
        "detector": _stem(config.weights),
        "batch_size": 1 if config.batching == "sequential" else config.batch_size,
        **({"further": [*map(_stem, config.further_weights)]} if config.further_weights else {}),
        "grouped": config.batching == "grouped",
        "losses": sorted(config.losses),
        "device": kind,
        "machine": hardware.machine_model(kind),
        **config.costly(),
        # As it was stored first, so that earlier measurements still serve.
        "compile": {"off": False, "on": True}.get(config.compile, config.compile),
    }


def _stem(weights: str) -> str:
    return weights.replace("\\", "/").rpartition("/")[2].removesuffix(".pt")


def estimate(repository: Repository, config: RunConfig, *, evaluate_after: bool = True) -> Estimate | None:
    """Estimate a run from measurements, assuming that it does not stop early.

    Those of the same settings count; without any the latest of the same detector on the same device, scaled
    by the number of pixels, with a wide range.

    Args:
        repository: holds measurements and the dataset.
        config: the run's settings.
        evaluate_after: whether the patch is scored at the end.

    Returns:
        None if the detector was never measured (see `engine.jobs.measuring`), or without the dataset.
    """
    exact = repository.costs.get(cost_key(config))
    cost = exact or _scaled(repository, config)
    images = _images(repository, config)
    if cost is None or not images:
        return None
    training, held_out = _split(images, config)
    elapsed_s = cost.overhead_s + _loop_s(config, cost, training, held_out)
    if evaluate_after:
        elapsed_s += CONDITIONS * (held_out or images) / cost.evaluated_per_s
    spread = max(cost.spread, LEAST_SPREAD) if cost.runs else FIRST_SPREAD
    spread = spread if exact else max(spread, OTHER_SPREAD)
    return Estimate(
        elapsed_s=elapsed_s,
        low_s=elapsed_s / (1 + spread),
        high_s=elapsed_s * (1 + spread),
        peak_memory_bytes=cost.peak_memory_bytes,
        disk_bytes=_disk_bytes(config, training),
        measured_at=cost.measured_at,
        runs=cost.runs,
        exact=exact is not None,
    )


def _scaled(repository: Repository, config: RunConfig) -> StepCost | None:
    """The latest costs of the run's detector on its device with other settings, scaled by pixels."""
    key = cost_key(config)
    found = repository.costs.latest({name: key.get(name) for name in ALIKE})
    if found is None:
        return None
    other, cost = found
    seen, whole = (_side(key) / _side(other)) ** 2, (key["image_size"] / other["image_size"]) ** 2
    batch = max(key["batch_size"], 1) / max(other["batch_size"], 1)
    return replace(
        cost,
        images_per_s=cost.images_per_s / seen,
        evaluated_per_s=cost.evaluated_per_s / whole,
        peak_memory_bytes=round(cost.peak_memory_bytes * max(seen * batch, 1.0)),
    )


def _side(key: dict[str, Any]) -> int:
    """The side of what a step looks at, in pixels: a view, or the whole image."""
    return int(min(key["view_size"] or key["image_size"], key["image_size"]))


def matrix_s(repository: Repository, request: MatrixRequest) -> float | None:
    """Estimate the seconds of a matrix from how fast its detectors were seen to judge images.

    Returns:
        None if a detector's speed was never measured with these settings, or without a dataset.
    """
    passes = 1 + 2 * _shapes(repository, request) + len(request.patches)
    total_s = 0.0
    for weights in request.detectors:
        configs = [request.cell_config(dataset, weights) for dataset in request.datasets]
        images = [_images(repository, each) for each in configs]
        plain = repository.costs.get(cost_key(configs[0]))
        if plain is None or not all(images):
            return None
        total_s += plain.overhead_s
        for defence in request.defences:
            key = cost_key(request.cell_config(request.datasets[0], weights, defence))
            cost = repository.costs.get(key) or plain  # most defences take little beside the detector
            total_s += passes * sum(images) / cost.evaluated_per_s
    return total_s


def _shapes(repository: Repository, request: MatrixRequest) -> int:
    """How many shapes the patches have at most, each with controls of its own; of files each may."""
    known = [repository.patches.get(int(each)) for each in request.patches if each.isdecimal()]
    shapes = {(patch.height, patch.width, patch.circular) for patch in known}
    return len(shapes) + len(request.patches) - len(known)


def learn(
    repository: Repository,
    summary: dict[str, Any],
    *,
    started_at: float | None,
    ended_at: float | None = None,
) -> StepCost | None:
    """Refine the stored costs of a run's settings with its actual costs.

    Args:
        repository: holds the costs.
        summary: content of its `run.json`.
        started_at: start of its process in Unix seconds; None for a run that was resumed.
        ended_at: its end; None for now.

    Returns:
        The refined costs; None for a run without a score, which measures too little.
    """
    evaluation = summary.get("evaluation")
    if not evaluation or not summary["image_iterations"]:
        return None
    config = RunConfig.from_json(summary["config"]).changed(device=summary["device"])
    scored = CONDITIONS * evaluation["settings"]["images"]
    evaluated_per_s = scored / max(evaluation["elapsed_s"], 1e-6)
    held_out = _split(summary["dataset"]["images"], config)[1]
    validated = _validations(config, summary["iterations"]) * held_out
    stepping_s = summary["elapsed_s"] - summary.get("choice", {}).get("elapsed_s", 0.0)
    loop_s = max(stepping_s - validated / evaluated_per_s, stepping_s * 0.1)
    true = {
        "images_per_s": summary["image_iterations"] / loop_s,
        "evaluated_per_s": evaluated_per_s,
        "peak_memory_bytes": summary["peak_memory_bytes"],
    }
    key, overhead_s = cost_key(config), None
    if started_at is not None:
        done_s = summary["elapsed_s"] + evaluation["elapsed_s"]
        overhead_s = max((ended_at or time.time()) - started_at - done_s, 0.0)
    known = repository.costs.get(key)
    if known is None:
        return repository.costs.put(key, overhead_s=overhead_s or 0.0, runs=1, **true)
    done = {"images_per_s": summary["image_iterations"], "evaluated_per_s": scored + validated}
    error = _error(known, true, done, overhead_s)
    return repository.costs.put(key, **_refined(known, true, overhead_s, error))


def estimate_errors(repository: Repository) -> list[tuple[int, float, float]]:
    """Job id, estimated and true seconds of finished, uninterrupted runs with an estimate, oldest first."""
    jobs = repository.jobs.find(states=["succeeded"], kinds=making("patch"), order="oldest", limit=-1)
    return [
        (job.id, job.estimate["elapsed_s"], job.finished_at - job.started_at)
        for job in jobs
        if job.estimate.get("elapsed_s") and job.attempt == 1 and job.finished_at and job.started_at
    ]


def _images(repository: Repository, config: RunConfig) -> int:
    """The number of images that the run uses; 0 if the dataset is not imported or lacks the class."""
    known = [each for each in repository.datasets.all() if config.dataset in (each.name, each.source)]
    try:
        ids = dataset_class_ids(known[0].class_names, config.class_names) if known else ()
    except DatasetError:
        return 0
    if not ids:
        return 0
    counts = repository.datasets.object_counts(known[0].name, ids)
    images = len(counts) if config.include_empty else sum(count > 0 for count in counts)
    return min(images, config.max_images or images)


def _split(images: int, config: RunConfig) -> tuple[int, int]:
    """Numbers of training and held-out images."""
    held_out = held_out_of(images, config.validation_share)
    return images - held_out, held_out


def _validations(config: RunConfig, iterations: int) -> int:
    """Passes over the held-out images in a run, including the initial clean one; ART and groups make none."""
    validates = config.validation_share and config.backend == "native" and config.merge == "shared"
    passes = iterations // config.validate_every if validates else 0
    return passes + (passes > 0)


def _loop_s(config: RunConfig, cost: StepCost, training: int, held_out: int) -> float:
    steps_s = training * config.iterations / cost.images_per_s
    validating_s = _validations(config, config.iterations) * held_out / cost.evaluated_per_s
    return min(steps_s + validating_s, config.time_limit_s or math.inf)


def _disk_bytes(config: RunConfig, training: int) -> int:
    batch = 1 if config.batching == "sequential" else config.batch_size or 8
    steps = config.iterations * -(-training // (batch * config.accumulate))
    return COPIES * 12 * config.patch_height * config.patch_width + BYTES_A_STEP * steps


def _error(known: StepCost, true: dict[str, Any], done: dict[str, int], overhead_s: float | None) -> float:
    """The relative error of the stored costs for a run: the longer time over the shorter one, minus 1."""
    estimated_s = sum(images / getattr(known, rate) for rate, images in done.items())
    true_s = sum(images / true[rate] for rate, images in done.items())
    if overhead_s is not None:
        estimated_s, true_s = estimated_s + known.overhead_s, true_s + overhead_s
    return max(estimated_s, true_s) / min(estimated_s, true_s) - 1


def _refined(known: StepCost, true: dict[str, Any], overhead_s: float | None, error: float) -> dict[str, Any]:
    """The stored costs, moved towards the actual costs of a run."""

    def towards(old: float, new: float) -> float:
        return (1 - NEWEST_SHARE) * old + NEWEST_SHARE * new

    return {
        "images_per_s": towards(known.images_per_s, true["images_per_s"]),
        "evaluated_per_s": towards(known.evaluated_per_s, true["evaluated_per_s"]),
        "overhead_s": towards(known.overhead_s, known.overhead_s if overhead_s is None else overhead_s),
        # The maximum, not a mean: a run needs its peak memory in full.
        "peak_memory_bytes": max(known.peak_memory_bytes, true["peak_memory_bytes"]),
        "spread": towards(known.spread, error) if known.runs else error,
        "runs": known.runs + 1,
    }
