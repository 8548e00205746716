# SPDX-License-Identifier: AGPL-3.0-only
"""A generation does what its request says, on the worker's device."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.config import RunConfig
from engine.jobs import queue
from engine.jobs.child import INTERRUPTED
from engine.jobs.estimates import Estimate
from engine.jobs.kinds.generate import Generate, GenerateRequest
from engine.patch.state import CHECKPOINT
from engine.runs.paths import job_folder
from engine.store.repository import Repository
from tests.engine.jobs.kinds.conftest import CarryOut

Settings = Callable[..., RunConfig]
DEMO = RunConfig(dataset="demo", weights="demo")


def test_a_generation_begins_anew_goes_on_and_is_put_on_record(
    repository: Repository, settings: Settings, carry_out: CarryOut
) -> None:
    queue.submit(repository, "generate", GenerateRequest(config=settings(device="auto")))
    asked: list[int] = []
    job_folder(1).mkdir(parents=True)
    (job_folder(1) / "half-made").touch()
    carry_out(stop=lambda: asked.append(1) or len(asked) == 5, code=INTERRUPTED)
    assert {path.name for path in job_folder(1).iterdir()} == {
        "checkpoint.pt",
        "film",
        "live.npy",
        "live.png",
    }
    repository.queue.release(["w"], "gone")
    queue.resume(repository, 1)
    job, summary, folder = carry_out()
    assert (summary["steps"], summary["device"], summary["config"]["device"]) == (12, "cpu", "cpu")
    assert {path.name for path in folder.iterdir()} == {
        *("patch.npy", "patch.png", "run.json", "history.csv", "checkpoint.pt", "film", "outcomes.json")
    }
    (patch,) = repository.patches.find()
    assert patch.job_id == job.id
    assert len(repository.patches.scores(patch.id)) == 1
    assert Generate().scores(summary) == summary["evaluation"]


def test_its_checkpoint_is_the_runs() -> None:
    assert Generate.checkpoint == CHECKPOINT


@pytest.mark.parametrize(
    ("config", "facts", "label"),
    [
        (
            RunConfig(dataset="/data/streets.yaml", weights="/nets/yolo11n.pt", class_name="car"),
            {},
            "car · yolo11n · streets",
        ),
        (
            DEMO.changed(class_name=("man", "woman"), detector_class="person"),
            {},
            "man, woman → person · demo · demo",
        ),
        (
            DEMO.changed(class_name="3"),
            {"classes": {"dataset": ["car"], "detector": "vehicle"}, "steps": 2},
            "car → vehicle · demo · demo",
        ),
    ],
)
def test_it_is_called_after_what_it_attacks(config: RunConfig, facts: dict, label: str) -> None:
    assert Generate().label(GenerateRequest(config=config), facts) == label


def test_its_estimate_is_that_of_the_run(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Estimate(
        elapsed_s=9, low_s=8, high_s=10, peak_memory_bytes=1, disk_bytes=1, measured_at=0, runs=0
    )
    asked: list[tuple] = []

    def estimate(repository: Repository, config: RunConfig, *, evaluate_after: bool) -> Estimate | None:
        asked.append((config, evaluate_after))
        return known if evaluate_after else None

    monkeypatch.setattr("engine.jobs.estimates.estimate", estimate)
    assert Generate().estimate(repository, GenerateRequest(config=DEMO)) == known.to_json()
    assert Generate().estimate(repository, GenerateRequest(config=DEMO, evaluate_after=False)) is None
    assert asked == [(DEMO, True), (DEMO, False)]
