# SPDX-License-Identifier: AGPL-3.0-only
"""The scoring of a patch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from engine.config import RunConfig, trusted_weights
from engine.errors import PatchFileError
from engine.evaluation.config import EvaluationConfig
from engine.jobs.kinds.base import Kind
from engine.jobs.kinds.request import Request, subject
from engine.settings import nested, setting

if TYPE_CHECKING:
    from engine.jobs.ledger import Ledger
    from engine.records import Job
    from engine.store.repository import Repository


@dataclass(frozen=True, kw_only=True)
class EvaluateRequest(Request):
    """A patch to be scored on the subject of `config`; by default by the conventions, with its seed."""

    config: RunConfig = nested(RunConfig)
    patch: str = setting(
        ...,
        "Patch file",
        "A .npy file or an image; it may not exist yet if the job waits for another.",
    )
    settings: EvaluationConfig | None = nested(EvaluationConfig, optional=True)
    trust: bool = trusted_weights()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.settings is None:
            object.__setattr__(self, "settings", EvaluationConfig(seed=self.config.seed))

    def absolute(self) -> Self:
        """With absolute paths."""
        return replace(super().absolute(), patch=str(Path(self.patch).expanduser().absolute()))


class Evaluate(Kind[EvaluateRequest]):
    """Scores a patch; the scores lie in the job's folder too."""

    name = "evaluate"
    help = "Score a patch, with controls."
    title = "Evaluation"
    request = EvaluateRequest
    makes = "scores"
    keeps_folder = True
    words: ClassVar = {"loading": "Loading", "scoring": "Scoring", "images": "images"}

    def label(self, request: EvaluateRequest, facts: Mapping[str, Any]) -> str:
        """After the patch and what it attacks."""
        return f"{Path(request.patch).stem} · {subject(request.config, facts)}"

    def check(self, request: EvaluateRequest, *, waits: bool) -> None:
        """Refuse a patch that is not there, unless another job may still make it."""
        if not waits and not Path(request.patch).is_file():
            raise PatchFileError(
                f"{request.patch}: expected a patch file (.npy or .png), found none; check the path"
            )

    def work(self, request: EvaluateRequest, folder: Path, ledger: Ledger) -> dict[str, Any]:
        """Score the patch."""
        from engine.jobs.patch_records import write_scores
        from engine.jobs.reporting import RunReporter
        from engine.runs.commands import evaluate

        reporter = RunReporter(ledger)
        reporter.phase("loading")
        evaluation = evaluate(
            request.config,
            Path(request.patch),
            settings=request.settings,
            observer=reporter.observe(folder),
            trust=request.trust,
        )
        reporter.finish()
        write_scores(folder, evaluation)
        return evaluation.to_json()

    def record(self, repository: Repository, job: Job, result: dict[str, Any]) -> None:
        """Give the scores to the patch, which is put on record first if it is not yet."""
        from engine.jobs.patch_records import record_scores

        record_scores(repository, job, job.request["patch"], result)

    def scores(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """All of the result."""
        return result
