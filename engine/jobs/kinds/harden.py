# SPDX-License-Identifier: AGPL-3.0-only
"""The hardening of a detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engine.config import HardeningConfig, trusted_weights
from engine.jobs.kinds.base import Kind
from engine.jobs.kinds.request import Request
from engine.settings import nested

if TYPE_CHECKING:
    from engine.jobs.ledger import Ledger
    from engine.records import Job
    from engine.store.repository import Repository


@dataclass(frozen=True, kw_only=True)
class HardenRequest(Request):
    """A detector to be hardened."""

    config: HardeningConfig = nested(HardeningConfig)
    trust: bool = trusted_weights()


class Harden(Kind[HardenRequest]):
    """Hardens a detector and tries it, or goes on after the epochs that an earlier attempt kept."""

    name = "harden"
    help = "Harden a detector against patches, and attack it again."
    title = "Hardening"
    request = HardenRequest
    makes = "weights"
    has_steps = keeps_folder = True
    checkpoint = "checkpoint.pt"
    name_form = "Harden {weights} for {class_name} on {dataset}"
    result_form = "Trial of hardening {job}: against {detector}"
    words: ClassVar = {
        "loading": "Loading",
        "attacking": "Attacking",
        "scoring": "Scoring",
        "training": "Training",
        "images": "images",
    }

    def label(self, request: HardenRequest, facts: Mapping[str, Any]) -> str:
        """After the weights that it starts from, the class and the dataset."""
        config = request.config
        return self.name_form.format(
            weights=Path(config.weights).stem, class_name=config.class_name, dataset=Path(config.dataset).stem
        )

    def work(self, request: HardenRequest, folder: Path, ledger: Ledger) -> dict[str, Any]:
        """Harden and try; returns what `hardening.json` holds."""
        from engine.jobs.training_reporting import TrainingReporter
        from engine.runs.hardening import HardeningObserver, harden, resume_hardening

        reporter = TrainingReporter(ledger)
        reporter.phase("loading")
        observer = HardeningObserver(on_phase=reporter.phase, training=reporter.observe())
        if (folder / self.checkpoint).exists():
            summary = resume_hardening(
                folder, device=request.config.device, observer=observer, trust=request.trust
            )
        else:
            summary = harden(request.config, folder, observer=observer, trust=request.trust)
        reporter.finish()
        return summary

    def record(self, repository: Repository, job: Job, result: dict[str, Any]) -> None:
        """Keep weights and patches beside the others, and put them on record."""
        from engine.jobs.training_records import record_hardening

        record_hardening(repository, job, result)
