# SPDX-License-Identifier: AGPL-3.0-only
"""A guard of the tests that open hostile weight files."""

from __future__ import annotations

import codecs
import functools
import io
import os

import pytest
import torch

from engine.detectors import checkpoints
from tests.engine.detectors.families import random_model
from tests.engine.detectors.pickles import MARK


@functools.cache
def warm() -> None:
    """Let whatever is imported on first use be imported outside the canary."""
    for codec in ("ascii", "cp437", "latin-1", "raw_unicode_escape"):
        codecs.lookup(codec)
    data = io.BytesIO()
    torch.save({"model": random_model("yolov8n")}, data)
    checkpoints._parsed(data.getvalue())


@pytest.fixture
def nothing_ran(monkeypatch: pytest.MonkeyPatch):
    warm()
    monkeypatch.delenv(MARK, raising=False)
    monkeypatch.delenv("PATCHBENCH_TRUSTED", raising=False)
    yield
    assert MARK not in os.environ
