# SPDX-License-Identifier: AGPL-3.0-only
"""Sweeps over the queue: begin one, let it go on, cancel it, prune its trials. Loads no torch."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from engine.errors import EngineError, JobError, SettingsError, StorageError
from engine.excerpts import short_line
from engine.jobs import queue
from engine.jobs.kinds.generate import GenerateRequest
from engine.records import Job
from engine.runs.paths import absolute_config
from engine.runs.version import code_version
from engine.store.repository import Repository
from engine.store.sweeps import Sweep, Trial
from engine.sweeps import proposals
from engine.sweeps.config import SCORES, SweepRequest
from engine.sweeps.proposals import Past
from engine.sweeps.trial_names import TrialName

log = logging.getLogger(__name__)

_OPEN = ("queued", "running", "paused", "interrupted")
_STUCK = ("paused", "interrupted")
_OF_JOBS = ("priority", "needs")  # stored beside the request
_HOW = ("parallel",)  # how a sweep is carried out, which does not make it another one


def begin(
    repository: Repository,
    request: SweepRequest,
    *,
    name: str = "",
    priority: int = 0,
    needs: Mapping[str, Any] = MappingProxyType({}),
    fresh: bool = False,
) -> Sweep:
    """Begin a sweep, or let the latest of the same request and code go on; `advance` queues its trials.

    Args:
        repository: the database.
        request: of the sweep; its paths are made absolute.
        name: in lists; by default after the objective and what is varied.
        priority: of its jobs, higher first.
        needs: what each asks of a cluster's node, as `Needs.to_json` gives it.
        fresh: begin a new one in any case.

    Raises:
        SettingsError: Optuna is needed, but not installed.
        StorageError: the database cannot be used; so for all functions here.
    """
    proposals.require_optuna(request.sampler, request.prune)
    request = request.with_config(absolute_config(request.config))
    asked = request.to_json()
    told = {about: each for about, each in asked.items() if about not in _HOW}
    key = {"request": told, "code": code_version()}
    known = None if fresh else repository.sweeps.latest(key)
    if known is not None:
        return go_on(repository, known.id)
    with repository.connection.transaction():
        group = repository.groups.add(
            kind="sweep",
            name=name or _name(request),
            request=asked | {"priority": priority, "needs": dict(needs)},
        )
        return repository.sweeps.begin(group.id, key)


def request_of(sweep: Sweep) -> SweepRequest:
    """What a sweep was asked for."""
    return SweepRequest.from_json(
        {name: each for name, each in sweep.request.items() if name not in _OF_JOBS}
    )


def advance(repository: Repository, sweep_id: int) -> Sweep:
    """Do what is due: end trials whose jobs have ended, begin others, end the sweep.

    All of it is one transaction over what is stored, so it does not matter who calls it, how often and when
    it is cut off.

    Raises:
        JobError: there is no such sweep.
        EngineError: no trial can be proposed or queued.
    """
    sweep = repository.sweeps.get(sweep_id)
    if sweep.state != "running" or not _due(repository, sweep):
        return sweep
    request = request_of(sweep)
    proposals.load(request)  # before the transaction: it takes seconds
    settled = False
    with repository.connection.transaction():
        sweep = repository.sweeps.get(sweep_id)
        if sweep.state != "running":
            return sweep
        for trial in sweep.trials:
            settled |= trial.state == "running" and _settle(repository, sweep, request, trial)
        sweep = repository.sweeps.get(sweep_id)
        while len(sweep.trials) < request.total and len(sweep.trials) - sweep.ended < request.parallel:
            _try_next(repository, sweep, request)
            sweep = repository.sweeps.get(sweep_id)
        if sweep.ended == request.total:
            repository.sweeps.end(sweep_id, "finished")
    if settled:
        found = proposals.importance(request, _past(repository, sweep, request))
        repository.sweeps.set_importance(sweep_id, found)
    return repository.sweeps.get(sweep_id)


def advance_all(repository: Repository) -> None:
    """Advance all sweeps that have not ended; one that cannot go on is ended with the reason.

    Raises:
        StorageError: the database cannot be used.
    """
    for sweep_id in repository.sweeps.running():
        try:
            advance(repository, sweep_id)
        except StorageError:
            raise
        except EngineError as error:
            repository.sweeps.end(sweep_id, "failed", error=str(error))
        except Exception as error:  # a bug must not end the worker that calls this
            log.exception("Sweep %d failed", sweep_id)
            reason = (
                f"{type(error).__name__}: {short_line(error)}; this is a bug, report it with the worker's log"
            )
            repository.sweeps.end(sweep_id, "failed", error=reason)


def go_on(repository: Repository, sweep_id: int) -> Sweep:
    """Let a sweep go on that failed or whose jobs were paused or interrupted; these are queued again.

    Raises:
        JobError: there is no such sweep, or it was cancelled.
    """
    sweep = repository.sweeps.go_on(sweep_id)
    if sweep.state == "cancelled":
        raise JobError(
            f"sweep {sweep_id}: expected a sweep that can be resumed, got a cancelled one; start a new one"
        )
    queue.release_dead(repository)
    for job in open_jobs(repository, sweep, states=_STUCK):
        queue.resume(repository, job.id)
    return repository.sweeps.get(sweep_id)


def cancel(repository: Repository, sweep_id: int) -> Sweep:
    """End a sweep for good, and the trials under way with it; what has ended stays.

    Raises:
        JobError: there is no such sweep, or it has ended.
    """
    sweep = repository.sweeps.get(sweep_id)
    if sweep.state in ("finished", "cancelled"):
        raise JobError(f"sweep {sweep_id}: expected a running sweep, got one that is {sweep.state}")
    repository.sweeps.go_on(sweep_id)  # a failed one may have jobs left
    sweep = repository.sweeps.end(sweep_id, "cancelled")
    for trial in sweep.trials:
        if repository.sweeps.end_trial(sweep_id, trial.number, "cancelled"):
            _cancel_jobs(repository, trial)
    return repository.sweeps.get(sweep_id)


def open_jobs(repository: Repository, sweep: Sweep, *, states: Sequence[str] = _OPEN) -> list[Job]:
    """The jobs of a sweep that are in one of these states, oldest first."""
    return [job for job in repository.groups.jobs(sweep.id) if job.state in states]


def best_trial(sweep: Sweep) -> Trial | None:
    """The trial with the best value that was not pruned, the earlier of equals; None if there is none."""
    request = request_of(sweep)
    scored = [trial for trial in sweep.trials if trial.state == "succeeded" and trial.value is not None]
    sign = 1 if request.low_is_best else -1
    return min(scored, key=lambda trial: sign * (trial.value or 0.0), default=None)


def best_run(sweep: Sweep, trial: Trial) -> int:
    """Number of the trial's best run, by which its seed and its job are found."""
    pick = min if request_of(sweep).low_is_best else max
    return trial.per_seed.index(pick(trial.per_seed)) if trial.per_seed else 0


