# SPDX-License-Identifier: AGPL-3.0-only
"""A training of a benchmark gives a detector, and leaves nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from engine.config import TrainingConfig
from engine.datasets.sources import read_dataset
from engine.jobs.benchmark_trainings import trained
from tests.engine.tiny import CLASSES


def test_it_is_trained_and_loaded(
    blocks: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    config = TrainingConfig(
        dataset="blocks",
        weights=str(tiny_weights),
        device="cpu",
        image_size=64,
        epochs=1,
        validation_share=0.0,
    )
    detector, summary = trained(config, read_dataset(blocks).images, CLASSES, trust=False)
    assert detector.class_names == CLASSES
    assert detector.checksum() == summary["weights_sha256"]
    assert list((tmp_path / "temporary").glob("patchbench-*")) == []
