# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.config import RunConfig
from engine.errors import SettingsError
from engine.jobs.estimates import cost_key, estimate
from engine.jobs.measuring import measure_costs
from engine.store.repository import Repository


@pytest.mark.parametrize("changes", [{}, {"iterations": 1, "batch_size": 0}, {"batching": "sequential"}])
def test_a_few_steps_suffice_for_an_estimate(settings: Callable[..., RunConfig], changes: dict) -> None:
    config = settings(**changes)
    cost = measure_costs(config)
    assert min(cost.images_per_s, cost.evaluated_per_s, cost.overhead_s, cost.peak_memory_bytes) > 0
    with Repository() as repository:
        assert repository.costs.get(cost_key(config)) == cost
        estimated = estimate(repository, config)
    assert estimated is not None
    assert estimated.elapsed_s > cost.overhead_s


def test_arts_steps_are_not_measured(settings: Callable[..., RunConfig]) -> None:
    with pytest.raises(SettingsError, match="expected the native backend, got art"):
        measure_costs(settings(backend="art", batch_size=1, optimizer="adam"))
