# SPDX-License-Identifier: AGPL-3.0-only
"""Views: windows around objects, which cost a step a fraction of the whole image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.boxes import FloatArray, Letterbox
from engine.records import ImageRecord
from engine.settings import require_between

FILL = 0.92  # maximum share of the window's side for the chosen object
STREAM = 3  # of the seed


@dataclass(frozen=True, kw_only=True)
class ViewChooser:
    """Chooses a square window of each image, around a random object at a random zoom.

    A pure function of (seed, iteration, image, turn), which gives a resumed run the same views. Objects that
    do not fit into the window are zoomed out.

    Attributes:
        side_px: the window's side in pixels of the canvas, at least 32.
        zoom_low, zoom_high: range of the zoom relative to the whole image's scale, drawn log-uniformly.
        seed, iteration: at least 0.
        class_id: the class of the chosen objects; None for all.
    """

    side_px: int
    zoom_low: float
    zoom_high: float
    seed: int
    iteration: int
    class_id: int | None = None

    def __post_init__(self) -> None:
        require_between("view side", self.side_px, 32, 4096)
        require_between("view zoom", self.zoom_low, 0.1, self.zoom_high)
        require_between("view zoom", self.zoom_high, self.zoom_low, 10)

    def __call__(self, index: int, record: ImageRecord, scale: float, turn: int = 0) -> Letterbox:
        """The window as a letterbox: canvas = image × scale + (left, top), which may be negative.

        Args:
            index: of the image, for its random generator.
            record: the image and its boxes.
            scale: from the pixels of the image file to those of the run's whole image.
            turn: how often the iteration has used the image before; each turn has its own window.
        """
        # The first turn is seeded without its number, which reproduces the patches of earlier versions.
        rng = np.random.default_rng([self.seed, STREAM, self.iteration, index, *([turn] if turn else [])])
        zoom = math.exp(rng.uniform(math.log(self.zoom_low), math.log(self.zoom_high)))
        of_class = slice(None) if self.class_id is None else record.class_ids == self.class_id
        boxes = record.boxes_xyxy_px[of_class].astype(np.float64) * scale
        size = np.array([record.width, record.height]) * scale
        if len(boxes):
            box = boxes[rng.integers(len(boxes))]
            zoom = min(zoom, FILL * self.side_px / float((box[2:] - box[:2]).max()))
        else:
            box = np.concatenate([size, size]) * rng.uniform(size=4)  # any point of the image
            box[2:] = box[:2]
        window = self.side_px / zoom
        corner = np.array([_corner(rng, box[axis], box[axis + 2], window, size[axis]) for axis in (0, 1)])
        left, top = np.rint(-corner * zoom).astype(int)
        whole = zoom * scale
        return Letterbox(
            scale=whole,
            left=int(left),
            top=int(top),
            width=round(record.width * whole),
            height=round(record.height * whole),
        )


def visible_share(boxes_xyxy_px: FloatArray, width: int, height: int) -> npt.NDArray[np.float64]:
    """The share of each box's (n, 4) area inside the canvas, 0 to 1."""
    boxes = np.asarray(boxes_xyxy_px, dtype=np.float64).reshape(-1, 4)
    shown = boxes.clip(0, [width, height, width, height])
    areas = [np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (shown, boxes)]
    return np.divide(areas[0], areas[1], out=np.zeros(len(boxes)), where=areas[1] > 0)


def _corner(rng: np.random.Generator, low: float, high: float, window: float, size: float) -> float:
    """A random start of a window along one axis, containing [low, high] and as little padding as possible."""
    start = rng.uniform(min(high - window, low), max(high - window, low))
    free = size - window
    return float(np.clip(start, min(free, 0), max(free, 0)))
