# SPDX-License-Identifier: AGPL-3.0-only
"""Settings of a run that takes a fraction of a second, and a detector that finds nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import RunConfig


@pytest.fixture(scope="session")
def blind_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector that finds nothing, whatever it is shown."""
    from tests.engine.tiny import write_weights

    return write_weights(tmp_path_factory.mktemp("weights") / "blind.pt", blind=True)


@pytest.fixture
def settings(blocks: Path, tiny_weights: Path) -> Callable[..., RunConfig]:
    """Small settings, some of them changed."""

    from tests.engine.tiny import IMAGE_SIZE

    def make(**changes: object) -> RunConfig:
        small = {
            "dataset": str(blocks),
            "weights": str(tiny_weights),
            "device": "cpu",
            "image_size": IMAGE_SIZE,
            "view_size": 0,
            "iterations": 4,
            "batch_size": 2,
            "patch_height": 16,
            "patch_width": 16,
            "validation_share": 0.0,  # all of the few images are trained on
        }
        return RunConfig(**(small | changes))

    return make
