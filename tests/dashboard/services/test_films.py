# SPDX-License-Identifier: AGPL-3.0-only
"""The moments of a film with the loss and the scores that go with each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dashboard.services import films
from engine.records import StepRecord
from engine.runs.film import Film
from engine.store.repository import Repository
from engine.store.validations import Validation
from tests.dashboard.homes import fill


def step(number: int, iteration: int, loss: float) -> StepRecord:
    return StepRecord(
        step=number, iteration=iteration, loss=loss, terms={}, learning_rate=0.1, images=1, elapsed_s=1.0
    )


STEPS = [step(number, (number + 9) // 10, float(number)) for number in range(1, 41)]  # ten an iteration


@pytest.mark.parametrize(
    ("number", "iteration", "loss", "asr"),
    [
        (0, 0, None, None),
        (1, 1, 1.0, None),
        (10, 1, 10.0, 0.25),  # the validation after the first iteration is of this very patch
        (16, 2, 15.5, 0.25),
        (40, 4, 38.5, 0.75),
    ],
)
def test_figures_go_with_the_moment(
    number: int, iteration: int, loss: float | None, asr: float | None
) -> None:
    validated = [
        Validation(job_id=1, iteration=each, at=0.0, scores={"asr": each / 4 if each < 4 else 0.75})
        for each in (4, 1)
    ]
    (found,) = films.told([(number, b"picture")], STEPS, validated)
    assert (found.step, found.iteration, found.picture, found.loss) == (number, iteration, b"picture", loss)
    assert found.scores.get("asr") == asr


def test_without_steps_or_pictures_there_is_little_to_tell() -> None:
    assert films.told([], STEPS, []) == []
    (found,) = films.told([(8, b"")], [], [])
    assert (found.iteration, found.loss, found.scores) == (0, None, {})


def test_the_film_lies_in_the_folder_of_the_run(own_home: Path) -> None:
    with Repository() as repository:
        patch = fill(repository, runs=1, steps=3)[0]
        assert patch.job_id is not None
        assert films.moments(patch.job_id) == []
        folder = Path(repository.jobs.get(patch.job_id).folder or own_home / "jobs" / str(patch.job_id))
        folder.mkdir(parents=True, exist_ok=True)
        Film(folder=folder).add(2, np.zeros((3, 8, 8), np.float32))
        repository.validations.add(patch.job_id, 1, {"asr": 0.5})
    films.moments.clear()
    films.validations.clear()
    assert [moment.step for moment in films.moments(patch.job_id)] == [2]
    assert [each.iteration for each in films.validations(patch.job_id)] == [1]
