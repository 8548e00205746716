# SPDX-License-Identifier: AGPL-3.0-only
"""What the overview shows in one look, and the demo in one click."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.services.storage import cached, opened
from engine.config import DEMO_SETTINGS, RunConfig
from engine.jobs import queue
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.jobs.kinds.generate import GenerateRequest
from engine.records import Job, PatchRecord, ScoreRecord
from engine.store.datasets import DatasetSummary
from engine.store.repository import Repository
from engine.sweeps.trial_names import read_trial_name

RANKED = 200  # patches, to look for the strongest of one dataset and detector, or of a sweep


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The state of the database in a few lines.

    Attributes:
        jobs: state → number of jobs.
        latest: patches, the newest first; at most five, of a sweep's trials the strongest alone.
        best: those scored on the same dataset, class, detector and defences as the newest, the strongest
            (by ASR) first; at most five, and none where the latest show them all.
        failed: the newest job, if it failed.
        hardened: the job that succeeded last, if it was a hardening that was tried.
    """

    datasets: list[DatasetSummary]
    jobs: dict[str, int]
    latest: list[PatchRecord]
    best: list[PatchRecord]
    failed: Job | None
    hardened: Job | None = None

    @property
    def scored(self) -> PatchRecord | None:
        """The newest of the patches that have a score."""
        return next((patch for patch in self.latest if patch.score), None)

    @property
    def next_step(self) -> str:
        """What to do next: `demo`, `wait`, `failed`, `trial`, `generate`, `look` or `compare`."""
        if self.jobs.get("running") or self.jobs.get("queued"):
            return "wait"
        if self.failed:
            return "failed"
        if not self.datasets:
            return "demo"
        if self.hardened:
            return "trial"
        return "compare" if len(self.latest) > 1 else "look" if self.latest else "generate"


def _latest(repository: Repository) -> list[PatchRecord]:
    newest = repository.patches.find(limit=5)
    if not any(read_trial_name(patch.name) for patch in newest):
        return newest
    found: dict[object, PatchRecord] = {}
    for patch in repository.patches.find(limit=RANKED):
        trial = read_trial_name(patch.name)
        key = patch.id if trial is None else f"sweep {trial.sweep}"
        if key not in found or _strength(patch) > _strength(found[key]):
            found[key] = patch
    return list(found.values())[:5]


def _strength(patch: PatchRecord) -> float:
    return -1.0 if patch.score is None or patch.score.asr is None else patch.score.asr


def _strongest(ranked: list[PatchRecord], latest: list[PatchRecord]) -> list[PatchRecord]:
    """Of patches by strength those whose scores can be held against that of the newest that is scored."""
    subject = next((_scored_on(patch.score) for patch in latest if patch.score), None)
    alike = [patch for patch in ranked if patch.score and _scored_on(patch.score) == subject]
    shown = {patch.id for patch in latest}
    return [] if all(patch.id in shown for patch in alike[:5]) else alike[:5]


def _scored_on(score: ScoreRecord) -> tuple[object, ...]:
    return score.dataset, score.detector, score.class_name, tuple(score.defences)


@cached(ttl_s=2)
def summary() -> Overview:
    """All that the overview shows besides running jobs."""
    with opened() as repository:
        newest = repository.jobs.find(limit=1)
        done = repository.jobs.find(states=["succeeded"], limit=1)
        latest = _latest(repository)
        return Overview(
            datasets=repository.datasets.all(),
            jobs=repository.jobs.count_by_state(),
            latest=latest,
            best=_strongest(repository.patches.find(order="asr", limit=RANKED), latest),
            failed=newest[0] if newest and newest[0].state == "failed" else None,
            hardened=done[0] if done and "trial" in (done[0].result or {}) else None,
        )


@cached(ttl_s=1)
def running_jobs() -> list[Job]:
    """The jobs that run, then the next three that wait, in the order of the queue."""
    with opened() as repository:
        running = repository.jobs.find(states=["running"], order="queue", limit=8)
        return running + repository.jobs.find(states=["queued"], order="queue", limit=3)


def start_demo() -> list[Job]:
    """Queue the demo: import its pictures, then generate a patch and score it; and start a worker for it.

    Returns:
        The two jobs; the second waits for the first.

    Raises:
        EngineError: the database cannot be written, or no worker can be started.
    """
    with opened() as repository:
        first = queue.submit(repository, "import", ImportRequest(source="demo"))
        request = GenerateRequest(config=RunConfig(**DEMO_SETTINGS))
        second = queue.submit(repository, "generate", request, waits_for=first.id)
        queue.ensure_worker(repository)
    summary.clear()
    running_jobs.clear()
    return [first, second]
