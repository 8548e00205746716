# SPDX-License-Identifier: AGPL-3.0-only
"""How long detectors take for an image, measured in turn on the same images."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from engine.datasets.loader import ImageLoader
from engine.detectors.base import Detector
from engine.evaluation.runner import LOWEST_SCORE, NMS_IOU

TIMED = 8  # images


def seconds_an_image(
    detectors: Sequence[Detector], loader: ImageLoader, indices: Sequence[int]
) -> list[list[float]]:
    """Time each detector on each image alone, in turn, so that a busy moment hits all alike.

    Args:
        detectors: on the loader's device.
        loader: gives the images.
        indices: of the loader's images; the first image is looked at once more before, uncounted.

    Returns:
        Seconds, for each detector those of each image, in order.
    """
    found: list[list[float]] = [[] for _ in detectors]
    plan = [[index] for index in [*indices[:1], *indices]]
    for turn, batch in enumerate(loader.batches(plan)):
        images_nchw = batch.images_nchw.float() / 255
        for number in range(len(detectors)):
            which = (turn + number) % len(detectors)
            elapsed_s = _seconds(detectors[which], images_nchw)
            if turn:
                found[which].append(elapsed_s)
    return found


@torch.no_grad()
def _seconds(detector: Detector, images_nchw: torch.Tensor) -> float:
    _wait(detector.device)
    started_s = time.perf_counter()
    detector.detect(images_nchw, min_score=LOWEST_SCORE, iou=NMS_IOU)
    _wait(detector.device)
    return time.perf_counter() - started_s


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
