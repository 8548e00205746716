# SPDX-License-Identifier: AGPL-3.0-only
"""What commands share that carry work out themselves: its record, and going on in a folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import click

from engine.cli.run_options import Decorator
from engine.errors import EngineError
from engine.records import Job
from engine.store.repository import Repository

log = logging.getLogger(__name__)

# Parameters that may be given with --resume.
_KEPT = {"resume_folder", "as_json", "trust_weights", "evaluate_after", "tensorboard", "retrain"}

out_option = click.option(
    "--out", type=click.Path(path_type=Path), help="Output folder. By default, a new one is created."
)
tensorboard_option = click.option(
    "--tensorboard", is_flag=True, help="Also write TensorBoard event files to the output folder."
)


def resume_option(work: str, resume: str = "Resume") -> Decorator:
    """Add `--resume`; the arguments are words of its help."""
    return click.option(
        "--resume",
        "resume_folder",
        type=click.Path(path_type=Path),
        help=f"{resume} the {work} in this folder.",
    )


def put_on_record(record: Callable[[Repository], Job]) -> None:
    """Record a result for the dashboard; a failure is only logged, as it does not affect the result."""
    try:
        with Repository() as repository:
            job = record(repository)
    except EngineError as error:
        log.warning("Not recorded: %s", error)
    else:
        log.info("Recorded as job %d", job.id)


def refuse_settings_with(resume_folder: Path | None, context: click.Context) -> None:
    """Reject settings given with --resume, which keeps the run's own, instead of ignoring them.

    Args:
        resume_folder: of --resume, if given.
        context: of the command.

    Raises:
        click.UsageError: another one was given.
    """
    if resume_folder is None:
        return
    for name in context.params:
        given = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if given and name not in _KEPT:
            option = next(each.opts[0] for each in context.command.params if each.name == name)
            raise click.UsageError(
                f"--resume: expected no other settings, as the run keeps its own, got {option}; leave it out"
            )
