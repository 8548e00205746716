# SPDX-License-Identifier: AGPL-3.0-only
"""Batch plans: what each strategy promises, purity, bad settings."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import BATCHINGS, SAMPLINGS
from engine.datasets.sampling import growing_batch_size, plan_iteration
from engine.errors import SettingsError

PLAN = {"strategy": "ragged", "batch_size": 4, "sampling": "uniform", "seed": 0, "iteration": 0}


def flat(batches):
    return [index for batch in batches for index in batch]


@pytest.mark.parametrize("strategy", BATCHINGS)
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_no_images_give_no_batches(strategy, sampling):
    assert plan_iteration([], **PLAN | {"strategy": strategy, "sampling": sampling}) == []


@given(
    counts=st.lists(st.integers(0, 4), max_size=40),
    strategy=st.sampled_from(BATCHINGS),
    batch_size=st.integers(1, 9),
    iteration=st.integers(0, 99),
)
@settings(deadline=None, max_examples=100)
def test_uniform_visits_every_image_once(counts, strategy, batch_size, iteration):
    given = PLAN | {"strategy": strategy, "batch_size": batch_size, "iteration": iteration}
    batches = plan_iteration(counts, **given)
    assert sorted(flat(batches)) == list(range(len(counts)))
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    assert batches == plan_iteration(list(counts), **given)


def test_sequential_takes_one_image_a_batch():
    batches = plan_iteration([1, 2, 3], **PLAN | {"strategy": "sequential"})
    assert [len(batch) for batch in batches] == [1, 1, 1]


def test_grouped_keeps_to_one_object_count_and_fills_its_batches():
    counts = [0, 1, 1, 1, 1, 1, 2, 2, 7]
    batches = plan_iteration(counts, **PLAN | {"strategy": "grouped"})
    assert all(len({counts[index] for index in batch}) == 1 for batch in batches)
    assert sorted(len(batch) for batch in batches) == [1, 1, 1, 2, 4]


def test_ragged_mixes_counts_in_as_few_batches_as_fit():
    batches = plan_iteration(list(range(10)), **PLAN)
    assert sorted(len(batch) for batch in batches) == [2, 4, 4]


def test_seed_and_iteration_change_the_order():
    plans = [
        plan_iteration([1] * 30, **PLAN | {"seed": seed, "iteration": iteration})
        for seed, iteration in [(0, 0), (0, 1), (1, 0), (1, 1)]
    ]
    assert all(first != second for i, first in enumerate(plans) for second in plans[:i])


def test_balanced_draws_each_object_count_equally_often():
    counts = [0] * 2 + [1] * 90 + [5] * 8
    drawn = Counter(
        counts[index]
        for iteration in range(60)
        for index in flat(plan_iteration(counts, **PLAN | {"sampling": "balanced", "iteration": iteration}))
    )
    assert sum(drawn.values()) == 6000
    assert all(abs(drawn[count] - 2000) < 200 for count in (0, 1, 5))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategy": "random"}, "batching: expected one of grouped, ragged, sequential, got 'random'"),
        ({"sampling": "even"}, "sampling: expected one of balanced, uniform, got 'even'"),
        ({"batch_size": 0}, "batch size: expected 1 or more, got 0"),
        ({"seed": -1}, "seed: expected 0 or more, got -1"),
        ({"iteration": -1}, "iteration: expected 0 or more, got -1"),
    ],
)
def test_bad_settings_are_named(changes, message):
    with pytest.raises(SettingsError, match=message):
        plan_iteration([1, 2], **PLAN | changes)


@pytest.mark.parametrize(
    ("initial", "iteration", "limit", "size"),
    [(1, 0, 64, 1), (1, 9, 64, 1), (1, 10, 64, 2), (3, 25, 64, 12), (8, 0, 4, 4), (1, 59, 64, 32)],
)
def test_batch_grows_to_its_limit(initial, iteration, limit, size):
    assert growing_batch_size(initial, iteration, limit) == size


def test_batch_growth_does_not_overflow():
    assert growing_batch_size(1, 10**18, 64) == 64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 0, 1), "initial batch size"), ((1, -1, 1), "iteration"), ((1, 0, 0), "batch size limit")],
)
def test_batch_growth_names_bad_settings(arguments, message):
    with pytest.raises(SettingsError, match=f"{message}: expected"):
        growing_batch_size(*arguments)
