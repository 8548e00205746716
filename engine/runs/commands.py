# SPDX-License-Identifier: AGPL-3.0-only
"""The user's commands: generate a patch into a folder, resume a generation, evaluate a patch."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from engine.config import RunConfig
from engine.errors import SettingsError
from engine.evaluation.config import EvaluationConfig
from engine.evaluation.runner import PatchJudge
from engine.patch.files import read_patch
from engine.patch.initial import initial_patch
from engine.patch.state import RunState, load_checkpoint
from engine.private import shared_outside_home
from engine.ranks import device_of_rank, joined_ranks, launched
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
    """Generate a patch and write it, its history and its summary into a folder.

    Args:
        config: the run's settings.
        folder: a new or empty folder; by default one under `PATCHBENCH_HOME/runs`.
        observer: callbacks of the run.
        trust: open the weights even if their pickle could run code.
        evaluate_after: score the patch and its controls, on the validation images if there are any,
            otherwise on the training images.

    Returns:
        The content of `run.json`. Of several processes that torchrun has started the first one returns it and
        writes the files, the others return nothing.

    Raises:
        EngineError: any failure, in one line.
    """
    observer, config = observer or Observer(), absolute_config(config)
    _require_one_process(config)
    with joined_ranks() as ranks:
        config = config.changed(device=device_of_rank(config.device))
        seed_everything(config.seed, deterministic=config.deterministic)
        materials = ranks.first_alone(lambda: gather(config, trust=trust, fuse=config.backend == "native"))
        start = initial_patch(config.initial, config.patch_height, config.patch_width, config.seed)
        folder = folder or run_folder.default_folder(f"{materials.dataset.name}-{materials.detector.name}")
        with run_folder.created(folder) if ranks.leads else nullcontext(folder) as path:
            if config.backend == "art":
                return generate_by_art(config, materials, path, observer, evaluate_after=evaluate_after)
            generation = Generation(config, materials, path, observer, ranks)
            generation.begin(RunState(patch_chw=start, iterations=config.iterations))
            return _finish(generation, config, materials, path, observer, evaluate_after=evaluate_after)


def resume(
    folder: Path,
    *,
    observer: Observer | None = None,
    trust: bool = False,
    evaluate_after: bool = True,
    device: str | None = None,
) -> dict[str, Any]:
    """Resume a run from its checkpoint, with the same result as if it had never stopped.

    Args:
        folder: the run's folder.
        observer: callbacks of the run.
        trust: open the weights even if their pickle could run code.
        evaluate_after: score the patch and its controls.
        device: replaces the original device.

    Raises:
        StorageError: there is no usable checkpoint, or the images or the weights have changed.
        EngineError: any other failure, in one line.
    """
    folder, observer = folder.absolute(), observer or Observer()
    with joined_ranks() as ranks:
        state, identity = ranks.of_first(lambda: load_checkpoint(folder))
        config = RunConfig.from_json(identity["config"])
        _require_one_process(config)
        config = config.changed(device=device_of_rank(device or config.device))
        seed_everything(config.seed, deterministic=config.deterministic)
        materials = ranks.first_alone(lambda: gather(config, trust=trust))
        generation = Generation(config, materials, folder, observer, ranks)
        generation.restore(state, identity)
        with shared_outside_home(folder) if ranks.leads else nullcontext():
            return _finish(generation, config, materials, folder, observer, evaluate_after=evaluate_after)


def evaluate(
    config: RunConfig,
    patch: Path,
    *,
    settings: EvaluationConfig | None = None,
    observer: Observer | None = None,
    trust: bool = False,
) -> Evaluation:
    """Score any patch file and the controls clean, grey and noise.

    Args:
        config: dataset, weights, classes, device, image size, `max_images` and `include_empty` are used.
        patch: a .npy or an image, from PatchBench or elsewhere.
        settings: placement, thresholds, resamples.
        observer: callbacks of the evaluation.
        trust: open the weights even if their pickle could run code.

    Raises:
        EngineError: any failure, in one line.
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


def _require_one_process(config: RunConfig) -> None:
    """Raise `SettingsError` for a run that several processes cannot share, if there are several."""
    for name, shared in (("backend", "native"), ("merge", "shared")):
        value = getattr(config, name)
        if value != shared and launched() > 1:
            raise SettingsError(
                f"{name}: expected {shared} with several processes, got {value}; start it without torchrun"
            )


def _finish(
    generation: Generation,
    config: RunConfig,
    materials: Materials,
    folder: Path,
    observer: Observer,
    *,
    evaluate_after: bool,
) -> dict[str, Any]:
    """Run a prepared generation, or, if patches are to be merged, one for each group."""
    if config.merge == "shared":
        return generation.run(evaluate_after=evaluate_after)
    generation.save()
    return generate_merged(
        config,
        materials,
        folder,
        generation.state,
        generation.choice,
        observer,
        evaluate_after=evaluate_after,
    )
