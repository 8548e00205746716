# SPDX-License-Identifier: AGPL-3.0-only
"""Fills the home that PATCHBENCH_HOME names, quickly, with a few runs or very many; figures are invented."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import math
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.config import RunConfig, home_folder
from engine.jobs.kinds import KINDS
from engine.jobs.kinds.matrix import MatrixRequest
from engine.records import Dataset, ImageRecord, Job, PatchRecord, Progress, StepRecord
from engine.store.matrices import Matrix, MatrixCell
from engine.store.repository import Repository
from engine.store.sweeps import Sweep
from engine.sweeps.config import SweepRequest
from tests.engine.store.factories import elsewhere

DATASET = "streets"
SIDE = 320
PEOPLE = (0, 1, 1, 2, 2, 3, 5, 8)


def fill(repository: Repository, *, runs: int = 3, steps: int = 60) -> list[PatchRecord]:
    """A dataset and so many finished runs with their patches and scores."""
    repository.datasets.save(make_dataset(home_folder() / "pictures"))
    return [add_run(repository, number, steps=steps) for number in range(runs)]


def make_dataset(folder: Path) -> Dataset:
    """A few drawn pictures with 0 to 8 people and now and then a car."""
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for number, count in enumerate(PEOPLE):
        path = folder / f"{number}.png"
        chance = np.random.default_rng(number)
        path.write_bytes(_picture(chance.integers(60, 200, (8, 8, 3), dtype=np.uint8).tobytes()))
        corners = chance.uniform(0, SIDE * 0.6, (count, 2))
        sides = chance.uniform(SIDE * 0.1, SIDE * 0.35, (count, 2))
        images.append(
            ImageRecord(
                path=str(path),
                width=SIDE,
                height=SIDE,
                boxes_xyxy_px=np.hstack([corners, corners + sides]).astype(np.float32).reshape(-1, 4),
                class_ids=np.array([int(index == 4) for index in range(count)], dtype=np.int64),
            )
        )
    return Dataset(name=DATASET, source=str(folder), class_names=("person", "car"), images=tuple(images))


@functools.cache
def _picture(blocks: bytes) -> bytes:
    """A PNG of 8 by 8 colours that run into each other; encoding it for each of many homes is slow."""
    colours = np.frombuffer(blocks, dtype=np.uint8).reshape(8, 8, 3)
    file = io.BytesIO()
    Image.fromarray(colours).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(file, "png")
    return file.getvalue()


def add_run(repository: Repository, number: int, *, steps: int = 60) -> PatchRecord:
    """One finished generation with its steps, its patch and its score."""
    chance = random.Random(number)
    config = RunConfig(
        dataset=DATASET,
        weights="demo",
        image_size=SIDE,
        seed=number,
        learning_rate=chance.choice((0.01, 0.03, 0.1)),
        batch_size=chance.choice((1, 2, 4)),
    )
    job = finish(repository, config, label=f"Run {number}", result=summary_of(config, chance, steps))
    repository.steps.add(job.id, make_steps(chance, steps))
    return add_patch(repository, job, config, chance)


def finish(repository: Repository, config: RunConfig, *, label: str, result: dict[str, Any]) -> Job:
    """Queue a generation, claim it and end it well."""
    added = repository.jobs.add(
        kind="generate",
        label=label,
        request={"config": config.to_json()},
        seed=config.seed,
        code_version="test",
    )
    with repository.connection.transaction():
        repository.connection.rows(
            "UPDATE jobs SET state = 'succeeded', started_at = created_at, finished_at = created_at + 90, "
            "result = json(?) WHERE id = ?",
            [json.dumps(result), added.id],
        )
    return repository.jobs.get(added.id)


def add_running(repository: Repository, label: str = "Run in progress") -> Job:
    """A job that says it runs, half done."""
    config = RunConfig(dataset=DATASET, weights="demo", validation_share=0.0)
    added = repository.jobs.add(kind="generate", label=label, request={"config": config.to_json()})
    progress = Progress(
        phase="optimising", done=120, total=240, unit="steps", loss=0.4, rate=12.5, remaining_s=75.0
    )
    with repository.connection.transaction():
        repository.connection.rows(
            "UPDATE jobs SET state = 'running', worker = 'w', running_on = 'cpu', started_at = created_at, "
            "progress = json(?) WHERE id = ?",
            [json.dumps(vars(progress)), added.id],
        )
    # Heard of until an hour from now: half a minute of silence, and whatever looks takes the job from it.
    repository.workers.add(replace(elsewhere("w"), heartbeat_at=time.time() + 3600))
    return repository.jobs.get(added.id)


def summary_of(config: RunConfig, chance: random.Random, steps: int) -> dict[str, Any]:
    """What `run.json` holds, in part."""
    return {
        "backend": "native",
        "device": "cpu",
        "precision": "fp32",
        "batch_size": config.batch_size,
        "image_iterations_per_s": chance.uniform(8, 16),
        "peak_memory_bytes": chance.randrange(4 * 10**8, 9 * 10**8),
        "elapsed_s": 90.0,
        "steps": steps,
        "config": config.to_json(),
    }


def make_steps(chance: random.Random, count: int) -> list[StepRecord]:
    """A loss that falls, noisily."""
    losses = [0.2 + 0.7 * math.exp(-3 * step / count) + chance.gauss(0, 0.03) for step in range(count)]
    return [
        StepRecord(
            step=step + 1,
            iteration=step // 8 + 1,
            loss=loss,
            terms={"object": loss},
            learning_rate=0.03,
            images=2,
            elapsed_s=(step + 1) * 0.15,
        )
        for step, loss in enumerate(losses)
    ]


def add_patch(repository: Repository, job: Job, config: RunConfig, chance: random.Random) -> PatchRecord:
    """A patch's files and records."""
    folder = home_folder() / "jobs" / str(job.id)
    folder.mkdir(parents=True, exist_ok=True)
    texels = np.random.default_rng(config.seed).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(texels).save(folder / "patch.png")
    np.save(folder / "patch.npy", np.moveaxis(texels, 2, 0).astype(np.float32) / 255)
    patch = repository.patches.add(
        name=job.label,
        path=str(folder / "patch.npy"),
        image=str(folder / "patch.png"),
        height=96,
        width=96,
        circular=False,
        sha256=hashlib.sha256(texels.tobytes()).hexdigest(),
        job_id=job.id,
        dataset=DATASET,
        detector="demo",
        class_name="person",
        summary=job.result or {},
    )
    repository.patches.add_score(
        patch.id,
        dataset=DATASET,
        detector="demo",
        class_name="person",
        held_out=True,
        evaluation=make_evaluation(chance),
        job_id=job.id,
    )
    return repository.patches.get(patch.id)


