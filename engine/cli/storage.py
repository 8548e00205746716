# SPDX-License-Identifier: AGPL-3.0-only
"""`storage …`: disk usage, pruning, backup and checks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from engine.cli.output import json_option, print_json, print_table
from engine.errors import StorageError
from engine.jobs import housekeeping
from engine.private import shared_outside_home
from engine.store.repository import Repository

MIB = 2**20
DAY_S = 86400


@click.group("storage")
def storage_group() -> None:
    """Show, prune, back up and check what PatchBench stores on disk."""


@storage_group.command("usage")
@json_option
def usage_command(as_json: bool) -> None:
    """Show disk usage of each job, the database, previews, uploads and logs."""
    with Repository(on_full_disk=True) as repository:
        used = housekeeping.usage(repository)
    if as_json:
        print_json(asdict(used) | {"total": used.total})
        return
    rows = [[f"job {job}", _mib(size)] for job, size in used.jobs.items()]
    rows += [[name, _mib(size)] for name, size in asdict(used).items() if name != "jobs"]
    print_table(["", "MiB"], [*rows, ["total", _mib(used.total)]])


@storage_group.command("prune")
@click.option("--checkpoints/--no-checkpoints", default=True, help="Remove checkpoints of ended runs.")
@click.option("--previews/--no-previews", default=True, help="Remove images rendered for the dashboard.")
@click.option(
    "--uploads/--no-uploads",
    default=True,
    help="Remove archives that no dataset uses and that are at least an hour old.",
)
@click.option(
    "--older-than", "days", default=0.0, help="Remove only previews and uploads older than this many days."
)
@click.option("--dry-run", is_flag=True, help="List what would be removed without removing it.")
@json_option
def prune_command(
    checkpoints: bool, previews: bool, uploads: bool, days: float, dry_run: bool, as_json: bool
) -> None:
    """Remove files that are no longer needed; patches, scores and histories stay."""
    gone: dict[Path, int] = {}
    with Repository(on_full_disk=True) as repository:
        if checkpoints:
            gone |= housekeeping.prune_checkpoints(repository, dry_run=dry_run)
        if previews:
            gone |= housekeeping.prune_previews(repository, older_than_s=days * DAY_S, dry_run=dry_run)
        if uploads:
            gone |= housekeeping.prune_uploads(repository, older_than_s=days * DAY_S, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "bytes": sum(gone.values()), "removed": list(map(str, gone))})
        return
    for path in gone:
        click.echo(path)
    word = "would be freed" if dry_run else "freed"
    click.echo(f"{_mib(sum(gone.values()))} MiB {word}")


@storage_group.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def backup_command(file: Path, as_json: bool) -> None:
    """Back up the database to FILE, even while workers run. Result folders are not included."""
    with Repository() as repository, shared_outside_home(file):
        repository.maintenance.backup(file)
    if as_json:
        print_json({"backup": str(file.absolute())})
    else:
        click.echo(file)


@storage_group.command("check")
@json_option
def check_command(as_json: bool) -> None:
    """Check the database and report missing files."""
    with Repository() as repository:
        faults = housekeeping.find_faults(repository)
    if as_json:
        print_json({"faults": faults})
    else:
        click.echo("\n".join(faults) or "No problems found.")
    if faults:
        raise StorageError(
            f"storage: expected no problems, got {len(faults)}; the lines above say what to do"
        )


@storage_group.command("vacuum")
@json_option
def vacuum_command(as_json: bool) -> None:
    """Return unused space in the database to the disk."""
    with Repository() as repository:
        freed = repository.maintenance.vacuum()
    if as_json:
        print_json({"freed_bytes": freed})
    else:
        click.echo(f"{_mib(freed)} MiB freed")


def _mib(size: int) -> str:
    return f"{size / MIB:.1f}"
