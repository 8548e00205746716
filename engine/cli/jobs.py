# SPDX-License-Identifier: AGPL-3.0-only
"""`jobs …`: lists, shows and controls jobs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from engine.cli.output import json_option, print_json, print_table
from engine.cli.submit import submit_group
from engine.errors import StorageError
from engine.jobs import queue
from engine.jobs.kinds import KINDS
from engine.records import JOB_STATES, Job, Progress
from engine.store.repository import Repository

log = logging.getLogger(__name__)

ENDED = ("succeeded", "failed", "cancelled", "interrupted", "paused")


@click.group("jobs")
def jobs_group() -> None:
    """Queue and manage background jobs, which `worker` runs."""


jobs_group.add_command(submit_group)


@jobs_group.command("list")
@click.option(
    "--state", "states", type=click.Choice(JOB_STATES), multiple=True, help="Only jobs in this state."
)
@click.option(
    "--kind", "kinds", type=click.Choice(list(KINDS)), multiple=True, help="Only jobs of this kind."
)
@click.option("--text", default="", help="Only jobs with this text in their label, notes, tags or error.")
@click.option(
    "--order",
    type=click.Choice(["newest", "oldest", "queue", "longest", "label"]),
    default="newest",
    help="queue: in the order in which they will run.",
)
@click.option("--limit", default=30, help="Maximum number to show.")
@json_option
def list_command(
    states: tuple[str, ...], kinds: tuple[str, ...], text: str, order: str, limit: int, as_json: bool
) -> None:
    """List jobs, newest first."""
    with Repository(on_full_disk=True) as repository:
        try:
            queue.release_dead(repository)
        except StorageError as error:  # a full disk: stored jobs can still be listed
            log.warning("Jobs whose workers have ended may still be listed as running: %s", error)
        jobs = repository.jobs.find(states=states, kinds=kinds, text=text, order=order, limit=limit)
    if as_json:
        print_json([asdict(job) for job in jobs])
    elif not jobs:
        click.echo("No such job; try: python -m engine jobs submit generate --dataset demo --weights demo")
    else:
        rows = [[job.id, job.kind, _state(job), _progress_text(job.progress), job.label] for job in jobs]
        print_table(["job", "kind", "state", "progress", "label"], rows)


@jobs_group.command("show")
@click.argument("job_id", type=int)
@click.option("--follow", is_flag=True, help="Show progress until the job ends.")
@json_option
def show_command(job_id: int, follow: bool, as_json: bool) -> None:
    """Show a job: state, progress, events, settings."""
    with Repository() as repository:
        job = _follow(repository, job_id) if follow else repository.jobs.get(job_id)
        events = repository.jobs.events(job_id)
    if as_json:
        print_json(asdict(job) | {"events": [asdict(event) for event in events]})
        return
    click.echo(f"job {job.id}: {job.label}\n{job.kind}, {_state(job)}, {_progress_text(job.progress)}")
    if job.error:
        click.echo(job.error)
    node = f"{job.node_device} of node {job.node}" if job.node else ""
    click.echo(
        f"device {node or job.running_on or job.device}, seed {job.seed}, PatchBench {job.code_version}"
    )
    click.echo(f"results: {job.folder}\nlog: {queue.log_path(job.id)}\n")
    for event in events:
        click.echo(f"{datetime.fromtimestamp(event.at):%Y-%m-%d %H:%M:%S}  {event.event}  {event.detail}")


@jobs_group.command("log")
@click.argument("job_id", type=int)
@click.option("--lines", default=50, help="Number of lines to print.")
@json_option
def log_command(job_id: int, lines: int, as_json: bool) -> None:
    """Print the end of a job's log."""
    with Repository() as repository:
        repository.jobs.get(job_id)
    tail = queue.read_log_tail(job_id, lines=lines)
    if as_json:
        print_json(tail)
    else:
        click.echo("\n".join(tail))


def _control(name: str, act: Callable[[Repository, int], Job], help_text: str) -> None:
    """Add a command that applies a function to one job."""

    @jobs_group.command(name, help=help_text)
    @click.argument("job_id", type=int)
    @json_option
    def command(job_id: int, as_json: bool) -> None:
        with Repository() as repository:
            job = act(repository, job_id)
        _print_job(job, as_json, "deleted" if name == "delete" else None)


_control("cancel", queue.cancel, "Cancel a job permanently, within two seconds; its last patch is kept.")
_control("pause", queue.pause, "Pause a job; resume it later.")
_control("resume", queue.resume, "Resume a paused or interrupted job from its checkpoint.")
_control("retry", queue.retry, "Run the same work again as a new job.")
_control("delete", queue.delete, "Delete a job that is not running, with its files.")


@jobs_group.command("duplicate")
@click.argument("job_id", type=int)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting to change, such as seed=3; repeatable.",
)
@json_option
def duplicate_command(job_id: int, changes: tuple[str, ...], as_json: bool) -> None:
    """Queue a copy of a job with some settings changed."""
    with Repository() as repository:
        job = queue.duplicate(repository, job_id, **dict(map(_change, changes)))
    _print_job(job, as_json)


@jobs_group.command("move")
@click.argument("job_id", type=int)
@click.option("--priority", type=int, help="Higher runs first.")
@click.option("--before", type=int, help="Place it in front of this job.")
@json_option
def move_command(job_id: int, priority: int | None, before: int | None, as_json: bool) -> None:
    """Change a queued job's place in the queue."""
    if priority is None and before is None:
        raise click.UsageError("expected --priority or --before, got neither; choose one")
    with Repository() as repository:
        job = queue.move(repository, job_id, priority=priority, before=before)
    _print_job(job, as_json)


def _print_job(job: Job, as_json: bool, state: str | None = None) -> None:
    if as_json:
        print_json(asdict(job))
    else:
        click.echo(f"job {job.id}: {state or _state(job)}")


def _change(text: str) -> tuple[str, Any]:
    """Parse `name=value`, with JSON values (numbers, true, false, lists) and anything else as text."""
    import json

    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"expected NAME=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _follow(repository: Repository, job_id: int) -> Job:
    """Print progress to standard error until the job has ended."""
    printed = ""
    while True:
        queue.release_dead(repository)
        job = repository.jobs.get(job_id)
        line = f"{_state(job)}, {_progress_text(job.progress)}"
        if line != printed:
            click.echo(line, err=True)
            printed = line
        if job.state in ENDED:
            return job
        time.sleep(0.5)


def _state(job: Job) -> str:
    if job.wanted:
        return f"{job.state}, {job.wanted} requested"
    if job.state == "queued" and job.waits_for is not None:
        return f"queued, waits for job {job.waits_for}"
    return job.state


def _progress_text(progress: Progress) -> str:
    if not progress.phase:
        return "not started"
    text = progress.phase
    if progress.done or progress.total:
        text += f" {progress.done}" + (f"/{progress.total}" if progress.total else "")
        text += f" {progress.unit}" if progress.unit else ""
    text += "" if progress.loss is None else f", loss {progress.loss:.4f}"
    text += "" if progress.rate is None else f", {progress.rate:.2f}/s"
    return text + ("" if progress.remaining_s is None else f", {progress.remaining_s:.0f} s left")
