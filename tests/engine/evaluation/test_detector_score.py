# SPDX-License-Identifier: AGPL-3.0-only
"""AP50 of detectors on images without a patch."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from engine.datasets.loader import ImageLoader
from engine.datasets.sources import read_dataset
from engine.detectors.base import Detections
from engine.evaluation.detector_score import detector_ap50
from engine.records import ImageRecord
from tests.fakes import FakeDetector


class Knowing(FakeDetector):
    """Finds the first box of each class in each image, where the loader put it, and none of the others."""

    def __init__(self, loader: ImageLoader, images: int, known: set[int]) -> None:
        super().__init__()
        self._batches = list(loader.batches([[index] for index in range(images)]))
        self._known, self._next = known, 0

    def detect(self, images_nchw: torch.Tensor, **_: object) -> list[Detections]:
        found = []
        for _image in images_nchw:
            targets = self._batches[self._next].targets
            self._next += 1
            keep = torch.tensor([int(each) in self._known for each in targets.class_ids], dtype=torch.bool)
            found.append(
                Detections(
                    boxes_xyxy_px=targets.boxes_xyxy_px[keep],
                    scores=torch.ones(int(keep.sum())),
                    class_ids=targets.class_ids[keep],
                )
            )
        return found


@pytest.fixture
def records(blocks: Path) -> tuple[ImageRecord, ...]:
    return read_dataset(blocks).images


@pytest.mark.parametrize(
    ("known", "ap50"), [(set(), 0.0), ({0}, 0.5), ({0, 1}, 1.0)], ids=["nothing", "persons", "all"]
)
def test_it_is_the_mean_over_classes_with_objects(
    records: tuple[ImageRecord, ...], known: set[int], ap50: float
) -> None:
    loader = ImageLoader(records, image_size=64, device=torch.device("cpu"))
    polled: list[int] = []
    detector = Knowing(loader, len(records), known)
    score = detector_ap50(detector, loader, range(len(records)), stop=lambda: polled.append(1))
    assert score == pytest.approx(ap50)
    assert polled


def test_images_without_objects_give_no_score(records: tuple[ImageRecord, ...]) -> None:
    loader = ImageLoader(records[-1:], image_size=64, device=torch.device("cpu"))
    assert math.isnan(detector_ap50(Knowing(loader, 1, set()), loader, [0]))
