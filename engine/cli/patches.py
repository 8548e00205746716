# SPDX-License-Identifier: AGPL-3.0-only
"""`patch generate`, `patch evaluate`, `patch list` and `demo`."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import psutil

from engine.cli.foreground import (
    out_option,
    put_on_record,
    refuse_settings_with,
    resume_option,
    tensorboard_option,
)
from engine.cli.output import (
    SCORE_COLUMNS,
    json_option,
    print_classes,
    print_defences,
    print_json,
    print_table,
    score_rows,
)
from engine.cli.progress import evaluation_bar, interruptible, watching
from engine.cli.run_options import (
    config_from_options,
    evaluation_from_options,
    run_options,
    score_option,
    scoring_options,
    subject_options,
)
from engine.config import DEMO_SETTINGS, RunConfig
from engine.detectors.demo_weights import EMBEDDED
from engine.errors import SettingsError
from engine.ranks import speaks
from engine.records import PatchRecord
from engine.store.repository import Repository


@click.group("patch")
def patch_group() -> None:
    """Generate adversarial patches and score them."""


@patch_group.command("generate")
@subject_options
@run_options
@out_option
@resume_option("run")
@score_option
@tensorboard_option
@json_option
@click.pass_context
def generate_command(
    context: click.Context,
    out: Path | None,
    resume_folder: Path | None,
    evaluate_after: bool,
    trust_weights: bool,
    tensorboard: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Generate a patch that attacks a detector. Only --dataset and --weights are required.

    Ctrl-C saves a checkpoint; --resume continues to exactly the patch of an uninterrupted run.
    """
    refuse_settings_with(resume_folder, context)
    config = None if resume_folder else config_from_options(options, several=True)
    # Imported after the settings are checked, because torch takes seconds to import.
    from engine.jobs.foreground import record_foreground_run
    from engine.runs import run_folder
    from engine.runs.commands import generate, resume

    if not speaks():
        logging.disable(logging.WARNING)
    folder = resume_folder or out
    if tensorboard and folder is None:
        folder = run_folder.default_folder("run")
    with watching(tensorboard_folder=folder if tensorboard else None) as observer:
        if config is None:
            assert resume_folder is not None
            summary = resume(
                resume_folder, observer=observer, trust=trust_weights, evaluate_after=evaluate_after
            )
        else:
            summary = generate(
                config, folder, observer=observer, trust=trust_weights, evaluate_after=evaluate_after
            )
    if not summary:  # one of several processes, of which the first one records and prints
        return
    began = None if resume_folder else psutil.Process().create_time()
    put_on_record(
        lambda repository: record_foreground_run(repository, summary, trust=trust_weights, started_at=began)
    )
    if as_json:
        print_json(summary)
    else:
        _print_run(summary)


