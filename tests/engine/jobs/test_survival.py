# SPDX-License-Identifier: AGPL-3.0-only
"""Jobs survive whatever is killed: real workers, real children, SIGKILL."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.jobs import queue
from engine.jobs.handlers import generate
from engine.jobs.places import job_folder
from engine.patch.state import load_checkpoint
from engine.records import Job
from engine.store.repository import Repository
from tests.engine.jobs.processes import children, kill, start_worker, until, wait_for

Settings = Callable[..., RunConfig]

KILLS = 20
VICTIMS = ("child", "worker", "both")
ITERATIONS = 300


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
        iterations=ITERATIONS,
        batch_size=2,
        patch_height=16,
        patch_width=16,
        checkpoint_every=10,
    )
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    generate(config, folder, evaluate_after=False)
    return config, (folder / "patch.npy").read_bytes()


class Chain:
    """Kills what carries out one job after another on a device, and brings it back each time."""

    def __init__(self, home: Path, device: str, config: RunConfig, seed: int) -> None:
        self.home, self.device, self.config, self.chance = home, device, config, random.Random(seed)
        self.ended: list[int] = []
        self.kills = 0
        self.error: BaseException | None = None

    def run(self, kills: int) -> None:
        try:
            with Repository(self.home / "patchbench.db") as self.repository:
                self._run(kills)
        except BaseException as error:
            self.error = error

    def _run(self, kills: int) -> None:
        process = start_worker(self.home, self.device)
        job = self._submit()
        while self.kills < kills or job.state != "succeeded":
            if self.kills < kills:
                victim = VICTIMS[self.kills % len(VICTIMS)]
                self._wait_for_a_moment(job)
                self._kill(victim, process)
                self.kills += 1
                if victim != "child":
                    process.wait()
                    process = start_worker(self.home, self.device)
            else:
                wait_for(self.repository, job.id, "succeeded", "interrupted", "failed")
            job = self.repository.jobs.get(job.id)
            if job.state == "interrupted":
                job = queue.resume(self.repository, job.id)
            assert job.state != "failed", job.error
            if job.state == "succeeded":
                self.ended.append(job.id)
                if self.kills < kills:
                    job = self._submit()
        process.terminate()
        process.wait()

    def _submit(self) -> Job:
        config = self.config.changed(device=self.device)
        return queue.submit_generate(self.repository, config, evaluate_after=False, auto_resume=True)

    def _wait_for_a_moment(self, job: Job) -> None:
        """Some time after the attempt has begun to load, or after it has begun to make steps."""
        attempt = job.attempt

        def begun() -> bool:
            now = self.repository.jobs.get(job.id)
            if now.state == "interrupted":
                queue.resume(self.repository, job.id)
            running = now.state == "running" and (now.attempt > attempt or not attempt)
            return now.state == "succeeded" or (running and (loading or now.progress.phase == "optimising"))

        loading = self.chance.random() < 0.3
        until(begun)
        time.sleep(self.chance.uniform(0, 1.5))

    def _kill(self, victim: str, process: subprocess.Popen[bytes]) -> None:
        targets = children(process) if victim != "worker" else []
        if victim != "child":
            process.kill()
        kill(targets)


@pytest.mark.slow
def test_twenty_kills_lead_to_the_same_patch(own_home: Path, unbroken: tuple[RunConfig, bytes]) -> None:
    config, expected = unbroken
    own_home.mkdir()
    chains = [Chain(own_home, f"cpu:{number}", config, seed=number) for number in range(2)]
    threads = [threading.Thread(target=chain.run, args=[KILLS // 2]) for chain in chains]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [chain.error for chain in chains] == [None, None]
    assert sum(chain.kills for chain in chains) == KILLS
    with Repository() as repository:
        for job_id in (each for chain in chains for each in chain.ended):
            assert (job_folder(job_id) / "patch.npy").read_bytes() == expected
            state, _ = load_checkpoint(job_folder(job_id))
            assert repository.steps.read(job_id, at_most=10**6) == state.history
            assert [record.step for record in state.history] == list(range(1, len(state.history) + 1))
