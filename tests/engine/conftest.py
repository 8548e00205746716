# SPDX-License-Identifier: AGPL-3.0-only
"""The tiny weight file and dataset, made once."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.engine.tiny import write_weights

    return write_weights(tmp_path_factory.mktemp("weights") / "tiny.pt")


@pytest.fixture(scope="session")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.engine.tiny import write_dataset

    return write_dataset(tmp_path_factory.mktemp("datasets") / "blocks")