@patch_group.command("evaluate")
@click.option("--patch", type=click.Path(path_type=Path), required=True, help="A .npy file or an image.")
@subject_options
@scoring_options
@json_option
def evaluate_command(
    patch: Path,
    trust_weights: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Score a patch and its controls (clean, grey, noise), with 95% bootstrap intervals."""
    config, settings = evaluation_from_options(options)
    from engine.jobs.foreground import record_foreground_evaluation
    from engine.jobs.kinds.evaluate import EvaluateRequest
    from engine.runs.commands import evaluate

    started = time.perf_counter()
    with evaluation_bar() as observer:
        evaluation = evaluate(config, patch, settings=settings, observer=observer, trust=trust_weights)
    elapsed_s = time.perf_counter() - started
    request = EvaluateRequest(config=config, patch=str(patch), settings=settings, trust=trust_weights)
    put_on_record(
        lambda repository: record_foreground_evaluation(repository, request, evaluation, elapsed_s=elapsed_s)
    )
    if as_json:
        print_json(evaluation.to_json())
    else:
        print_table(SCORE_COLUMNS, score_rows(evaluation.to_json()))
        print_classes(evaluation.settings)
        print_defences(evaluation.settings)


@patch_group.command("list")
@click.option("--text", default="", help="Only patches with this text in their name, notes or target.")
@click.option("--limit", default=30, help="Maximum number to show.")
@json_option
def list_command(text: str, limit: int, as_json: bool) -> None:
    """List the stored patches, newest first."""
    with Repository() as repository:
        patches = repository.patches.find(text=text, limit=limit)
    if as_json:
        print_json([asdict(patch) for patch in patches])
    elif patches:
        titles = ("patch", "name", "made on", "dataset", "class")
        print_table(titles, [_row(patch) for patch in patches])
    else:
        click.echo("No patches yet; try: patch generate", err=True)


def _row(patch: PatchRecord) -> list[Any]:
    """A patch in the list; older ones say nothing of defences."""
    defences = patch.summary.get("config", {}).get("defences", ())
    made_on = " behind ".join(each for each in (patch.detector, " + ".join(defences)) if each)
    return [patch.id, patch.name, made_on or "-", patch.dataset or "-", patch.class_name or "-"]


@patch_group.command("estimate")
@subject_options
@run_options
@score_option
@click.option(
    "--measure/--known", default=True, help="Measure a few steps now, or use earlier measurements only."
)
@json_option
def estimate_command(
    evaluate_after: bool, measure: bool, trust_weights: bool, as_json: bool, **options: Any
) -> None:
    """Estimate how long a run will take and how much memory it will need, from a few measured steps."""
    config = config_from_options(options, several=True)
    from engine.jobs.estimates import estimate

    if measure:
        from engine.jobs.measuring import measure_costs

        measure_costs(config, trust=trust_weights)
    with Repository() as repository:
        estimated = estimate(repository, config, evaluate_after=evaluate_after)
    if estimated is None:
        raise SettingsError(
            "estimate: expected earlier measurements with these settings, got none; leave out --known"
        )
    if as_json:
        print_json(estimated.to_json())
        return
    click.echo(
        f"{estimated.elapsed_s:.0f} s ({estimated.low_s:.0f} to {estimated.high_s:.0f}), "
        f"peak memory {estimated.peak_memory_bytes / 2**20:.0f} MiB, "
        f"results {estimated.disk_bytes / 2**20:.1f} MiB"
    )


@click.command("demo")
@out_option
@click.option(
    "--retrain",
    type=click.Choice(EMBEDDED),
    is_flag=False,
    flag_value="demo",
    help="Draw the images, retrain an embedded detector (demo by default) and print its score; "
    "--out is the training folder.",
)
@resume_option("training", "With --retrain: resume")
@click.option("--seed", default=0, help="Seed for all random choices.")
@json_option
@click.pass_context
def demo_command(
    context: click.Context,
    out: Path | None,
    retrain: str | None,
    resume_folder: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Generate and score a patch on the embedded demo (synthetic scenes and a detector trained on them).

    It needs no network. Its results say nothing about photographs.
    """
    if retrain:
        refuse_settings_with(resume_folder, context)
        _retrain(retrain, resume_folder or out, seed, resume=resume_folder is not None, as_json=as_json)
        return
    if resume_folder:
        raise click.UsageError("expected --retrain with --resume, got none; add it with the detector's name")
    from engine.jobs.foreground import record_foreground_run
    from engine.runs.commands import generate

    started = time.perf_counter()
    click.echo("The demo is synthetic: scenes drawn by code, a detector trained on them.", err=True)
    with watching() as observer:
        summary = generate(RunConfig(seed=seed, **DEMO_SETTINGS), out, observer=observer)
    began = psutil.Process().create_time()
    put_on_record(lambda repository: record_foreground_run(repository, summary, started_at=began))
    summary["demo_elapsed_s"] = time.perf_counter() - started
    if as_json:
        print_json(summary)
    else:
        click.echo("Synthetic demo (scenes drawn by code, a detector trained on them):\n")
        _print_run(summary)


def _retrain(name: str, folder: Path | None, seed: int, *, resume: bool, as_json: bool) -> None:
    from engine.runs.demo_training import retrain_demo_detector

    with interruptible() as stop_requested:
        score = retrain_demo_detector(
            name,
            folder=folder,
            seed=seed,
            resume=resume,
            report=lambda line: click.echo(line, err=True),
            stop_requested=stop_requested,
        )
    if as_json:
        print_json({"detector": name, "ap50": score, "synthetic": True})
    else:
        click.echo(f"Person AP50 on the synthetic validation images: {score:.3f}")


def _print_run(summary: dict[str, Any]) -> None:
    evaluations = (
        [summary["evaluation"], *summary.get("further_evaluations", ())] if "evaluation" in summary else []
    )
    for evaluation in evaluations:
        if len(evaluations) > 1:
            click.echo(f"{evaluation['settings']['detector']}:\n")
        print_table(SCORE_COLUMNS, score_rows(evaluation))
        click.echo(
            f"\nscored on {evaluation['on']}: {evaluation['settings']['images']} images, "
            f"{evaluation['settings']['objects']} objects; 95% bootstrap intervals over images"
        )
    print_classes(summary)
    print_defences(summary["config"])
    click.echo(
        f"{summary['image_iterations']} image-iterations in {summary['elapsed_s']:.1f} s "
        f"({summary['image_iterations_per_s']:.2f} image-iterations/s), batch {summary['batch_size']} "
        f"{summary['batching']}, {summary['precision']} on {summary['device']}, "
        f"peak memory {summary['peak_memory_bytes'] / 2**20:.0f} MiB"
    )
    click.echo(f"patch: {summary['patch']}")
