# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs survive whatever is killed: real workers, real children, SIGKILL."""

from __future__ import annotations

import random
import time
from itertools import product
from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.jobs import queue
from engine.jobs.kinds.generate import GenerateRequest
from engine.patch.state import load_checkpoint
from engine.records import Job
from engine.runs.commands import generate
from engine.runs.paths import job_folder
from engine.store.repository import Repository
from tests.engine.jobs.processes import children, kill, start_worker, until, wait_for

VICTIMS = ("child", "worker", "both")
MOMENTS = ("loading", "between checkpoints", "writing one")
KILLS = tuple(product(MOMENTS, VICTIMS))


@pytest.fixture(scope="module")
def unbroken(
    tmp_path_factory: pytest.TempPathFactory, blocks: Path, tiny_weights: Path
) -> tuple[RunConfig, bytes]:
    """Settings of a run of some seconds, and the patch that it makes undisturbed."""
    config = RunConfig(
        dataset=str(blocks),
        weights=str(tiny_weights),
        device="cpu",
        image_size=64,
        view_size=0,
        iterations=150,
        batch_size=2,
        patch_height=16,
        patch_width=16,
        checkpoint_every=5,
        validation_share=0.0,
    )
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    generate(config, folder, evaluate_after=False)
    return config, (folder / "patch.npy").read_bytes()


class Disturbed:
    """Kills what carries out a run, at moments of its attempts, and brings back what was killed.

    A run that ends before all kills are done is followed by another.
    """

    def __init__(self, repository: Repository, home: Path, config: RunConfig) -> None:
        self._repository, self._home, self._config = repository, home, config
        self._chance = random.Random(0)
        self._worker = start_worker(home)
        self.jobs: list[int] = []
        self._submit()

    def kill(self, victim: str, moment: str) -> None:
        """SIGKILL for the child, the worker or both, at some time within that moment."""
        if self._wait_for(moment).state == "succeeded":
            self._submit()
            self._wait_for(moment)
        self._attempt = self._job().attempt
        targets = children(self._worker) if victim != "worker" else []
        if victim != "child":
            self._worker.kill()
        kill(targets)
        if victim != "child":
            self._worker.wait()
            self._worker = start_worker(self._home)

    def end(self) -> None:
        """Let the last run come to its end."""
        until(self._begun)
        wait_for(self._repository, self.jobs[-1], "succeeded", "failed")
        self._worker.terminate()
        assert self._worker.wait(30) == 0

    def close(self) -> None:
        self._worker.kill()
        self._worker.wait()

    def _submit(self) -> None:
        self._attempt = 0
        request = GenerateRequest(config=self._config, evaluate_after=False)
        self.jobs.append(queue.submit(self._repository, "generate", request, auto_resume=True).id)

    def _job(self) -> Job:
        job = self._repository.jobs.get(self.jobs[-1])
        assert job.state != "failed", job.error
        return job

    def _begun(self) -> Job | None:
        """The job once its next attempt runs; what three attempts in a row got nowhere with is resumed."""
        job = self._job()
        if job.state == "interrupted":
            queue.resume(self._repository, job.id)
        return job if job.state == "succeeded" or self._runs(job) else None

    def _runs(self, job: Job) -> bool:
        return job.state == "running" and job.attempt > self._attempt

    def _wait_for(self, moment: str) -> Job:
        until(self._begun)
        if moment == "loading":
            time.sleep(self._chance.uniform(0, 1.5))
            return self._job()
        until(lambda: not self._runs(job := self._job()) or job.progress.phase == "optimising")
        if moment == "between checkpoints":
            time.sleep(self._chance.uniform(0, 0.4))
            return self._job()
        folder = job_folder(self.jobs[-1])
        until(lambda: any(folder.glob(".checkpoint.pt*")) or not self._runs(self._job()), every_s=0)
        return self._job()


@pytest.mark.slow
def test_kills_of_each_at_every_moment_lead_to_the_same_patch(
    own_home: Path, unbroken: tuple[RunConfig, bytes]
) -> None:
    config, expected = unbroken
    with Repository() as repository:
        run = Disturbed(repository, own_home, config)
        try:
            for moment, victim in KILLS:
                run.kill(victim, moment)
            run.end()
        finally:
            run.close()
        for job_id in run.jobs:
            assert (job_folder(job_id) / "patch.npy").read_bytes() == expected
            state, _ = load_checkpoint(job_folder(job_id))
            assert repository.steps.read(job_id, at_most=10**6) == state.history
            assert [record.step for record in state.history] == list(range(1, 451))
        # A kill may fall into the moment in which a run has just ended, and then disturbs none.
        attempts = sum(repository.jobs.get(job_id).attempt for job_id in run.jobs)
        assert len(KILLS) <= attempts <= len(KILLS) + len(run.jobs)
