# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

from dataclasses import replace

from engine.choices import Candidate, Choice
from engine.store.repository import Repository

FOUND = Choice(
    chosen=Candidate(precision="fp32", batch_size=4, compiled=False, images_per_s=3.0),
    measured_at=1.0,
    elapsed_s=5.0,
)


def test_what_was_not_measured_is_not_known() -> None:
    with Repository(":memory:") as repository:
        assert repository.choices.get({}) is None
        assert repository.choices.latest(5) == []


def test_the_latest_measurement_with_a_key_counts_and_took_no_time_now() -> None:
    with Repository(":memory:") as repository:
        repository.choices.put({"machine": "a", "device": "cpu"}, replace(FOUND, measured_at=3.0))
        repository.choices.put({"device": "cpu", "machine": "a"}, FOUND)
        repository.choices.put({"machine": "b"}, replace(FOUND, measured_at=2.0))
        known = replace(FOUND, elapsed_s=0.0, known=True)
        assert repository.choices.get({"machine": "a", "device": "cpu"}) == known
        assert [key["machine"] for key, _choice in repository.choices.latest(5)] == ["b", "a"]
        assert [choice.measured_at for _key, choice in repository.choices.latest(1)] == [2.0]
