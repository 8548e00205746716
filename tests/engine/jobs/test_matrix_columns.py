# SPDX-License-Identifier: AGPL-3.0-only
"""Columns are sorted by what the adaptive attacker leaves, and tell cost and strongest attackers."""

from __future__ import annotations

from typing import Any

import pytest

from engine.jobs.matrix_columns import columns_of, patch_figure, summaries
from engine.store.matrices import Matrix, MatrixCell

DEFENCES = ("none", "weak", "untried", "strong")
DATASET = "streets"


def cell(patch: str, defence: str, left: float | None, detector: str = "net.pt", **facts: Any) -> MatrixCell:
    def scores(ap50: float | None) -> dict[str, Any]:
        return {"ap50": ap50, "ci95": {"ap50": [None, None]}}

    evaluation = {"patch": scores(left), "controls": {"clean": scores(0.9)}, "settings": {}}
    subject = {"patch": patch, "detector": detector, "dataset": DATASET, "defence": defence}
    return MatrixCell(subject=subject, scored_at=0.0, facts=facts, evaluation=evaluation)


def matrix(*cells: MatrixCell, detectors: tuple[str, ...] = ("net.pt",)) -> Matrix:
    request: dict[str, Any] = {"patches": ["1", "2"], "detectors": list(detectors), "datasets": [DATASET]}
    return Matrix(
        id=1,
        job_id=None,
        label="",
        state="running",
        attempt=1,
        started_at=0.0,
        finished_at=None,
        request=request | {"defences": list(DEFENCES)},
        facts={"patches": {each: {"name": f"patch {each}"} for each in ("1", "2")}},
        cells=cells,
    )


def test_without_cells_the_order_is_that_of_the_request() -> None:
    empty = matrix(detectors=("b.pt", "a.pt"))
    assert [(each.detector, each.defence) for each in columns_of(empty, DATASET)] == [
        (weights, defence) for weights in ("b.pt", "a.pt") for defence in DEFENCES
    ]
    for summary in summaries(empty, DATASET):
        assert summary.clean.pending
        assert (summary.best, summary.adaptive, summary.ms_per_image) == (None, None, None)


def test_what_is_left_under_the_adaptive_attacker_decides_the_order() -> None:
    scored = matrix(
        cell("1", "none", 0.1, own=True, adaptive=True, ms_per_image=20.0, undefended_ms_per_image=20.0),
        cell("1", "weak", 0.8, own=True, adaptive=False),
        cell("2", "weak", 0.2, own=True, adaptive=True),
        cell("1", "untried", 0.85, own=True, adaptive=False, ms_per_image=25.0, undefended_ms_per_image=20.0),
        cell("2", "untried", None),
        cell("1", "strong", 0.5, own=True, adaptive=False),
        cell("2", "strong", 0.6, own=True, adaptive=True),
    )
    found = summaries(scored, DATASET)
    assert [each.column.defence for each in found] == ["none", "strong", "weak", "untried"]
    assert [each.clean.value for each in found] == [0.9] * 4
    best = [(each.best.patch, each.best.left.value) for each in found if each.best]
    assert best == [("1", 0.1), ("1", 0.5), ("2", 0.2), ("1", 0.85)]
    assert [each.adaptive and each.adaptive.left.value for each in found] == [0.1, 0.6, 0.2, None]
    assert (found[3].ms_per_image, found[3].undefended_ms_per_image) == (25.0, 20.0)
    assert found[1].to_json() == {
        "detector": "net.pt",
        "defence": "strong",
        "clean_ap50": [0.9, None, None],
        "ms_per_image": None,
        "undefended_ms_per_image": None,
        "best": {"patch": "1", "ap50": [0.5, None, None]},
        "adaptive": {"patch": "2", "ap50": [0.6, None, None]},
    }


@pytest.mark.parametrize(
    ("defence", "facts", "said"),
    [
        ("none", {}, (False, False)),
        ("none", {"own": True, "adaptive": True}, (True, False)),  # said by its frame already
        ("weak", {"own": True, "adaptive": False}, (True, False)),
        ("weak", {"own": True, "adaptive": True}, (True, True)),
    ],
)
def test_a_figure_tells_where_its_patch_was_made(
    defence: str, facts: dict[str, Any], said: tuple[bool, bool]
) -> None:
    figure = patch_figure(cell("1", defence, 0.5, **facts), "ap50")
    assert (figure.own, figure.adaptive) == said


def test_before_there_were_defences_own_patches_knew_all() -> None:
    (first, *_) = summaries(matrix(cell("1", "none", 0.3, own=True)), DATASET)
    assert first.adaptive == first.best


def test_what_failed_says_why() -> None:
    failed = MatrixCell(
        subject={"patch": "1", "detector": "net.pt", "dataset": DATASET, "defence": "none"},
        scored_at=0.0,
        error="no such weights",
    )
    assert summaries(matrix(failed), DATASET)[0].clean.error == "no such weights"
