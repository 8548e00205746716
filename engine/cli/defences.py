# SPDX-License-Identifier: AGPL-3.0-only
"""`defence list`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from engine.cli.output import json_option, print_json
from engine.defences.kinds import DefenceKind
from engine.registries import DEFENCES
from engine.settings import Setting, declared


@click.group("defence")
def defence_group() -> None:
    """Steps in front of a detector; commands that take a detector put them there by --defence."""


@defence_group.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the defences: what each does, its settings with their ranges, the paper that it follows."""
    kinds = DEFENCES.things()
    if as_json:
        print_json([_facts(kind) for kind in kinds])
        return
    for place, kind in enumerate(kinds):
        if place:
            click.echo()
        for line in _lines(kind):
            click.echo(line)


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
