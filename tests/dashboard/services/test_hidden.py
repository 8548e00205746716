# SPDX-License-Identifier: AGPL-3.0-only
"""Who is hidden: objects told apart, shares with intervals, images in the order of what became of them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from dashboard.services import hidden, patches
from dashboard.services.hidden import BY, ObjectOutcome
from engine.records import Evaluation, ImageOutcome
from engine.runs.outcomes import write_outcomes
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, fill

LARGE, SMALL = (0.0, 0.0, 200.0, 200.0), (280.0, 290.0, 290.0, 300.0)


def image(number: int, *objects: tuple, appeared: int = 0) -> ImageOutcome:
    boxes, clean, patched = zip(*objects, strict=True) if objects else ((), (), ())
    return ImageOutcome(
        image=number, clean=clean, patched=patched, appeared=appeared, size=(300, 300), boxes_xyxy_px=boxes
    )


IMAGES = [
    image(4, (LARGE, 0.9, 0.8), (SMALL, 0.5, None)),
    image(7, (SMALL, 0.3, 0.1), (SMALL, 0.2, 0.2), (LARGE, None, 0.9), appeared=2),  # two were never found
    image(9, (LARGE, 0.6, 0.45)),
    image(11),
]


def test_objects_are_those_that_were_found_without_the_patch() -> None:
    assert hidden.objects(0.25, []) == []
    found = hidden.objects(0.25, IMAGES)
    assert [(each.image, each.hidden, each.crowd) for each in found] == [
        *((4, False, 2), (4, True, 2), (7, True, 3), (9, False, 1))
    ]


@pytest.mark.parametrize(
    ("by", "filled"),
    [("size", {0: 1.0, 5: 0.0}), ("crowd", {0: 0.0, 1: 0.5, 2: 1.0}), ("place", {4: 0.0, 8: 1.0})],
)
def test_the_share_that_is_hidden_by_kind(by: str, filled: dict[int, float]) -> None:
    assert [each.found for each in hidden.shares([], by)] == [0] * BY[by][0]
    bars = hidden.shares(hidden.objects(0.25, IMAGES), by)
    assert len(bars) == BY[by][0]
    for bar, each in enumerate(bars):
        if bar in filled:
            assert each.found
            assert each.low <= each.hidden == filled[bar] <= each.high
        else:
            assert each.found == 0
            assert math.isnan(each.hidden)


def test_the_objects_of_a_bar_come_with_the_hidden_ones_first() -> None:
    found = hidden.of_bar(hidden.objects(0.25, IMAGES), "score", 1)
    assert [(each.clean, each.hidden) for each in found] == [(0.5, True)]
    everything = [ObjectOutcome(**{**vars(each), "crowd": 1}) for each in hidden.objects(0.25, IMAGES)]
    assert [each.patched for each in hidden.of_bar(everything, "crowd", 0)] == [0.0, 0.1, 0.45, 0.8]


@pytest.mark.parametrize(
    ("wanted", "places"), [("", [7, 4, 9, 11]), ("hidden", [7, 4]), ("survived", [4, 9]), ("appeared", [7])]
)
def test_images_are_ordered_by_what_became_of_them(wanted: str, places: list[int]) -> None:
    assert hidden.worst_first([], 0.25, wanted) == []
    assert hidden.worst_first(IMAGES, 0.25, wanted) == places


def test_they_lie_in_the_folder_of_the_job_that_scored(own_home: Path) -> None:
    with Repository() as repository:
        patch = fill(repository, runs=1, steps=3)[0]
        assert patch.job_id is not None
        folder = Path(repository.jobs.get(patch.job_id).folder or own_home / "jobs" / str(patch.job_id))
    assert hidden.outcomes(None, "demo") is None
    (score,) = patches.scores(patch.id)
    assert hidden.of_score(score) is None
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"detector": score.detector, "min_score": 0.25}
    nothing: dict = {"patch": None, "controls": {}}
    write_outcomes(folder, [Evaluation(settings=settings, outcomes=tuple(IMAGES), **nothing)])
    hidden.outcomes.clear()
    assert hidden.of_patch(patch.id, DATASET, score.detector) == (0.25, IMAGES)
    assert hidden.of_patch(patch.id, "others", score.detector) is None
