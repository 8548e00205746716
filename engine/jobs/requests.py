# SPDX-License-Identifier: AGPL-3.0-only
"""What a job is asked for, as JSON, so that it can be done again from anywhere; and what lists call it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.classes import recorded_words
from engine.config import RunConfig
from engine.evaluation.config import EvaluationConfig
from engine.runs.paths import absolute_config

__all__ = ["evaluation_label", "evaluation_request", "generation_label", "generation_request", "subject_of"]


def generation_request(config: RunConfig, *, trust: bool, evaluate_after: bool) -> dict[str, Any]:
    """Of a patch to be made; see `engine.jobs.queue.submit_generate`."""
    return {
        "config": absolute_config(config).to_json(),
        "trust": trust,
        "evaluate_after": evaluate_after,
    }


def evaluation_request(
    config: RunConfig, patch: Path, *, settings: EvaluationConfig | None = None, trust: bool = False
) -> dict[str, Any]:
    """Of a patch to be scored; see `engine.jobs.queue.submit_evaluate`."""
    return {
        "config": absolute_config(config).to_json(),
        "patch": str(patch.expanduser().absolute()),
        "settings": (settings or EvaluationConfig(seed=config.seed)).to_json(),
        "trust": trust,
    }


def generation_label(request: dict[str, Any]) -> str:
    """What lists call the making of a patch."""
    return f"Patch: {subject_of(request)}"


def evaluation_label(request: dict[str, Any]) -> str:
    """What lists call the scoring of a patch."""
    return f"Score {Path(request['patch']).stem}: {subject_of(request)}"


def subject_of(request: dict[str, Any]) -> str:
    """What a job with the settings of a run attacks: classes, detector and dataset, in a few words."""
    config = request["config"]
    return f"{recorded_words(request)}, {Path(config['weights']).stem} on {Path(config['dataset']).stem}"
