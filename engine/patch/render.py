# SPDX-License-Identifier: AGPL-3.0-only
"""Renders a patch onto a whole batch in one pass, anti-aliased and differentiable in the patch."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.config import RunConfig
from engine.patch.transforms import Placements


def circle_mask(height: int, width: int) -> Tensor:
    """The ellipse inscribed in a patch: bool (height, width), True inside."""
    v = (torch.arange(height) + 0.5) / height * 2 - 1
    u = (torch.arange(width) + 0.5) / width * 2 - 1
    return v[:, None] ** 2 + u[None, :] ** 2 <= 1


def mask_of(config: RunConfig) -> Tensor | None:
    """The mask of drawn texels of a run's patch, bool (patch_height, patch_width); None for all."""
    return circle_mask(config.patch_height, config.patch_width) if config.circular else None


def compose(
    images_nchw: Tensor, patch_chw: Tensor, placements: Placements, mask_hw: Tensor | None = None
) -> Tensor:
    """Draw the patch at every placement.

    Each covered pixel is mapped back to the patch and takes a trilinear sample of its pyramid (bilinear
    in position, linear between the two levels nearest to the drawn size: Williams 1983, "Pyramidal
    parametrics"). Each covered pixel is computed once, which bounds the cost by the area of the batch,
    independent of the number of objects.

    Args:
        images_nchw: uint8 (n, 3, height, width), 0 to 255, or float, 0 to 1; not modified.
        patch_chw: float (3, h, w), 0 to 1.
        placements: where to draw it.
        mask_hw: bool (h, w), True for texels to draw; None for all.

    Returns:
        float (n, 3, height, width), channels last in memory, differentiable with respect to `patch_chw`.
    """
    n, channels, height, width = images_nchw.shape
    pixels_nc = _float_copy(images_nchw.permute(0, 2, 3, 1).reshape(-1, channels))
    pixel, owner, uv = _covered(placements, n, height, width)
    if mask_hw is not None:
        drawn = _nearest(mask_hw, uv)
        pixel, owner, uv = pixel[drawn], owner[drawn], uv[drawn]
    pixel, owner, uv = _topmost(pixel, owner, uv, n * height * width)
    colours = _colours(patch_chw, mask_hw, placements, owner, uv)
    colours = colours * placements.gain[owner, None] + placements.offset[owner, None]
    pixels_nc.index_copy_(0, pixel, colours.clamp(0, 1).to(pixels_nc.dtype))
    return pixels_nc.view(n, height, width, channels).permute(0, 3, 1, 2)


def _float_copy(pixels_nc: Tensor) -> Tensor:
    """A new float tensor, not a view, for which autograd would copy all data affected by in-place changes."""
    if pixels_nc.dtype == torch.uint8:
        return pixels_nc.float().mul_(1 / 255)
    return pixels_nc.detach().clone()


def pyramid(patch_chw: Tensor) -> list[Tensor]:
    """The patch at full size, half, a quarter … down to one texel, odd sizes rounded up.

    Each texel is the mean of the area that it covers in the level above, which preserves the overall mean.
    """
    levels = [patch_chw]
    while max(levels[-1].shape[1:]) > 1:
        rows, columns = (_halving(size).to(patch_chw) for size in levels[-1].shape[1:])
        levels.append(rows @ levels[-1] @ columns.T)
    return levels


@cache
def _halving(size: int) -> Tensor:
    """The matrix (half, size) that reduces a line of texels to half as many.

    Unlike torch's adaptive pooling, a matrix product has a deterministic gradient on CUDA.
    """
    half = (size + 1) // 2
    edges = torch.arange(half + 1) * (size / half)
    texels = torch.arange(size)
    overlap = torch.minimum(edges[1:, None], texels + 1) - torch.maximum(edges[:-1, None], texels)
    return overlap.clamp(min=0) * (half / size)


