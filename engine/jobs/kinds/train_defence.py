# SPDX-License-Identifier: AGPL-3.0-only
"""The training of a defence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engine.config import DefenceTrainingConfig
from engine.jobs.kinds.base import Kind
from engine.jobs.kinds.request import Request
from engine.settings import nested

if TYPE_CHECKING:
    from engine.jobs.ledger import Ledger
    from engine.store.repository import Repository


@dataclass(frozen=True, kw_only=True)
class TrainDefenceRequest(Request):
    """A defence to be trained."""

    config: DefenceTrainingConfig = nested(DefenceTrainingConfig)


class TrainDefence(Kind[TrainDefenceRequest]):
    """Trains a network that finds patches, or goes on after the epochs that an earlier attempt kept."""

    name = "train-defence"
    help = "Train a network that finds patches, for the defence segmenter to mask."
    title = "Defence training"
    request = TrainDefenceRequest
    makes = "defence"
    has_steps = keeps_folder = True
    checkpoint = "checkpoint.pt"
    name_form = "Train a segmenter on {dataset}"
    words: ClassVar = {"loading": "Loading", "training": "Training", "images": "images"}

    def label(self, request: TrainDefenceRequest, facts: Mapping[str, Any]) -> str:
        """After the dataset."""
        return self.name_form.format(dataset=Path(request.config.dataset).stem)

    def work(self, request: TrainDefenceRequest, folder: Path, ledger: Ledger) -> dict[str, Any]:
        """Train; returns what `defence.json` holds."""
        from engine.jobs.training_reporting import TrainingReporter
        from engine.runs.defence_training import resume_defence_training, train_defence

        reporter = TrainingReporter(ledger)
        reporter.phase("loading")
        if (folder / self.checkpoint).exists():
            device = request.config.device
            summary = resume_defence_training(folder, device=device, observer=reporter.observe())
        else:
            summary = train_defence(request.config, folder, observer=reporter.observe())
        reporter.finish()
        return summary

    def estimate(self, repository: Repository, request: TrainDefenceRequest) -> dict[str, Any] | None:
        """Its time limit, if it has one."""
        limit_s = request.config.time_limit_s
        return {"elapsed_s": limit_s} if limit_s else None
