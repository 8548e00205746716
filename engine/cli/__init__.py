# SPDX-License-Identifier: AGPL-3.0-only
"""The command line: `python -m engine …`. Results on standard output, all else on standard error."""

from __future__ import annotations

import logging
import sys
import tempfile
import traceback
from collections.abc import Sequence

import click

from engine import __version__
from engine.cli.benchmarks import benchmark_group
from engine.cli.datasets import dataset_group
from engine.cli.defences import defence_group
from engine.cli.detectors import detector_group
from engine.cli.jobs import jobs_group
from engine.cli.matrices import matrix_group
from engine.cli.patches import demo_command, patch_group
from engine.cli.storage import storage_group
from engine.cli.sweeps import sweep_group
from engine.cli.system import hardware_command
from engine.cli.workers import previewer_command, worker_command
from engine.config import home_folder
from engine.disk import full_disk, is_full
from engine.errors import EngineError, RanksError, RunInterruptedError
from engine.excerpts import short_line
from engine.private import private_home
from engine.ranks import speaks
from engine.terminal import checked_output, lenient_streams

__all__ = ["cli", "main"]

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__, prog_name="PatchBench")
@click.option("-q", "--quiet", is_flag=True, help="Print only results and errors.")
def cli(quiet: bool) -> None:
    """Measure how adversarial patches affect the object detectors that you run.

    Datasets, results and downloads are kept under PATCHBENCH_HOME (default ./data).
    """
    logging.basicConfig(
        level=logging.WARNING if quiet else logging.INFO, stream=sys.stderr, format="%(message)s", force=True
    )


for _command in (
    *(dataset_group, detector_group, defence_group, patch_group, matrix_group),
    *(sweep_group, benchmark_group, jobs_group, storage_group),
    *(worker_command, previewer_command, hardware_command, demo_command),
):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 after printing an error, 130 if interrupted."""
    lenient_streams()
    try:
        with private_home(), checked_output():
            cli.main(
                args=None if arguments is None else list(arguments),
                prog_name="python -m engine",
                standalone_mode=False,
            )
    except (RunInterruptedError, RanksError) as interruption:
        code = INTERRUPTED if isinstance(interruption, RunInterruptedError) else 1
        return _fail(str(interruption), code) if speaks() else code  # all processes of a run end so
    except EngineError as error:
        return _fail(str(error), 1)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 1
    except click.ClickException as error:
        return _fail(error.format_message(), 1)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", INTERRUPTED)
    except OSError as error:
        return _fail(_reason(error), 1)
    except Exception as error:
        return _fail(_unforeseen(error), 1)
    return 0


def _reason(error: OSError) -> str:
    """The message for a system error that no command handles."""
    if is_full(error):
        path = error.filename or home_folder()
        return f"{path}: expected to write the file, got {full_disk(path)}"
    return _unforeseen(error)


def _fail(message: str, code: int) -> int:
    click.echo(f"Error: {' '.join(message.split())}", err=True)
    return code


def _unforeseen(error: Exception) -> str:
    """Save the traceback of an unexpected error to a file, and return a message of one line."""
    message = f"{type(error).__name__}: {short_line(error)}; this is a bug"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="patchbench-error-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            file.write(traceback.format_exc())
    except OSError as unwritable:
        return f"{message}, report it (its traceback could not be saved: {unwritable.strerror or unwritable})"
    return f"{message}, report it with {file.name}"
