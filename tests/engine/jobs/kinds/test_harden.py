# SPDX-License-Identifier: AGPL-3.0-only
"""A hardening in the queue: it is paused, goes on, and its weights and patches stand on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.config import HardeningConfig
from engine.detectors.loading import load_detector
from engine.jobs import queue
from engine.jobs.child import INTERRUPTED
from engine.jobs.kinds.harden import Harden, HardenRequest
from engine.runs.paths import job_folder
from engine.runs.training_course import CHECKPOINT
from engine.store.repository import Repository
from tests.engine.jobs.kinds.conftest import CarryOut


@pytest.fixture
def request_of(blocks: Path, tiny_weights: Path) -> Any:
    def make(**changes: Any) -> HardenRequest:
        small: dict[str, Any] = {
            "dataset": str(blocks),
            "weights": str(tiny_weights),
            "image_size": 64,
            "epochs": 2,
            "time_limit_s": 0.0,
            "batch_size": 2,
            "patch_size": 16,
            "renew_images": 2,
            "trial_time_s": 0.01,
        }
        return HardenRequest(config=HardeningConfig(**small | changes))

    return make


def test_it_is_paused_goes_on_and_is_put_on_record(
    repository: Repository, request_of: Any, carry_out: CarryOut
) -> None:
    queue.submit(repository, "harden", request_of())
    folder = job_folder(1)
    carry_out(stop=lambda: (folder / CHECKPOINT).exists(), code=INTERRUPTED)
    repository.queue.release(["w"], "gone")
    queue.resume(repository, 1)
    job, result, _ = carry_out()
    assert job.label == "Harden tiny for person on blocks"
    assert set(result["trial"]["after"]) == {"clean", "old_patch", "new_patch", "noise", "grey"}
    assert [step.iteration for step in repository.steps.read(job.id)] == [1, 2]
    (weights,) = repository.weights.all()
    assert weights.path.endswith("weights/tiny-hardened-blocks-1.pt")
    assert weights.origin["hardened"] == result["headline"]
    assert load_detector("tiny-hardened-blocks-1", device="cpu").checksum() == weights.checksum
    names = {patch.name for patch in repository.patches.find()}
    assert names == {
        "Trial of hardening 1: against tiny",
        "Trial of hardening 1: against tiny-hardened-blocks-1",
    }


def test_what_cannot_be_hardened_fails_in_one_line(
    repository: Repository, request_of: Any, carry_out: CarryOut
) -> None:
    queue.submit(repository, "harden", request_of(class_name="dog"))
    carry_out(code=1)
    assert "there is no class 'dog' in the dataset" in str(repository.jobs.get(1).error)


def test_its_paths_are_absolute(request_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Harden.checkpoint == CHECKPOINT
    weights = Path(request_of().config.weights)
    monkeypatch.chdir(weights.parent)
    config = request_of(patches=(weights.name, "3"), transfer_weights=weights.name).absolute().config
    assert (config.patches, config.transfer_weights) == ((str(weights), "3"), str(weights))
