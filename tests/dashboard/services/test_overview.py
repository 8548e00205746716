# SPDX-License-Identifier: AGPL-3.0-only
"""What to do next, from what there is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.services.overview import Overview, _strongest, summary
from engine.records import PatchRecord, ScoreRecord
from engine.store.repository import Repository
from tests.dashboard.homes import add_running, fill
from tests.engine.store.factories import make_job

EMPTY = {"datasets": [], "jobs": {}, "latest": [], "best": [], "failed": None}
PATCH = PatchRecord(
    id=1, job_id=None, name="p", path="", image="", height=1, width=1, circular=False, sha256="", created_at=0
)
FAILED = make_job(state="failed")
HARDENED = make_job(state="succeeded")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "demo"),
        ({"jobs": {"queued": 1}}, "wait"),
        ({"jobs": {"running": 1}, "failed": FAILED}, "wait"),
        ({"failed": FAILED}, "failed"),
        ({"datasets": ["one"]}, "generate"),
        ({"datasets": ["one"], "latest": [PATCH]}, "look"),
        ({"datasets": ["one"], "latest": [PATCH, PATCH], "hardened": HARDENED}, "trial"),
        ({"datasets": ["one"], "latest": [PATCH, PATCH]}, "compare"),
    ],
)
def test_the_next_step(changes: dict[str, object], expected: str) -> None:
    assert Overview(**(EMPTY | changes)).next_step == expected


def test_the_summary_of_an_empty_and_of_a_filled_home(own_home: Path) -> None:
    assert summary() == Overview(**EMPTY)
    summary.clear()
    with Repository() as repository:
        fill(repository, runs=7, steps=1)
        add_running(repository)
    found = summary()
    assert found.jobs == {"succeeded": 7, "running": 1}
    assert len(found.latest) == len(found.best) == 5
    strengths = [patch.score.asr for patch in found.best]
    assert strengths == sorted(strengths, reverse=True)


def scored(number: int, dataset: str, asr: float) -> PatchRecord:
    score = ScoreRecord(
        id=number,
        patch_id=number,
        job_id=None,
        created_at=0,
        dataset=dataset,
        detector="demo",
        class_name="person",
        held_out=True,
        asr=asr,
        ap50=None,
        evaluation={},
    )
    return replace(PATCH, id=number, score=score)


def test_the_strongest_are_those_scored_on_what_the_newest_was() -> None:
    a, b, other = scored(1, "a", 0.9), scored(2, "a", 0.5), scored(3, "b", 1.0)
    assert _strongest([], []) == []
    assert _strongest([other, a, b], [PATCH, b]) == []  # the number of the unscored is that of the strongest
    assert _strongest([other, a, b], [other, b]) == []
    assert _strongest([other, a, b], [b, other]) == [a, b]
    defended = replace(a, score=replace(a.score, defences=("median",)))
    assert _strongest([other, defended, b], [b, other]) == []


def test_the_newest_score_is_told_though_newer_patches_have_none() -> None:
    b = scored(2, "a", 0.5)
    assert Overview(**EMPTY).scored is None
    assert Overview(**EMPTY | {"latest": [PATCH, b]}).scored == b


def test_of_a_sweeps_trials_the_strongest_stands_for_all(own_home: Path) -> None:
    with Repository() as repository:
        first, *trials = fill(repository, runs=5, steps=1)
        for number, patch in enumerate(trials, 1):
            repository.patches.edit(patch.id, name=f"Sweep 1, trial {number}: learning_rate 0.0{number}")
    summary.clear()
    strongest = max(trials, key=lambda patch: patch.score.asr)
    assert [patch.id for patch in summary().latest] == [strongest.id, first.id]
