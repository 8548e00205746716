# SPDX-License-Identifier: AGPL-3.0-only
"""Matrices as tables: controls above patches, what failed or is missing; as CSV and JSON."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from engine.jobs.matrix_tables import METRICS, Figure, TableRow, tables, to_csv, to_json
from engine.store.matrices import Matrix, MatrixCell

CONDITIONS = {"clean": 0.0, "grey": 0.1, "noise": 0.2}


def scores(asr: float) -> dict[str, Any]:
    return {"asr": asr, "ap50": None, "ci95": {"asr": [asr / 2, asr], "ap50": [None, None]}}


def cell(patch: str, detector: str, *, asr: float = 0.5, size: int = 16, **more: Any) -> MatrixCell:
    evaluation = {
        "patch": scores(asr),
        "controls": {name: scores(value + size / 1000) for name, value in CONDITIONS.items()},
        "settings": {"dataset": "streets", "patch_size": [size, size * 2], "masked": size > 16},
    }
    subject = {
        "patch": patch,
        "detector": detector,
        "dataset": "/data/streets.yaml",
        "defence": more.pop("defence", "none"),
    }
    return MatrixCell(subject=subject, scored_at=0.0, **{"evaluation": evaluation, **more})


def failed(patch: str, detector: str) -> MatrixCell:
    return cell(patch, detector, evaluation=None, error="no such weights")


def matrix(
    *cells: MatrixCell, patches: tuple[str, ...] = ("1", "/p/b.npy"), defences: tuple[str, ...] = ("none",)
) -> Matrix:
    return Matrix(
        id=3,
        job_id=None,
        label="",
        state="running",
        attempt=1,
        started_at=0.0,
        finished_at=None,
        request={
            "patches": list(patches),
            "detectors": ["/a/best.pt", "/b/best.pt"],
            "datasets": ["/data/streets.yaml"],
            "defences": list(defences),
        },
        facts={"patches": {each: {"name": "b"} for each in patches}},
        cells=cells,
    )


def test_without_cells_all_is_pending() -> None:
    (table,) = tables(matrix(), "asr")
    assert [(row.condition, row.name) for row in table.rows] == [
        ("clean", ""),
        ("patch", "b (1)"),
        ("patch", "b (p/b.npy)"),
    ]
    assert (table.name, [column.title for column in table.columns]) == (
        "streets",
        ["best (a/best.pt)", "best (b/best.pt)"],
    )
    assert {figure for row in table.figures for figure in row} == {Figure(pending=True)}


def test_figures_stand_beside_their_controls() -> None:
    cells = (
        cell("1", "/a/best.pt", facts={"own": True}),
        cell("/p/b.npy", "/a/best.pt", asr=0.25),
        failed("1", "/b/best.pt"),
    )
    (table,) = tables(matrix(*cells), "asr")
    assert [row.condition for row in table.rows] == ["clean", "grey", "noise", "patch", "patch"]
    first, second = zip(*table.figures, strict=True)
    assert [figure.value for figure in first] == pytest.approx([0.016, 0.116, 0.216, 0.5, 0.25])
    assert first[3] == Figure(value=0.5, low=0.25, high=0.5, own=True)
    assert [figure.error for figure in second] == ["no such weights"] * 4 + [None]
    assert second[4].pending


def test_patches_of_another_size_have_controls_of_their_own() -> None:
    cells = (cell("1", "/a/best.pt"), cell("/p/b.npy", "/b/best.pt", size=32))
    (table,) = tables(matrix(*cells), "asr")
    assert table.rows[:5] == (
        TableRow(condition="clean"),
        TableRow(condition="grey", name="32x16"),
        TableRow(condition="noise", name="32x16"),
        TableRow(condition="grey", name="64x32 masked"),
        TableRow(condition="noise", name="64x32 masked"),
    )
    pending = [[figure.pending for figure in figures] for figures in table.figures[:5]]
    assert pending == [[False, False], [False, True], [False, True], [True, False], [True, False]]


def test_a_score_that_is_undefined_or_unknown_is_none() -> None:
    shown = matrix(cell("1", "/a/best.pt"))
    for metric in ("ap50", "disappearance"):
        assert tables(shown, metric)[0].figures[0][0] == Figure()


def test_csv_has_a_line_for_each_figure() -> None:
    cells = (cell("1", "/a/best.pt", facts={"own": True, "held_out": True}), failed("1", "/b/best.pt"))
    lines = list(csv.DictReader(io.StringIO(to_csv(matrix(*cells)))))
    assert len(lines) == len(METRICS) * 5 * 2
    (own,) = [each for each in lines if each["own"] == "True" and each["metric"] == "asr"]
    assert (own["patch"], own["value"], own["low"], own["held_out"]) == ("b (1)", "0.5", "0.25", "True")
    assert (own["dataset"], own["detector"], own["weights"]) == ("streets", "best (a/best.pt)", "/a/best.pt")
    assert (own["defence"], own["adaptive"]) == ("none", "False")
    assert sum(each["error"] == "no such weights" for each in lines) == len(METRICS) * 4


def test_json_has_the_cells_in_order() -> None:
    cells = (cell("/p/b.npy", "/b/best.pt"), cell("1", "/b/best.pt"), cell("/p/b.npy", "/a/best.pt"))
    written = to_json(matrix(*cells))
    assert [(each["subject"]["detector"], each["subject"]["patch"]) for each in written["cells"]] == [
        ("/a/best.pt", "/p/b.npy"),
        ("/b/best.pt", "1"),
        ("/b/best.pt", "/p/b.npy"),
    ]
    assert (written["id"], written["total"]) == (3, 4)
    assert [each["defence"] for each in written["columns"]] == ["none", "none"]


def test_each_defence_has_a_column_beside_its_detector() -> None:
    adaptive = cell("1", "/a/best.pt", asr=0.4, defence="bit-depth", facts={"own": True, "adaptive": True})
    (table,) = tables(matrix(adaptive, defences=("none", "bit-depth")), "asr")
    assert [column.title for column in table.columns] == [
        "best (a/best.pt)",
        "best (a/best.pt) · bit-depth",
        "best (b/best.pt)",
        "best (b/best.pt) · bit-depth",
    ]
    assert table.figures[3][1] == Figure(value=0.4, low=0.2, high=0.4, own=True, adaptive=True)
    assert table.figures[3][0].pending
    (line,) = [
        each
        for each in csv.DictReader(io.StringIO(to_csv(matrix(adaptive, defences=("none", "bit-depth")))))
        if each["adaptive"] == "True" and each["metric"] == "asr"
    ]
    assert (line["defence"], line["value"]) == ("bit-depth", "0.4")
