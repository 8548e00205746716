# SPDX-License-Identifier: AGPL-3.0-only
"""The record that `run.json` keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engine import __version__
from engine.config import RunConfig
from engine.errors import RunInterruptedError
from engine.runs.materials import gather
from engine.runs.summary import base_summary, finish_summary

Settings = Callable[..., RunConfig]


def test_what_is_known_whatever_the_result(settings: Settings, tmp_path: Path) -> None:
    config = settings(seed=7)
    summary = base_summary(config, gather(config), tmp_path)
    assert (summary["patchbench"], summary["seed"], summary["device"]) == (__version__, 7, "cpu")
    assert summary["versions"]["torch"] == torch.__version__.split("+")[0]
    assert summary["machine"].keys() == {"cpu_model", "gpus", "memory_total_bytes", "platform"}
    assert RunConfig.from_json(json.loads(json.dumps(summary["config"]))) == config
    dataset = summary["dataset"]
    assert (dataset["name"], dataset["images"], dataset["objects"]) == ("blocks", 5, 7)
    assert (dataset["synthetic"], dataset["repairs"]) == (False, {})
    assert summary["detector"] == {"name": "tiny", "family": "yolov8", "end_to_end": False}
    assert summary["classes"] == {"dataset": ["person"], "detector": "person"}


@pytest.mark.parametrize(
    ("images", "on"),
    [
        ([], None),
        ([0, 3], "held-out images"),
        (range(5), "the images that the patch was made on"),
    ],
)
def test_scores_are_added_where_wanted(settings: Settings, tmp_path: Path, images, on: str | None) -> None:
    config = settings()
    patch = torch.full((3, 16, 16), 0.5)
    summary = finish_summary({}, config, gather(config), tmp_path, patch, images, lambda count: None)
    assert json.loads((tmp_path / "run.json").read_text()) == json.loads(json.dumps(summary))
    assert summary.get("evaluation", {}).get("on") == on
    if on:
        facts = summary["evaluation"]["settings"]
        assert (facts["dataset"], facts["classes"]) == (
            "blocks",
            {"dataset": ["person"], "detector": "person"},
        )


def test_a_score_that_is_interrupted_loses_nothing(settings: Settings, tmp_path: Path) -> None:
    config, patch = settings(), torch.full((3, 16, 16), 0.5)

    def stop(images: int) -> None:
        raise RunInterruptedError("stopped")

    with pytest.raises(RunInterruptedError):
        finish_summary({"steps": 1}, config, gather(config), tmp_path, patch, [0], stop)
    assert json.loads((tmp_path / "run.json").read_text()) == {"steps": 1}
