# SPDX-License-Identifier: AGPL-3.0-only
"""Drawing: against a plain loop over pixels, its gradient against finite differences, its cost counted."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from engine.config import RunConfig
from engine.patch import render
from engine.patch.render import circle_mask, compose, mask_of, pyramid
from tests.engine.patch.factories import placements, random_images, random_patch


def halved(texels: np.ndarray) -> np.ndarray:
    """A level of the pyramid from the one above, (c, h, w): the mean over the area of each new texel."""
    channels, height, width = texels.shape
    rows, columns = math.ceil(height / 2), math.ceil(width / 2)
    result = np.zeros((channels, rows, columns))
    for row in range(rows):
        for column in range(columns):
            top, bottom = row * height / rows, (row + 1) * height / rows
            left, right = column * width / columns, (column + 1) * width / columns
            for y in range(height):
                for x in range(width):
                    tall = max(0.0, min(bottom, y + 1) - max(top, y))
                    wide = max(0.0, min(right, x + 1) - max(left, x))
                    result[:, row, column] += texels[:, y, x] * tall * wide
            result[:, row, column] /= (bottom - top) * (right - left)
    return result


def bilinear(texels: np.ndarray, u: float, v: float) -> np.ndarray:
    _, height, width = texels.shape
    x, y = u * width - 0.5, v * height - 0.5
    colour = np.zeros(len(texels))
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            share = (1 - abs(x - column)) * (1 - abs(y - row))
            colour += share * texels[:, min(max(row, 0), height - 1), min(max(column, 0), width - 1)]
    return colour


def plain_compose(images: np.ndarray, patch: np.ndarray, rows: list[dict], mask: np.ndarray) -> np.ndarray:
    """The slow reference: each pixel of each patch by itself, later patches over earlier ones."""
    drawn = images.copy()
    levels = [np.concatenate([patch * mask, mask[None]])]
    while max(levels[-1].shape[1:]) > 1:
        levels.append(halved(levels[-1]))
    _, texel_rows, texel_columns = patch.shape
    for row in rows:
        (centre_x, centre_y), (width, height) = row["centre"], row["size"]
        cos, sin = math.cos(row.get("angle", 0)), math.sin(row.get("angle", 0))
        depth = math.log2(max(1.0, texel_columns / width, texel_rows / height))
        depth = min(depth, len(levels) - 1)
        lower = math.floor(depth)
        upper = min(lower + 1, len(levels) - 1)
        for y in range(images.shape[2]):
            for x in range(images.shape[3]):
                dx, dy = x + 0.5 - centre_x, y + 0.5 - centre_y
                u = (dx * cos - dy * sin) / width + 0.5
                v = (dx * sin + dy * cos) / height + 0.5
                if not (0 <= u < 1 and 0 <= v < 1) or not mask[int(v * texel_rows), int(u * texel_columns)]:
                    continue
                sample = bilinear(levels[lower], u, v) * (1 - depth + lower)
                sample += bilinear(levels[upper], u, v) * (depth - lower)
                colour = sample[:3] / sample[3] * row.get("gain", 1) + row.get("offset", 0)
                drawn[row.get("image", 0), :, y, x] = colour.clip(0, 1)
    return drawn


ODD = {"centre": (9.3, 8.7), "size": (7.1, 9.2), "angle": 0.4}
SCENES = {
    "no placement at all": [],
    "one, larger than the patch": [{"centre": (10.2, 9.1), "size": (13.3, 11.9)}],
    "one, smaller than the patch": [{"centre": (9.3, 8.7), "size": (4.3, 3.1)}],
    "one pixel": [{"centre": (5.5, 6.5), "size": (1.1, 0.9)}],
    "smaller than a pixel, off its centre": [{"centre": (5.0, 6.0), "size": (0.3, 0.3)}],
    "turned": [ODD],
    "turned far, both ways": [{**ODD, "angle": 2.5}, {**ODD, "centre": (17.2, 8.1), "angle": -1.1}],
    "overlapping, the last on top": [ODD, {**ODD, "centre": (11.6, 10.4)}, {**ODD, "centre": (8.6, 12.1)}],
    "partly outside, each side": [
        {**ODD, "centre": (0.7, 8.3)},
        {**ODD, "centre": (21.2, 2.3)},
        {**ODD, "centre": (12.4, -1.1)},
        {**ODD, "centre": (12.4, 18.6)},
    ],
    "wholly outside": [{**ODD, "centre": (-40.3, 8.0)}, {**ODD, "centre": (9.1, 300.7)}],
    "larger than the image": [{"centre": (10.3, 9.2), "size": (60.3, 70.4), "angle": 0.3}],
    "two images": [ODD, {**ODD, "image": 1, "centre": (14.2, 7.9)}, {**ODD, "image": 1}],
    "light of each its own": [
        {**ODD, "gain": 1.4, "offset": 0.2},
        {**ODD, "image": 1, "gain": 0.6, "offset": -0.2},
    ],
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_every_pixel_is_as_in_a_plain_loop(scene, masked):
    patch = random_patch(7, 10)
    mask = circle_mask(7, 10) if masked else None
    images = random_images(2, 18, 22)
    plain_mask = np.ones((7, 10)) if mask is None else mask.double().numpy()
    expected = plain_compose(images.double().numpy() / 255, patch.double().numpy(), scene, plain_mask)
    for given in (images, images.float() / 255):
        drawn = compose(given, patch, placements(*scene), mask)
        assert drawn.shape == images.shape
        assert drawn.dtype == torch.float32
        np.testing.assert_allclose(drawn.numpy(), expected, atol=2e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_the_gradient_agrees_with_finite_differences(masked):
    patch = (0.2 + 0.6 * random_patch(5, 4, dtype=torch.float64)).requires_grad_(True)
    images = random_images(2, 12, 10).double() / 255
    rows = placements(
        {"centre": (5.2, 5.9), "size": (4.3, 6.1), "angle": 0.5, "gain": 1.1},
        {"centre": (6.7, 7.1), "size": (2.6, 3.1), "angle": -0.2, "offset": 0.1},
        {"image": 1, "centre": (0.7, 4.1), "size": (9.3, 11.1)},
    )
    mask = circle_mask(5, 4) if masked else None
    weights = random_images(2, 12, 10, seed=1).double() / 255  # of each pixel in one sum

    def weighted(texels):
        return (compose(images, texels, rows, mask) * weights).sum()

    assert torch.autograd.gradcheck(weighted, patch)


@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_without_placements_the_images_are_as_they_were_and_the_gradient_is_zero(kind):
    images = random_images(2, 16, 16)
    expected = images.float() / 255
    patch = random_patch(6, 6).requires_grad_(True)
    drawn = compose(images if kind == torch.uint8 else expected, patch, placements())
    torch.testing.assert_close(drawn, expected)
    (gradient,) = torch.autograd.grad(drawn.square().sum(), patch)
    assert torch.equal(gradient, torch.zeros_like(patch))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 12)])
def test_a_patch_at_its_own_size_shows_its_texels(height, width):
    patch = random_patch(height, width)
    row = {"centre": (3 + width / 2, 2 + height / 2), "size": (width, height)}
    drawn = compose(random_images(1, 20, 24), patch, placements(row))
    torch.testing.assert_close(drawn[0, :, 2 : 2 + height, 3 : 3 + width], patch)


def test_a_quarter_turn_is_counter_clockwise_as_seen():
    patch = random_patch(8, 8)
    row = {"centre": (8, 8), "size": (8, 8), "angle": math.pi / 2}
    drawn = compose(random_images(1, 16, 16), patch, placements(row))
    torch.testing.assert_close(drawn[0, :, 4:12, 4:12], patch.rot90(1, (1, 2)))


def test_a_fine_checkerboard_drawn_small_is_grey():
    board = (torch.arange(200)[:, None] + torch.arange(200)) % 2
    row = {"centre": (32.3, 31.6), "size": (20, 20), "angle": 0.1}
    drawn = compose(random_images(1, 64, 64), board.expand(3, 200, 200).float(), placements(row))
    assert (drawn[0, :, 26:38, 26:38] - 0.5).abs().max() < 0.01


@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_the_images_given_are_not_changed(kind):
    images = random_images(1, 32, 32).to(kind) / (1 if kind == torch.uint8 else 255)
    images = images.to(kind).contiguous(memory_format=torch.channels_last)
    before = images.clone()
    drawn = compose(images, random_patch(8, 8), placements({"centre": (16, 16), "size": (20, 20)}))
    assert torch.equal(images, before)
    assert not torch.equal(drawn[0, :, 16, 16], before[0, :, 16, 16] / (255 if kind == torch.uint8 else 1))


def test_texels_that_are_not_drawn_do_not_count():
    mask = circle_mask(16, 12)
    rows = placements({"centre": (16, 16), "size": (6.2, 7.3), "angle": 0.3})
    images = random_images(1, 32, 32)
    patch = random_patch(16, 12).requires_grad_(True)
    other = torch.where(mask, patch.detach(), 1 - patch.detach())
    drawn = compose(images, patch, rows, mask)
    torch.testing.assert_close(drawn, compose(images, other, rows, mask))
    (gradient,) = torch.autograd.grad(drawn.square().sum(), patch)
    assert (gradient[:, ~mask] == 0).all()
    assert (gradient[:, mask] != 0).any()


@pytest.mark.parametrize(
    ("centres", "pixels"),
    [
        ([], 0),
        ([(5, 5)], 100),
        ([(5, 5)] * 50, 100),  # one upon another: as many as one alone
        ([(5, 5), (15, 5), (25, 5)], 300),
        ([(2 * x, 2 * y) for x in range(33) for y in range(33)], 64 * 64),  # never more than there are
    ],
)
def test_each_covered_pixel_is_sampled_once_whatever_the_objects(centres, pixels, monkeypatch):
    sampled = []

    def counting(patch_chw, rows, owner, uv, sample=render._sample):
        sampled.append(len(uv))
        return sample(patch_chw, rows, owner, uv)

    monkeypatch.setattr(render, "_sample", counting)
    rows = [{"centre": centre, "size": (10, 10)} for centre in centres]
    compose(random_images(1, 64, 64), random_patch(16, 16), placements(*rows))
    assert sampled == [pixels]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (7, 10), (96, 96), (33, 5)])
def test_every_level_of_the_pyramid_has_the_same_mean(height, width):
    patch = random_patch(height, width)
    levels = pyramid(patch)
    assert levels[0] is patch
    assert levels[-1].shape == (3, 1, 1)
    for above, level in pairwise(levels):
        assert level.shape == (3, (above.shape[1] + 1) // 2, (above.shape[2] + 1) // 2)
        torch.testing.assert_close(level.mean(dim=(1, 2)), patch.mean(dim=(1, 2)))


@pytest.mark.parametrize(
    ("height", "width", "shown"),
    [
        (1, 1, ["#"]),
        (2, 2, ["##", "##"]),
        (4, 4, [".##.", "####", "####", ".##."]),
        (3, 6, [".####.", "######", ".####."]),
    ],
)
def test_a_circle_fills_its_patch(height, width, shown):
    mask = circle_mask(height, width)
    assert ["".join("#" if texel else "." for texel in row) for row in mask.tolist()] == shown


def test_only_a_circular_patch_has_texels_that_are_not_drawn() -> None:
    config = RunConfig(dataset="-", weights="-", patch_height=16, patch_width=20)
    assert mask_of(config) is None
    mask = mask_of(config.changed(circular=True))
    assert mask is not None
    assert torch.equal(mask, circle_mask(16, 20))
