# SPDX-License-Identifier: AGPL-3.0-only
"""What is stored of a run while it goes on is exactly what it did, and writing it costs next to nothing."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.config import RunConfig
from engine.errors import RunInterruptedError, StorageError
from engine.jobs import queue
from engine.jobs.kinds.generate import GenerateRequest
from engine.jobs.ledger import StoredLedger
from engine.jobs.reporting import Reporter, RunReporter
from engine.patch.state import RunState, load_checkpoint
from engine.records import Job, StepRecord
from engine.runs.commands import generate, resume
from engine.runs.generation import Observer
from engine.store.repository import Repository

Settings = Callable[..., RunConfig]
Start = Callable[..., tuple[RunReporter, Job]]


class LostError(Exception):
    """Stands for the end of the process."""


def lost() -> None:
    raise LostError


@pytest.fixture
def repository(own_home: Path) -> Iterator[Repository]:
    own_home.mkdir()
    with Repository(own_home / "patchbench.db", timeout_s=0.05) as opened:
        yield opened


@pytest.fixture
def start(repository: Repository, settings: Settings) -> Start:
    """A reporter of the job, in its first or a further attempt."""

    def make(kind: type[Reporter] = RunReporter, stop: Callable[[], bool] = lambda: False) -> tuple:
        if not repository.jobs.count():
            queue.submit(repository, "generate", GenerateRequest(config=settings()))
        repository.queue.release(["w"], "gone")
        if repository.jobs.get(1).state == "interrupted":
            queue.resume(repository, 1)
        job = repository.queue.claim("w", "cpu")
        assert job is not None
        return kind(StoredLedger(repository, job, stop_requested=stop, lost=lost)), job

    return make


def stored(repository: Repository) -> list[StepRecord]:
    return repository.steps.read(1, at_most=10**6)


def test_phases_are_stored_when_they_begin_and_then_once_a_second(
    repository: Repository, start: Start
) -> None:
    now = [0.0]
    _, job = start(Reporter)
    ledger = StoredLedger(repository, job, stop_requested=lambda: False, lost=lost)
    reporter = Reporter(ledger, clock=lambda: now[0])
    seen = []
    for done in range(40):
        now[0] = done / 10
        reporter.phase("reading", done, 100, "images")
        seen.append(repository.jobs.get(1).progress.done)
    assert sorted(set(seen)) == [0, 10, 20, 30]
    progress = repository.jobs.get(1).progress
    assert (progress.phase, progress.unit, progress.share) == ("reading", "images", 0.3)
    assert progress.rate == pytest.approx(10)
    assert progress.remaining_s == pytest.approx(7)
    assert progress.memory_bytes is not None
    assert progress.memory_bytes > 10**7
    reporter.phase("storing")
    assert repository.jobs.get(1).progress.phase == "storing"


def test_a_phase_ends_where_a_stop_is_wanted(start: Start) -> None:
    reporter, _ = start(Reporter, stop=lambda: True)
    with pytest.raises(RunInterruptedError, match="stopped while reading; resume the job"):
        reporter.phase("reading")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"merge": "mean", "batching": "grouped"},
        {"backend": "art", "batch_size": 1, "iterations": 1},
    ],
)
def test_after_a_run_its_steps_are_those_of_its_history(
    repository: Repository, settings: Settings, start: Start, tmp_path: Path, changes: dict
) -> None:
    reporter, _ = start()
    summary = generate(settings(**changes), tmp_path / "run", observer=reporter.observe(tmp_path))
    reporter.finish()
    rows = (tmp_path / "run" / "history.csv").read_text().splitlines()[1:]
    steps = stored(repository)
    assert [(each.step, repr(each.loss)) for each in steps] == [
        (int(step), loss) for step, _, loss, *_ in (row.split(",") for row in rows)
    ]
    assert [f"{each.elapsed_s:.3f}" for each in steps] == [row.split(",")[-1] for row in rows]
    assert len(steps) == summary["steps"]
    assert repository.jobs.get(1).progress.phase == "scoring"


def leave_after(steps: int, reporter: RunReporter, folder: Path, *, store: bool) -> Observer:
    """An observer that breaks off without a word, whatever is stored or not by then."""
    watcher = reporter.observe(folder)
    made: list[int] = []

    def die(record: StepRecord, state: RunState) -> None:
        watcher.on_step(record, state)
        made.append(1)
        if store:
            reporter.store()
        if len(made) == steps:
            raise KeyboardInterrupt

    return replace(watcher, on_step=die)


def go_on(config: RunConfig, folder: Path, observer: Observer) -> None:
    if folder.exists():
        resume(folder, observer=observer, evaluate_after=False)
    else:
        generate(config, folder, observer=observer, evaluate_after=False)


@pytest.mark.parametrize("merge", ["shared", "mean"])
def test_after_a_kill_the_steps_are_neither_doubled_nor_lost(
    repository: Repository, settings: Settings, start: Start, tmp_path: Path, merge: str
) -> None:
    """Twice the run is left without a word: once ahead of its checkpoint, once with steps not yet stored."""
    config = settings(checkpoint_every=2, iterations=5, merge=merge)
    generate(config, tmp_path / "unbroken", evaluate_after=False)
    for after in (4, 6):
        reporter, _ = start()
        dying = leave_after(after, reporter, tmp_path, store=after == 4)
        with pytest.raises(KeyboardInterrupt):
            go_on(config, tmp_path / "run", dying)
    reporter, _ = start()
    resume(tmp_path / "run", observer=reporter.observe(tmp_path), evaluate_after=False)
    reporter.finish()
    patches = [(tmp_path / name / "patch.npy").read_bytes() for name in ("run", "unbroken")]
    assert patches[0] == patches[1]
    steps = stored(repository)
    rows = (tmp_path / "run" / "history.csv").read_text().splitlines()[1:]
    assert [each.step for each in steps] == list(range(1, len(rows) + 1))
    assert [repr(each.loss) for each in steps] == [row.split(",")[2] for row in rows]
    if merge == "shared":
        assert steps == load_checkpoint(tmp_path / "run")[0].history


def test_the_live_patch_is_a_picture_of_the_run(
    repository: Repository, settings: Settings, start: Start, tmp_path: Path
) -> None:
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) == 5

    reporter, _ = start(stop=stop)
    mask = np.eye(16, dtype=bool)
    with pytest.raises(RunInterruptedError):
        generate(settings(circular=True), tmp_path / "run", observer=reporter.observe(tmp_path, mask))
    state, _ = load_checkpoint(tmp_path / "run")
    assert np.array_equal(np.load(tmp_path / "live.npy"), state.patch_chw.numpy())
    with Image.open(tmp_path / "live.png") as image:
        assert (image.size, image.mode) == ((16, 16), "RGBA")
    assert stored(repository) == state.history
    progress = repository.jobs.get(1).progress
    assert (progress.phase, progress.done, progress.total, progress.unit) == ("optimising", 5, 12, "steps")
    assert progress.loss == state.history[-1].loss


def test_a_busy_database_and_a_full_disk_do_not_disturb_a_run(
    repository: Repository,
    settings: Settings,
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    reporter, _ = start()
    watcher = reporter.observe(tmp_path)
    blocker = sqlite3.connect(repository.connection.path)

    def block(record: StepRecord, state: object) -> None:
        if record.step == 3:
            blocker.execute("BEGIN IMMEDIATE")
        if 3 <= record.step <= 5:
            reporter.store()
        if record.step == 6:
            blocker.rollback()
        watcher.on_step(record, state)

    def full(*arguments: object, **options: object) -> None:
        raise StorageError("live.npy: cannot be written, No space left on device; free it")

    monkeypatch.setattr("engine.jobs.reporting.write_patch_array", full)
    with caplog.at_level(logging.WARNING):
        generate(settings(), tmp_path / "run", observer=replace(watcher, on_step=block), evaluate_after=False)
    blocker.close()
    reporter.finish()
    assert stored(repository) == load_checkpoint(tmp_path / "run")[0].history
    assert "Progress could not be stored" in caplog.text
    assert "database is locked" in caplog.text
    assert "The live patch could not be stored" in caplog.text


def test_a_database_that_stays_busy_is_told_in_the_end(
    repository: Repository, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("engine.jobs.reporting.time.sleep", slept.append)
    monkeypatch.setattr("engine.jobs.reporting.LAST_TRIES", 3)
    reporter, _ = start()
    blocker = sqlite3.connect(repository.connection.path)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="database is locked; another process is writing"):
        reporter.finish()
    blocker.close()
    assert len(slept) == 2


def test_an_attempt_that_no_longer_counts_ends(
    repository: Repository, settings: Settings, start: Start, tmp_path: Path
) -> None:
    reporter, _ = start()
    repository.queue.release(["w"], "gone")
    with pytest.raises(LostError):
        generate(settings(), tmp_path / "run", observer=reporter.observe(tmp_path))
    assert stored(repository) == []


def test_a_further_checkpoint_makes_an_attempt_fruitful(
    repository: Repository, settings: Settings, start: Start, tmp_path: Path
) -> None:
    reporter, job = start()
    repository.jobs.edit(1, auto_resume=True)
    for _ in range(2):
        repository.queue.release(["w"], "gone")
        job = repository.queue.claim("w", "cpu")
        assert job is not None
    assert not repository.queue.may_go_on(job)
    reporter = RunReporter(StoredLedger(repository, job, stop_requested=lambda: False, lost=lost))
    generate(settings(), tmp_path / "run", observer=reporter.observe(tmp_path), evaluate_after=False)
    assert repository.queue.may_go_on(job)


def test_what_it_costs_stays_below_its_share(
    repository: Repository, start: Start, tmp_path: Path, settings: Settings
) -> None:
    """A thousand steps a second, each told, for three seconds: the seconds within the reporter, all told."""
    reporter, _ = start()
    spent = [0.0]
    watcher = reporter.observe(tmp_path)
    state = RunState(patch_chw=torch.rand(3, 96, 96), iterations=100)
    watcher.on_begin(state, 100)
    began = time.perf_counter()
    steps = 0
    while (elapsed := time.perf_counter() - began) < 3:
        steps += 1
        state.step, state.elapsed_s, state.image_iterations = steps, elapsed, 2 * steps
        record = StepRecord(
            step=steps,
            iteration=1,
            loss=0.5,
            terms={"object": 0.5},
            learning_rate=0.03,
            images=2,
            elapsed_s=elapsed,
        )
        before = time.thread_time()
        watcher.on_step(record, state)
        spent[0] += time.thread_time() - before
        time.sleep(0.001)
    assert spent[0] / elapsed < 0.05
