# SPDX-License-Identifier: AGPL-3.0-only
"""Runs and scores of the foreground stand on record like those of the queue."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from engine.config import RunConfig, TrainingConfig
from engine.errors import PatchFileError, StorageError
from engine.evaluation.config import EvaluationConfig
from engine.jobs.estimates import cost_key
from engine.jobs.foreground import (
    record_foreground_evaluation,
    record_foreground_run,
    record_foreground_training,
)
from engine.jobs.housekeeping import find_faults
from engine.jobs.kinds.evaluate import EvaluateRequest
from engine.jobs.queue import retry, submit
from engine.runs import run_folder
from engine.runs.commands import evaluate, generate
from engine.runs.paths import job_folder
from engine.runs.training import train
from engine.store.repository import Repository


@pytest.fixture
def summary(settings, tmp_path):
    return generate(settings(), tmp_path / "run")


def test_a_run_is_on_record_with_its_steps_its_patch_and_its_score(own_home, summary, tmp_path):
    scores = {"asr": 0.5, "confidence_retained": 0.25, "ap50": 0.75}
    summary["events"] += [
        {"event": "validated", "iteration": 2, **scores, "ci95": {"asr": (0.25, 0.75)}},
        {"event": "stopped early", "step": 4},
    ]
    with Repository() as repository:
        job = record_foreground_run(repository, summary)
        (validation,) = repository.validations.of([job.id])
        stored = repository.jobs.get(job.id)
        steps = repository.steps.read(job.id)
        patch = repository.patches.of_job(job.id)
        assert repository.queue.claim("w", "cpu") is None
    assert (stored.kind, stored.state, stored.folder) == ("generate", "succeeded", str(tmp_path / "run"))
    assert (validation.iteration, validation.scores) == (2, scores)
    assert validation.ci95 == {"asr": (0.25, 0.75)}
    assert stored.result == json.loads(json.dumps(summary))
    assert stored.finished_at - stored.started_at >= summary["elapsed_s"]
    assert steps == run_folder.read_history(tmp_path / "run")
    assert len(steps) == summary["steps"]
    assert patch.score.asr == summary["evaluation"]["patch"]["asr"]


@pytest.mark.parametrize("trust", [False, True])
def test_a_run_can_be_done_again_as_it_was_done(own_home, settings, summary, trust):
    with Repository() as repository:
        job = record_foreground_run(repository, summary, trust=trust)
        again = retry(repository, job.id)
    assert RunConfig.from_json(again.request["config"]) == settings()
    assert (again.request["trust"], again.request["evaluate_after"]) == (trust, True)


def test_a_run_serves_the_estimates_of_later_ones(own_home, settings, summary):
    with Repository() as repository:
        record_foreground_run(repository, summary, started_at=time.time() - 100)
        cost = repository.costs.get(cost_key(settings(iterations=99)))
    done_s = summary["elapsed_s"] + summary["evaluation"]["elapsed_s"]
    stepping_s = summary["elapsed_s"] - summary.get("choice", {}).get("elapsed_s", 0.0)
    assert cost.images_per_s == pytest.approx(summary["image_iterations"] / stepping_s)
    assert 100 - done_s <= cost.overhead_s < 130 - done_s


def test_a_run_without_its_history_is_named(own_home, summary, tmp_path):
    (tmp_path / "run" / run_folder.HISTORY).unlink()
    with Repository() as repository, pytest.raises(StorageError, match=r"history\.csv: expected the history"):
        record_foreground_run(repository, summary)


@pytest.fixture
def scored(settings, tmp_path):
    """A patch that nobody knows: what was asked for, and its scores."""
    patch = tmp_path / "grey.npy"
    np.save(patch, np.full((3, 16, 16), 0.5, dtype=np.float32))
    how = EvaluationConfig(resamples=0)
    request = EvaluateRequest(config=settings(), patch=str(patch), settings=how)
    return request, evaluate(settings(), patch, settings=how)


def test_a_score_is_on_record_as_if_it_had_been_queued(own_home, settings, scored):
    request, evaluation = scored
    with Repository() as repository:
        job = record_foreground_evaluation(repository, request, evaluation, elapsed_s=2.5)
        queued = submit(repository, "evaluate", request)
        assert repository.patches.count() == 0
        assert find_faults(repository) == []
    scores = json.loads(json.dumps(evaluation.to_json()))
    assert (job.kind, job.state, job.result) == ("evaluate", "succeeded", scores)
    assert (job.label, job.request, job.device) == (queued.label, queued.request, queued.device)
    assert job.finished_at - job.started_at == pytest.approx(2.5)
    assert job.folder == str(job_folder(job.id))
    assert json.loads((job_folder(job.id) / "evaluation.json").read_text()) == scores


def test_a_known_patch_gets_its_score(own_home, summary, scored):
    request, evaluation = scored
    with Repository() as repository:
        run = record_foreground_run(repository, summary)
        request = replace(request, patch=summary["patch"])
        job = record_foreground_evaluation(repository, request, evaluation, elapsed_s=1.0)
        patch = repository.patches.of_job(run.id)
        scores = repository.patches.scores(patch.id)
    assert [score.job_id for score in scores] == [run.id, job.id]
    assert scores[1].asr == evaluation.patch.asr.value


def test_a_patch_that_is_gone_by_then_leaves_no_record(own_home, scored, tmp_path):
    request, evaluation = scored
    (tmp_path / "grey.npy").unlink()
    with Repository() as repository:
        with pytest.raises(PatchFileError, match="found none"):
            record_foreground_evaluation(repository, request, evaluation, elapsed_s=1.0)
        assert repository.jobs.find() == []


def test_a_training_is_on_record_with_its_epochs_and_its_weights(own_home, blocks, tiny_weights, tmp_path):
    config = TrainingConfig(
        dataset=str(blocks), weights=str(tiny_weights), device="cpu", image_size=64, epochs=2, batch_size=4
    )
    summary = train(config, tmp_path / "out")
    with Repository() as repository:
        job = record_foreground_training(repository, summary)
        steps = repository.steps.read(job.id)
        (weights,) = repository.weights.all()
        faults = find_faults(repository)
        again = retry(repository, job.id)
    assert (job.kind, job.state, job.label) == ("train", "succeeded", "Train tiny (whole) on blocks")
    assert [step.iteration for step in steps] == [1, 2]
    assert weights.checksum == summary["weights_sha256"]
    assert faults == []
    assert TrainingConfig.from_json(again.request["config"]) == config
