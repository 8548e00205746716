# SPDX-License-Identifier: AGPL-3.0-only
"""Writes docs/reference.md from the commands themselves: `python -m tests.reference`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click

from dashboard.__main__ import main as dashboard
from engine.cli import cli as engine
from engine.cli.datasets import import_options
from engine.cli.run_options import (
    cell_options,
    matrix_options,
    recipe_options,
    run_options,
    scoring_options,
    subject_options,
    suite_options,
)
from engine.cli.submit import job_options
from engine.cli.training_options import hardening_options, training_options
from engine.config import HardeningConfig, RunConfig, TrainingConfig
from engine.evaluation.config import EvaluationConfig
from engine.jobs.kinds import KINDS
from engine.registries import LOSSES, OPTIMIZERS, SCHEDULES
from engine.registry import Registry
from engine.settings import Setting, declared

PATH = Path(__file__).resolve().parents[1] / "docs" / "reference.md"
PROGRAMS = {"python -m engine": engine, "python -m dashboard": dashboard}
# Options that several commands take, by the function that declares them. One that takes in another comes
# after it and is left with what it adds.
SHARED: dict[str, Callable[[Any], Any]] = {
    "Images, classes and placement": cell_options,
    "Dataset and detector": subject_options,
    "Patch, loss and steps": recipe_options,
    "Course of a run": run_options,
    "Scoring": scoring_options,
    "Matrix": matrix_options,
    "Training": training_options,
    "Hardening": hardening_options,
    "Suite": suite_options,
    "Import": import_options,
    "Queue": job_options,
}
INTRODUCTION = """\
<!-- Written by `python -m tests.reference` from the commands; edit those instead. -->

# Reference

Every command, argument and option; `--help` prints the same about one command. [metrics.md](metrics.md) says
what the results mean, [jobs.md](jobs.md) how jobs run, and [glossary.md](glossary.md) defines the terms.

**Output.** Results go to standard output, everything else to standard error. With `--json`, standard output
holds one JSON document and nothing else.

**Exit codes.** 0: done. 1: an error, stated in one line on standard error. 130: interrupted.

**Environment variables.** Several folders are separated as in `PATH`.

| variable | meaning | default |
| --- | --- | --- |
| `PATCHBENCH_HOME` | the folder of the database, results, uploads and downloads | `./data` |
| `PATCHBENCH_NODE_HOME` | the folder of what a cluster's node was sent | `~/.cache/patchbench-node` |
| `PATCHBENCH_ROOTS` | folders that the dashboard may read | your home folder and the working folder |
| `PATCHBENCH_AUTOSTART` | `no`: no worker and no previewer is started by itself | `yes` |
| `PATCHBENCH_SHARED` | folders that the nodes of a cluster see at the same paths | none |
| `PATCHBENCH_TRUSTED` | folders whose weight files are opened as with `--trust-weights` | none |
| `PATCHBENCH_WEBHOOK` | an address that workers tell of jobs' ends ([jobs.md](jobs.md#being-told)) | none |
"""

SETTINGS_INTRODUCTION = """\
## Settings

Those of a run, of a scoring, of a training and of a hardening, by their names in JSON: in `run.json`,
`training.json` and `hardening.json`, in a job's request, in `jobs duplicate --set`. A setting's meaning
stands with its option; what a training shares with a run stands with the run's, and what a hardening shares
with either stands with theirs.
"""


class Row(NamedTuple):
    """An option as the reference shows it."""

    flags: str
    values: str
    default: str
    meaning: str


class Entry(NamedTuple):
    """A command under the words that call it."""

    call: str
    command: click.Command


def entries(call: str, command: click.Command) -> Iterator[Entry]:
    """A program's commands, its own options first where it has any."""
    if not isinstance(command, click.Group):
        yield Entry(call, command)
        return
    if command.params:
        yield Entry(call, command)
    for name, inner in command.commands.items():
        yield from entries(f"{call} {name}", inner)


def rows(command: click.Command) -> list[Row]:
    """A command's options in the order of `--help`, without those that are hidden."""
    context = click.Context(command, show_default=True)
    return [
        _row(each, context) for each in command.params if isinstance(each, click.Option) and not each.hidden
    ]


def _row(option: click.Option, context: click.Context) -> Row:
    flags = ", ".join(f"`{flag}`" for flag in (*option.opts, *option.secondary_opts))
    # Some state their default in their own words, at the end.
    meaning, _, worded = (option.help or "").partition(" [default: ")
    meaning = f"{meaning} Required." if option.required else meaning
    return Row(flags, _values(option), worded.rstrip("]") or _default(option, context), meaning)


def _default(option: click.Option, context: click.Context) -> str:
    if option.secondary_opts:
        return f"`{(option.opts if option.default else option.secondary_opts)[0]}`"
    shown = str(option.get_help_extra(context).get("default", "")).removesuffix(".0").strip('"')
    return f"`{shown}`" if shown else ""


