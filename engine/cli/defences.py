# SPDX-License-Identifier: AGPL-3.0-only
"""`defence list`, `defence train` and `defence certify`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from engine.cli.foreground import out_option, put_on_record, refuse_settings_with, resume_option
from engine.cli.output import interval, json_option, print_classes, print_json, print_table
from engine.cli.progress import evaluation_bar
from engine.cli.run_options import config_from_options, subject_options
from engine.cli.training_options import defence_training_options, training_from_options
from engine.cli.training_progress import watching_training
from engine.config import DefenceTrainingConfig
from engine.defences.kinds import DefenceKind
from engine.registries import DEFENCES
from engine.settings import Setting, declared


@click.group("defence")
def defence_group() -> None:
    """List, train and certify defences, the steps that --defence puts in front of a detector."""


@defence_group.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the defences with their settings, ranges and source papers."""
    kinds = DEFENCES.things()
    if as_json:
        print_json([_facts(kind) for kind in kinds])
        return
    for place, kind in enumerate(kinds):
        if place:
            click.echo()
        for line in _lines(kind):
            click.echo(line)


@defence_group.command("train")
@defence_training_options
@out_option
@resume_option("training")
@json_option
@click.pass_context
def train_command(
    context: click.Context, out: Path | None, resume_folder: Path | None, as_json: bool, **options: Any
) -> None:
    """Train a segmenter, which finds patches and masks them. Only --dataset is required.

    It is trained on the dataset's images with patches drawn into them. The output folder holds
    weights.safetensors, to be used as --defence segmenter:weights=FILE, and defence.json, which records the
    training. Ctrl-C keeps the finished epochs; --resume continues from there.
    """
    refuse_settings_with(resume_folder, context)
    config = None if resume_folder else training_from_options(options, DefenceTrainingConfig)
    # Imported after the settings are checked, because torch takes seconds to import.
    from engine.jobs.foreground import record_foreground_defence
    from engine.runs.defence_training import resume_defence_training, train_defence

    with watching_training() as observer:
        if config is None:
            assert resume_folder is not None
            summary = resume_defence_training(resume_folder, observer=observer)
        else:
            summary = train_defence(config, out, observer=observer)
    put_on_record(lambda repository: record_foreground_defence(repository, summary))
    if as_json:
        print_json(summary)
    else:
        _print_training(summary)


@defence_group.command("certify")
@subject_options
@click.option(
    "--patch-area", default=0.01, help="Area of the (square) patch as a fraction of the image's area."
)
@click.option("--ioa", default=0.0, help="Fraction of an object that its detection must exceed (IoA).")
@json_option
def certify_command(
    patch_area: float, ioa: float, trust_weights: bool, as_json: bool, **options: Any
) -> None:
    """Compute the certified recall of --defence object-seeker: objects that no single patch can hide.

    A certificate holds for any patch pattern at any position, but only for one patch per image, and for a
    detection that covers more than --ioa of the object, whatever the detection's size.
    """
    config = config_from_options(options)
    from engine.runs.certifying import certify

    with evaluation_bar() as observer:
        found = certify(
            config, patch_share=patch_area, ioa=ioa, trust=trust_weights, progress=observer.on_evaluated
        )
    if as_json:
        print_json(found)
        return
    rows = [[place, interval(value, *found["ci95"][place])] for place, value in found["certified"].items()]
    print_table(("patch", "certified recall"), rows)
    click.echo(
        f"{found['objects']} objects in {found['images']} images; one square patch covering "
        f"{patch_area:.2%} of the image area; IoA above {ioa:g}"
    )
    print_classes(found)


def _print_training(summary: dict[str, Any]) -> None:
    found = summary["validation"]
    click.echo(
        f"IoU {found['iou']:.3f}, {found['recall']:.3f} of the patch area found, "
        f"{found['false_area']:.3%} of the clean area masked; "
        f"{summary['dataset']['held_out']} images held out"
    )
    click.echo(
        f"{summary['epochs']} epochs, {summary['image_iterations']} crops in {summary['elapsed_s']:.1f} s "
        f"({summary['image_iterations_per_s']:.1f} crops/s) on {summary['device']}, "
        f"{summary['patches']['given']} supplied patches; ended by {summary['ended']}"
    )
    click.echo(f"use it with: --defence {summary['defence']}")


def _facts(kind: DefenceKind) -> dict[str, Any]:
    return {
        "name": kind.name,
        "help": kind.help,
        "source": kind.source,
        "random": kind.random,
        "settings": {
            name: {
                "help": each.help,
                "default": each.default,
                "unit": each.unit,
                "bounds": None if each.bounds is None else list(each.bounds),
            }
            for name, each in declared(kind.settings).items()  # type: ignore[arg-type]
        },
    }


def _lines(kind: DefenceKind) -> Iterator[str]:
    chance = " Random." if kind.random else ""
    source = f" [{kind.source}]" if kind.source else ""
    yield f"{kind.name}  {kind.help}{chance}{source}"
    for name, each in declared(kind.settings).items():  # type: ignore[arg-type]
        yield f"    {name}={each.default}  {each.help}{_range(each)}"


def _range(setting: Setting) -> str:
    unit = f" {setting.unit}" if setting.unit else ""
    return f" {setting.bounds[0]:g} to {setting.bounds[1]:g}{unit}." if setting.bounds else ""
