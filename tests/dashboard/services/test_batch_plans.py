# SPDX-License-Identifier: AGPL-3.0-only
"""Batch plans: sizes for each strategy, as the engine would make them."""

import pytest

from dashboard.services import batch_plans, datasets
from dashboard.services.batch_plans import BatchPlan, plans
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, make_dataset


def test_a_plan_without_batches_has_no_mean():
    plan = BatchPlan(strategy="ragged", sizes={})
    assert (plan.batches, plan.images, plan.mean, plan.median) == (0, 0, 0, 0)


def test_figures_of_a_plan():
    plan = BatchPlan(strategy="grouped", sizes={1: 2, 4: 1})
    assert (plan.batches, plan.images, plan.mean, plan.median) == (3, 6, 2, 1)


@pytest.mark.parametrize(
    ("include_empty", "sequential", "grouped", "ragged"),
    [(False, {1: 7}, {1: 3, 2: 2}, {3: 1, 4: 1}), (True, {1: 8}, {1: 4, 2: 2}, {4: 2})],
)
def test_each_strategy_takes_the_images_that_a_run_takes(
    own_home, include_empty, sequential, grouped, ragged
):
    with Repository() as repository:
        repository.datasets.save(make_dataset(own_home / "pictures"))
    datasets.summaries.clear()
    imported_at = datasets.summaries()[0].imported_at
    found = plans(DATASET, imported_at, None, 4, "uniform", include_empty)
    assert [plan.strategy for plan in found] == list(batch_plans.BATCHINGS)
    assert [plan.sizes for plan in found] == [sequential, grouped, ragged]
