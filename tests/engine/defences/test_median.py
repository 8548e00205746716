# SPDX-License-Identifier: AGPL-3.0-only
"""The median of neighbourhoods, by OpenCV and by torch."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import median_filter

from engine.defences.kinds import defended
from tests.engine.defences.test_steps import images
from tests.fakes import FakeDetector


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["opencv", "torch"])
@pytest.mark.parametrize("attacked", [False, True])
def test_it_is_the_median_of_each_neighbourhood(size: int, dtype: torch.dtype, attacked: bool) -> None:
    given = images(2, dtype=dtype).requires_grad_(attacked)
    changed = defended(FakeDetector(dtype=dtype), [f"median:{size}"]).changed(given)
    expected = median_filter(given.detach().numpy(), size=(1, 1, size, size), mode="nearest")
    assert torch.equal(changed.detach(), torch.from_numpy(expected))
    assert changed.requires_grad == attacked


def test_each_gradient_goes_to_one_pixel() -> None:
    given = torch.full((1, 3, 8, 8), 0.5).requires_grad_()
    changed = defended(FakeDetector(), ["median"]).changed(given)
    (gradient,) = torch.autograd.grad(changed.sum(), given)
    assert gradient.sum() == changed.numel()
