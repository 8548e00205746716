# SPDX-License-Identifier: AGPL-3.0-only
"""Which scenes a story has, with whose figures, and which of its pictures are stored."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.services import datasets, defend, patches, stories
from dashboard.services.defend import DefendedSubject, KnownAttack
from dashboard.services.stories import ELSEWHERE, Scene
from engine.config import HardeningConfig, PlacementConfig
from engine.records import PatchRecord
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, add_matrix, fill, make_evaluation
from tests.dashboard.stories import add_hardening

SUBJECT = DefendedSubject(dataset=DATASET, weights="demo", class_name=("person",))


@pytest.fixture(autouse=True)
def nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in (patches.get, defend.attacks, stories.hardened, datasets.summaries):
        each.clear()
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", lambda repository: None)


@pytest.fixture
def filled() -> list[PatchRecord]:
    with Repository() as repository:
        return fill(repository, runs=2, steps=2)


def attack(patch: int, defence: str = "none", *, adaptive: bool = False) -> KnownAttack:
    scored = make_evaluation(random.Random(patch))
    return KnownAttack(
        patch=patch, name=f"Run {patch - 1}", defence=defence, adaptive=adaptive, evaluation=scored
    )


def kinds(scenes: list[Scene]) -> list[tuple[str, bool]]:
    return [(scene.kind, scene.scores is not None) for scene in scenes]


@pytest.mark.parametrize(
    ("attacks", "chain", "expected"),
    [
        ([], "none", [("clean", False), ("attacked", False)]),
        ([attack(1)], "none", [("clean", True), ("attacked", True)]),
        ([attack(1)], "jpeg", [("clean", True), ("attacked", True), ("defended", False)]),
        (
            [attack(1), attack(1, "jpeg"), attack(2, "jpeg", adaptive=True)],
            "jpeg",
            [("clean", True), ("attacked", True), ("defended", True), ("again", True)],
        ),
        (  # the patch itself was made through the defence
            [attack(1), attack(1, "jpeg", adaptive=True)],
            "jpeg",
            [("clean", True), ("attacked", True), ("again", True)],
        ),
    ],
)
def test_a_defence_is_told_as_far_as_it_was_tried(
    filled: list[PatchRecord], attacks: list[KnownAttack], chain: str, expected: list[tuple[str, bool]]
) -> None:
    assert kinds(stories.told(attacks, SUBJECT, 1, chain)) == expected


def test_without_a_hardening_there_is_none(filled: list[PatchRecord]) -> None:
    assert stories.hardened(SUBJECT) is None


@pytest.mark.parametrize("change", [{"class_name": "car"}, {"weights": "yolo11n"}])
def test_hardenings_of_something_else_do_not_count(filled: list[PatchRecord], change: dict[str, Any]) -> None:
    with Repository() as repository:
        add_hardening(repository, **change)
    assert stories.hardened(SUBJECT) is None


def test_the_latest_hardening_is_told_without_a_defence(filled: list[PatchRecord]) -> None:
    with Repository() as repository:
        job = add_hardening(repository, patches=("1",))
    found = stories.hardened(SUBJECT)
    assert found is not None
    assert (found.job, found.old, found.new) == (job.id, 1, 2)
    scenes = stories.told([], SUBJECT, 1, "none")
    assert [scene.kind for scene in scenes] == ["clean", "attacked", "hardened", "again-hardened"]
    scores = [scene.scores["ap50"] for scene in scenes if scene.scores]
    trial = found.trial
    assert scores == [
        *(trial["before"][name]["ap50"] for name in ("clean", "old_patch")),
        *(trial["after"][name]["ap50"] for name in ("old_patch", "new_patch")),
    ]
    assert [scene.patch for scene in scenes] == [None, 1, 1, 2]
    assert scenes[3].how["weights"] == found.weights
    assert "weights" not in scenes[1].how


def test_figures_of_another_patch_than_the_trials_are_not_taken(filled: list[PatchRecord]) -> None:
    with Repository() as repository:
        add_hardening(repository)  # whose old patch was made by itself
    scenes = stories.told([attack(1)], SUBJECT, 1, "none")
    assert [scene.scores is not None for scene in scenes] == [True, True, False, True]


@pytest.mark.parametrize("attack", ELSEWHERE)
def test_a_patch_that_lay_elsewhere_is_not_drawn(filled: list[PatchRecord], attack: str) -> None:
    with Repository() as repository:
        add_hardening(repository, attack=attack)
    assert stories.told([], SUBJECT, 1, "none")[3].patch is None


def test_attacks_that_lie_elsewhere_are_those_of_the_engine() -> None:
    from engine.runs.hardening_trial import BATTERY

    place = PlacementConfig(kind="object", scale=0.2, rise=0.1)
    assert tuple(each.name for each in BATTERY if each.place(place) != place) == ELSEWHERE


def test_stored_pictures_are_those_of_all_scenes(filled: list[PatchRecord], tmp_path: Path) -> None:
    scenes = stories.defended_scenes([], filled[0], "bit-depth")
    assert stories.stored(scenes, SUBJECT) == []
    (tmp_path / "drawn.png").touch()
    image = {side: {"path": str(tmp_path / "drawn.png")} for side in ("before", "after")}
    for number, scene in enumerate(scenes[1:]):
        assert stories.stored(scenes, SUBJECT) == []
        preview = stories.asked(scene, SUBJECT, indices=[2])
        assert preview.request["defences"] == ["bit-depth"] * number
        with Repository() as repository:
            repository.previews.answer(preview.key, {"images": [image | {"index": 2}]})
    assert stories.stored(scenes, SUBJECT) == [image | {"index": 2}] * 2
    (tmp_path / "drawn.png").unlink()
    assert stories.stored(scenes, SUBJECT) == []


def test_a_patch_that_is_gone_has_no_number(filled: list[PatchRecord], tmp_path: Path) -> None:
    with Repository() as repository:
        assert stories._number(repository, tmp_path / "patch.npy") is None
        np.save(tmp_path / "patch.npy", np.full((3, 8, 8), 0.5, dtype=np.float32))
        assert stories._number(repository, tmp_path / "patch.npy") is None


def test_settings_of_a_hardening_come_with_it(filled: list[PatchRecord]) -> None:
    with Repository() as repository:
        add_hardening(repository)
    found = stories.hardened(SUBJECT)
    assert found is not None
    assert found.config == HardeningConfig(dataset=DATASET, weights="demo", class_name="person")


def test_a_run_has_the_stories_that_go_on(filled: list[PatchRecord]) -> None:
    assert stories.about(filled[0])[1] == []
    with Repository() as repository:
        add_matrix(repository, filled, ("demo",), defences=("none", "bit-depth"))
        add_hardening(repository)
    for each in (defend.attacks, stories.hardened):
        each.clear()
    subject, told = stories.about(filled[0])
    assert subject == SUBJECT
    assert [[scene.kind for scene in scenes] for scenes in told] == [
        ["clean", "attacked", "defended", "again"],
        ["clean", "attacked", "hardened", "again-hardened"],
    ]
