# SPDX-License-Identifier: AGPL-3.0-only
"""Windows with patches, and the masks of these."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.detectors.base import Targets
from engine.runs.patch_pool import PatchPool
from engine.runs.patched_views import patched
from engine.seeding import generator

GREY = torch.full((6, 3, 64, 64), 102, dtype=torch.uint8)  # 0.4
# Half blue, half yellow: no light makes grey of it.
LOUD = torch.zeros(3, 8, 8)
LOUD[2, :4], LOUD[:2, 4:] = 1, 1


def targets(*boxes: tuple[float, ...], images: int = 6) -> Targets:
    rows = torch.tensor(boxes).float().reshape(-1, 4)
    return Targets(
        boxes_xyxy_px=rows,
        class_ids=torch.zeros(len(rows), dtype=torch.long),
        image_index=torch.zeros(len(rows), dtype=torch.long),
        images=images,
    )


def drawn(objects: Targets, *, clean_share: float = 0.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    pool = PatchPool(given=[(LOUD, None)])
    return patched(GREY, objects, pool, generator(seed, 1), clean_share=clean_share)


def test_windows_without_objects_carry_patches_anywhere() -> None:
    images, mask = drawn(targets())
    assert images.shape == (6, 3, 64, 64)
    assert mask.shape == (6, 1, 64, 64)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert (mask.flatten(1).sum(dim=1) > 0).all()


def test_the_mask_is_where_the_image_has_changed() -> None:
    images, mask = drawn(targets())
    changed = (images - 102 / 255).abs().amax(dim=1, keepdim=True) > 1e-4
    assert not (changed & (mask == 0)).any()
    assert (changed & (mask == 1)).sum() / mask.sum() > 0.5  # a texture may be grey somewhere


def test_patches_lie_on_objects_more_often_than_not() -> None:
    box = (4.0, 4, 20, 24)
    on = [drawn(targets(box), seed=seed)[1][0, 0] for seed in range(12)]
    inside = [mask[4:24, 4:20].sum() / mask.sum() > 0.4 for mask in on]
    assert sum(inside) >= 7


def test_clean_windows_stay_as_they_are() -> None:
    images, mask = drawn(targets(), clean_share=1.0)
    assert mask.sum() == 0
    torch.testing.assert_close(images, GREY.float() / 255)


def test_equal_generators_draw_equal_windows() -> None:
    first, again, other = (drawn(targets(), seed=seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
