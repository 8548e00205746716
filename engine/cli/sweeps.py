# SPDX-License-Identifier: AGPL-3.0-only
"""`sweep run`, `resume`, `list`, `show`, `best` and `cancel`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from engine.cli.command_text import generate_command
from engine.cli.output import json_option, print_json, print_table
from engine.cli.run_options import (
    all_options,
    config_from_options,
    needs_from_options,
    needs_options,
    option_of,
    run_options,
    subject_options,
)
from engine.errors import JobError
from engine.jobs import queue, sweeps
from engine.jobs.sweep_runs import carry_out
from engine.settings import declared
from engine.store.repository import Repository
from engine.store.sweeps import Sweep, Trial
from engine.sweeps.config import SweepRequest
from engine.sweeps.trial_names import value_text

_OWN = {
    key: each for key, each in declared(SweepRequest, inside=True).items() if key not in ("config", "trust")
}


def sweep_options(command: Any) -> Any:
    """Add the options of a sweep that are not those of its runs."""
    return all_options(command, *map(option_of, _OWN.values()))


def background_options(command: Any) -> Any:
    """Add the options that leave the work to workers."""
    return all_options(
        command,
        click.option("--background", is_flag=True, help="Queue it for a worker instead of running it here."),
        click.option("--start-worker", is_flag=True, help="Queue it, and start a worker if none is running."),
    )


@click.group("sweep")
def sweep_group() -> None:
    """Search for the settings that make the strongest patch or the fastest run."""


@sweep_group.command("run")
@subject_options
@sweep_options
@run_options
@click.option("--name", default="", help="Name to show in lists.")
@click.option("--priority", default=0, help="Priority of its jobs in the queue; higher runs first.")
@needs_options
@click.option("--fresh", is_flag=True, help="Start a new sweep even if one with the same settings exists.")
@background_options
@json_option
def run_command(
    name: str, priority: int, fresh: bool, background: bool, start_worker: bool, as_json: bool, **options: Any
) -> None:
    """Try combinations of settings and rank them on held-out images.

    Each trial is a job in the queue. Repeating the command resumes an interrupted sweep. If no worker is
    running, this command acts as one until the sweep has ended.
    """
    own = {key: options.pop(key) for key in _OWN}
    given_share = options["validation_share"]
    request = SweepRequest(
        config=config_from_options(options, several=True), trust=options["trust_weights"], **own
    )
    if request.config.validation_share != given_share:
        click.echo(
            f"{request.config.validation_share:.0%} of the images are held out to compare trials; "
            "change this with --validation-share",
            err=True,
        )
    with Repository() as repository:
        needs = needs_from_options(options)
        sweep = sweeps.begin(repository, request, name=name, priority=priority, needs=needs, fresh=fresh)
        _go_on(repository, sweep, background, start_worker, as_json)


@sweep_group.command("resume")
@click.argument("sweep_id", metavar="SWEEP", type=int)
@background_options
@json_option
def resume_command(sweep_id: int, background: bool, start_worker: bool, as_json: bool) -> None:
    """Resume a sweep by number, including its paused and interrupted jobs."""
    with Repository() as repository:
        sweep = sweeps.go_on(repository, sweep_id)
        _go_on(repository, sweep, background, start_worker, as_json)


@sweep_group.command("list")
@click.option("--limit", default=30, help="Maximum number to show.")
@json_option
def list_command(limit: int, as_json: bool) -> None:
    """List sweeps, newest first."""
    with Repository() as repository:
        found = repository.sweeps.find(limit=limit)
    if as_json:
        print_json([to_json(sweep) for sweep in found])
    elif found:
        titles = ("sweep", "state", "trials", "objective", "best", "started", "name")
        print_table(titles, [_listed(sweep) for sweep in found])
    else:
        click.echo(
            "No sweeps yet; try: sweep run --dataset demo --weights demo --vary learning_rate",
            err=True,
        )


@sweep_group.command("show")
@click.argument("sweep_id", metavar="SWEEP", type=int)
@json_option
def show_command(sweep_id: int, as_json: bool) -> None:
    """Print a sweep's trials and the importance of its settings."""
    with Repository() as repository:
        _print(repository.sweeps.get(sweep_id), as_json)


