# SPDX-License-Identifier: AGPL-3.0-only
"""The Gaussian blur, beside SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from engine.defences.kinds import defended
from tests.engine.defences.test_steps import images
from tests.fakes import FakeDetector


@pytest.mark.parametrize("sigma", [0.1, 1.0, 2.5])
def test_it_is_a_gaussian(sigma: float) -> None:
    given = images(2)
    changed = defended(FakeDetector(), [f"gaussian:{sigma}"]).changed(given)
    expected = gaussian_filter(
        given.numpy(),
        sigma=(0, 0, sigma, sigma),
        mode="nearest",
        radius=(0, 0, *[int(np.ceil(3 * sigma))] * 2),
    )
    assert np.allclose(changed.numpy(), expected, atol=1e-5)
