# SPDX-License-Identifier: AGPL-3.0-only
"""First patches: grey, noise, images and earlier patches, resized."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from engine.errors import PatchFileError
from engine.patch.files import write_patch
from engine.patch.initial import initial_patch
from tests.engine.patch.factories import random_patch


def test_grey():
    assert torch.equal(initial_patch("grey", 4, 6, seed=0), torch.full((3, 4, 6), 0.5))


def test_noise_is_uniform_and_comes_from_the_seed():
    noise = initial_patch("noise", 40, 50, seed=1)
    assert noise.shape == (3, 40, 50)
    assert torch.equal(noise, initial_patch("noise", 40, 50, seed=1))
    assert not torch.equal(noise, initial_patch("noise", 40, 50, seed=2))
    assert 0 <= noise.min() < 0.01
    assert 0.99 < noise.max() <= 1
    assert noise.mean().item() == pytest.approx(0.5, abs=0.02)


def test_an_earlier_patch_of_the_same_size_is_taken_as_it_is(tmp_path):
    patch = random_patch(20, 31)
    write_patch(tmp_path, patch)
    assert torch.equal(initial_patch(str(tmp_path / "patch.npy"), 20, 31, seed=0), patch)


@pytest.mark.parametrize(("height", "width"), [(20, 20), (64, 64), (16, 48)])
def test_an_image_of_another_size_is_resized(height, width, tmp_path):
    pixels = np.zeros((40, 40, 3), dtype=np.uint8)
    pixels[:, 20:, 0] = 255  # the right half is red
    Image.fromarray(pixels).save(tmp_path / "half.png")
    patch = initial_patch(str(tmp_path / "half.png"), height, width, seed=0)
    assert patch.shape == (3, height, width)
    assert patch.dtype == torch.float32
    assert patch.min() >= 0
    assert patch.max() <= 1
    assert patch[0].mean().item() == pytest.approx(0.5, abs=0.01)
    assert (patch[0, :, : width // 2 - 2] < 1e-6).all()
    assert (patch[0, :, width // 2 + 2 :] > 1 - 1e-6).all()
    assert (patch[1:] == 0).all()


def test_shrinking_is_anti_aliased(tmp_path):
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    patch = initial_patch(str(tmp_path / "stripes.png"), 16, 16, seed=0)
    assert (patch - 0.5).abs().max() < 0.1


def test_no_such_file(tmp_path):
    with pytest.raises(PatchFileError, match="expected a patch file"):
        initial_patch(str(tmp_path / "none.png"), 16, 16, seed=0)
