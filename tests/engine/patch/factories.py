# SPDX-License-Identifier: AGPL-3.0-only
"""Seeded targets, placements, photographs, settings and runs for the tests of patches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from engine.config import AugmentationConfig, RunConfig, ScheduleConfig
from engine.detectors.base import Targets
from engine.patch.losses.patch_loss import lacking_losses
from engine.patch.run import PatchRun
from engine.patch.state import RunState
from engine.patch.transforms import Placements
from engine.records import ImageRecord
from engine.registries import LOSSES
from tests.engine.datasets.pictures import record, write_picture
from tests.fakes import FakeDetector, RaggedDetector

SIDE = 64  # of every image
TERMS = tuple(name for name in LOSSES if not lacking_losses(FakeDetector(), [name]))
"""All losses that the fake detector has; others are of other families."""


def targets(boxes: Sequence[Sequence[float]] = (), owners: Sequence[int] = (), images: int = 1) -> Targets:
    """Objects of class 0."""
    return Targets(
        boxes_xyxy_px=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        class_ids=torch.zeros(len(boxes), dtype=torch.long),
        image_index=torch.tensor(owners or [0] * len(boxes), dtype=torch.long),
        images=images,
    )


def placements(*rows: dict) -> Placements:
    """One row a patch: `centre` and `size` (pairs); `image`, `angle`, `gain`, `offset` have defaults."""

    def column(name: str, default: object, *shape: int) -> torch.Tensor:
        values = [row.get(name, default) for row in rows]
        return torch.tensor(values, dtype=torch.float32).reshape(len(rows), *shape)

    return Placements(
        image_index=column("image", 0).long(),
        centre_xy_px=column("centre", None, 2),
        size_wh_px=column("size", None, 2),
        angle_rad=column("angle", 0.0),
        gain=column("gain", 1.0),
        offset=column("offset", 0.0),
    )


def random_patch(height: int, width: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand((3, height, width), generator=torch.Generator().manual_seed(seed), dtype=dtype)


def random_images(images: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    """uint8 (n, 3, h, w)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (images, 3, height, width), generator=generator, dtype=torch.uint8)


def photographs(folder: Path, counts: Sequence[int]) -> list[ImageRecord]:
    """One image file for each count, with that many objects of class 0."""
    records = []
    for index, count in enumerate(counts):
        path = folder / f"{index}.png"
        write_picture(path, width=SIDE, height=SIDE, image_format="PNG", seed=index)
        boxes = [(4 + 9 * place, 6 + 3 * index, 28 + 9 * place, 44 + 3 * index) for place in range(count)]
        records.append(record(path, SIDE, SIDE, boxes=boxes, classes=[0] * count))
    return records


def settings(**changes: object) -> RunConfig:
    """A small run on `photographs`: constant rate, batches of 2."""
    values = {
        "dataset": "photographs",
        "weights": "fake",
        "iterations": 2,
        "batch_size": 2,
        "image_size": SIDE,
        "view_size": 0,
        "patch_height": 16,
        "patch_width": 16,
        "schedule": ScheduleConfig(kind="constant"),
    }
    return RunConfig(**{**values, **changes})


WITHOUT_CHANCE = {"augmentation": AugmentationConfig.none(), "flip": False}


def begin(records, config, detector=None, patch=None, **options) -> PatchRun:
    """A run from the patch given or grey."""
    if patch is None:
        patch = torch.full((3, config.patch_height, config.patch_width), 0.5)
    state = RunState(patch_chw=patch, iterations=config.iterations)
    options = {"batch_size": config.batch_size, "class_id": 0, **options}
    return PatchRun(detector or FakeDetector(), records, config, state=state, **options)


class _SmallMemory:
    """Has memory for so many images and no more."""

    def __init__(self, fits: int, error: type[RuntimeError] = torch.OutOfMemoryError) -> None:
        super().__init__()
        self.fits, self.error, self.batches = fits, error, []

    def candidates(self, images_nchw, class_id, *, boxes=False):
        self.batches.append(len(images_nchw))
        if len(images_nchw) > self.fits:
            raise self.error("CUDA out of memory")
        return super().candidates(images_nchw, class_id, boxes=boxes)


class SmallDetector(_SmallMemory, FakeDetector):
    pass


class SmallRaggedDetector(_SmallMemory, RaggedDetector):
    pass


def scaler(precision: str, device: torch.device) -> torch.amp.GradScaler:
    """One that works on the CPU, in the place of `make_scaler`; its scale doubles every three steps."""
    return torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3)
