# SPDX-License-Identifier: AGPL-3.0-only
"""`matrix run`, `list` and `show`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from engine.cli.output import SCORES, interval, json_option, print_json, print_table
from engine.cli.progress import image_bar
from engine.cli.run_options import matrix_from_options, matrix_options
from engine.defences.kinds import NONE
from engine.jobs.matrix_columns import Attack, ColumnSummary, Figure, patch_names, summaries
from engine.jobs.matrix_tables import Table, TableRow, tables, to_json
from engine.store.matrices import Matrix
from engine.store.repository import Repository

OWN = "*"  # beside a figure of a patch on the detector that it was made on
ADAPTIVE = "*!"  # and through the defence before it

metric_option = click.option(
    "--metric", type=click.Choice(list(SCORES)), default="asr", help="Score to print."
)


@click.group("matrix")
def matrix_group() -> None:
    """Score patches on several detectors, defences and datasets to see what transfers and what helps."""


@matrix_group.command("run")
@matrix_options
@metric_option
@click.option("--fresh", is_flag=True, help="Score everything again, as a new matrix.")
@json_option
def run_command(metric: str, fresh: bool, as_json: bool, **options: Any) -> None:
    """Score each patch and its controls (clean, grey, noise) on each detector behind each defence.

    Cells are stored as they finish: repeating the command resumes where it was interrupted and retries failed
    cells. Specify patches by number (see: patch list) or by file.
    """
    request = matrix_from_options(options)
    from engine.jobs.matrices import run_matrix

    with image_bar() as progress:
        matrix = run_matrix(request, fresh=fresh, progress=progress)
    _print(matrix, metric, as_json)


@matrix_group.command("list")
@click.option("--limit", default=30, help="Maximum number to show.")
@json_option
def list_command(limit: int, as_json: bool) -> None:
    """List matrices, newest first."""
    with Repository() as repository:
        found = repository.matrices.find(limit=limit)
    if as_json:
        names = ("id", "job_id", "label", "state", "ended", "failed", "total", "started_at", "request")
        print_json([{name: getattr(matrix, name) for name in names} for matrix in found])
    elif found:
        titles = ("matrix", "state", "cells", "failed", "started", "label")
        print_table(titles, [_listed(matrix) for matrix in found])
    else:
        click.echo("No matrices yet; try: matrix run", err=True)


@matrix_group.command("show")
@click.argument("matrix_id", metavar="MATRIX", type=int)
@metric_option
@json_option
def show_command(matrix_id: int, metric: str, as_json: bool) -> None:
    """Print a matrix by number, with 95% intervals: patches by detectors, one table per dataset."""
    with Repository() as repository:
        matrix = repository.matrices.get(matrix_id)
    _print(matrix, metric, as_json)


def _listed(matrix: Matrix) -> list[object]:
    begun = datetime.fromtimestamp(matrix.started_at, UTC).isoformat(" ", timespec="minutes")
    cells = f"{matrix.ended}/{matrix.total}"
    return [matrix.id, matrix.state, cells, matrix.failed, begun, matrix.label]


def _print(matrix: Matrix, metric: str, as_json: bool) -> None:
    if as_json:
        print_json(to_json(matrix))
        return
    shown = tables(matrix, metric)
    for table in shown:
        click.echo(f"{SCORES[metric]} on {table.name}")
        _print_table(table)
        click.echo("")
        if matrix.request["defences"] != [NONE]:
            _print_columns(matrix, table)
            click.echo("")
    figures = [figure for table in shown for row in table.figures for figure in row]
    if any(figure.own for figure in figures):
        click.echo(f"{OWN} made on this detector")
    if any(figure.adaptive for figure in figures):
        click.echo(f"{ADAPTIVE} adaptive: made on this detector through this defence")
    for error in dict.fromkeys(cell.error for cell in matrix.cells if cell.error):
        click.echo(f"failed: {error}")
    click.echo(f"matrix {matrix.id}, {matrix.state}: {matrix.ended} of {matrix.total} cells")


def _print_table(table: Table) -> None:
    lines = [
        [_name(row), *map(_cell, figures)] for row, figures in zip(table.rows, table.figures, strict=True)
    ]
    print_table(["patch", *(column.title for column in table.columns)], lines)


def _print_columns(matrix: Matrix, table: Table) -> None:
    """What each defence costs and what it leaves, best under the adaptive attacker first."""
    names = patch_names(matrix)
    titles = (
        "detector and defence",
        "clean AP50",
        "ms/image",
        "AP50 under the strongest attacker",
        "AP50 under the adaptive attacker",
    )
    lines = [
        [
            each.column.title,
            _cell(each.clean),
            _milliseconds(each),
            _left(each.best, names),
            _left(each.adaptive, names),
        ]
        for each in summaries(matrix, table.dataset)
    ]
    print_table(titles, lines)


def _milliseconds(summary: ColumnSummary) -> str:
    return "-" if summary.ms_per_image is None else f"{summary.ms_per_image:.1f}"


def _left(attack: Attack | None, names: dict[str, str]) -> str:
    if attack is None:
        return "not tested"
    left = attack.left
    return f"{interval(left.value, left.low, left.high)} {names[attack.patch]}"


def _name(row: TableRow) -> str:
    return row.name if row.condition == "patch" else f"{row.condition} {row.name}".strip()


def _cell(figure: Figure) -> str:
    if figure.error:
        return "failed"
    if figure.pending:
        return "pending"
    text = interval(figure.value, figure.low, figure.high)
    return f"{text} {ADAPTIVE if figure.adaptive else OWN}" if figure.own else text
