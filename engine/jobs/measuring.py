# SPDX-License-Identifier: AGPL-3.0-only
"""Measures a few real steps of a run for estimates."""

from __future__ import annotations

import time
from itertools import islice

import psutil
import torch

from engine.config import RunConfig
from engine.errors import SettingsError
from engine.evaluation.config import EvaluationConfig
from engine.evaluation.runner import PatchJudge
from engine.jobs.estimates import cost_key
from engine.patch.fastest import applied
from engine.patch.initial import initial_patch
from engine.patch.memory import peak_memory_bytes
from engine.patch.run import PatchRun
from engine.patch.state import RunState
from engine.runs.choosing import choose
from engine.runs.materials import Materials, gather
from engine.store.costs import StepCost
from engine.store.repository import Repository

WARM_UP, STEPS = 2, 8
JUDGED = 8  # images to score


def measure_costs(config: RunConfig, *, trust: bool = False) -> StepCost:
    """Take a few steps of a run, score a few images, and store the costs in the user's database.

    Call it in a fresh process: loading time counts from the process's start, and on a CPU the peak memory
    is the process's.

    Args:
        config: the run's settings.
        trust: open the weights even if their pickle could run code.

    Raises:
        SettingsError: the backend is ART, whose steps cannot be measured alone.
        EngineError: any other failure, in one line.
    """
    if config.backend != "native":
        raise SettingsError(
            f"estimate: expected the native backend, got {config.backend}; a finished run measures it"
        )
    materials = gather(config, trust=trust)
    # Includes the process's start: starting Python and loading torch take longer than the detector.
    overhead_s = time.time() - psutil.Process().create_time()
    images_per_s = _loop_rate(config, materials)
    evaluated_per_s = _judge_rate(config, materials)
    with Repository() as repository:
        return repository.costs.put(
            cost_key(config),
            images_per_s=images_per_s,
            evaluated_per_s=evaluated_per_s,
            overhead_s=overhead_s,
            peak_memory_bytes=peak_memory_bytes(materials.detector.device),
        )


def _loop_rate(config: RunConfig, materials: Materials) -> float:
    """Image-iterations per second after the warm-up steps."""
    start = initial_patch(config.initial, config.patch_height, config.patch_width, config.seed)
    chosen = choose(config, materials, materials.records, start, again=True).chosen
    endless = config.changed(iterations=max(config.iterations, WARM_UP + STEPS), time_limit_s=0.0)
    run = PatchRun(
        materials.attacked,
        materials.records,
        applied(endless, chosen),
        class_id=materials.class_id,
        state=RunState(patch_chw=start, iterations=endless.iterations),
        batch_size=chosen.batch_size,
    )
    steps = list(islice(run.iterate(), WARM_UP + STEPS))
    counted = steps[WARM_UP:] or steps
    before_s = steps[WARM_UP - 1].elapsed_s if len(steps) > WARM_UP else 0.0
    return sum(step.images for step in counted) / max(steps[-1].elapsed_s - before_s, 1e-6)


def _judge_rate(config: RunConfig, materials: Materials) -> float:
    """Images per second of the judge, clean and patched together."""
    images = range(min(JUDGED, len(materials.records)))
    judge = PatchJudge(
        materials.detector,
        materials.loader(config.image_size),
        images,
        class_id=materials.class_id,
        config=EvaluationConfig(placement=config.placement, resamples=0, seed=config.seed),
    )
    started = time.perf_counter()
    judge.score(torch.full((3, config.patch_height, config.patch_width), 0.5))
    return 2 * len(images) / (time.perf_counter() - started)