def add_matrix(
    repository: Repository,
    patches: Sequence[PatchRecord],
    detectors: Sequence[str] = ("demo", "yolo11n", "broken"),
    *,
    defences: Sequence[str] = ("none",),
    missing: int = 0,
    error: str = "weights: expected a weight file, got none; check the path",
    dataset: str = DATASET,
) -> Matrix:
    """The patches on some detectors, the first of which they were made on; one called broken fails.

    Args:
        defences: before each detector; the last patch is made through the last of them.
        missing: so many cells, from the end, are not there yet, and the matrix is still at work.
        error: why those that are broken have failed.
        dataset: the name that all were scored on.
    """
    request = MatrixRequest(
        patches=tuple(str(patch.id) for patch in patches),
        detectors=tuple(detectors),
        datasets=(dataset,),
        defences=tuple(defences),
        image_size=SIDE,
        device="cpu",
    )
    facts = {
        str(each.id): {"id": each.id, "name": each.name, "path": each.path, "sha256": each.sha256}
        for each in patches
    }
    matrix = repository.matrices.begin(
        {"number": len(repository.matrices.find())},
        label=KINDS["matrix"].label(request, {}),
        request=request.to_json(),
        facts={"patches": facts},
    )
    subjects = [
        {"patch": patch, "detector": each, "dataset": dataset, "defence": defence}
        for each in request.detectors
        for defence in request.defences
        for patch in request.patches
    ]
    through = dict.fromkeys(request.patches, "none") | {request.patches[-1]: request.defences[-1]}
    for number, subject in enumerate(subjects[: len(subjects) - missing]):
        own = subject["detector"] == detectors[0]
        made = {"own": own, "adaptive": own and through[subject["patch"]] == subject["defence"]}
        repository.matrices.add_cell(matrix, _matrix_cell(subject, made, error, random.Random(number)))
    return repository.matrices.get(matrix.id) if missing else repository.matrices.finish(matrix)