def prune_if_hopeless(repository: Repository, job: Job) -> bool:
    """After a validation of a job, give its trial up if the sweep's pruner says so; its jobs are cancelled.

    Only the first seed's run is judged, against other trials' first runs: all of one seed, and so of the same
    images held out.
    """
    sweep = repository.sweeps.of_job(job.group_id)
    if sweep is None or sweep.state != "running":
        return False
    request = request_of(sweep)
    own = next((trial for trial in sweep.trials if trial.jobs[:1] == (job.id,)), None)
    if request.prune == "none" or own is None or own.state != "running":
        return False
    past, reports = _past(repository, sweep, request), _reports(repository, sweep, request)
    last = max((index for index, each in enumerate(reports) if each[0] == own.number - 1), default=None)
    if last is None or not proposals.hopeless(request, past, reports[: last + 1]):
        return False
    if repository.sweeps.end_trial(sweep.id, own.number, "pruned", value=reports[last][2]):
        log.info("Pruned: trial %d of sweep %d falls behind", own.number, sweep.id)
        _cancel_jobs(repository, own)
    return True


def _due(repository: Repository, sweep: Sweep) -> bool:
    """Whether there is anything to do: asked twice a second, so that it reads no more than it must."""
    request = request_of(sweep)
    running = [trial for trial in sweep.trials if trial.state == "running"]
    if len(sweep.trials) < request.total:
        if len(running) < request.parallel:
            return True
    elif not running:
        return True
    for trial in running:
        jobs = [_job(repository, job_id) for job_id in trial.jobs]
        states = [job.state for job in jobs if job is not None]
        if "failed" in states or not set(states) & set(_OPEN):
            return True
    return False


