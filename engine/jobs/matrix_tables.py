# SPDX-License-Identifier: AGPL-3.0-only
"""Matrices as tables of patches and defended detectors, a table a dataset; as CSV and JSON. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.csv_text import csv_text
from engine.jobs.matrix_columns import (
    Figure,
    TableColumn,
    columns_of,
    figure_of,
    patch_figure,
    patch_names,
    summaries,
)
from engine.records import Scores
from engine.store.matrices import Matrix, MatrixCell

Cells = Mapping[tuple[str, str, str, str], MatrixCell]  # by patch, detector, defence and dataset

CONTROLS = ("grey", "noise")  # besides clean images, which have no size
METRICS = tuple(Scores.__dataclass_fields__)
_CSV = (
    *("matrix", "dataset", "detector", "weights", "defence", "condition", "patch", "own", "adaptive"),
    "held_out",
    *("metric", "value", "low", "high", "error"),
)


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """A row of a table.

    Attributes:
        condition: `clean`, one of `CONTROLS`, or `patch`.
        name: of the patch; of a control the size that it has, if the matrix has controls of several, else
            empty.
        patch: the patch's key in the request; empty for controls.
    """

    condition: str
    name: str = ""
    patch: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Patches and their controls on one dataset.

    Attributes:
        dataset: its key in the request.
        name: the dataset's.
        rows: controls first.
        columns: grouped by detector; see `columns_of`.
        figures: in the order of `rows`, then of `columns`.
    """

    dataset: str
    name: str
    rows: tuple[TableRow, ...]
    columns: tuple[TableColumn, ...]
    figures: tuple[tuple[Figure, ...], ...] = field(repr=False)


def tables(matrix: Matrix, metric: str) -> list[Table]:
    """The table of each dataset.

    Args:
        matrix: with its cells.
        metric: one of `METRICS`.
    """
    return [_table(matrix, dataset, metric) for dataset in matrix.request["datasets"]]


def dataset_name(matrix: Matrix, dataset: str) -> str:
    """The name of a dataset of the request."""
    scored = (cell.evaluation for cell in matrix.cells if cell.subject["dataset"] == dataset)
    names = (evaluation["settings"]["dataset"] for evaluation in scored if evaluation)
    return next(names, Path(dataset).stem)


def to_json(matrix: Matrix) -> dict[str, Any]:
    """A matrix with its cells in the order of the request, and its columns from the best defence on."""
    axes = [matrix.request[name] for name in ("datasets", "detectors", "defences", "patches")]

    def place(cell: MatrixCell) -> list[int]:
        names = [cell.subject[name] for name in ("dataset", "detector", "defence", "patch")]
        return [axis.index(name) for axis, name in zip(axes, names, strict=True)]

    cells = [asdict(cell) for cell in sorted(matrix.cells, key=place)]
    columns = [
        {"dataset": dataset} | each.to_json()
        for dataset in matrix.request["datasets"]
        for each in summaries(matrix, dataset)
    ]
    return asdict(matrix) | {"total": matrix.total, "columns": columns, "cells": cells}


def to_csv(matrix: Matrix) -> str:
    """A line for each figure of a matrix, with what it was measured on."""
    return csv_text([list(_CSV), *_csv_lines(matrix)], line_end="\n")


def _csv_lines(matrix: Matrix) -> Iterator[list[object]]:
    cells = {_key(cell): cell for cell in matrix.cells}
    for metric in METRICS:
        for table in tables(matrix, metric):
            for row, figures in zip(table.rows, table.figures, strict=True):
                for column, figure in zip(table.columns, figures, strict=True):
                    cell = cells.get((row.patch, column.detector, column.defence, table.dataset))
                    held_out = None if cell is None else cell.facts.get("held_out")
                    subject = [matrix.id, table.name, column.name, column.detector, column.defence]
                    patch = [row.condition, row.name, figure.own, figure.adaptive, held_out]
                    yield [*subject, *patch, metric, figure.value, figure.low, figure.high, figure.error]


def _table(matrix: Matrix, dataset: str, metric: str) -> Table:
    cells = {_key(cell): cell for cell in matrix.cells if cell.subject["dataset"] == dataset}
    names, columns = patch_names(matrix), columns_of(matrix, dataset)
    shapes = list(dict.fromkeys(_shape(cell) for cell in _in_order(matrix, cells, dataset, columns)))
    rows = [TableRow(condition="clean")]
    controls: list[tuple[str, tuple[Any, ...]]] = [("clean", ())]
    for shape in shapes:
        for condition in CONTROLS:
            controls.append((condition, shape))
            rows.append(TableRow(condition=condition, name=_size(shape) if len(shapes) > 1 else ""))
    figures = [
        tuple(_control(matrix, cells, dataset, each, condition, shape, metric) for each in columns)
        for condition, shape in controls
    ]
    for key in matrix.request["patches"]:
        rows.append(TableRow(condition="patch", name=names[key], patch=key))
        figures.append(
            tuple(_figure(cells.get((key, each.detector, each.defence, dataset)), metric) for each in columns)
        )
    return Table(
        dataset=dataset,
        name=dataset_name(matrix, dataset),
        rows=tuple(rows),
        columns=columns,
        figures=tuple(figures),
    )


def _in_order(
    matrix: Matrix, cells: Cells, dataset: str, columns: Sequence[TableColumn]
) -> Iterator[MatrixCell]:
    """The scored cells of some columns of a dataset, patch by patch."""
    for key in matrix.request["patches"]:
        for column in columns:
            cell = cells.get((key, column.detector, column.defence, dataset))
            if cell is not None and cell.evaluation is not None:
                yield cell


def _control(
    matrix: Matrix,
    cells: Cells,
    dataset: str,
    column: TableColumn,
    condition: str,
    shape: tuple[Any, ...],
    metric: str,
) -> Figure:
    """That of the first patch of the shape; of a clean image any shape will do."""
    for cell in _in_order(matrix, cells, dataset, [column]):
        if not shape or _shape(cell) == shape:
            assert cell.evaluation is not None
            return figure_of(cell.evaluation["controls"][condition], metric)
    known = [cells.get((key, column.detector, column.defence, dataset)) for key in matrix.request["patches"]]
    error = next((cell.error for cell in known if cell is not None and cell.error), None)
    return Figure(error=error, pending=error is None)


def _figure(cell: MatrixCell | None, metric: str) -> Figure:
    return Figure(pending=True) if cell is None else patch_figure(cell, metric)


def _shape(cell: MatrixCell) -> tuple[Any, ...]:
    """What its controls depend on besides the seed: height and width in texels, and whether it has a mask."""
    settings = (cell.evaluation or {})["settings"]
    return (*settings["patch_size"], settings["masked"])


def _size(shape: Sequence[Any]) -> str:
    height, width, masked = shape
    return f"{width}x{height}{' masked' if masked else ''}"


def _key(cell: MatrixCell) -> tuple[str, str, str, str]:
    patch, detector, defence, dataset = (
        cell.subject[name] for name in ("patch", "detector", "defence", "dataset")
    )
    return patch, detector, defence, dataset
