# SPDX-License-Identifier: AGPL-3.0-only
"""A training or a hardening of a benchmark gives a detector, and leaves nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from engine.config import HardeningConfig, TrainingConfig
from engine.datasets.sources import read_dataset
from engine.jobs.benchmark_trainings import trained
from tests.engine.tiny import CLASSES


@pytest.mark.parametrize(
    ("kind", "changes"),
    [(TrainingConfig, {}), (HardeningConfig, {"time_limit_s": 0.0, "patch_size": 16, "renew_images": 2})],
)
def test_it_is_trained_and_loaded(
    blocks: Path,
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[TrainingConfig],
    changes: dict[str, Any],
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    config = kind(
        dataset="blocks",
        weights=str(tiny_weights),
        device="cpu",
        image_size=64,
        epochs=1,
        validation_share=0.0,
        **changes,
    )
    detector, summary = trained(config, read_dataset(blocks).images, CLASSES, trust=False)
    assert detector.class_names == CLASSES
    assert detector.checksum() == summary["weights_sha256"]
    assert list((tmp_path / "temporary").glob("patchbench-*")) == []
