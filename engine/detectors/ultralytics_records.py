# SPDX-License-Identifier: AGPL-3.0-only
"""Our images and boxes as a dataset of Ultralytics' trainer, without label files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engine.datasets.images import read_rgb
from engine.detectors.ultralytics_quiet import quiet_environment
from engine.errors import DatasetError
from engine.outpost import bring
from engine.records import ImageRecord

with quiet_environment():
    from ultralytics.data import YOLODataset

CACHE_BYTES = 2 * 2**30


class RecordsDataset(YOLODataset):
    """Training images with Ultralytics' augmentations; scaled images are kept in memory up to a limit.

    Mosaics are made of any images, not of those read last as where Ultralytics reads files: what is drawn
    depends on the epoch's seed alone.

    Args:
        records: the images; their class ids are those of the detector.
        cache_bytes: how much of scaled images is kept.
        options: of `YOLODataset`.
    """

    imgsz: int

    def __init__(
        self, records: Sequence[ImageRecord], *, cache_bytes: int = CACHE_BYTES, **options: Any
    ) -> None:
        bring(record.path for record in records)
        self._records = records
        self._scaled: dict[int, npt.NDArray[np.uint8]] = {}
        self._left_bytes = cache_bytes
        super().__init__(img_path="", augment=True, cache="ram", task="detect", **options)

    def get_img_files(self, img_path: Any) -> list[str]:
        """The paths of the records."""
        return [record.path for record in self._records]

    def get_labels(self) -> list[dict[str, Any]]:
        """The boxes of each record as shares of the image."""
        return [_label(record) for record in self._records]

    def check_cache_ram(self, safety_margin: float = 0.5) -> bool:
        """No: images are kept as they are read."""
        return False

    def load_image(
        self, i: int, rect_mode: bool = True, resize_short: bool = False
    ) -> tuple[npt.NDArray[np.uint8], tuple[int, int], tuple[int, int]]:
        """An image with its long side as long as the training's: uint8 (h, w, 3) BGR, free to be changed.

        Raises:
            DatasetError: it cannot be read, or is not as large as it was imported.
        """
        record, pixels = self._records[i], self._scaled.get(i)
        if pixels is None:
            pixels = _scaled(record, self.imgsz)
            if pixels.nbytes <= self._left_bytes:
                self._scaled[i] = pixels
                self._left_bytes -= pixels.nbytes
        return pixels.copy(), (record.height, record.width), (pixels.shape[0], pixels.shape[1])


def _label(record: ImageRecord) -> dict[str, Any]:
    corners = record.boxes_xyxy_px / np.array([record.width, record.height] * 2, dtype=np.float32)
    centres, sizes = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    return {
        "im_file": record.path,
        "shape": (record.height, record.width),
        "cls": record.class_ids.astype(np.float32)[:, None],
        "bboxes": np.concatenate([centres, sizes], axis=1).astype(np.float32),
        "segments": [],
        "keypoints": None,
        "normalized": True,
        "bbox_format": "xywh",
    }


def _scaled(record: ImageRecord, side_px: int) -> npt.NDArray[np.uint8]:
    pixels = read_rgb(record.path)
    if pixels.shape[:2] != (record.height, record.width):
        raise DatasetError(
            f"{record.path}: expected {record.width}x{record.height} pixels as imported, "
            f"got {pixels.shape[1]}x{pixels.shape[0]}; import the dataset again"
        )
    scale = side_px / max(record.height, record.width)
    size = (max(round(record.width * scale), 1), max(round(record.height * scale), 1))
    resized = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(resized[..., ::-1], dtype=np.uint8)
