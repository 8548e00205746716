# SPDX-License-Identifier: AGPL-3.0-only
"""Generates a patch with ART instead of PatchBench's own loop, into the same kind of folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from engine.boxes import FloatArray
from engine.config import RunConfig
from engine.errors import RunInterruptedError, SettingsError
from engine.patch.files import write_patch
from engine.patch.memory import peak_memory_bytes
from engine.patch.state import RunState
from engine.records import StepRecord
from engine.runs import run_folder
from engine.runs.film import Film, is_moment
from engine.runs.generation import Observer
from engine.runs.materials import Materials
from engine.runs.selection import parted
from engine.runs.summary import base_summary, finish_summary

if TYPE_CHECKING:
    from engine.baselines.art import ArtResult


def generate_by_art(
    config: RunConfig, materials: Materials, folder: Path, observer: Observer, *, evaluate_after: bool
) -> dict[str, Any]:
    """Generate a patch with ART, without checkpoints, from which ART cannot resume.

    Args:
        config: dataset, weights, iterations, batch size, batching, patch size, learning rate, image size,
            seed, time limit and validation share (for the score) are used; ART places and draws patches in
            its own way.
        materials: the detector, loaded unfused, and images.
        folder: an existing folder.
        observer: callbacks of the run.
        evaluate_after: score the patch and its controls.

    Returns:
        The content of `run.json`, with ART's own settings under `art`.

    Raises:
        RunInterruptedError: a stop was requested; nothing is kept.
        EngineError: any other failure, in one line.
    """
    training, held_out = parted(range(len(materials.records)), config)
    records = tuple(materials.records[index] for index in training)
    film = Film(folder=folder, held=True)  # written at the end: an attack that is stopped leaves nothing
    result = _attack(config, replace(materials, records=records), observer, film)
    patch_chw = torch.from_numpy(result.patch_chw)
    peak = peak_memory_bytes(materials.detector.device)
    write_patch(folder, patch_chw)
    run_folder.write_history(folder, result.history)
    film.add(result.history[-1].step, result.patch_chw)
    film.write()
    summary = result.summary | base_summary(config, materials, folder)
    summary |= {"art": result.summary["config"], "device": result.summary["device"]}
    summary |= {"iterations": result.history[-1].iteration, "peak_memory_bytes": peak}
    judged = held_out or training
    return finish_summary(
        summary,
        config,
        materials,
        folder,
        patch_chw,
        judged if evaluate_after else [],
        observer.on_evaluated,
    )


def _attack(config: RunConfig, materials: Materials, observer: Observer, film: Film) -> ArtResult:
    # Imported here because importing ART takes seconds.
    from engine.baselines.art import generate_with_art
    from engine.baselines.config import ArtConfig

    if not config.batch_size:
        raise SettingsError("batch size: expected a number for ART, got auto; give --batch-size 1")
    batch_size = 1 if config.batching == "sequential" else config.batch_size
    return generate_with_art(
        materials.detector,
        materials.loader(config.image_size),
        range(len(materials.records)),
        class_id=materials.class_id,
        config=ArtConfig(
            iterations=config.iterations,
            batch_size=batch_size,
            patch_size=config.patch_height,
            learning_rate=config.learning_rate,
            seed=config.seed,
        ),
        time_limit_s=config.time_limit_s or None,
        on_step=_Follower(config, materials, batch_size, observer, film),
    )


class _Follower:
    """Passes ART's steps to an observer as if they were PatchBench's own."""

    def __init__(
        self, config: RunConfig, materials: Materials, batch_size: int, observer: Observer, film: Film
    ) -> None:
        self._state = RunState(patch_chw=torch.empty(0), iterations=config.iterations)
        self._observer, self._film = observer, film
        counts = [record.count() for record in materials.records]
        groups = [len(counts)] if batch_size == 1 else Counter(counts).values()
        self._steps = sum(-(-images // batch_size) for images in groups)
        observer.on_begin(self._state, self._steps)

    def __call__(self, record: StepRecord, patch: Callable[[], FloatArray]) -> None:
        state = self._state
        state.step, state.elapsed_s = record.step, record.elapsed_s
        state.image_iterations += record.images
        state.steps_in_iteration = record.step % self._steps
        state.iteration = record.step // self._steps
        if is_moment(record.step):
            self._film.add(record.step, patch())
        self._observer.on_step(record, replace(state))
        if self._observer.stop_requested():
            raise RunInterruptedError(
                f"stopped in iteration {record.iteration} of {state.iterations}, and ART cannot resume; "
                "start again, with --time-limit to end with a patch"
            )
