# SPDX-License-Identifier: AGPL-3.0-only
"""`jobs submit …`: queues jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from engine.cli.datasets import import_options
from engine.cli.output import json_option, print_json
from engine.cli.run_options import (
    config_from_options,
    evaluation_from_options,
    matrix_from_options,
    matrix_options,
    needs_from_options,
    needs_options,
    run_options,
    score_option,
    scoring_options,
    subject_options,
    suite_options,
)
from engine.cli.training_options import (
    defence_training_options,
    hardening_options,
    training_from_options,
    training_options,
)
from engine.config import DefenceTrainingConfig, HardeningConfig, TrainingConfig
from engine.jobs import queue
from engine.jobs.benchmark_detectors import with_detectors
from engine.jobs.kinds.benchmark import BenchmarkRequest
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.jobs.kinds.evaluate import EvaluateRequest
from engine.jobs.kinds.generate import GenerateRequest
from engine.jobs.kinds.harden import HardenRequest
from engine.jobs.kinds.request import Request
from engine.jobs.kinds.train import TrainRequest
from engine.jobs.kinds.train_defence import TrainDefenceRequest
from engine.store.repository import Repository

_JOB_OPTIONS = ("label", "priority", "waits_for", "auto_resume", "notes", "tags")


@click.group("submit")
def submit_group() -> None:
    """Queue work for the background."""


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for queueing a job and starting a worker."""
    for option in (
        json_option,
        click.option("--start-worker", is_flag=True, help="Start a worker if none is running."),
        needs_options,
        click.option("--notes", default="", help="Your notes."),
        click.option("--tag", "tags", multiple=True, help="A tag; repeatable."),
        click.option("--auto-resume", is_flag=True, help="Resume automatically after a crash."),
        click.option("--waits-for", type=int, help="Start after the job with this number has succeeded."),
        click.option("--priority", default=0, help="Higher runs first."),
        click.option("--label", default="", help="Name to show in lists."),
    ):
        command = option(command)
    return command


@submit_group.command("generate")
@subject_options
@run_options
@score_option
@job_options
def generate_command(evaluate_after: bool, **options: Any) -> None:
    """Queue a patch generation, with the settings of `patch generate`."""
    request = GenerateRequest(
        config=config_from_options(options, several=True),
        trust=options["trust_weights"],
        evaluate_after=evaluate_after,
    )
    _submit("generate", request, options)


@submit_group.command("evaluate")
@click.option("--patch", type=click.Path(path_type=Path), required=True, help="A .npy file or an image.")
@subject_options
@scoring_options
@job_options
def evaluate_command(patch: Path, **options: Any) -> None:
    """Queue an evaluation, with the settings of `patch evaluate`."""
    config, settings = evaluation_from_options(options)
    request = EvaluateRequest(
        config=config, patch=str(patch), settings=settings, trust=options["trust_weights"]
    )
    _submit("evaluate", request, options)


@submit_group.command("import")
@click.argument("source")
@import_options
@job_options
def import_command(source: str, name: str | None, split: str, images: Path | None, **options: Any) -> None:
    """Queue a dataset import, as in `dataset import`."""
    folder = None if images is None else str(images)
    _submit("import", ImportRequest(source=source, name=name, split=split, images=folder), options)


@submit_group.command("benchmark")
@click.argument("suite")
@suite_options
@job_options
def benchmark_command(
    suite: str, scale: str, seconds: float | None, seeds: int | None, **options: Any
) -> None:
    """Queue SUITE (by default on the synthetic demo), as in `benchmark run`."""
    options["dataset"], options["weights"] = options["dataset"] or "demo", options["weights"] or "demo"
    request = BenchmarkRequest(
        suite=suite,
        scale=scale,
        seconds=seconds,
        seeds=seeds,
        config=with_detectors(suite, config_from_options(options, several=True)),
        trust=options["trust_weights"],
    )
    _submit("benchmark", request, options)


@submit_group.command("matrix")
@matrix_options
@job_options
def matrix_command(**options: Any) -> None:
    """Queue a matrix of patches, detectors and datasets, as in `matrix run`."""
    _submit("matrix", matrix_from_options(options), options)


@submit_group.command("train")
@training_options
@job_options
def train_command(**options: Any) -> None:
    """Queue a detector training, with the settings of `detector train`."""
    config = training_from_options(options, TrainingConfig)
    _submit("train", TrainRequest(config=config, trust=options["trust_weights"]), options)


@submit_group.command("train-defence")
@defence_training_options
@job_options
def train_defence_command(**options: Any) -> None:
    """Queue a defence training, with the settings of `defence train`."""
    config = training_from_options(options, DefenceTrainingConfig)
    _submit("train-defence", TrainDefenceRequest(config=config), options)


@submit_group.command("harden")
@hardening_options
@job_options
def harden_command(**options: Any) -> None:
    """Queue a hardening, with the settings of `detector harden`."""
    config = training_from_options(options, HardeningConfig)
    _submit("harden", HardenRequest(config=config, trust=options["trust_weights"]), options)


def _submit(kind: str, request: Request, options: dict[str, Any]) -> None:
    """Queue the job, start a worker if requested, and print how to follow the job."""
    with Repository() as repository:
        needs = needs_from_options(options)
        given = {name: options[name] for name in _JOB_OPTIONS}
        job = queue.submit(repository, kind, request, needs=needs, **given)
        if options["start_worker"]:
            queue.ensure_worker(repository, job.device)
        alive = bool(queue.alive_workers(repository))
    if options["as_json"]:
        print_json(asdict(job) | {"worker_alive": alive})
        return
    click.echo(f"job {job.id}: queued; see it with: python -m engine jobs show {job.id} --follow")
    if not alive:
        click.echo(
            "No worker is running: start one with --start-worker, or run: python -m engine worker", err=True
        )
