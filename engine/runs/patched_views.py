# SPDX-License-Identifier: AGPL-3.0-only
"""Windows of images with patches drawn into them, and where these lie: what a defence learns from."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.detectors.base import Targets
from engine.patch.render import compose
from engine.patch.transforms import Placements
from engine.runs.patch_pool import PatchPool

ON_OBJECTS = 0.75  # share of the windows with objects whose patches lie on these
MOST_ANYWHERE = 3  # patches that lie anywhere in a window
SIDE_OF_BOX = (0.12, 0.45)  # patch's side over the box's diagonal
SIDE_OF_VIEW = (0.06, 0.35)  # likewise over the window's
SMALLEST_PX = 6.0
TURN_RAD = math.radians(25)


def patched(
    images_nchw: Tensor, targets: Targets, pool: PatchPool, generator: torch.Generator, *, clean_share: float
) -> tuple[Tensor, Tensor]:
    """Draw patches from a pool into images, one texture an image, as attacks do.

    Args:
        images_nchw: uint8 (n, 3, h, w).
        targets: objects, most of which carry the patch of their image.
        pool: of patches.
        generator: of all chance, on the CPU.
        clean_share: of the images that stay as they are, 0 to 1.

    Returns:
        Images, float (n, 3, h, w), 0 to 1, and the mask of the patches' pixels, float (n, 1, h, w), 0 or 1.
    """
    images = images_nchw.float() / 255
    made, masks = [], []
    for index, image in enumerate(images):
        mask = torch.zeros_like(image[None])
        drawn = image[None]
        if float(torch.rand((), generator=generator)) >= clean_share:
            photo = images[(index + 1) % len(images)]
            patch, shape = pool.draw(generator, photo.cpu())
            patch = patch.to(image)
            places = _places(targets.of_images(index, index + 1), tuple(image.shape[1:]), generator)
            drawn = compose(drawn, patch, places, shape)
            flat = Placements(**vars(places) | {"gain": places.gain * 0, "offset": places.offset * 0 + 1})
            mask = compose(mask, torch.zeros_like(patch), flat, shape)
        made.append(drawn)
        masks.append(mask[:, :1])
    return torch.cat(made).contiguous(), torch.cat(masks).contiguous()


def _places(targets: Targets, canvas_hw: tuple[int, ...], generator: torch.Generator) -> Placements:
    """Where the patches of one image lie: on its objects, or anywhere."""
    boxes = targets.boxes_xyxy_px.cpu()
    if len(boxes) and float(torch.rand((), generator=generator)) < ON_OBJECTS:
        chosen = torch.rand(len(boxes), generator=generator) < 0.8
        chosen[int(torch.randint(len(boxes), (), generator=generator))] = True
        boxes, low, high = boxes[chosen], *SIDE_OF_BOX
        size = boxes[:, 2:] - boxes[:, :2]
        centre = boxes[:, :2] + size * (0.15 + 0.7 * torch.rand(len(boxes), 2, generator=generator))
        reach = size.norm(dim=1)
    else:
        count = 1 + int(torch.randint(MOST_ANYWHERE, (), generator=generator))
        canvas = torch.tensor([float(canvas_hw[1]), float(canvas_hw[0])])
        centre, (low, high) = torch.rand(count, 2, generator=generator) * canvas, SIDE_OF_VIEW
        reach = torch.full((count,), float(min(canvas_hw)))
    count = len(centre)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    side, stretch = (reach * uniform(low, high)).clamp(min=SMALLEST_PX), uniform(-0.35, 0.35).exp()
    made = {
        "centre_xy_px": centre,
        "size_wh_px": torch.stack([side * stretch, side / stretch], dim=1),
        "angle_rad": uniform(-TURN_RAD, TURN_RAD),
        "gain": uniform(0.7, 1.15),
        "offset": uniform(-0.1, 0.1),
    }
    device = targets.boxes_xyxy_px.device
    index = torch.zeros(count, dtype=torch.long, device=device)
    return Placements(image_index=index, **{name: value.to(device) for name, value in made.items()})
