# SPDX-License-Identifier: AGPL-3.0-only
"""Loads image files into batches on the device: scaled, padded, cached, prefetched."""

from __future__ import annotations

import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.boxes import Letterbox, letterbox
from engine.datasets.images import read_rgb
from engine.datasets.views import ViewChooser, visible_share
from engine.detectors.base import Targets
from engine.errors import DatasetError, SettingsError
from engine.outpost import bring
from engine.records import ImageRecord

PADDING = 114  # Ultralytics' letterbox grey
LEAST_VISIBLE = 0.3  # minimum visible share of an object's box for it to be a target
DECODERS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images of one canvas size with their objects, on the device.

    Attributes:
        indices: of the images' records.
        images_nchw: uint8 (n, 3, h, w), RGB, channels last in memory, padded with 114; of the `shown` images.
        targets: the objects of all images, in pixels of the canvas.
        letterboxes: scale and position of each image.
        shown: which of the images have pixels, if others are computed elsewhere; None for all.
    """

    indices: tuple[int, ...]
    images_nchw: Tensor
    targets: Targets
    letterboxes: tuple[Letterbox, ...]
    shown: tuple[int, ...] | None = None


class ImageLoader:
    """Loads batches of a dataset's images ahead of the consumer, with a bounded cache.

    Args:
        records: the images; batches refer to them by index.
        image_size: the long side in pixels, a multiple of `stride_px`.
        class_id: keep only this class's objects as targets; None keeps all.
        stride_px: of the detector.
        cache_bytes: maximum size of cached scaled images.
        prefetch: number of batches prepared in advance; 0 prepares each on demand.
        device: the device of the batches.
        share: which of so many images of a batch to load; their targets come with all others'. None for all.

    Raises:
        SettingsError: a setting is out of range.
    """

    def __init__(
        self,
        records: Sequence[ImageRecord],
        *,
        image_size: int,
        class_id: int | None = None,
        stride_px: int = 32,
        cache_bytes: int = 512 * 2**20,
        prefetch: int = 2,
        device: torch.device,
        share: Callable[[int], Sequence[int]] | None = None,
    ) -> None:
        if image_size < stride_px or image_size % stride_px:
            nearest = max(round(image_size / stride_px), 1) * stride_px
            raise SettingsError(
                f"image size: expected a multiple of {stride_px}, got {image_size}; use {nearest}"
            )
        if cache_bytes < 0 or prefetch < 0:
            raise SettingsError(
                f"cache and prefetch: expected 0 or more, got {cache_bytes} bytes and {prefetch} batches"
            )
        bring(record.path for record in records)
        self._records = records
        self._image_size = image_size
        self._class_id = class_id
        self._prefetch = prefetch
        self._device = device
        self._share = share
        self._cache = _ImageCache(cache_bytes)

    def batches(
        self,
        plan: Iterable[Sequence[int]],
        view: ViewChooser | None = None,
        drawn: Iterable[int] = (),
    ) -> Iterator[Batch]:
        """Yield the planned batches in order, prepared in background threads while the consumer computes.

        Threads end when the iterator is exhausted, closed or deleted, or an image fails.

        Args:
            plan: indices of each batch's records; none may be empty.
            view: chooses the part of each image to show; None for whole images, centred in a square canvas.
            drawn: indices of records used earlier in the iteration, for the view.

        Raises:
            DatasetError: an image of the next batch is missing, truncated, unreadable or of another size; the
                message names the file.
        """
        turns = Counter(drawn)
        with ThreadPoolExecutor(DECODERS, "decode") as decoders:

            def assemble(indices: Sequence[int]) -> Batch:
                return self._assemble(indices, view, turns, decoders)

            if not self._prefetch:
                for indices in plan:
                    yield self._to_device(assemble(indices))
                return
            yield from self._prefetched(iter(plan), assemble)

    def _prefetched(
        self, plan: Iterator[Sequence[int]], assemble: Callable[[Sequence[int]], Batch]
    ) -> Iterator[Batch]:
        assembler = ThreadPoolExecutor(1, "assemble")
        pending: deque[Future[Batch]] = deque()
        try:
            while True:
                for indices in islice(plan, self._prefetch + 1 - len(pending)):
                    pending.append(assembler.submit(assemble, indices))
                if not pending:
                    return
                yield self._to_device(pending.popleft().result())
        finally:
            assembler.shutdown(wait=True, cancel_futures=True)

    def _assemble(
        self,
        indices: Sequence[int],
        view: ViewChooser | None,
        turns: Counter[int],
        decoders: ThreadPoolExecutor,
    ) -> Batch:
        if not len(indices):
            raise ValueError("expected at least one image in each batch of the plan, got an empty batch")
        shown = None if self._share is None else tuple(self._share(len(indices)))
        loaded = range(len(indices)) if shown is None else shown
        scaled = list(decoders.map(self._scaled, (indices[position] for position in loaded)))
        side = self._image_size if view is None else view.side_px
        # Pinned memory lets the copy to the GPU run while the GPU computes.
        images = torch.empty(
            (len(loaded), side, side, 3), dtype=torch.uint8, pin_memory=self._device.type == "cuda"
        )
        images.fill_(PADDING)
        placements = tuple(self._place(index, view, turns) for index in indices)
        for image, pixels, position in zip(images.numpy(), scaled, loaded, strict=True):
            fitted = self._fit(self._records[indices[position]])
            self._draw(image, pixels, fitted, placements[position], whole=view is None)
        return Batch(
            indices=tuple(int(index) for index in indices),
            images_nchw=images.permute(0, 3, 1, 2),
            targets=self._targets(indices, placements, side),
            letterboxes=placements,
            shown=shown,
        )

    @staticmethod
    def _draw(
        canvas: npt.NDArray[np.uint8],
        pixels: npt.NDArray[np.uint8],
        fitted: Letterbox,
        box: Letterbox,
        *,
        whole: bool,
    ) -> None:
        """Draw a scaled image at its letterbox."""
        if whole:
            rows, columns = slice(box.top, box.top + box.height), slice(box.left, box.left + box.width)
            canvas[rows, columns] = pixels
            return
        zoom = box.scale / fitted.scale
        shift = 0.5 * zoom - 0.5  # aligns pixel centres like cv2.resize
        affine = np.array([[zoom, 0, box.left + shift], [0, zoom, box.top + shift]])
        cv2.warpAffine(
            pixels,
            affine,
            (canvas.shape[1], canvas.shape[0]),
            dst=canvas,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(PADDING, PADDING, PADDING),
        )

    def _to_device(self, batch: Batch) -> Batch:
        return replace(
            batch,
            images_nchw=batch.images_nchw.to(self._device, non_blocking=True),
            targets=batch.targets.to(self._device),
        )

    def _fit(self, record: ImageRecord) -> Letterbox:
        size = self._image_size
        return letterbox(record.width, record.height, canvas_width=size, canvas_height=size)

    def _place(self, index: int, view: ViewChooser | None, turns: Counter[int]) -> Letterbox:
        """The image's position on the canvas; also counts its turns."""
        record = self._records[index]
        if view is None:
            return self._fit(record)
        turns[index] += 1
        return view(index, record, self._fit(record).scale, turns[index] - 1)

    def _scaled(self, index: int) -> npt.NDArray[np.uint8]:
        """One image's pixels, uint8 (h, w, 3), scaled but not padded, from the cache or the file."""
        cached = self._cache.get(index)
        if cached is not None:
            return cached
        record = self._records[index]
        pixels = read_rgb(record.path)
        if pixels.shape[:2] != (record.height, record.width):
            raise DatasetError(
                f"{record.path}: expected {record.width}x{record.height} pixels as imported, "
                f"got {pixels.shape[1]}x{pixels.shape[0]}; import the dataset again"
            )
        fitted = self._fit(record)
        size = (fitted.width, fitted.height)
        resized = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)  # a plain copy for equal sizes
        scaled = np.ascontiguousarray(resized, dtype=np.uint8)
        self._cache.put(index, scaled)
        return scaled

    def _targets(self, indices: Sequence[int], placements: Sequence[Letterbox], side: int) -> Targets:
        boxes, classes, owners = [], [], []
        for position, (index, placement) in enumerate(zip(indices, placements, strict=True)):
            record = self._records[index]
            keep = slice(None) if self._class_id is None else record.class_ids == self._class_id
            placed = placement.to_canvas(record.boxes_xyxy_px[keep]).reshape(-1, 4)
            shown = visible_share(placed, side, side) >= LEAST_VISIBLE
            boxes.append(placed[shown])
            classes.append(record.class_ids[keep][shown])
            owners.append(np.full(len(classes[-1]), position, dtype=np.int64))
        return Targets(
            boxes_xyxy_px=torch.from_numpy(np.concatenate(boxes)),
            class_ids=torch.from_numpy(np.concatenate(classes).astype(np.int64)),
            image_index=torch.from_numpy(np.concatenate(owners)),
            images=len(indices),
        )


class _ImageCache:
    """Scaled images up to a size limit; keeps the first ones and evicts nothing.

    An iteration visits every image about once, and an LRU cache would evict each image before its next use.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._images: dict[int, npt.NDArray[np.uint8]] = {}
        self._lock = threading.Lock()
        self.used_bytes = 0

    def get(self, index: int) -> npt.NDArray[np.uint8] | None:
        return self._images.get(index)

    def put(self, index: int, pixels: npt.NDArray[np.uint8]) -> None:
        with self._lock:
            if index not in self._images and self.used_bytes + pixels.nbytes <= self._limit_bytes:
                self._images[index] = pixels
                self.used_bytes += pixels.nbytes
