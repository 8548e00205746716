# SPDX-License-Identifier: AGPL-3.0-only
"""`hardware`."""

from __future__ import annotations

import click

from engine import hardware
from engine.cli.output import json_option, print_json, print_table

GIB = 2**30


@click.command("hardware")
@json_option
def hardware_command(as_json: bool) -> None:
    """Show GPUs, CPU, memory, disk and the versions that matter."""
    snapshot = hardware.snapshot()
    facts = snapshot.to_json()
    if as_json:
        print_json(facts)
        return
    print_table(["", "value"], [[key.replace("_", " "), value] for key, value in _plain(facts)])
    for gpu in snapshot.gpus:
        click.echo()
        rows = [[key.replace("_", " "), value] for key, value in _plain(facts["gpus"][gpu.index])]
        print_table([f"GPU {gpu.index}", "value"], rows)
    if not snapshot.gpus:
        click.echo("\nNo NVIDIA GPU was found: patches are computed on the CPU (or Apple's MPS).")


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
