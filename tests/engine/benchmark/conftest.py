# SPDX-License-Identifier: AGPL-3.0-only
"""The tiny detector and its pictures as a benchmark's subject, and a scale of seconds."""

from __future__ import annotations

from collections.abc import Callable

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
    return Scale(rounds=2, images=2, seconds=0.3, batch_sizes=(1,))