def _job(repository: Repository, job_id: int) -> Job | None:
    """A trial's job; None if it was deleted."""
    try:
        return repository.jobs.get(job_id)
    except JobError:
        return None


def _settle(repository: Repository, sweep: Sweep, request: SweepRequest, trial: Trial) -> bool:
    """End a trial whose jobs have ended."""
    jobs = [_job(repository, job_id) for job_id in trial.jobs]
    failed = next((job for job in jobs if job is not None and job.state == "failed"), None)
    if failed is not None:
        ended = repository.sweeps.end_trial(sweep.id, trial.number, "failed", error=failed.error)
        _cancel_jobs(repository, trial)  # further seeds would fail likewise
        return ended
    if any(job is not None and job.state in _OPEN for job in jobs):
        return False
    if any(job is None or job.state == "cancelled" for job in jobs):  # or deleted
        return repository.sweeps.end_trial(sweep.id, trial.number, "cancelled")
    values = [_value(request, job.result or {}) for job in jobs if job is not None]
    scored = [value for value in values if value is not None]
    if len(scored) < len(values):
        error = (
            "expected a score on the held-out images, got none: the detector finds none of their objects "
            "even without a patch"
        )
        return repository.sweeps.end_trial(sweep.id, trial.number, "failed", error=error)
    mean = sum(scored) / len(scored)
    return repository.sweeps.end_trial(sweep.id, trial.number, "succeeded", value=mean, per_seed=scored)


def _try_next(repository: Repository, sweep: Sweep, request: SweepRequest) -> None:
    """Begin a trial: a job for each seed."""
    number = len(sweep.trials) + 1
    values = proposals.propose(request, _past(repository, sweep, request))
    jobs: list[int] = []
    try:
        for seed in range(request.seeds):
            wanted = GenerateRequest(
                config=request.of_trial(values, seed),
                trust=request.trust,
                evaluate_after=request.objective in SCORES,
            )
            own_seed = wanted.config.seed if request.seeds > 1 else None
            job = queue.submit(
                repository,
                "generate",
                wanted,
                label=str(TrialName(sweep=sweep.id, trial=number, seed=own_seed, settings=values)),
                **{name: sweep.request[name] for name in _OF_JOBS if name in sweep.request},
                auto_resume=True,
                group_id=sweep.id,
            )
            jobs.append(job.id)
    except SettingsError as error:  # settings that cannot be combined are a result, too
        repository.sweeps.add_trial(sweep.id, number, values, jobs, error=str(error))
    else:
        repository.sweeps.add_trial(sweep.id, number, values, jobs)


def _past(repository: Repository, sweep: Sweep, request: SweepRequest) -> list[Past]:
    validated: dict[int, list[float]] = {}
    if request.prune != "none":
        for index, _step, value in _reports(repository, sweep, request):
            validated.setdefault(index, []).append(value)
    return [
        Past(
            settings=trial.settings,
            value=trial.value,
            state=trial.state,
            validated=tuple(validated.get(index, ())),
        )
        for index, trial in enumerate(sweep.trials)
    ]


def _reports(repository: Repository, sweep: Sweep, request: SweepRequest) -> list[tuple[int, int, float]]:
    """The validations of all trials' first runs, as `proposals.hopeless` takes them."""
    owners = {trial.jobs[0]: trial.number - 1 for trial in sweep.trials if trial.jobs}
    found, counted = [], dict.fromkeys(owners.values(), 0)
    for each in repository.validations.of(owners):
        index = owners[each.job_id]
        counted[index] += 1
        found.append((index, counted[index], each.scores[SCORES[request.objective]]))
    return found


def _value(request: SweepRequest, result: dict[str, Any]) -> float | None:
    """The objective of a finished run, the mean over the detectors that it attacks; None if undefined."""
    if request.objective not in SCORES:
        speed = result.get("image_iterations_per_s")
        return None if speed is None else float(speed)
    evaluations = [result.get("evaluation") or {}, *result.get("further_evaluations", ())]
    values = [each.get("patch", {}).get(SCORES[request.objective]) for each in evaluations]
    return None if None in values else sum(values) / len(values)


def _cancel_jobs(repository: Repository, trial: Trial) -> None:
    for job_id in trial.jobs:
        try:
            queue.cancel(repository, job_id)
        except JobError:  # it has ended, or was deleted
            continue


def _name(request: SweepRequest) -> str:
    return f"{request.objective} by {', '.join(each.name for each in request.space.dimensions)}"
