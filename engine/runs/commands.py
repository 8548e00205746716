# SPDX-License-Identifier: AGPL-3.0-only
"""Carries out what a user asks for: generate a patch into a folder, go on with one, evaluate one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.config import RunConfig
from engine.evaluation.config import EvaluationConfig
from engine.evaluation.runner import PatchJudge
from engine.patch.files import read_patch
from engine.patch.initial import initial_patch
from engine.patch.state import RunState, load_checkpoint
from engine.private import shared_outside_home
from engine.records import Evaluation
from engine.runs import run_folder
from engine.runs.art_generation import generate_by_art
from engine.runs.generation import Generation, Observer
from engine.runs.materials import Materials, gather
from engine.runs.merging import generate_merged
from engine.runs.paths import absolute_config
from engine.seeding import seed_everything


def generate(
    config: RunConfig,
    folder: Path | None = None,
    *,
    observer: Observer | None = None,
    trust: bool = False,
    evaluate_after: bool = True,
) -> dict[str, Any]:
    """Generate a patch and leave it, its history and its record in a folder.

    Args:
        config: the settings.
        folder: a new or empty one; by default under `PATCHBENCH_HOME/runs`.
        observer: who watches.
        trust: open the weights whatever their pickle names.
        evaluate_after: score the patch beside its controls, on the validation images if there are any,
            else on those that it was made on.

    Returns:
        What `run.json` holds.

    Raises:
        EngineError: whatever went wrong, in one line.
    """
    watcher, config = observer or Observer(), absolute_config(config)
    seed_everything(config.seed, deterministic=config.deterministic)
    materials = gather(config, trust=trust, fuse=config.backend == "native")
    start = initial_patch(config.initial, config.patch_height, config.patch_width, config.seed)
    label = f"{materials.dataset.name}-{materials.detector.name}"
    with run_folder.created(folder or run_folder.default_folder(label)) as place:
        if config.backend == "art":
            return generate_by_art(config, materials, place, watcher, evaluate_after=evaluate_after)
        generation = Generation(config, materials, place, watcher)
        generation.begin(RunState(patch_chw=start, iterations=config.iterations))
        return _finish(generation, config, materials, place, watcher, evaluate_after=evaluate_after)


def resume(
    folder: Path,
    *,
    observer: Observer | None = None,
    trust: bool = False,
    evaluate_after: bool = True,
    device: str | None = None,
) -> dict[str, Any]:
    """Go on with a run from its checkpoint; it ends as if it had never stopped.

    Args:
        folder: the run's.
        observer: who watches.
        trust: open the weights whatever their pickle names.
        evaluate_after: score the patch beside its controls.
        device: in place of the one that it began on.

    Raises:
        StorageError: no usable checkpoint, or the images or the weights are not what they were.
        EngineError: whatever else went wrong, in one line.
    """
    folder = folder.absolute()
    state, identity = load_checkpoint(folder)
    config = RunConfig.from_json(identity["config"])
    if device is not None:
        config = config.changed(device=device)
    seed_everything(config.seed, deterministic=config.deterministic)
    materials, watcher = gather(config, trust=trust), observer or Observer()
    generation = Generation(config, materials, folder, watcher)
    generation.restore(state, identity)
    with shared_outside_home(folder):
        return _finish(generation, config, materials, folder, watcher, evaluate_after=evaluate_after)


def evaluate(
    config: RunConfig,
    patch: Path,
    *,
    settings: EvaluationConfig | None = None,
    observer: Observer | None = None,
    trust: bool = False,
) -> Evaluation:
    """Score any patch file beside the controls clean, grey and noise.

    Args:
        config: dataset, weights, classes, device, image size, `max_images` and `include_empty` are
            looked at.
        patch: a .npy or an image, from PatchBench or elsewhere.
        settings: placement, thresholds, resamples.
        observer: who watches.
        trust: open the weights whatever their pickle names.

    Raises:
        EngineError: whatever went wrong, in one line.
    """
    patch_chw, mask_hw = read_patch(patch)
    materials = gather(config, trust=trust)
    judge = PatchJudge(
        materials.detector,
        materials.loader(config.image_size),
        range(len(materials.records)),
        class_id=materials.class_id,
        config=settings,
        mask_hw=mask_hw,
        progress=(observer or Observer()).on_evaluated,
    )
    return materials.named(judge.evaluate(patch_chw))


def _finish(
    generation: Generation,
    config: RunConfig,
    materials: Materials,
    folder: Path,
    observer: Observer,
    *,
    evaluate_after: bool,
) -> dict[str, Any]:
    """Run a generation that is ready, or in its place those of its groups."""
    if config.merge == "shared":
        return generation.run(evaluate_after=evaluate_after)
    generation.save()
    return generate_merged(
        config, materials, folder, generation.state, observer, evaluate_after=evaluate_after
    )
