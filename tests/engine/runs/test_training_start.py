# SPDX-License-Identifier: AGPL-3.0-only
"""A training starts from a file, or without one from the layout that a name stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import TrainingConfig
from engine.errors import DetectorError, EngineError, SettingsError
from engine.registries import DETECTORS
from engine.runs.training_start import training_start
from tests.engine.detectors.ragged_family import RAGGED


def config(weights: str | Path, strategy: str = "whole") -> TrainingConfig:
    return TrainingConfig(dataset="-", weights=str(weights), strategy=strategy)


@pytest.mark.parametrize("strategy", ["whole", "scratch"])
def test_a_file_is_of_its_family(tiny_weights: Path, strategy: str) -> None:
    start = training_start(config(tiny_weights, strategy))
    assert (start.path, start.family, start.architecture) == (tiny_weights, DETECTORS["ultralytics"], "")


@pytest.mark.parametrize(
    ("family", "layout"),
    [
        ("torchvision", "fasterrcnn_small"),
        ("torchvision", "fcos_resnet50_fpn"),
        ("ultralytics", "yolo11_small"),
    ],
)
def test_from_scratch_a_layout_needs_no_file(family: str, layout: str) -> None:
    start = training_start(config(f"{family}/{layout}", "scratch"))
    assert (start.path.name, start.family, start.architecture) == (layout, DETECTORS[family], layout)


def test_a_file_of_that_name_comes_first(tmp_path: Path, tiny_weights: Path, monkeypatch) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "fasterrcnn_small").write_bytes(tiny_weights.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert training_start(config("torchvision/fasterrcnn_small", "scratch")).architecture == ""


def test_published_weights_are_weights_for_other_strategies(own_home: Path) -> None:
    kept = own_home / "weights" / "torchvision" / "fcos_resnet50_fpn.pth"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"head.classification_head.")
    start = training_start(config("torchvision/fcos_resnet50_fpn", "head"))
    assert (start.path, start.architecture) == (kept, "")


@pytest.mark.parametrize(
    ("weights", "strategy", "error", "message"),
    [
        ("nowhere.pt", "scratch", DetectorError, "expected a weight file"),
        ("torchvision/resnet50", "scratch", DetectorError, "expected a weight file"),
        ("ragged/ragged", "scratch", DetectorError, "got one of the family ragged, which it can only attack"),
        (
            "torchvision/fasterrcnn_small",
            "head",
            SettingsError,
            "^strategy: expected scratch, as torchvision/fasterrcnn_small is a layout without weights, "
            "got head;",
        ),
    ],
)
def test_what_nothing_can_start_from(
    weights: str, strategy: str, error: type[EngineError], message: str
) -> None:
    with DETECTORS.having(RAGGED), pytest.raises(error, match=message) as caught:
        training_start(config(weights, strategy))
    assert len(str(caught.value).splitlines()) == 1
