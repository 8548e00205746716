# SPDX-License-Identifier: AGPL-3.0-only
"""Steps are stored exactly, undoubled, and read thinned."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.store.repository import Repository
from tests.engine.store.factories import step


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository(":memory:") as opened:
        opened.jobs.add(kind="generate", label="", request={})
        opened.jobs.add(kind="generate", label="", request={})
        yield opened


def test_a_job_without_steps_has_none(repository: Repository) -> None:
    repository.steps.add(1, [])
    assert repository.steps.read(1) == []
    assert repository.steps.last(1) == 0


def test_steps_come_back_as_they_were(repository: Repository) -> None:
    steps = [step(number) for number in range(1, 11)]
    repository.steps.add(1, steps[:6])
    repository.steps.add(1, steps[4:])
    repository.steps.add(2, steps[:1])
    assert repository.steps.read(1) == steps
    assert repository.steps.last(1) == 10
    assert repository.steps.read(2) == steps[:1]


@pytest.mark.parametrize(
    ("at_most", "found"), [(1, [1, 10]), (2, [1, 10]), (4, [1, 4, 7, 10]), (5, [1, 4, 7, 10])]
)
def test_reading_thins_evenly_between_the_first_and_the_last(
    repository: Repository, at_most: int, found: list[int]
) -> None:
    repository.steps.add(1, map(step, range(1, 11)))
    assert [each.step for each in repository.steps.read(1, at_most=at_most)] == found


def test_what_comes_after_a_step_can_be_written_anew(repository: Repository) -> None:
    repository.steps.add(1, map(step, range(1, 6)))
    with repository.connection.transaction():
        repository.steps.write(1, [step(4, loss=0.5)], forget_after=3)
    assert [each.loss for each in repository.steps.read(1)] == [step(n).loss for n in (1, 2, 3)] + [0.5]


def test_steps_go_with_their_job(repository: Repository) -> None:
    repository.steps.add(1, [step(1)])
    repository.jobs.delete(1)
    assert repository.steps.last(1) == 0
