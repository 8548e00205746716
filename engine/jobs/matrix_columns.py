# SPDX-License-Identifier: AGPL-3.0-only
"""The columns of a matrix: detectors behind defences, what each costs, and who is strongest. No torch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from engine.defences.kinds import NONE
from engine.store.matrices import Matrix, MatrixCell

LEFT = "ap50"
"""The score that says what a patch leaves; what a defence costs on clean images, it lacks here too."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure of a table; value and bounds of its 95% interval are None where undefined.

    Attributes:
        own: the patch was made on this detector.
        adaptive: it was made on it through the defence before it; not said where there is none.
        error: why there is none, in one line.
        pending: it has not been scored yet.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    own: bool = False
    adaptive: bool = False
    error: str | None = None
    pending: bool = False


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """A column of a table.

    Attributes:
        detector: the detector's key in the request.
        name: its name, another for each key.
        defence: the chain before it, `none` for none.
    """

    detector: str
    name: str
    defence: str = NONE

    @property
    def title(self) -> str:
        """Detector and defence in one line."""
        return self.name if self.defence == NONE else f"{self.name} · {self.defence}"


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A patch, and what it leaves: AP50."""

    patch: str
    left: Figure


@dataclass(frozen=True, kw_only=True)
class ColumnSummary:
    """What a defence costs and gives back on a detector and a dataset.

    Attributes:
        clean: AP50 on clean images; pending or with an error until a cell has been scored.
        ms_per_image, undefended_ms_per_image: see `MatrixCell`; None if they were not measured.
        best: the patch that leaves the least of all.
        adaptive: that of those made on this detector through this defence; None without such a patch.
    """

    column: TableColumn
    clean: Figure
    ms_per_image: float | None
    undefended_ms_per_image: float | None
    best: Attack | None
    adaptive: Attack | None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries for `json_text`."""

        def left(attack: Attack | None) -> dict[str, Any] | None:
            return None if attack is None else {"patch": attack.patch, "ap50": _plain(attack.left)}

        return {
            "detector": self.column.detector,
            "defence": self.column.defence,
            "clean_ap50": _plain(self.clean),
            "ms_per_image": self.ms_per_image,
            "undefended_ms_per_image": self.undefended_ms_per_image,
            "best": left(self.best),
            "adaptive": left(self.adaptive),
        }


def columns_of(matrix: Matrix, dataset: str) -> tuple[TableColumn, ...]:
    """The columns of a dataset's table, detector by detector: none first, then the defence that leaves most.

    What is left is the AP50 under the strongest patch made on the detector through the defence. Defences that
    no such patch was tried against come last: nobody knows.
    """
    names = detector_names(matrix)
    columns = [
        TableColumn(detector=weights, name=names[weights], defence=defence)
        for weights in matrix.request["detectors"]
        for defence in matrix.request["defences"]
    ]
    places = {weights: place for place, weights in enumerate(names)}

    def rank(column: TableColumn) -> tuple[float, ...]:
        adaptive = _strongest(_scored(matrix, dataset, column), adaptive=True)
        left = adaptive.left.value if adaptive is not None and adaptive.left.value is not None else math.nan
        return (
            places[column.detector],
            column.defence != NONE,
            math.isnan(left),
            0 if math.isnan(left) else -left,
        )

    return tuple(sorted(columns, key=rank))


def summaries(matrix: Matrix, dataset: str) -> list[ColumnSummary]:
    """The summary of each column of a dataset, in the order of `columns_of`."""
    return [_summary(matrix, dataset, column) for column in columns_of(matrix, dataset)]


def patch_names(matrix: Matrix) -> dict[str, str]:
    """Key in the request → name of each patch; those of one name have their keys beside it."""
    return _distinct({key: matrix.facts["patches"][key]["name"] for key in matrix.request["patches"]})


def detector_names(matrix: Matrix) -> dict[str, str]:
    """Key in the request → name of each detector; those of one name have their files' folders before it."""
    return _distinct({key: Path(key).stem for key in matrix.request["detectors"]})


def figure_of(scores: Mapping[str, Any], metric: str) -> Figure:
    """A metric of some scores in JSON."""
    low, high = scores.get("ci95", {}).get(metric, (None, None))
    return Figure(value=scores.get(metric), low=low, high=high)


def patch_figure(cell: MatrixCell, metric: str) -> Figure:
    """A metric of a cell's patch."""
    own = bool(cell.facts.get("own"))
    if cell.evaluation is None:
        return Figure(own=own, error=cell.error)
    adaptive = _adaptive(cell) and cell.subject["defence"] != NONE
    return replace(figure_of(cell.evaluation["patch"], metric), own=own, adaptive=adaptive)


def _adaptive(cell: MatrixCell) -> bool:
    """Before there were defences, a detector's own patches were made without one."""
    return bool(cell.facts.get("adaptive", cell.facts.get("own")))


def _summary(matrix: Matrix, dataset: str, column: TableColumn) -> ColumnSummary:
    cells = list(_of_column(matrix, dataset, column))
    scored = [cell for cell in cells if cell.evaluation is not None]
    error = next((cell.error for cell in cells if cell.error), None)
    clean = Figure(error=error, pending=error is None)
    if scored:
        assert scored[0].evaluation is not None
        clean = figure_of(scored[0].evaluation["controls"]["clean"], LEFT)
    times = {
        name: [cell.facts[name] for cell in scored if name in cell.facts]
        for name in ("ms_per_image", "undefended_ms_per_image")
    }
    return ColumnSummary(
        column=column,
        clean=clean,
        best=_strongest(scored),
        adaptive=_strongest(scored, adaptive=True),
        **{name: median(each) if each else None for name, each in times.items()},
    )


def _strongest(scored: Sequence[MatrixCell], *, adaptive: bool = False) -> Attack | None:
    """The attack that leaves the least, among adaptive ones or all; None without any."""
    found = [
        Attack(patch=cell.subject["patch"], left=patch_figure(cell, LEFT))
        for cell in scored
        if _adaptive(cell) or not adaptive
    ]
    known = [each for each in found if each.left.value is not None]
    return min(known, key=lambda each: each.left.value or 0.0, default=None)


def _scored(matrix: Matrix, dataset: str, column: TableColumn) -> list[MatrixCell]:
    return [cell for cell in _of_column(matrix, dataset, column) if cell.evaluation is not None]


def _of_column(matrix: Matrix, dataset: str, column: TableColumn) -> Iterator[MatrixCell]:
    subject = {"dataset": dataset, "detector": column.detector, "defence": column.defence}
    return (cell for cell in matrix.cells if subject.items() <= cell.subject.items())


def _plain(figure: Figure) -> list[float | None]:
    return [figure.value, figure.low, figure.high]


def _distinct(names: Mapping[str, str]) -> dict[str, str]:
    times = Counter(names.values())
    return {key: name if times[name] == 1 else f"{name} ({_short(key)})" for key, name in names.items()}


def _short(key: str) -> str:
    """A number as it is, a path by its last folder and its file."""
    return "/".join(Path(key).parts[-2:])
