# SPDX-License-Identifier: AGPL-3.0-only
"""JPEG in front of a detector: what Pillow would read."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from engine.defences.kinds import defended
from tests.engine.defences.test_steps import images
from tests.fakes import FakeDetector


@pytest.mark.parametrize("quality", [1, 75, 100])
def test_images_are_what_pillow_reads_of_them(quality: int) -> None:
    given = images(2)
    changed = defended(FakeDetector(), [f"jpeg:{quality}"]).changed(given)
    for before, after in zip(given, changed, strict=True):
        file = io.BytesIO()
        pixels = (before * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        assert np.array_equal(np.asarray(Image.open(file)), (after.permute(1, 2, 0) * 255).round().numpy())