@sweep_group.command("best")
@click.argument("sweep_id", metavar="SWEEP", type=int)
@json_option
def best_command(sweep_id: int, as_json: bool) -> None:
    """Print the command that reproduces a sweep's best patch."""
    with Repository() as repository:
        sweep = repository.sweeps.get(sweep_id)
    trial = sweeps.best_trial(sweep)
    if trial is None:
        raise JobError(f"sweep {sweep_id}: expected a trial with a score, got none yet; see: sweep show")
    request, run = sweeps.request_of(sweep), sweeps.best_run(sweep, trial)
    command = generate_command(request.of_trial(trial.settings, run), trust=request.trust)
    if as_json:
        print_json(_trial_json(trial) | {"job": trial.jobs[run], "command": command})
        return
    click.echo(
        f"trial {trial.number}, {request.objective} {trial.value:.4g}, job {trial.jobs[run]}", err=True
    )
    click.echo(command)


@sweep_group.command("cancel")
@click.argument("sweep_id", metavar="SWEEP", type=int)
@json_option
def cancel_command(sweep_id: int, as_json: bool) -> None:
    """Cancel a sweep permanently, including running trials; finished trials stay."""
    with Repository() as repository:
        sweep = sweeps.cancel(repository, sweep_id)
    if as_json:
        print_json(to_json(sweep))
    else:
        click.echo(f"sweep {sweep.id}: {sweep.state}")


def to_json(sweep: Sweep) -> dict[str, Any]:
    """A sweep as `--json` prints it."""
    best = sweeps.best_trial(sweep)
    return asdict(sweep) | {
        "objective": sweep.request["objective"],
        "best": None if best is None else best.number,
        "total": sweeps.request_of(sweep).total,
        "ended": sweep.ended,
        "trials": [_trial_json(trial) for trial in sweep.trials],
    }


def _go_on(repository: Repository, sweep: Sweep, background: bool, start_worker: bool, as_json: bool) -> None:
    """Carry the sweep out and print it, or leave it to workers."""
    sweep = sweeps.advance(repository, sweep.id)
    if sweep.state == "running" and (background or start_worker):
        if start_worker:
            queue.ensure_worker(repository, sweeps.request_of(sweep).config.device)
        elif not queue.alive_workers(repository):
            click.echo("No worker is running: use --start-worker, or run: python -m engine worker", err=True)
        if as_json:
            print_json(to_json(sweep))
        else:
            click.echo(f"sweep {sweep.id}: queued; see it with: python -m engine sweep show {sweep.id}")
        return
    if sweep.state == "running":
        click.echo(f"Sweep {sweep.id}; Ctrl-C stops it; resume it with: sweep resume {sweep.id}", err=True)
        sweep = carry_out(repository, sweep.id, report=_report)
    _print(sweep, as_json)


def _report(sweep: Sweep) -> None:
    total, best = sweeps.request_of(sweep).total, sweeps.best_trial(sweep)
    text = f"{sweep.ended} of {total} trials"
    if best is not None:
        text += f", best {sweep.request['objective']} {best.value:.4g} (trial {best.number}: {_words(best)})"
    click.echo(text, err=True)


def _listed(sweep: Sweep) -> list[object]:
    best, request = sweeps.best_trial(sweep), sweeps.request_of(sweep)
    begun = datetime.fromtimestamp(sweep.created_at, UTC).isoformat(" ", timespec="minutes")
    trials = f"{sweep.ended}/{request.total}"
    return [sweep.id, sweep.state, trials, request.objective, _value(best), begun, sweep.name]


def _print(sweep: Sweep, as_json: bool) -> None:
    if as_json:
        print_json(to_json(sweep))
        return
    request, best = sweeps.request_of(sweep), sweeps.best_trial(sweep)
    names = [each.name for each in request.space.dimensions]
    rows = [
        [
            f"{trial.number}{' *' if best is not None and trial.number == best.number else ''}",
            trial.state,
            *(value_text(trial.settings[name]) for name in names),
            _value(trial),
            " ".join(map(str, trial.jobs)) or "-",
        ]
        for trial in sweep.trials
    ]
    print_table(("trial", "state", *names, request.objective, "jobs"), rows)
    click.echo("")
    for error in dict.fromkeys(trial.error for trial in sweep.trials if trial.error):
        click.echo(f"failed: {error}")
    if sweep.importance:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in sweep.importance.items())
        click.echo(f"importance: {shares}")
    click.echo(f"sweep {sweep.id}, {sweep.state}: {sweep.ended} of {request.total} trials")
    if sweep.error:
        click.echo(sweep.error)
    if best is not None:
        click.echo(f"* best; print the command for its patch with: python -m engine sweep best {sweep.id}")


def _trial_json(trial: Trial) -> dict[str, Any]:
    return asdict(trial)


def _words(trial: Trial) -> str:
    return ", ".join(f"{name} {value_text(value)}" for name, value in trial.settings.items())


def _value(trial: Trial | None) -> str:
    return "-" if trial is None or trial.value is None else f"{trial.value:.4g}"
