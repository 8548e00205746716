# SPDX-License-Identifier: AGPL-3.0-only
"""Which images a run saw, where its settings and the dataset tell."""

from __future__ import annotations

import pytest

from dashboard.services import datasets, seen
from engine.config import RunConfig
from engine.store.datasets import DatasetSummary
from tests.dashboard.homes import DATASET, PEOPLE

MADE = {
    "config": RunConfig(dataset=DATASET, weights="demo", validation_share=0.0).to_json(),
    "dataset": {"name": DATASET},
}
WITH_PEOPLE = frozenset(place for place, count in enumerate(PEOPLE) if count)


@pytest.fixture
def streets_as_imported(streets: None) -> DatasetSummary:
    datasets.summaries.clear()
    return datasets.summaries()[0]


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ({}, None),  # from elsewhere
        (MADE, WITH_PEOPLE),
        (MADE | {"dataset": {"name": DATASET, "images": len(WITH_PEOPLE)}}, WITH_PEOPLE),
        (MADE | {"dataset": {"name": DATASET, "images": 99}}, None),  # imported anew since
        (MADE | {"dataset": {"name": "others"}}, frozenset()),
        (MADE | {"config": MADE["config"] | {"class_name": "dog"}}, None),
    ],
)
def test_what_a_run_saw(
    streets_as_imported: DatasetSummary, summary: dict, expected: frozenset[int] | None
) -> None:
    assert seen.seen(summary, streets_as_imported) == expected


def test_images_held_out_were_not_seen(streets_as_imported: DatasetSummary) -> None:
    config = RunConfig(dataset=DATASET, weights="demo", validation_share=0.3)
    found = seen.seen(MADE | {"config": config.to_json()}, streets_as_imported)
    assert found is not None
    assert found < WITH_PEOPLE
    assert len(found) == 5


def test_nothing_is_known_of_a_patch_that_is_gone(streets_as_imported: DatasetSummary) -> None:
    assert seen.of_patch(None, streets_as_imported) is None
    assert seen.of_patch(99, streets_as_imported) is None


@pytest.mark.parametrize(
    ("known", "expected"), [(None, [3, 1, 2]), (frozenset(), [3, 1, 2]), (frozenset({3, 1}), [2, 3, 1])]
)
def test_unseen_images_come_first(known: frozenset[int] | None, expected: list[int]) -> None:
    assert seen.unseen_first([], known) == []
    assert seen.unseen_first([3, 1, 2], known) == expected
