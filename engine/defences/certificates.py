# SPDX-License-Identifier: AGPL-3.0-only
"""Certificates of ObjectSeeker: objects that no patch of a size can hide, wherever it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from engine.detectors.base import Detector, Targets
from engine.settings import require_between

CLOSE = 0.1  # of the image's sides: how far from an object a patch still lies close to it


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """What one masked image is worth.

    Attributes:
        side: which side of the line is masked: `top`, `bottom`, `left` or `right`.
        at_px: the line.
        survives: bool (m,), whether each object stays detected if the patch lies under this mask.
    """

    side: str
    at_px: int
    survives: Tensor


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """For each object, whether it stays detected wherever a patch lies, in each of three places.

    Attributes:
        far: bool (m,), for all patches further from its box than a tenth of the image's sides.
        close: bool (m,), for all nearer ones that do not touch it.
        over: bool (m,), for all that touch it.
    """

    far: Tensor
    close: Tensor
    over: Tensor

    @property
    def everywhere(self) -> Tensor:
        """Bool (m,), whether no patch of the size can hide the object."""
        return self.far & self.close & self.over


@runtime_checkable
class Certifying(Detector, Protocol):
    """A defended detector that can say what no patch of a size can do to it."""

    def certify(
        self, images_nchw: Tensor, targets: Targets, *, patch_share: float = 0.01, ioa: float = 0.0
    ) -> Certificates:
        """Which objects in clean images stay detected, whatever one patch shows and wherever it lies.

        Args:
            images_nchw: clean, as for `detect`.
            targets: the objects, their classes by the detector's ids.
            patch_share: the square patch's area, as a share of the image's, 0 to 1.
            ioa: what share of an object the detection that is left covers, above.
        """


def surviving(
    object_xyxy_px: Tensor,
    detections_xyxy_px: Tensor,
    *,
    canvas_hw: tuple[int, int],
    prune_ioa: float,
    ioa: float,
) -> bool:
    """Whether what a masked image shows is sure to leave a detection over more than `ioa` of an object.

    A masked detection is either added, or left out because a detection in the whole image covers `prune_ioa`
    of it. An attacker may have made that one, but at least this much of it lies over the object:
    (prune_ioa × |detection| - |detection outside the object|) / |object| (Xiang et al. 2023, algorithm 2).

    Args:
        object_xyxy_px: float (4,).
        detections_xyxy_px: float (d, 4), those of the object's class in the masked image.
        canvas_hw: the image's size, which boxes are clipped to.
        prune_ioa, ioa: shares, 0 to 1.
    """
    limit = torch.tensor([canvas_hw[1], canvas_hw[0]] * 2)
    boxes, thing = (
        torch.minimum(each.double().clamp(min=0), limit) for each in (detections_xyxy_px, object_xyxy_px)
    )
    area = (thing[2:] - thing[:2]).clamp(min=0).prod()
    if not len(boxes) or not area:
        return False
    areas = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)
    low, high = torch.maximum(boxes[:, :2], thing[:2]), torch.minimum(boxes[:, 2:], thing[2:])
    outside = areas - (high - low).clamp(min=0).prod(dim=1)
    return bool(((prune_ioa * areas - outside) / area > ioa).any())


def certificates(
    views: Sequence[Hidden], objects_xyxy_px: Tensor, *, canvas_hw: tuple[int, int], patch_share: float
) -> Certificates:
    """Certify objects against one square patch of whole pixels, which may lie partly outside the image.

    A patch is harmless to an object where it lies wholly under a mask that the object survives. Of the masks
    on one side the widest counts, so the places where a patch may harm are a rectangle, which is empty or
    not within each of the three places.

    Args:
        views: all masked images.
        objects_xyxy_px: float (m, 4).
        canvas_hw: height and width in pixels.
        patch_share: the patch's area as a share of the image's, 0 to 1.

    Raises:
        ValueError: the share is out of range.
    """
    require_between("patch share", patch_share, 0, 1)
    height, width = canvas_hw
    patch = int((height * width * patch_share) ** 0.5)
    rows = _harmful(views, ("top", "bottom"), height, len(objects_xyxy_px)) - torch.tensor([patch, 0])
    columns = _harmful(views, ("left", "right"), width, len(objects_xyxy_px)) - torch.tensor([patch, 0])
    harmful = _open(columns, rows)
    boxes = objects_xyxy_px.floor().long()
    margin = torch.tensor([int(CLOSE * width), int(CLOSE * height)])
    touching = torch.stack([boxes[:, :2] - patch, boxes[:, 2:]])
    near = torch.stack([touching[0] - margin, touching[1] + margin])
    return Certificates(
        far=_within(harmful, near),
        close=_within(_both(harmful, near), touching),
        over=_is_empty(_both(harmful, touching)),
    )


def _harmful(views: Sequence[Hidden], sides: tuple[str, str], size: int, objects: int) -> Tensor:
    """The widest mask at the start and at the end of an axis that each object survives, int (m, 2)."""
    first, last = torch.zeros(objects, dtype=torch.long), torch.full((objects,), size)
    for view in views:
        if view.side == sides[0]:
            first = torch.where(view.survives, first.clamp(min=view.at_px), first)
        elif view.side == sides[1]:
            last = torch.where(view.survives, last.clamp(max=view.at_px), last)
    return torch.stack([first, last], dim=1)


def _open(columns: Tensor, rows: Tensor) -> Tensor:
    """First and last places (2, m, 2) in x and y, both included, of open intervals (m, 2) each."""
    both = torch.stack([columns, rows], dim=1)
    return torch.stack([both[..., 0] + 1, both[..., 1] - 1])


def _both(first: Tensor, second: Tensor) -> Tensor:
    return torch.stack([torch.maximum(first[0], second[0]), torch.minimum(first[1], second[1])])


def _is_empty(places: Tensor) -> Tensor:
    return (places[0] > places[1]).any(dim=1)


def _within(inner: Tensor, outer: Tensor) -> Tensor:
    """Whether rectangles of places lie in others; an empty one does."""
    inside = (inner[0] >= outer[0]) & (inner[1] <= outer[1])
    return inside.all(dim=1) | _is_empty(inner)
