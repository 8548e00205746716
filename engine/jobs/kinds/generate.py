# SPDX-License-Identifier: AGPL-3.0-only
"""The making of a patch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engine.config import RunConfig, trusted_weights
from engine.jobs.kinds.base import Kind
from engine.jobs.kinds.request import Request, subject
from engine.runs.paths import LIVE_ARRAY, LIVE_IMAGE, job_folder
from engine.settings import nested, setting

if TYPE_CHECKING:
    from engine.jobs.ledger import Ledger
    from engine.records import Job
    from engine.store.repository import Repository


@dataclass(frozen=True, kw_only=True)
class GenerateRequest(Request):
    """A patch to be made."""

    config: RunConfig = nested(RunConfig)
    trust: bool = trusted_weights()
    evaluate_after: bool = setting(True, "Score when done", "Score the patch, with controls.")


class Generate(Kind[GenerateRequest]):
    """Makes a patch, or goes on from the checkpoint that an earlier attempt left."""

    name = "generate"
    help = "Generate a patch against a detector and score it."
    title = "Patch generation"
    request = GenerateRequest
    makes = "patch"
    has_steps = keeps_folder = True
    checkpoint = "checkpoint.pt"
    words: ClassVar = {
        "loading": "Loading",
        "optimising": "Optimising",
        "scoring": "Scoring",
        "steps": "steps",
        "images": "images",
    }

    def label(self, request: GenerateRequest, facts: Mapping[str, Any]) -> str:
        """After what it attacks."""
        return subject(request.config, facts)

    def work(self, request: GenerateRequest, folder: Path, ledger: Ledger) -> dict[str, Any]:
        """Run the loop and score its patch; returns what `run.json` holds."""
        from engine.jobs.reporting import RunReporter
        from engine.patch.render import mask_of
        from engine.runs.commands import generate, resume

        mask = mask_of(request.config)
        reporter = RunReporter(ledger)
        reporter.phase("loading")
        how: dict[str, Any] = {
            "observer": reporter.observe(folder, None if mask is None else mask.numpy()),
            "trust": request.trust,
            "evaluate_after": request.evaluate_after,
        }
        if (folder / self.checkpoint).exists():
            summary = resume(folder, device=request.config.device, **how)
        else:
            summary = generate(request.config, folder, **how)
        reporter.finish()
        return summary

    def estimate(self, repository: Repository, request: GenerateRequest) -> dict[str, Any] | None:
        """From what was measured of such settings."""
        from engine.jobs.estimates import estimate

        known = estimate(repository, request.config, evaluate_after=request.evaluate_after)
        return known.to_json() if known else None

    def record(self, repository: Repository, job: Job, result: dict[str, Any]) -> None:
        """Put the patch and its score on record, and learn what the run cost if it ran on this machine."""
        from engine.jobs.estimates import learn
        from engine.jobs.patch_records import record_run

        record_run(repository, job, result)
        if job.node is None:
            learn(repository, result, started_at=job.started_at if job.attempt <= 1 else None)
        for name in (LIVE_ARRAY, LIVE_IMAGE):
            (job_folder(job.id) / name).unlink(missing_ok=True)

    def cancelled(self, repository: Repository, job: Job) -> None:
        """Keep the patch as it was shown last."""
        from engine.jobs.last_patch import keep_last_patch

        keep_last_patch(repository, job)

    def scores(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """Those of the patch, unless it was not to be scored."""
        return result.get("evaluation")
