# SPDX-License-Identifier: AGPL-3.0-only
"""Fits batches into memory: halves those that do not fit, and finds a good batch size by probing."""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
from torch import Tensor

from engine.detectors.base import Targets
from engine.detectors.device import is_out_of_memory
from engine.errors import MemoryExhaustedError

LARGEST_BATCH = 256
WORTH_IT = 1.05  # minimum speed-up for doubling the batch size
HEADROOM = 0.8  # share of the free memory that a batch may use


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A batch, or a part of a batch that did not fit into memory as a whole.

    Attributes:
        images_nchw: uint8 (n, 3, h, w), of the `shown` images.
        targets: the objects of all images.
        part: numbers unique to the piece within the run, which seed its random generator.
        shown: which of the images have pixels here; None for all.
    """

    images_nchw: Tensor
    targets: Targets
    part: tuple[int, ...]
    shown: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return self.targets.images

    def halves(self) -> list[Piece]:
        """Split the piece in two.

        Raises:
            MemoryExhaustedError: it is a single image.
        """
        count = len(self)
        if count == 1:
            height, width = self.images_nchw.shape[2:]
            raise MemoryExhaustedError(
                f"expected one image of {width}x{height} px to fit into the memory of "
                f"{self.images_nchw.device}, got out of memory; choose a smaller --image-size"
            )
        bounds = ((0, count // 2), (count // 2, count))
        return [self._half(half, first, last) for half, (first, last) in enumerate(bounds)]

    def _half(self, half: int, first: int, last: int) -> Piece:
        *batch, part = self.part
        shown, pixels = self.shown, slice(first, last)
        if shown is not None:
            pixels = slice(bisect_left(shown, first), bisect_left(shown, last))
            shown = tuple(position - first for position in shown[pixels])
        return Piece(
            images_nchw=self.images_nchw[pixels],
            targets=self.targets.of_images(first, last),
            part=(*batch, 2 * part + 1 + half),
            shown=shown,
        )


def find_batch_size(
    try_step: Callable[[int], object],
    *,
    device: torch.device,
    clock: Callable[[], float] = time.perf_counter,
    free_bytes: Callable[[torch.device], int] | None = None,
    used_bytes: Callable[[torch.device], int] | None = None,
) -> tuple[int, dict[int, float]]:
    """The smallest batch size beyond which doubling does not increase throughput, within the free memory.

    Timings vary, and so may the result: a reproducible run needs an explicit batch size.

    Args:
        try_step: called with a number of images, for which it does the work of one step.
        device: its device.
        clock: returns monotonic seconds.
        free_bytes, used_bytes: the device's memory, replaced in tests.

    Returns:
        The batch size, and images per second of each size tried.

    Raises:
        MemoryExhaustedError: one image alone does not fit.
    """
    free, used = free_bytes or _free_bytes, used_bytes or peak_memory_bytes
    available, before = free(device), used(device)
    best, size = 0, 1
    speeds: dict[int, float] = {}
    while size <= LARGEST_BATCH:
        try:
            speeds[size] = size / min(_timed(try_step, size, device, clock) for _ in range(3))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            break
        if best and speeds[size] < speeds[best] * WORTH_IT:
            break
        best = size
        if 2 * (used(device) - before) > available * HEADROOM:
            break
        size *= 2
    if not best:
        raise MemoryExhaustedError(
            f"expected one image to fit into the memory of {device}, got out of memory; "
            "choose a smaller --image-size or another --device"
        )
    return best, speeds


def peak_memory_bytes(device: torch.device) -> int:
    """Peak memory so far: of the device on CUDA, otherwise the process's resident set."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return _peak_resident_bytes()


def _peak_resident_bytes() -> int:
    info = psutil.Process().memory_info()
    if hasattr(info, "peak_wset"):  # Windows
        return int(info.peak_wset)
    import resource  # not on Windows
    import sys

    if sys.platform == "linux":
        # On Linux, a child process inherits `ru_maxrss` from its parent.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        peak_kib = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        if peak_kib:
            return int(peak_kib[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return int(psutil.virtual_memory().available)


def _timed(
    try_step: Callable[[int], object], size: int, device: torch.device, clock: Callable[[], float]
) -> float:
    started = clock()
    try_step(size)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return max(clock() - started, 1e-9)
