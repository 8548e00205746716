# SPDX-License-Identifier: AGPL-3.0-only
"""Placement of patches: position, size, angle and light for each object, from settings and random draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from engine.config import AugmentationConfig, PlacementConfig
from engine.detectors.base import Targets, renumbered


@dataclass(frozen=True, kw_only=True)
class Placements:
    """Placements of patches in a batch; later entries are drawn over earlier ones.

    Attributes:
        image_index: int64 (m,), index of the image in the batch.
        centre_xy_px: float32 (m, 2), the patch's centre; pixel (0, 0) covers 0 to 1 on both axes.
        size_wh_px: float32 (m, 2), the drawn width and height.
        angle_rad: float32 (m,), counter-clockwise as seen on the screen.
        gain, offset: float32 (m,), light: drawn colour = patch × gain + offset, clamped to 0 to 1.
    """

    image_index: Tensor
    centre_xy_px: Tensor
    size_wh_px: Tensor
    angle_rad: Tensor
    gain: Tensor
    offset: Tensor

    def of_images(self, first: int, last: int) -> Placements:
        """The placements on images `first` to `last - 1`, renumbered from 0."""
        keep = (self.image_index >= first) & (self.image_index < last)
        return self._where(keep, self.image_index - first)

    def chosen(self, images: Sequence[int], count: int) -> Placements:
        """The placements on some of `count` images, renumbered in this order."""
        numbers = renumbered(self.image_index, images, count)
        return self._where(numbers >= 0, numbers)

    def _where(self, keep: Tensor, image_index: Tensor) -> Placements:
        kept = {each.name: getattr(self, each.name)[keep] for each in fields(self)}
        return Placements(**kept | {"image_index": image_index[keep]})


def mirror(
    images_nchw: Tensor,
    targets: Targets,
    generator: torch.Generator | None = None,
    *,
    shown: Sequence[int] | None = None,
) -> tuple[Tensor, Targets]:
    """Mirror each image and its boxes left to right with probability 0.5; returns new tensors.

    Args:
        images_nchw: the images, or those of them that are `shown`.
        targets: the objects of all images.
        generator: a CPU generator.
        shown: see `engine.datasets.loader.Batch`.
    """
    width = images_nchw.shape[3]
    flipped = (torch.rand(targets.images, generator=generator) < 0.5).to(images_nchw.device)
    here = flipped if shown is None else flipped[list(shown)]
    mirrored = torch.where(here[:, None, None, None], images_nchw.flip(3), images_nchw)
    x1, y1, x2, y2 = targets.boxes_xyxy_px.unbind(dim=1)
    boxes = torch.stack([width - x2, y1, width - x1, y2], dim=1)
    chosen = flipped.to(targets.image_index.device)[targets.image_index, None]
    return mirrored, replace(targets, boxes_xyxy_px=torch.where(chosen, boxes, targets.boxes_xyxy_px))


def place(
    targets: Targets,
    *,
    canvas_hw: tuple[int, int],
    aspect: float,
    placement: PlacementConfig,
    augmentation: AugmentationConfig | None = None,
    generator: torch.Generator | None = None,
) -> Placements:
    """Choose a placement for each patch of a batch.

    `object` puts a patch on each target (Thys et al. 2019, section 3.2; T-SEA, Huang et al. 2023, section
    4.1): the square root of its area is `scale` × the box's diagonal, its centre is raised by `rise` × the
    box's height. `random` and `fixed` put one on each image, like ART's AdversarialPatchPyTorch: its size is
    `scale` × the image's shorter side.

    Args:
        targets: the objects that carry a patch; for `random` and `fixed` only the number of images is used.
        canvas_hw: height and width of the batch's images in pixels.
        aspect: the patch's width divided by its height.
        placement: settings of position and size.
        augmentation: random variation of position, size, angle and light; None at evaluation.
        generator: a CPU generator, which gives the same draws for every device; None for torch's global one.
    """
    if placement.kind == "object":
        index, centre, side = _on_objects(targets, placement)
    else:
        index, centre, side = _on_images(targets.images, canvas_hw, aspect, placement, generator)
    device, count = targets.boxes_xyxy_px.device, len(index)
    index, centre, side = index.to(device), centre.to(device), side.to(device)
    augmentation = augmentation or AugmentationConfig.none()

    def uniform(amount: float) -> Tensor:
        return ((torch.rand(count, generator=generator) * 2 - 1) * amount).to(device)

    shift = torch.stack([uniform(augmentation.shift), uniform(augmentation.shift)], dim=1)
    side = side * torch.exp(uniform(math.log1p(augmentation.resize)))
    return Placements(
        image_index=index,
        centre_xy_px=centre + shift * side[:, None],
        size_wh_px=side[:, None] * _proportions(aspect).to(device),
        angle_rad=uniform(math.radians(augmentation.rotation_deg)),
        gain=1 + uniform(augmentation.contrast),
        offset=uniform(augmentation.brightness),
    )


def _proportions(aspect: float) -> Tensor:
    """Width and height of a patch of area 1."""
    return torch.tensor([math.sqrt(aspect), 1 / math.sqrt(aspect)])


def _on_objects(targets: Targets, placement: PlacementConfig) -> tuple[Tensor, Tensor, Tensor]:
    boxes = targets.boxes_xyxy_px
    size = boxes[:, 2:] - boxes[:, :2]
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    centre = centre - torch.stack([torch.zeros_like(size[:, 1]), size[:, 1] * placement.rise], dim=1)
    return targets.image_index, centre, size.norm(dim=1) * placement.scale


def _on_images(
    images: int,
    canvas_hw: tuple[int, int],
    aspect: float,
    placement: PlacementConfig,
    generator: torch.Generator | None,
) -> tuple[Tensor, Tensor, Tensor]:
    height, width = canvas_hw
    side = torch.full((images,), placement.scale * min(height, width))
    canvas = torch.tensor([float(width), float(height)])
    # A patch larger than the image is centred.
    extent = torch.minimum(side[:, None] * _proportions(aspect), canvas)
    if placement.kind == "random":
        position = torch.rand((images, 2), generator=generator)
    else:
        position = torch.tensor(placement.position).expand(images, 2)
    return torch.arange(images), extent / 2 + (canvas - extent) * position, side