def _values(option: click.Option) -> str:
    kind = option.type
    if option.is_flag:
        return ""
    if isinstance(kind, click.Choice):
        return ", ".join(f"`{choice}`" for choice in kind.choices)
    if isinstance(kind, click.IntRange):
        return f"{kind.min} to {kind.max}"
    if isinstance(kind, click.DateTime):
        return "`YYYY-MM-DD`"
    plain = {"integer": "whole number", "float": "number", "text": "text", "path": "path", "file": "file"}
    name = f"`{option.metavar}`" if option.metavar else plain.get(kind.name, f"`{kind.name}`")
    if option.nargs == 2:
        return f"two {name}s"
    return f"{name}, repeatable" if option.multiple else name


def shared() -> dict[str, list[Row]]:
    """Title → the options that several commands take, each under one title."""
    found: dict[str, list[Row]] = {}
    for title, declare in SHARED.items():
        declared = rows(click.command()(declare(lambda: None)))
        earlier = [row for group in found.values() if set(group) <= set(declared) for row in group]
        found[title] = [row for row in declared if row not in earlier]
    return found


def reference() -> str:
    """The whole document."""
    groups = shared()
    found = [entry for call, program in PROGRAMS.items() for entry in entries(call, program)]
    parts = [INTRODUCTION, "## Commands\n", _overview(found)]
    parts += [_section(entry, groups) for entry in found]
    parts.append("## Shared options\n\nOptions that several commands take.\n")
    parts += [f"### {title}\n\n{_table(group)}" for title, group in groups.items()]
    parts += [SETTINGS_INTRODUCTION, _settings(), "## Names\n\nWhat settings and commands can name.\n"]
    parts += [_names(registry) for registry in (LOSSES, OPTIMIZERS, SCHEDULES, KINDS)]
    return "\n".join(parts)


def _settings() -> str:
    """A line for each setting: what it can be, when it matters, where a sweep tries it."""
    lines = ["| setting | name | option | values | matters | with ART | sweep |", "| --- " * 7 + "|"]
    for title, each in _declarations():
        lines.append(f"| {' | '.join(map(_cell, _setting(title, each)))} |")
    return "\n".join(lines) + "\n"


def _declarations() -> Iterator[tuple[str, Setting]]:
    """Each setting under its title, those of a training and a hardening without what stands there already."""
    runs, trainings = declared(RunConfig), declared(TrainingConfig)
    yield from (("", each) for each in runs.values())
    yield from (("scoring: ", each) for each in declared(EvaluationConfig).values() if each.role == "scoring")
    yield from (("training: ", each) for key, each in trainings.items() if each != runs.get(key))
    yield from (
        ("hardening: ", each)
        for key, each in declared(HardeningConfig).items()
        if each not in (runs.get(key), trainings.get(key))
    )


def _names(registry: Registry[Any]) -> str:
    """A line for each thing in a registry."""
    lines = [f"| {registry.noun} | what it does |", "| --- | --- |"]
    lines += [f"| `{each.name}` | {_cell(each.help)} |" for each in registry.things()]
    return "\n".join(lines) + "\n"


def _setting(title: str, setting: Setting) -> list[str]:
    values = ", ".join(f"`{choice}`" for choice in setting.choices or setting.offered)
    if setting.bounds:
        low, high = (f"{bound:,}" for bound in setting.bounds)
        values = f"{values}: {low} to {high}".removeprefix(": ")
    return [
        f"{title}{setting.label} ({setting.unit})" if setting.unit else f"{title}{setting.label}",
        f"`{setting.key}`",
        f"`{setting.flag}`",
        values,
        f"if `{setting.needs[0]}` is {' or '.join(setting.needs[1])}" if setting.needs else "",
        "" if setting.art is None else " or ".join(f"`{value}`" for value in setting.art),
        "{:g} to {:g}".format(*setting.sweep) if setting.sweep else "",
    ]


def _overview(found: list[Entry]) -> str:
    lines = ["| command | what it does |", "| --- | --- |"]
    for call, command in found:
        lines.append(f"| [`{call}`](#{slug(call)}) | {_cell(command.get_short_help_str(200))} |")
    return "\n".join(lines) + "\n"


def _section(entry: Entry, groups: dict[str, list[Row]]) -> str:
    call, command = entry
    context = click.Context(command, info_name=call)
    usage = " ".join([call, *command.collect_usage_pieces(context)])
    own = rows(command)
    parts = [f"### {call}\n", f"```\n{usage}\n```\n", " ".join((command.help or "").split()) + "\n"]
    taken = [title for title, group in groups.items() if set(group) <= set(own)]
    if taken:
        links = ", ".join(f"[{title}](#{slug(title)})" for title in taken)
        parts.append(f"Also takes the options of: {links}.\n")
    own = [row for row in own if not any(row in groups[title] for title in taken)]
    return "\n".join([*parts, _table(own)] if own else parts)


def _table(group: list[Row]) -> str:
    lines = ["| option | values | default | meaning |", "| --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in group]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


if __name__ == "__main__":
    PATH.write_text(reference(), encoding="utf-8")
