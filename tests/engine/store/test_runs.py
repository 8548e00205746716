# SPDX-License-Identifier: AGPL-3.0-only
"""Runs in one line each: none, one that waits, a finished one with its score, an imported patch."""

from __future__ import annotations

from typing import Any

from engine.store.repository import Repository

PATCH: dict[str, Any] = {
    "name": "p",
    "path": "p.npy",
    "image": "p.png",
    "height": 8,
    "width": 8,
    "circular": False,
    "sha256": "1",
}
SCORES = {"asr": 0.5, "ap50": 0.2, "ci95": {"asr": [0.4, 0.6]}}
EVALUATION = {"patch": SCORES, "controls": {"grey": {"asr": 0.1}}, "settings": {"images": 12}}


def test_an_empty_database_has_none():
    with Repository(":memory:") as repository:
        assert repository.runs.find(["generate"], limit=5) == []


def test_each_run_is_a_line_whatever_its_state_and_an_imported_patch_another():
    with Repository(":memory:") as repository:
        jobs, patches = repository.jobs, repository.patches
        ended = jobs.add_finished(
            kind="generate",
            label="first",
            request={"config": {"batch_size": 4}},
            device="cpu",
            seed=0,
            code_version="",
            elapsed_s=9,
            result={"elapsed_s": 8.0, "steps": 3, "evaluation": EVALUATION},
        )
        made_on = {"dataset": "streets", "detector": "d", "class_name": "person"}
        patch = patches.add(**PATCH | {"name": "first"}, job_id=ended.id, **made_on)
        patches.add_score(patch.id, held_out=True, evaluation=EVALUATION, **made_on)
        jobs.add(kind="generate", label="second", request={"config": {}}, tags=["new"], notes="mine")
        jobs.add(kind="import", label="no run", request={})
        patches.add(**PATCH | {"name": "from elsewhere", "sha256": "2"})
        lines = {line.name: line for line in repository.runs.find(["generate"], limit=5)}
    assert set(lines) == {"first", "second", "from elsewhere"}
    first = lines["first"]
    assert (first.job_id, first.patch_id, first.state) == (ended.id, patch.id, "succeeded")
    assert (first.scores, first.grey_asr, first.images, first.held_out) == (SCORES, 0.1, 12, True)
    assert (first.config, first.costs["steps"], first.costs["device"]) == ({"batch_size": 4}, 3, None)
    assert (first.spent_s, first.dataset) == (8.0, "streets")
    assert (lines["second"].tags, lines["second"].notes, lines["second"].scores) == (("new",), "mine", {})
    assert (lines["from elsewhere"].job_id, lines["from elsewhere"].state) == (None, None)


def test_a_run_of_which_nothing_changes_is_the_same_line():
    with Repository(":memory:") as repository:
        job = repository.jobs.add(kind="generate", label="first", request={"config": {}})
        (first,), (again,) = (repository.runs.find(["generate"], limit=5) for _ in range(2))
        repository.jobs.edit(job.id, label="renamed")
        (changed,) = repository.runs.find(["generate"], limit=5)
    assert first is again
    assert changed.name == "renamed"


def test_files_of_patches_are_known_and_so_is_who_uses_them():
    with Repository(":memory:") as repository:
        assert (repository.runs.patch_at("p.npy"), repository.runs.using("p.npy")) == (None, [])
        patch = repository.patches.add(**PATCH)
        for initial in ("p.npy", "another/p.npy", "grey"):
            repository.jobs.add(kind="generate", label=initial, request={"config": {"initial": initial}})
        assert repository.runs.patch_at("p.png") == patch.id
        assert repository.runs.using("p.npy") == [(1, "generate", "p.npy")]
        assert repository.runs.using("_.npy") == repository.runs.using("%") == []


def test_a_score_outlives_its_patch():
    with Repository(":memory:") as repository:
        repository.jobs.add_finished(
            kind="generate",
            label="r",
            request={"config": {}},
            device="cpu",
            seed=0,
            code_version="",
            elapsed_s=9,
            result={"evaluation": EVALUATION},
        )
        (line,) = repository.runs.find(["generate"], limit=5)
    assert (line.patch_id, line.scores["asr"], line.images) == (None, 0.5, 12)