def _matrix_cell(
    subject: dict[str, str], made: dict[str, bool], error: str, chance: random.Random
) -> MatrixCell:
    if subject["detector"] == "broken":
        return MatrixCell(subject=subject, scored_at=0.0, error=error)
    evaluation = make_evaluation(chance)
    evaluation["settings"] |= {"dataset": subject["dataset"], "patch_size": [96, 96], "masked": False}
    facts = {
        "name": subject["detector"],
        "checksum": "",
        "held_out": False,
        "ms_per_image": 20.0 if subject["defence"] == "none" else 26.5,
        "undefended_ms_per_image": 20.0,
    }
    return MatrixCell(subject=subject, scored_at=0.0, facts=facts | made, evaluation=evaluation)


def make_evaluation(chance: random.Random) -> dict[str, Any]:
    """Scores of a patch and its controls, as `Evaluation.to_json` words them."""
    strength = chance.uniform(0.2, 0.8)
    conditions = {"clean": 0.0, "grey": 0.15, "noise": 0.1}
    return {
        "patch": _scores(strength),
        "controls": {name: _scores(asr) for name, asr in conditions.items()},
        "settings": {"image_size": SIDE, "min_score": 0.25},
    }


def _scores(asr: float) -> dict[str, Any]:
    values = {
        "ap50": 0.8 * (1 - asr),
        "ap50_95": 0.5 * (1 - asr),
        "relative_ap50": 1 - asr,
        "relative_ap50_95": 1 - asr,
        "asr": asr,
        "confidence_retained": 1 - 0.8 * asr,
        "disappearance": 0.2 + 0.6 * asr,
        "hallucinations_per_image": 0.4 + asr,
    }
    return {**values, "ci95": {name: [max(value - 0.05, 0), value + 0.05] for name, value in values.items()}}


def add_sweep(repository: Repository, *, trials: int = 12, state: str = "finished") -> Sweep:
    """A sweep whose trials have ended: most with a patch and a score, the third pruned, the fifth failed."""
    chance = random.Random(5)
    asked = SweepRequest(
        config=RunConfig(dataset=DATASET, weights="demo", image_size=SIDE),
        vary=("learning_rate=0.003..0.1:log", "batch_size=2,8,32", "losses=object,overlap+tv=0.1"),
        trials=max(trials, 1),
    )
    group = repository.groups.add(kind="sweep", name="asr by learning_rate", request=asked.to_json())
    sweep = repository.sweeps.begin(group.id, {"number": group.id})
    for number in range(1, trials + 1):
        rate = float(f"{0.003 * 33 ** chance.random():.4g}")
        values = {
            "learning_rate": rate,
            "batch_size": chance.choice((2, 8, 32)),
            "losses": chance.choice(("object=1", "overlap=1+tv=0.1")),
        }
        _add_trial(repository, sweep, asked, number, values, chance)
    repository.sweeps.set_importance(
        sweep.id, {"learning_rate": 0.62, "batch_size": 0.3, "losses": 0.08} if trials > 3 else {}
    )
    return repository.sweeps.end(sweep.id, state) if state != "running" else repository.sweeps.get(sweep.id)


def _add_trial(
    repository: Repository,
    sweep: Sweep,
    asked: SweepRequest,
    number: int,
    values: dict[str, Any],
    chance: random.Random,
) -> None:
    config = asked.of_trial(values, 0).changed(seed=100 + number)  # which makes each picture another
    label = f"Sweep {sweep.id}, trial {number}"
    asr = 0.75 - 0.2 * abs(math.log(values["learning_rate"] / 0.03)) + chance.gauss(0, 0.03)
    if number in (3, 5):
        job = repository.jobs.add(kind="generate", label=label, request={"config": config.to_json()})
        repository.sweeps.add_trial(sweep.id, number, values, [job.id])
        ended = ("pruned", 0.2, None) if number == 3 else ("failed", None, "expected memory, got none")
        repository.sweeps.end_trial(sweep.id, number, ended[0], value=ended[1], error=ended[2])
        return
    job = finish(repository, config, label=label, result=summary_of(config, chance, 60))
    add_patch(repository, job, config, chance)
    repository.sweeps.add_trial(sweep.id, number, values, [job.id])
    repository.sweeps.end_trial(sweep.id, number, "succeeded", value=asr, per_seed=[asr])
