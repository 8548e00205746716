# SPDX-License-Identifier: AGPL-3.0-only
"""`hardware`."""

from __future__ import annotations

from typing import Any

import click

from engine import hardware
from engine.choices import Choice
from engine.cli.output import json_option, print_json, print_table
from engine.errors import StorageError
from engine.store.repository import Repository
from engine.store.schema import database_path

GIB = 2**30
LATEST = 5  # measured choices


@click.command("hardware")
@json_option
def hardware_command(as_json: bool) -> None:
    """Show GPUs, CPU, memory, disk, versions, and the fastest measured settings."""
    snapshot, choices = hardware.snapshot(), _choices()
    facts = snapshot.to_json()
    if as_json:
        print_json(facts | {"choices": [{"for": key, **choice.to_json()} for key, choice in choices]})
        return
    print_table(["", "value"], [[key.replace("_", " "), value] for key, value in _plain(facts)])
    for gpu in snapshot.gpus:
        click.echo()
        rows = [[key.replace("_", " "), value] for key, value in _plain(facts["gpus"][gpu.index])]
        print_table([f"GPU {gpu.index}", "value"], rows)
    if not snapshot.gpus:
        click.echo("\nNo NVIDIA GPU was found: patches are computed on the CPU (or Apple's MPS).")
    if choices:
        click.echo("\nMeasured choices for settings on auto, fastest first:")
    for key, choice in choices:
        click.echo(f"{key['detector']}, {key['image_size']} px, {key['machine']}: {choice}")


def _choices() -> list[tuple[dict[str, Any], Choice]]:
    """The latest choices on record; none without a database that can be read, which is not made for that."""
    if not database_path().exists():
        return []
    try:
        with Repository() as repository:
            return repository.choices.latest(LATEST)
    except StorageError as error:
        click.echo(f"Measured settings cannot be read: {error}", err=True)
        return []


def _plain(facts: dict[str, object]) -> list[tuple[str, str]]:
    """Single values as text, with bytes in GiB and a dash for unavailable values."""
    rows = []
    for key, value in facts.items():
        if isinstance(value, dict):
            rows += [(f"{key} {name}", text) for name, text in _plain(value)]
        elif isinstance(value, (int, float)) and key.endswith("_bytes"):
            rows.append((key.removesuffix("_bytes"), f"{value / GIB:.1f} GiB"))
        elif not isinstance(value, (list, tuple)):
            rows.append((key, "-" if value is None else str(value)))
    return rows
