# SPDX-License-Identifier: AGPL-3.0-only
"""Sweeps: what was tried, what it came to, and starting one. Optuna stays in the engine's processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from dashboard.services.generate import built, held
from dashboard.services.storage import cached, opened
from engine.jobs import queue
from engine.jobs import sweeps as engine_sweeps
from engine.jobs.estimates import estimate as estimate_run
from engine.jobs.needs import Needs
from engine.jobs.sweeps import best_run, best_trial, request_of
from engine.records import Job, PatchRecord
from engine.settings import Setting
from engine.store.sweeps import Sweep, Trial
from engine.sweeps.config import SCORES, SweepRequest
from engine.sweeps.space import usual_values, variable_settings
from engine.sweeps.trial_names import read_trial_name

__all__ = [
    "SCORES",
    "Sweep",
    "SweepRequest",
    "Trial",
    "best_patches",
    "best_run",
    "best_trial",
    "cancel",
    "estimate",
    "find",
    "get",
    "go_on",
    "jobs_at_work",
    "read_trial_name",
    "request",
    "request_of",
    "start",
    "usual_values",
    "varied",
]

LISTED = 200


@cached(ttl_s=2)
def find() -> list[Sweep]:
    """The sweeps with their trials, newest first."""
    with opened() as repository:
        return repository.sweeps.find(limit=LISTED)


@cached(ttl_s=2)
def get(sweep_id: int) -> Sweep:
    """One sweep.

    Raises:
        JobError: there is none with this number.
    """
    with opened() as repository:
        return repository.sweeps.get(sweep_id)


@cached(ttl_s=1)
def jobs_at_work(sweep_id: int) -> list[Job]:
    """The jobs of a sweep that run or wait, in the order of their trials."""
    with opened() as repository:
        return engine_sweeps.open_jobs(repository, repository.sweeps.get(sweep_id))


@cached(ttl_s=5)
def best_patches(sweep_id: int, limit: int = 6) -> list[tuple[Trial, int, PatchRecord]]:
    """The best trials whose patches are still there, best first, each with the job of its best run."""
    with opened() as repository:
        sweep = repository.sweeps.get(sweep_id)
        sign = 1 if request_of(sweep).low_is_best else -1
        ranked = sorted(
            (trial for trial in sweep.trials if trial.state == "succeeded" and trial.value is not None),
            key=lambda trial: sign * (trial.value or 0.0),
        )
        found = []
        for trial in ranked:
            job_id = trial.jobs[best_run(sweep, trial)]
            patch = repository.patches.of_job(job_id)
            if patch is not None:
                found.append((trial, job_id, patch))
            if len(found) == limit:
                break
    return found


def varied() -> dict[str, Setting]:
    """Name → the declaration of each setting that a sweep can vary, those with usual values first."""
    found = variable_settings()
    return dict(sorted(found.items(), key=lambda item: (item[1].sweep is None) + (not usual_values(item[1]))))


def request(values: dict[str, Any], vary: Sequence[str], **more: Any) -> SweepRequest:
    """A sweep as the page asks for it.

    Args:
        values: of the settings that all runs share, flat.
        vary: `NAME=VALUES` each.
        more: the other settings of a `SweepRequest`.

    Raises:
        SettingsError: a setting is out of its range or cannot be varied, or a file lies outside the allowed
            folders.
    """
    asked = SweepRequest(config=built(values), vary=tuple(vary), **more)
    held(asked.config)
    for each in asked.space.dimensions:
        if "initial" in each.keys:
            for value in each.values:
                held(asked.config.changed(initial=value))
    return asked


def estimate(asked: SweepRequest) -> float | None:
    """How many seconds its runs may take, were they like its base; None if nothing like it was measured."""
    with opened() as repository:
        known = estimate_run(repository, asked.config)
    return None if known is None else known.elapsed_s * asked.total * asked.seeds


def start(asked: SweepRequest, *, name: str = "", needs: Mapping[str, Any] = MappingProxyType({})) -> Sweep:
    """Begin a sweep, or let the same one go on, and start a worker for it, which queues its trials.

    Args:
        asked: what is tried.
        name: in lists; empty: after what is varied.
        needs: what each run asks of a cluster's node, as of `Needs`.

    Raises:
        EngineError: Optuna is not installed, no worker can be started, or a need is out of range.
    """
    with opened() as repository:
        sweep = engine_sweeps.begin(repository, asked, name=name.strip(), needs=Needs(**needs).to_json())
        queue.ensure_worker(repository, asked.config.device)
    _forget()
    return sweep


def go_on(sweep_id: int) -> None:
    """Let a sweep go on, its paused and interrupted jobs included, and start a worker for it.

    Raises:
        EngineError: it was cancelled, or no worker can be started.
    """
    with opened() as repository:
        sweep = engine_sweeps.go_on(repository, sweep_id)
        queue.ensure_worker(repository, request_of(sweep).config.device)
    _forget()


def cancel(sweep_id: int) -> None:
    """End a sweep for good.

    Raises:
        JobError: it has ended.
    """
    with opened() as repository:
        engine_sweeps.cancel(repository, sweep_id)
    _forget()


def _forget() -> None:
    for each in (find, get, jobs_at_work, best_patches):
        each.clear()