def _covered(placements: Placements, n: int, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """All pixels whose centre is under a patch: flat pixel index, placement, and (u, v) from 0 to 1."""
    half = placements.size_wh_px / 2
    cos, sin = placements.angle_rad.cos(), placements.angle_rad.sin()
    reach_x = half[:, 0] * cos.abs() + half[:, 1] * sin.abs()
    reach_y = half[:, 0] * sin.abs() + half[:, 1] * cos.abs()
    reach = torch.stack([reach_x, reach_y], dim=1)
    limit = torch.tensor([width, height], device=reach.device)
    first = (placements.centre_xy_px - reach).floor().long().clamp(min=0)
    last = torch.minimum((placements.centre_xy_px + reach).ceil().long(), limit)
    extent = (last - first).clamp(min=0)

    area = extent[:, 0] * extent[:, 1]
    owner = torch.repeat_interleave(area)
    rank = torch.arange(len(owner), device=owner.device) - (area.cumsum(0) - area)[owner]
    x = first[owner, 0] + rank % extent[owner, 0].clamp(min=1)
    y = first[owner, 1] + rank // extent[owner, 0].clamp(min=1)
    offset = torch.stack([x, y], dim=1) + 0.5 - placements.centre_xy_px[owner]
    u = (offset[:, 0] * cos[owner] - offset[:, 1] * sin[owner]) / placements.size_wh_px[owner, 0] + 0.5
    v = (offset[:, 0] * sin[owner] + offset[:, 1] * cos[owner]) / placements.size_wh_px[owner, 1] + 0.5
    inside = (u >= 0) & (u < 1) & (v >= 0) & (v < 1)
    pixel = (placements.image_index[owner] * height + y) * width + x
    return pixel[inside], owner[inside], torch.stack([u, v], dim=1)[inside]


def _topmost(pixel: Tensor, owner: Tensor, uv: Tensor, pixels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Keep the last of several patches on one pixel, which makes the order of writing irrelevant."""
    top = torch.full((pixels,), -1, dtype=torch.int32, device=pixel.device)
    top.scatter_reduce_(0, pixel, owner.int(), "amax")
    keep = top[pixel] == owner
    return pixel[keep], owner[keep], uv[keep]


def _nearest(mask_hw: Tensor, uv: Tensor) -> Tensor:
    h, w = mask_hw.shape
    column = (uv[:, 0] * w).long().clamp(max=w - 1)
    row = (uv[:, 1] * h).long().clamp(max=h - 1)
    return mask_hw.to(uv.device)[row, column]


def _colours(
    patch_chw: Tensor, mask_hw: Tensor | None, placements: Placements, owner: Tensor, uv: Tensor
) -> Tensor:
    """The patch's colours (k, 3) at each (u, v), without bleeding from texels that are not drawn."""
    if mask_hw is None:
        return _sample(patch_chw, placements, owner, uv)
    drawn = mask_hw[None].to(patch_chw)
    samples = _sample(torch.cat([patch_chw * drawn, drawn]), placements, owner, uv)
    return samples[:, :-1] / samples[:, -1:].clamp(min=1e-6)


def _sample(patch_chw: Tensor, placements: Placements, owner: Tensor, uv: Tensor) -> Tensor:
    """Trilinear samples (k, channels), each a weighted sum of eight texels of the flattened pyramid."""
    levels = pyramid(patch_chw)
    texels = torch.cat([level.flatten(1) for level in levels], dim=1).T
    sizes = torch.tensor([level.shape[1:] for level in levels], device=uv.device)
    starts = sizes.prod(dim=1).cumsum(0) - sizes.prod(dim=1)

    texels_per_px = (sizes[0].flip(0) / placements.size_wh_px).amax(dim=1)
    depth = texels_per_px.clamp(min=1).log2().clamp(max=len(levels) - 1)[owner]
    index, weight = [], []
    for level, share in _two_levels(depth, len(levels)):
        corners, shares = _bilinear(uv, sizes[level], starts[level])
        index.append(corners)
        weight.append(shares * share[:, None])
    shares = torch.cat(weight, dim=1).to(texels.dtype)
    sampled: Tensor = _WeightedSums.apply(texels, torch.cat(index, dim=1), shares)
    return sampled


class _WeightedSums(torch.autograd.Function):
    """`embedding_bag`, differentiable in the texels, with a gradient by `index_add_`.

    torch's own gradient sorts the indices first: on a CPU with 5,800 pixels it takes twice as long.
    """

    @staticmethod
    def forward(ctx: Any, texels: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(index, weight)
        ctx.texels = len(texels)
        return F.embedding_bag(index, texels, per_sample_weights=weight, mode="sum")

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        index, weight = ctx.saved_tensors
        shares = (gradients[0][:, None] * weight[..., None]).flatten(0, 1)
        texels = shares.new_zeros(ctx.texels, shares.shape[1])
        return texels.index_add_(0, index.flatten(), shares), None, None


def _two_levels(depth: Tensor, levels: int) -> list[tuple[Tensor, Tensor]]:
    lower = depth.floor().long()
    share = depth - lower
    return [(lower, 1 - share), ((lower + 1).clamp(max=levels - 1), share)]


def _bilinear(uv: Tensor, sizes_hw: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
    """Flat texel indices (k, 4) and weights (k, 4) of the four texels around each (u, v), edges repeated."""
    position = uv * sizes_hw.flip(1) - 0.5
    low = position.floor()
    share = position - low
    low = low.long()
    width, height = sizes_hw[:, 1], sizes_hw[:, 0]
    index, weight = [], []
    for dy in (0, 1):
        row = torch.minimum((low[:, 1] + dy).clamp(min=0), height - 1)
        for dx in (0, 1):
            column = torch.minimum((low[:, 0] + dx).clamp(min=0), width - 1)
            index.append(starts + row * width + column)
            weight.append((share[:, 0] if dx else 1 - share[:, 0]) * (share[:, 1] if dy else 1 - share[:, 1]))
    return torch.stack(index, dim=1), torch.stack(weight, dim=1)
