# SPDX-License-Identifier: AGPL-3.0-only
"""The summary of a run in `run.json`: settings, versions, device, throughput, repairs, scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torch import Tensor

from engine import __version__, hardware
from engine.config import DefenceTrainingConfig, RunConfig, TrainingConfig
from engine.evaluation.config import EvaluationConfig
from engine.evaluation.runner import PatchJudge
from engine.records import Evaluation
from engine.runs import run_folder
from engine.runs.materials import Materials
from engine.runs.outcomes import write_outcomes


def base_summary(config: RunConfig, materials: Materials, folder: Path) -> dict[str, Any]:
    """The part of the summary that does not depend on the run's result."""
    further = [
        _detector(each) | {"weights": weights, "weights_sha256": each.detector.checksum()}
        for weights, each in zip(config.further_weights, materials.by_detector()[1:], strict=True)
    ]
    return {
        **circumstances(config),
        "patch": str(folder / "patch.npy"),
        "dataset": {
            "name": materials.dataset.name,
            "source": materials.dataset.source,
            "synthetic": materials.dataset.synthetic,
            "images": len(materials.records),
            "objects": sum(record.count() for record in materials.records),
            "repairs": materials.dataset.repair_counts(),
        },
        "classes": materials.classes.to_json(),
        "detector": _detector(materials),
        **({"further_detectors": further} if further else {}),
        "device": str(materials.detector.device),
    }


def circumstances(config: RunConfig | TrainingConfig | DefenceTrainingConfig) -> dict[str, Any]:
    """What a summary says of the settings, the versions and the machine."""
    snapshot = hardware.snapshot()
    return {
        "patchbench": __version__,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": config.to_json(),
        "seed": config.seed,
        "versions": snapshot.to_json()["versions"],
        "machine": {
            "cpu_model": snapshot.cpu_model,
            "gpus": [gpu.name for gpu in snapshot.gpus if gpu.name],
            "memory_total_bytes": snapshot.memory_total_bytes,
            "platform": snapshot.platform,
        },
    }


def _detector(materials: Materials) -> dict[str, Any]:
    detector = materials.detector
    return {"name": detector.name, "family": detector.family, "end_to_end": detector.end_to_end}


def finish_summary(
    summary: dict[str, Any],
    config: RunConfig,
    materials: Materials,
    folder: Path,
    patch_chw: Tensor,
    images: Sequence[int],
    on_evaluated: Callable[[int], object],
    mask_hw: Tensor | None = None,
) -> dict[str, Any]:
    """Write `run.json`, score the patch on the given images, if any, and write `run.json` again.

    Written first, the summary survives a failed or interrupted evaluation. Of several detectors, the first
    one's scores are the `evaluation`, those of the others stand in `further_evaluations`.
    """
    run_folder.write_summary(folder, summary)
    if not images:
        return summary
    scored = [
        _scored(config, each, patch_chw, images, on_evaluated, mask_hw) for each in materials.by_detector()
    ]
    write_outcomes(folder, [evaluation for evaluation, _facts in scored])
    first, *others = (evaluation.to_json() | facts for evaluation, facts in scored)
    summary["evaluation"] = first
    if others:
        summary["further_evaluations"] = others
    run_folder.write_summary(folder, summary)
    return summary


def _scored(
    config: RunConfig,
    materials: Materials,
    patch_chw: Tensor,
    images: Sequence[int],
    on_evaluated: Callable[[int], object],
    mask_hw: Tensor | None,
) -> tuple[Evaluation, dict[str, Any]]:
    """The scores of the patch on one detector, with what is told beside them."""
    started = time.perf_counter()
    judge = PatchJudge(
        materials.detector,
        materials.loader(config.image_size),
        images,
        class_id=materials.class_id,
        config=EvaluationConfig(placement=config.placement, seed=config.seed),
        mask_hw=mask_hw,
        progress=on_evaluated,
    )
    held_out = len(images) < len(materials.records)
    return materials.named(judge.evaluate(patch_chw)), {
        "on": "held-out images" if held_out else "the images that the patch was made on",
        "elapsed_s": time.perf_counter() - started,
    }
