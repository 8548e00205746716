# SPDX-License-Identifier: AGPL-3.0-only
"""The tiny detector and its pictures as a benchmark's subject, and a scale of seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.benchmark.subject import Subject
from engine.benchmark.suite import Scale
from engine.config import RunConfig
from tests.engine.tiny import IMAGE_SIZE


@pytest.fixture
def subject(settings: Callable[..., RunConfig]) -> Subject:
    """Five images of one class; views of half an image."""
    from engine.runs.materials import gather

    config = settings(image_size=IMAGE_SIZE, view_size=32)
    materials = gather(config)
    return Subject(
        detector=materials.detector,
        unfused=gather(config, fuse=False).detector,
        class_id=materials.class_id,
        records=materials.records,
        config=config,
    )


@pytest.fixture
def scale() -> Scale:
    return Scale(
        rounds=2, images=2, seconds=0.3, batch_sizes=(1, 2), seeds=2, compared_s=0.6, iterations=1, scored=10
    )


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What memory is measured of; it is not measured in a process, but told to grow with the batch."""
    asked: list[dict[str, Any]] = []

    def peak_memory(subject: Subject, **changes: Any) -> int:
        asked.append(changes)
        return 2**30 * changes.get("batch_size", 2)

    monkeypatch.setattr("engine.benchmark.memory.peak_memory", peak_memory)
    return asked
