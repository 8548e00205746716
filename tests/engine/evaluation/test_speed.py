# SPDX-License-Identifier: AGPL-3.0-only
"""Detectors are timed image by image in turn, after a look that does not count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from engine.datasets.loader import ImageLoader
from engine.evaluation.speed import seconds_an_image
from engine.runs.imports import open_dataset
from tests.fakes import FakeDetector


def test_detectors_take_turns(blocks: Path) -> None:
    seen: list[str] = []

    class Listening(FakeDetector):
        def detect(self, images_nchw: torch.Tensor, **how: Any) -> Any:
            seen.append(self.name)
            assert len(images_nchw) == 1
            return super().detect(images_nchw, **how)

    first, second = Listening(), Listening()
    first.name, second.name = "a", "b"
    records = open_dataset(str(blocks)).images
    loader = ImageLoader(records, image_size=64, device=torch.device("cpu"))
    assert seconds_an_image([], loader, []) == []
    assert seconds_an_image([first, second], loader, []) == [[], []]
    found = seconds_an_image([first, second], loader, range(2))
    assert [len(each) for each in found] == [2, 2]
    assert min(map(min, found)) > 0
    assert "".join(seen) == "ab" + "ba" + "ab"
