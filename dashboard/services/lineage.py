# SPDX-License-Identifier: AGPL-3.0-only
"""Where a run's patch comes from, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dashboard.services.storage import cached, opened
from engine.errors import EngineError
from engine.records import Job, PatchRecord
from engine.store.repository import Repository

MATRICES = 200  # looked through


@dataclass(frozen=True, kw_only=True)
class Relation:
    """Something that a patch comes from, or that came of it.

    Attributes:
        kind: `dataset`, `detector`, `training`, `start` (the patch it began with), `origin` (the job it was
            duplicated from), `sweep`, `run`; afterwards `matrix` or a kind of job.
        name: what it is called, as it is stored; may be empty for a job.
        page, parameters: of the link to it; no page where nothing of it is on record.
    """

    kind: str
    name: str
    page: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """What came before a patch and after it."""

    before: list[Relation]
    after: list[Relation]


@cached(ttl_s=5)
def lineage(job_id: int | None, patch_id: int | None) -> Lineage:
    """The relations of a run, or of a patch without one.

    Args:
        job_id, patch_id: None where there is none; what is gone is left out.
    """
    with opened() as repository:
        job = patch = None
        with suppress(EngineError):
            job = None if job_id is None else repository.jobs.get(job_id)
        with suppress(EngineError):
            patch = None if patch_id is None else repository.patches.get(patch_id)
        return Lineage(
            before=list(_before(repository, job, patch)),
            after=[] if patch is None else list(_after(repository, patch)),
        )


def _before(repository: Repository, job: Job | None, patch: PatchRecord | None) -> Iterator[Relation]:
    facts: dict[str, Any] = patch.summary if patch is not None else (job.result if job else None) or {}
    config = facts.get("config") or (job.request.get("config") if job else None) or {}
    if dataset := (patch.dataset if patch else "") or config.get("dataset", ""):
        yield _linked(
            "dataset", dataset, "datasets", dataset=dataset if repository.datasets.has(dataset) else None
        )
    yield from _detector(repository, facts, config, patch)
    initial = config.get("initial", "grey")
    if initial not in ("grey", "noise"):
        start = repository.runs.patch_at(initial)
        name = Path(initial).name if start is None else repository.patches.get(start).name
        yield _linked("start", name, "patches", patch=start)
    if job is not None and job.origin is not None:
        yield _job("origin", job.origin, repository.jobs.get(job.origin).label)
    if job is not None and job.group_id is not None:
        group = repository.groups.get(job.group_id)
        if group.kind == "sweep":
            yield _linked("sweep", group.name, "sweeps", sweep=group.id)


def _detector(
    repository: Repository, facts: dict[str, Any], config: dict[str, Any], patch: PatchRecord | None
) -> Iterator[Relation]:
    name = (patch.detector if patch else "") or Path(str(config.get("weights", ""))).name
    if not name:
        return
    weights = repository.weights.find(facts.get("weights_sha256") or "")
    yield _linked("detector", name, "detectors", number=weights and weights.id)
    if weights is not None and (made := weights.origin.get("job_id")) is not None:
        with suppress(EngineError):
            yield _job("training", made, repository.jobs.get(made).label)


def _after(repository: Repository, patch: PatchRecord) -> Iterator[Relation]:
    users = [each for path in (patch.path, patch.image) for each in repository.runs.using(path)]
    found = {job: (kind, label) for job, kind, label in users}
    for score in repository.patches.scores(patch.id):
        if score.job_id not in (None, patch.job_id):
            found.setdefault(score.job_id or 0, ("evaluate", ""))
    for number, (kind, label) in sorted(found.items()):
        if kind != "matrix":
            yield _job(kind, number, label)
    for matrix in repository.matrices.find(limit=MATRICES):
        if any(each.get("id") == patch.id for each in matrix.facts.get("patches", {}).values()):
            yield _linked("matrix", matrix.label, "transfer", matrix=matrix.id)


def _job(kind: str, number: int, label: str) -> Relation:
    return _linked(kind, label, "jobs", job=number)


def _linked(kind: str, name: str, page: str, **parameter: Any) -> Relation:
    """A relation with a link, or without one where its parameter is None."""
    if None in parameter.values():
        return Relation(kind=kind, name=name)
    return Relation(kind=kind, name=name, page=page, parameters=parameter)
