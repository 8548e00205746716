# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import pytest

from engine.errors import PatchFileError
from engine.records import PatchRecord
from engine.store.repository import Repository


def add(repository: Repository, name: str, **changes: object) -> PatchRecord:
    facts = {
        "name": name,
        "path": f"/patches/{name}/patch.npy",
        "image": f"/patches/{name}/patch.png",
        "height": 20,
        "width": 30,
        "circular": False,
        "sha256": name,
    }
    return repository.patches.add(**(facts | changes))


def score(repository: Repository, patch: PatchRecord, asr: float | None, **changes: object):
    evaluation = {"patch": {"asr": asr, "ap50": None if asr is None else 1 - asr}}
    facts = {"dataset": "street", "detector": "yolo", "class_name": "person", "held_out": True}
    return repository.patches.add_score(patch.id, evaluation=evaluation, **(facts | changes))


def job(repository: Repository) -> int:
    return repository.jobs.add(kind="generate", label="run", request={}).id


def names(found: list[PatchRecord]) -> list[str]:
    return [patch.name for patch in found]


def test_without_patches_all_is_empty(repository: Repository) -> None:
    patches = repository.patches
    assert patches.find() == []
    assert patches.count() == 0
    assert patches.of_job(1) is None
    assert patches.with_fingerprint("") is None
    assert patches.scores(1) == []


def test_a_patch_comes_back_as_it_was_stored(repository: Repository) -> None:
    number = job(repository)
    patch = add(repository, "a", job_id=number, dataset="street", circular=True, summary={"steps": 3})
    assert patch == repository.patches.get(patch.id) == repository.patches.of_job(number)
    assert patch == repository.patches.with_fingerprint("a")
    assert (patch.circular, patch.summary, patch.score, patch.detector) == (True, {"steps": 3}, None, "")


def test_a_run_recorded_again_keeps_its_number_and_what_was_edited(repository: Repository) -> None:
    number = job(repository)
    first = add(repository, "a", job_id=number)
    repository.patches.edit(first.id, name="mine", notes="good")
    again = add(repository, "a", job_id=number, summary={"steps": 4})
    assert (again.id, again.name, again.notes, again.summary) == (first.id, "mine", "good", {"steps": 4})
    assert repository.patches.count() == 1


def test_a_patch_outlives_its_run(repository: Repository) -> None:
    number = job(repository)
    patch = add(repository, "a", job_id=number)
    score(repository, patch, 0.5, job_id=number)
    repository.jobs.delete(number)
    assert repository.patches.get(patch.id).job_id is None
    assert [each.job_id for each in repository.patches.scores(patch.id)] == [None]


def test_orders_look_at_the_first_score(repository: Repository) -> None:
    for name, asr in (("b", 0.2), ("A", 0.6), ("c", None), ("d", None)):
        patch = add(repository, name)
        if name != "d":
            score(repository, patch, asr)
    score(repository, repository.patches.find(order="name")[1], 0.9, detector="another")
    found = {
        order: names(repository.patches.find(order=order)) for order in ("newest", "asr", "ap50", "name")
    }
    assert found == {
        "newest": ["d", "c", "A", "b"],
        "asr": ["A", "b", "d", "c"],
        "ap50": ["A", "b", "d", "c"],
        "name": ["A", "b", "c", "d"],
    }
    first = repository.patches.find(order="asr")[0].score
    assert first is not None
    assert (first.asr, first.detector) == (0.6, "yolo")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["100% mine", "a_b", "ab"]),
        ("A_B", ["a_b"]),
        ("0%", ["100% mine"]),
        ("street", ["ab"]),
        ("x", []),
    ],
)
def test_text_is_found_as_it_is(repository: Repository, text: str, expected: list[str]) -> None:
    add(repository, "ab", dataset="Street")
    add(repository, "a_b")
    add(repository, "100% mine")
    assert sorted(names(repository.patches.find(text=text))) == expected
    assert repository.patches.count(text=text) == len(expected)


def test_pages(repository: Repository) -> None:
    for name in "abc":
        add(repository, name)
    assert names(repository.patches.find(order="name", limit=1, offset=1)) == ["b"]


def test_scores_are_kept_and_a_jobs_score_is_replaced(repository: Repository) -> None:
    patch, number = add(repository, "a"), job(repository)
    first = score(repository, patch, 0.1, job_id=number, held_out=None)
    score(repository, patch, 0.2)
    score(repository, patch, 0.3)
    renewed = score(repository, patch, 0.4, job_id=number, held_out=False)
    assert renewed.id == first.id
    kept = repository.patches.scores(patch.id)
    assert [(each.asr, each.held_out) for each in kept] == [(0.4, False), (0.2, True), (0.3, True)]
    assert kept[0].evaluation["patch"]["asr"] == 0.4


def test_a_score_behind_defences_is_one_of_its_own(repository: Repository) -> None:
    patch, number = add(repository, "a"), job(repository)
    bare = score(repository, patch, 0.5, job_id=number)
    behind = score(repository, patch, 0.1, job_id=number, defences=("jpeg", "median:size=5"))
    assert (bare.defences, behind.defences) == ((), ("jpeg", "median:size=5"))
    assert repository.patches.scores(patch.id) == [bare, behind]
    renewed = score(repository, patch, 0.2, job_id=number, defences=["jpeg", "median:size=5"])
    assert renewed.id == behind.id


def test_deleting_takes_the_scores_along(repository: Repository) -> None:
    patch = add(repository, "a")
    score(repository, patch, 0.1)
    assert repository.patches.delete(patch.id).name == "a"
    assert repository.patches.count() == 0
    assert repository.patches.scores(patch.id) == []


def test_a_patch_that_is_not_there_is_named(repository: Repository) -> None:
    for ask in (repository.patches.get, repository.patches.delete, repository.patches.edit):
        with pytest.raises(PatchFileError, match="patch 7: expected an existing patch, found none"):
            ask(7)


def test_only_names_and_notes_are_edited(repository: Repository) -> None:
    with pytest.raises(ValueError, match=r"expected some of \['name', 'notes'\], got \['path'\]"):
        repository.patches.edit(add(repository, "a").id, path="/elsewhere")
