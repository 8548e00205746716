# SPDX-License-Identifier: AGPL-3.0-only
"""Matrices as tables of patches and detectors, a table a dataset, and as CSV and JSON. No torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.csv_text import csv_text
from engine.records import Scores
from engine.store.matrices import Matrix, MatrixCell

Cells = Mapping[tuple[str, str, str], MatrixCell]  # by patch, detector and dataset

CONTROLS = ("grey", "noise")  # besides clean images, which have no size
METRICS = tuple(Scores.__dataclass_fields__)
_CSV = (
    *("matrix", "dataset", "detector", "weights", "condition", "patch", "own", "held_out"),
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
class Figure:
    """One figure of a table; value and bounds of its 95% interval are None where undefined.

    Attributes:
        own: the patch was made on this detector.
        error: why there is none, in one line.
        pending: it has not been scored yet.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    own: bool = False
    error: str | None = None
    pending: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """Patches and their controls on one dataset.

    Attributes:
        dataset: its key in the request.
        name: the dataset's.
        rows: controls first.
        detectors: key in the request → name, all different.
        figures: in the order of `rows`, then of `detectors`.
    """

    dataset: str
    name: str
    rows: tuple[TableRow, ...]
    detectors: Mapping[str, str]
    figures: tuple[tuple[Figure, ...], ...] = field(repr=False)


def tables(matrix: Matrix, metric: str) -> list[Table]:
    """The table of each dataset.

    Args:
        matrix: with its cells.
        metric: one of `METRICS`.
    """
    return [_table(matrix, dataset, metric) for dataset in matrix.request["datasets"]]


def patch_names(matrix: Matrix) -> dict[str, str]:
    """Key in the request → name of each patch; those of one name have their keys beside it."""
    return _distinct({key: matrix.facts["patches"][key]["name"] for key in matrix.request["patches"]})


def detector_names(matrix: Matrix) -> dict[str, str]:
    """Key in the request → name of each detector; those of one name have their files' folders before it."""
    return _distinct({key: Path(key).stem for key in matrix.request["detectors"]})


def dataset_name(matrix: Matrix, dataset: str) -> str:
    """The name of a dataset of the request."""
    scored = (cell.evaluation for cell in matrix.cells if cell.subject["dataset"] == dataset)
    names = (evaluation["settings"]["dataset"] for evaluation in scored if evaluation)
    return next(names, Path(dataset).stem)


def to_json(matrix: Matrix) -> dict[str, Any]:
    """A matrix with its cells in the order of the request, as `matrix show --json` prints it."""
    axes = [matrix.request[name] for name in ("datasets", "detectors", "patches")]

    def place(cell: MatrixCell) -> list[int]:
        names = [cell.subject[name] for name in ("dataset", "detector", "patch")]
        return [axis.index(name) for axis, name in zip(axes, names, strict=True)]

    cells = [asdict(cell) for cell in sorted(matrix.cells, key=place)]
    return asdict(matrix) | {"total": matrix.total, "cells": cells}


def to_csv(matrix: Matrix) -> str:
    """A line for each figure of a matrix, with what it was measured on."""
    return csv_text([list(_CSV), *_csv_lines(matrix)], line_end="\n")


def _csv_lines(matrix: Matrix) -> Iterator[list[object]]:
    cells = {_key(cell): cell for cell in matrix.cells}
    for metric in METRICS:
        for table in tables(matrix, metric):
            for row, figures in zip(table.rows, table.figures, strict=True):
                for weights, figure in zip(table.detectors, figures, strict=True):
                    cell = cells.get((row.patch, weights, table.dataset))
                    held_out = None if cell is None else cell.facts.get("held_out")
                    subject = [matrix.id, table.name, table.detectors[weights], weights]
                    bounds = [figure.value, figure.low, figure.high, figure.error]
                    yield [*subject, row.condition, row.name, figure.own, held_out, metric, *bounds]


def _table(matrix: Matrix, dataset: str, metric: str) -> Table:
    cells = {_key(cell): cell for cell in matrix.cells if cell.subject["dataset"] == dataset}
    names, detectors = patch_names(matrix), detector_names(matrix)
    shapes = list(dict.fromkeys(_shape(cell) for cell in _in_order(matrix, cells, dataset)))
    rows = [TableRow(condition="clean")]
    controls: list[tuple[str, tuple[Any, ...]]] = [("clean", ())]
    for shape in shapes:
        for condition in CONTROLS:
            controls.append((condition, shape))
            rows.append(TableRow(condition=condition, name=_size(shape) if len(shapes) > 1 else ""))
    figures = [
        tuple(_control(matrix, cells, dataset, each, condition, shape, metric) for each in detectors)
        for condition, shape in controls
    ]
    for key in matrix.request["patches"]:
        rows.append(TableRow(condition="patch", name=names[key], patch=key))
        figures.append(tuple(_figure(cells.get((key, each, dataset)), metric) for each in detectors))
    return Table(
        dataset=dataset,
        name=dataset_name(matrix, dataset),
        rows=tuple(rows),
        detectors=detectors,
        figures=tuple(figures),
    )


def _in_order(
    matrix: Matrix, cells: Cells, dataset: str, detector: str | None = None
) -> Iterator[MatrixCell]:
    """The scored cells of a dataset, and of a detector or (None) all, patch by patch."""
    for key in matrix.request["patches"]:
        for weights in matrix.request["detectors"] if detector is None else [detector]:
            cell = cells.get((key, weights, dataset))
            if cell is not None and cell.evaluation is not None:
                yield cell


def _control(
    matrix: Matrix,
    cells: Cells,
    dataset: str,
    detector: str,
    condition: str,
    shape: tuple[Any, ...],
    metric: str,
) -> Figure:
    """That of the first patch of the shape; of a clean image any shape will do."""
    for cell in _in_order(matrix, cells, dataset, detector):
        if not shape or _shape(cell) == shape:
            assert cell.evaluation is not None
            return _figure_of(cell.evaluation["controls"][condition], metric)
    known = [cells.get((key, detector, dataset)) for key in matrix.request["patches"]]
    error = next((cell.error for cell in known if cell is not None and cell.error), None)
    return Figure(error=error, pending=error is None)


def _figure(cell: MatrixCell | None, metric: str) -> Figure:
    if cell is None:
        return Figure(pending=True)
    own = bool(cell.facts.get("own"))
    if cell.evaluation is None:
        return Figure(own=own, error=cell.error)
    return _figure_of(cell.evaluation["patch"], metric, own=own)


def _figure_of(scores: Mapping[str, Any], metric: str, *, own: bool = False) -> Figure:
    low, high = scores.get("ci95", {}).get(metric, (None, None))
    return Figure(value=scores.get(metric), low=low, high=high, own=own)


def _shape(cell: MatrixCell) -> tuple[Any, ...]:
    """What its controls depend on besides the seed: height and width in texels, and whether it has a mask."""
    settings = (cell.evaluation or {})["settings"]
    return (*settings["patch_size"], settings["masked"])


def _size(shape: Sequence[Any]) -> str:
    height, width, masked = shape
    return f"{width}x{height}{' masked' if masked else ''}"


def _key(cell: MatrixCell) -> tuple[str, str, str]:
    return cell.subject["patch"], cell.subject["detector"], cell.subject["dataset"]


def _distinct(names: Mapping[str, str]) -> dict[str, str]:
    times = Counter(names.values())
    return {key: name if times[name] == 1 else f"{name} ({_short(key)})" for key, name in names.items()}


def _short(key: str) -> str:
    """A number as it is, a path by its last folder and its file."""
    return "/".join(Path(key).parts[-2:])
