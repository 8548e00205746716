# SPDX-License-Identifier: AGPL-3.0-only
"""The training of a detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engine.config import TrainingConfig, trusted_weights
from engine.jobs.kinds.base import Kind
from engine.jobs.kinds.request import Request
from engine.settings import nested

if TYPE_CHECKING:
    from engine.jobs.ledger import Ledger
    from engine.records import Job
    from engine.store.repository import Repository


@dataclass(frozen=True, kw_only=True)
class TrainRequest(Request):
    """A detector to be trained."""

    config: TrainingConfig = nested(TrainingConfig)
    trust: bool = trusted_weights()


class Train(Kind[TrainRequest]):
    """Trains a detector, or goes on after the epochs that an earlier attempt kept."""

    name = "train"
    help = "Train a detector, or fine-tune one."
    title = "Training"
    request = TrainRequest
    makes = "weights"
    has_steps = keeps_folder = True
    checkpoint = "checkpoint.pt"
    name_form = "Train {weights} ({strategy}) on {dataset}"
    words: ClassVar = {"loading": "Loading", "training": "Training", "images": "images"}

    def label(self, request: TrainRequest, facts: Mapping[str, Any]) -> str:
        """After the weights that it starts from, what is trained of them, and the dataset."""
        config = request.config
        return self.name_form.format(
            weights=Path(config.weights).stem, strategy=config.strategy, dataset=Path(config.dataset).stem
        )

    def work(self, request: TrainRequest, folder: Path, ledger: Ledger) -> dict[str, Any]:
        """Train; returns what `training.json` holds."""
        from engine.jobs.training_reporting import TrainingReporter
        from engine.runs.training import resume_training, train

        reporter = TrainingReporter(ledger)
        reporter.phase("loading")
        how: dict[str, Any] = {"observer": reporter.observe(), "trust": request.trust}
        if (folder / self.checkpoint).exists():
            summary = resume_training(folder, device=request.config.device, **how)
        else:
            summary = train(request.config, folder, **how)
        reporter.finish()
        return summary

    def record(self, repository: Repository, job: Job, result: dict[str, Any]) -> None:
        """Keep the weights beside the others, and put them on record."""
        from engine.jobs.training_records import record_weights

        record_weights(repository, job, result)
