# SPDX-License-Identifier: AGPL-3.0-only
"""ART's runs land in the same kind of folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.errors import RunInterruptedError, StorageError
from engine.runs.commands import Observer, generate, resume
from engine.runs.film import frames, is_moment

Settings = Callable[..., RunConfig]


@pytest.mark.parametrize(
    ("batching", "steps", "batch_size", "told"),
    [("sequential", 5, 1, "sequential"), ("grouped", 3, 2, "grouped")],
)
def test_art_leaves_the_same_kind_of_folder(
    settings: Settings, tmp_path: Path, batching: str, steps: int, batch_size: int, told: str
) -> None:
    announced: list[int] = []
    ends: list[tuple[int, int]] = []

    def on_step(record, state):
        assert state.elapsed_s > 0
        if state.steps_in_iteration == 0:
            ends.append((state.iteration, record.step))

    observer = Observer(on_begin=lambda state, count: announced.append(count), on_step=on_step)
    summary = generate(
        settings(backend="art", batching=batching, iterations=2), tmp_path / "run", observer=observer
    )
    assert announced == [steps]
    assert ends == [(1, steps), (2, 2 * steps)]
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {"patch.npy", "patch.png", "run.json", "history.csv", "film", "outcomes.json"}
    moments = [step for step in range(1, 2 * steps + 1) if is_moment(step) or step == 2 * steps]
    assert [frame.step for frame in frames(tmp_path / "run")] == moments
    assert (summary["backend"], summary["batch_size"], summary["batching"]) == ("art", batch_size, told)
    assert (summary["iterations"], summary["steps"], summary["image_iterations"]) == (2, 2 * steps, 10)
    assert (summary["config"]["backend"], summary["art"]["patch_size"]) == ("art", 16)
    assert summary["detector"]["name"] == "tiny"
    assert summary["evaluation"]["settings"]["images"] == 5


def test_art_never_sees_the_images_held_out(settings: Settings, tmp_path: Path) -> None:
    config = settings(backend="art", iterations=1, batch_size=1, validation_share=0.4)
    summary = generate(config, tmp_path / "run")
    assert (summary["steps"], summary["image_iterations"]) == (3, 3)
    assert summary["evaluation"]["on"] == "held-out images"
    assert summary["evaluation"]["settings"]["images"] == 2


def test_a_stop_leaves_nothing_and_says_so(settings: Settings, tmp_path: Path) -> None:
    config = settings(backend="art", batch_size=1, iterations=50)
    with pytest.raises(RunInterruptedError, match="stopped in iteration 1 of 50, and ART cannot resume"):
        generate(config, tmp_path / "run", observer=Observer(stop_requested=lambda: True))
    assert not (tmp_path / "run").exists()


def test_there_is_nothing_to_resume(settings: Settings, tmp_path: Path) -> None:
    config = settings(backend="art", iterations=1)
    generate(config, tmp_path / "run", evaluate_after=False)
    with pytest.raises(StorageError, match=r"expected a run with a checkpoint\.pt, found none"):
        resume(tmp_path / "run")
