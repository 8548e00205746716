# SPDX-License-Identifier: AGPL-3.0-only
"""`detector train`, `detector harden` and `detector list`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from engine.cli.foreground import (
    out_option,
    put_on_record,
    refuse_settings_with,
    resume_option,
    tensorboard_option,
)
from engine.cli.output import json_option, print_json, print_table
from engine.cli.training_options import hardening_options, training_from_options, training_options
from engine.cli.training_progress import watching_hardening, watching_training
from engine.config import HardeningConfig, TrainingConfig
from engine.excerpts import short_line
from engine.records import WeightRecord
from engine.store.repository import Repository

_COLUMNS = ("number", "name", "family", "classes", "AP50", "strategy", "dataset", "file")
_CONDITIONS = {
    "clean": "clean",
    "old_patch": "old patch",
    "new_patch": "new patch",
    "noise": "noise",
    "grey": "grey",
}


@click.group("detector")
def detector_group() -> None:
    """Train, harden and list detectors."""


@detector_group.command("train")
@training_options
@out_option
@resume_option("training")
@tensorboard_option
@json_option
@click.pass_context
def train_command(
    context: click.Context,
    out: Path | None,
    resume_folder: Path | None,
    trust_weights: bool,
    tensorboard: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train or fine-tune a detector. Only --dataset and --weights are required.

    The best weights are saved as weights.pt in the output folder, for use with --weights. Ctrl-C keeps the
    finished epochs; --resume continues from there.
    """
    refuse_settings_with(resume_folder, context)
    config = None if resume_folder else training_from_options(options, TrainingConfig)
    # Imported after the settings are checked, because torch takes seconds to import.
    from engine.jobs.foreground import record_foreground_training
    from engine.runs import run_folder
    from engine.runs.training import resume_training, train

    folder = resume_folder or out
    if tensorboard and folder is None:
        folder = run_folder.default_folder("train")
    with watching_training(folder if tensorboard else None) as observer:
        if config is None:
            assert resume_folder is not None
            summary = resume_training(resume_folder, observer=observer, trust=trust_weights)
        else:
            summary = train(config, folder, observer=observer, trust=trust_weights)
    put_on_record(lambda repository: record_foreground_training(repository, summary, trust=trust_weights))
    if as_json:
        print_json(summary)
    else:
        _print_training(summary)


@detector_group.command("harden")
@hardening_options
@out_option
@resume_option("hardening")
@json_option
@click.pass_context
def harden_command(
    context: click.Context,
    out: Path | None,
    resume_folder: Path | None,
    trust_weights: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Harden a detector by adversarial training. Only --dataset and --weights are required.

    The detector is trained with patches that attack its current weights. It ends with a trial: a new patch,
    generated from scratch, attacks the hardened weights with the same budget as one that attacks the original
    weights. weights.pt in the output folder is an ordinary weight file. Ctrl-C keeps the finished epochs;
    --resume continues from there.
    """
    refuse_settings_with(resume_folder, context)
    config = None if resume_folder else training_from_options(options, HardeningConfig)
    # Imported after the settings are checked, because torch takes seconds to import.
    from engine.jobs.foreground import record_foreground_hardening
    from engine.runs.hardening import harden, resume_hardening

    with watching_hardening() as observer:
        if config is None:
            assert resume_folder is not None
            summary = resume_hardening(resume_folder, observer=observer, trust=trust_weights)
        else:
            summary = harden(config, out, observer=observer, trust=trust_weights)
    put_on_record(lambda repository: record_foreground_hardening(repository, summary, trust=trust_weights))
    if as_json:
        print_json(summary)
    else:
        _print_hardening(summary)


@detector_group.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the known weights: those used or trained here."""
    with Repository() as repository:
        known = repository.weights.all()
    if as_json:
        print_json([asdict(each) for each in known])
        return
    print_table(_COLUMNS, [_row(each) for each in known])


def _row(record: WeightRecord) -> tuple[str, ...]:
    origin, score = record.origin, record.origin.get("ap50")
    return (
        str(record.id),
        short_line(record.name),
        record.family,
        short_line(", ".join(record.classes)) or "-",
        "-" if score is None else f"{score:.3f}",
        str(origin.get("strategy", "-")),
        short_line(origin.get("dataset", "-")),
        record.path,
    )


def _print_hardening(summary: dict[str, Any]) -> None:
    trial = summary["trial"]
    rows = [[name, *(_cell(trial[name][each]) for each in _CONDITIONS)] for name in ("before", "after")]
    print_table(("AP50 (ASR)", *_CONDITIONS.values()), rows)
    if len(trial["battery"]) > 1:
        click.echo("\nnew patches that attack the hardened weights; the strongest is in the table:")
        attacks = [(name, _cell(scores)) for name, scores in trial["battery"].items()]
        print_table(("attack", "AP50 (ASR)"), attacks)
    click.echo(
        f"\n{summary['headline']}; on {trial['on']}: {trial['images']} images, {trial['objects']} objects; "
        "95% bootstrap intervals over images"
    )
    click.echo(
        f"{summary['patches_made']} patches generated and {summary['image_iterations']} images processed in "
        f"{summary['elapsed_s']:.1f} s of training, {summary['trial_elapsed_s']:.1f} s of trials; "
        f"{summary['precision']} on {summary['device']}"
    )
    click.echo(f"weights: {summary['weights']}")


def _cell(scores: dict[str, Any]) -> str:
    """AP50 and ASR with the latter's interval."""
    ap50, asr, bounds = scores["ap50"], scores["asr"], scores["ci95"]["asr"]
    if asr is None or None in bounds:
        return "-" if ap50 is None else f"{ap50:.3f} (-)"
    return f"{ap50:.3f} ({asr:.3f}, {bounds[0]:.3f} to {bounds[1]:.3f})"


def _print_training(summary: dict[str, Any]) -> None:
    images, held_out = (summary["dataset"][name] for name in ("images", "held_out"))
    if held_out:
        click.echo(
            f"AP50 {summary['ap50']:.3f} on {held_out} held-out images after epoch {summary['best_epoch']}; "
            f"{summary['ap50_last']:.3f} after the last"
        )
    click.echo(
        f"{summary['epochs']} epochs of {images} images in {summary['elapsed_s']:.1f} s "
        f"({summary['image_iterations_per_s']:.2f} images/s), {summary['precision']} on "
        f"{summary['device']}; ended by {summary['ended']}"
    )
    click.echo(f"weights: {summary['weights']}")
