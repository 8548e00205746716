# SPDX-License-Identifier: AGPL-3.0-only
"""Costs of a pass, estimated from measurements; the nearest batch size stands for others."""

import pytest

from dashboard.services.costs import cost_of_pass
from engine.config import RunConfig
from engine.jobs.estimates import cost_key
from engine.store.repository import Repository

CONFIG = RunConfig(dataset="streets", weights="demo", device="cpu")


@pytest.fixture
def measured():
    with Repository() as repository:
        for size, rate in ((1, 10.0), (4, 20.0)):
            repository.costs.put(
                cost_key(CONFIG.changed(batch_size=size)),
                images_per_s=rate,
                evaluated_per_s=1.0,
                overhead_s=1.0,
                peak_memory_bytes=size * 100,
            )


def test_nothing_measured_gives_none():
    assert cost_of_pass(CONFIG, {1: 5}, 8) is None


def test_no_batches_give_none(measured):
    assert cost_of_pass(CONFIG, {}, 8) is None


@pytest.mark.parametrize(
    ("sizes", "seconds", "bytes_", "known"),
    [
        ({1: 10}, 1.0, 100, (1,)),
        ({4: 5}, 1.0, 400, (4,)),
        ({1: 10, 4: 5}, 2.0, 400, (1, 4)),
        ({2: 5, 8: 5}, 1.0 + 2.0, 400, (1, 4)),
    ],
)
def test_each_size_costs_what_was_measured_nearest_to_it(measured, sizes, seconds, bytes_, known):
    cost = cost_of_pass(CONFIG, sizes, 8)
    assert (cost.elapsed_s, cost.peak_memory_bytes, cost.measured) == (seconds, bytes_, known)
