# SPDX-License-Identifier: AGPL-3.0-only
"""Local gradients smoothing: where it darkens, and where it leaves an image alone."""

from __future__ import annotations

import pytest
import torch

from engine.defences.kinds import defended
from engine.defences.lgs import Lgs, _noisy
from tests.fakes import FakeDetector


def noisy_square(side: int = 64) -> torch.Tensor:
    image = torch.full((1, 3, side, side), 0.5)
    noise = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    image[..., 24:40, 24:40] = noise
    return image


def test_noise_is_darkened_and_a_flat_surrounding_is_not() -> None:
    given = noisy_square()
    changed = defended(FakeDetector(), ["lgs"]).changed(given)
    assert changed[..., 24:40, 24:40].mean() < 0.6 * given[..., 24:40, 24:40].mean()
    assert torch.equal(changed[..., :9, :], given[..., :9, :])


@pytest.mark.parametrize(
    ("text", "alone"), [("lgs", False), ("lgs:smoothing=0", True), ("lgs:threshold=1", True)]
)
def test_settings_decide_what_is_darkened(text: str, alone: bool) -> None:
    given = noisy_square()
    assert torch.equal(defended(FakeDetector(), [text]).changed(given), given) == alone


@pytest.mark.parametrize("side", [8, 15, 16, 25, 40])
def test_windows_cover_images_of_any_size(side: int) -> None:
    gradients = torch.zeros(1, 1, side, side)
    gradients[..., -1, -1] = 1
    covered = _noisy(gradients, Lgs(threshold=0.001))
    assert covered.shape == gradients.shape
    assert covered[..., -1, -1] == 1
