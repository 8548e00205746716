# SPDX-License-Identifier: AGPL-3.0-only
"""Validations of runs are stored once, read in order, and go with their jobs."""

from __future__ import annotations

from engine.store.repository import Repository


def test_validations_come_back_in_order_and_go_with_their_job() -> None:
    with Repository(":memory:") as repository:
        assert repository.validations.of([]) == []
        first, second = (repository.jobs.add(kind="generate", label="a", request={}).id for _ in range(2))
        scores = {"asr": 0.5, "confidence_retained": 0.25, "ap50": 0.75}
        repository.validations.add(second, 10, scores, {"asr": (0.25, 0.75)})
        repository.validations.add(first, 10, {"asr": 1.0})
        repository.validations.add(second, 20, scores)
        repository.validations.add(second, 10, {"asr": 9.0})  # a resumed run repeats it
        found = repository.validations.of([first, second])
        assert [(each.job_id, each.iteration) for each in found] == [(second, 10), (first, 10), (second, 20)]
        assert found[0].scores == found[2].scores == scores
        assert (found[0].ci95, found[2].ci95) == ({"asr": (0.25, 0.75)}, {})
        repository.jobs.delete(second)
        assert [each.job_id for each in repository.validations.of([first, second])] == [first]
