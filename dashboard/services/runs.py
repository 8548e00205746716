# SPDX-License-Identifier: AGPL-3.0-only
"""Finished runs side by side: their settings, scores, costs, losses and patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dashboard.services.storage import cached, opened
from engine.classes import recorded_words
from engine.config import RunConfig, compile_choice
from engine.errors import JobError
from engine.jobs.kinds import making
from engine.records import Job, PatchRecord, StepRecord
from engine.settings import flat

LIMIT = 8  # runs side by side: more cannot be distinguished in one chart
LISTED = 1000
POINTS = 600  # of a loss curve: about as many as a screen has pixels for
_DEFAULTS = RunConfig(dataset="", weights="").to_json()


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished generation and the patch that it left; None once the patch was deleted."""

    job: Job
    patch: PatchRecord | None

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that was asked for; see `asked_settings`."""
        return asked_settings(self.job.request["config"])

    @property
    def facts(self) -> dict[str, Any]:
        """What `run.json` holds."""
        return self.job.result or {}

    @property
    def evaluation(self) -> dict[str, Any] | None:
        """Its own scores beside its controls, as `Evaluation.to_json` has them; None if it was not scored."""
        if self.patch is not None and self.patch.score is not None:
            return self.patch.score.evaluation
        return self.facts.get("evaluation")

    @property
    def scored_on(self) -> tuple[str, str, str]:
        """Dataset, detector (its defences in brackets) and class of its scores."""
        if self.patch is not None and self.patch.score is not None:
            score = self.patch.score
            detector = (
                f"{score.detector} ({' + '.join(score.defences)})" if score.defences else score.detector
            )
            return score.dataset, detector, score.class_name
        config, facts = self.job.request["config"], self.facts
        return (
            facts.get("dataset", {}).get("name", config["dataset"]),
            facts.get("detector", {}).get("name", config["weights"]),
            recorded_words(facts if "classes" in facts else self.job.request),
        )


def asked_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting that a run was asked for, nested ones as `placement.scale`; none without a run.

    What a run of an older version could not be asked for is as by default, as it is when it goes on.

    Args:
        config: as `RunConfig.to_json` has it; empty of an imported patch.
    """
    if not config:
        return {}
    asked = {**_DEFAULTS, **config}
    return flat(asked | {"compile": compile_choice(asked["compile"])})


@cached(ttl_s=5, max_entries=8)
def candidates(also: tuple[int, ...] = ()) -> dict[int, str]:
    """The latest finished runs that can be compared: number → label, newest first.

    Args:
        also: numbers of older ones, such as a link has; those that cannot be compared are left out.
    """
    with opened() as repository:
        found = repository.jobs.labels(states=["succeeded"], kinds=making("patch"), limit=LISTED)
        for job_id in also:
            with suppress(JobError):
                job = repository.jobs.get(job_id)
                if _comparable(job):
                    found.setdefault(job_id, job.label)
    return found


@cached(ttl_s=5, max_entries=32)
def compared(job_ids: tuple[int, ...]) -> list[Run]:
    """Runs by their jobs' numbers, in that order.

    Raises:
        JobError: a job is not there, or is no finished generation.
    """
    with opened() as repository:
        jobs = [repository.jobs.get(job_id) for job_id in job_ids]
        for job in jobs:
            if not _comparable(job):
                raise JobError(
                    f"job {job.id}: expected a successful patch generation, got {job.kind} ({job.state}); "
                    "choose another"
                )
        return [Run(job=job, patch=repository.patches.of_job(job.id)) for job in jobs]


def first_choice(offered: Sequence[int]) -> list[int]:
    """The two latest runs whose scores may be held against each other; else the two latest, or none.

    Args:
        offered: numbers as of `candidates`, the newest first.
    """
    latest = compared(tuple(offered[:LIMIT]))
    for place, run in enumerate(latest):
        for other in latest[place + 1 :]:
            if run.evaluation and other.evaluation and scored_alike([run, other]):
                return [run.job.id, other.job.id]
    return [run.job.id for run in latest[:2]] if len(latest) > 1 else []


@cached(ttl_s=60, max_entries=64)
def losses(job_id: int) -> list[StepRecord]:
    """A finished run's steps, thinned to what a chart can show."""
    with opened() as repository:
        return repository.steps.read(job_id, at_most=POINTS)


def validations(run: Run) -> list[dict[str, Any]]:
    """A run's scores on its images held out: `iteration`, `asr`, `confidence_retained`, `ap50`; in order."""
    return [each for each in run.facts.get("events", ()) if each.get("event") == "validated"]


def differing(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The settings in which runs differ → the value in each run, in order; None where a run has none."""
    everything = [run.settings for run in runs]
    names = dict.fromkeys(name for settings in everything for name in settings)
    values = {name: [settings.get(name) for settings in everything] for name in names}
    return {name: each for name, each in values.items() if any(value != each[0] for value in each)}


def scored_alike(runs: Sequence[Run]) -> bool:
    """Whether the scores of runs may be held against each other: same dataset, detector, class and images."""
    scored = [run for run in runs if run.evaluation]
    return len({(run.scored_on, _images(run)) for run in scored}) <= 1


def _comparable(job: Job) -> bool:
    return job.kind in making("patch") and job.state == "succeeded"


def _images(run: Run) -> tuple[Any, ...]:
    settings = (run.evaluation or {}).get("settings", {})
    return tuple(str(settings.get(name)) for name in ("images", "objects", "placement", "min_score", "iou"))
