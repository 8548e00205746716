# SPDX-License-Identifier: AGPL-3.0-only
"""ART's preprocessors: ours beside them, their chance, what they lack."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.baselines.art_preprocessors import art_step
from engine.defences.kinds import defended
from engine.errors import SettingsError
from tests.engine.defences.test_steps import images
from tests.fakes import FakeDetector


def through(text: str, given: Tensor) -> Tensor:
    return defended(FakeDetector(), [text]).changed(given)


@pytest.mark.parametrize(
    ("theirs", "ours", "border"),
    [
        ("art:FeatureSqueezing:bit_depth=3", "bit-depth:bits=3", 0),
        ("art:SpatialSmoothing:window_size=5", "median:size=5", 2),
        ("art:SpatialSmoothingPyTorch:window_size=3", "median:size=3", 1),
        ("art:JpegCompression:quality=75", "jpeg:quality=75", 0),
    ],
)
def test_ours_are_the_same_inside_the_border(theirs: str, ours: str, border: int) -> None:
    """Beyond the border ART mirrors the image, ours goes on with its last pixels."""
    if "PyTorch" in theirs:
        pytest.importorskip("kornia")
    # A little above whole levels: ART's JPEG cuts what ours rounds.
    given = ((images(2) * 255).round() + 0.25) / 255
    inside = slice(border, 32 - border)
    one, other = (through(each, given)[..., inside, inside] for each in (theirs, ours))
    torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


@pytest.mark.parametrize("text", ["art:GaussianAugmentation:sigma=0.1", "art:TotalVarMin:max_iter=2"])
def test_random_ones_leave_the_global_generator_as_it_was(text: str) -> None:
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    first = through(text, images(2))
    assert np.random.rand() == expected  # noqa: NPY002
    assert torch.equal(through(text, images(2)), first)


def test_gradients_of_arts_numpy_ones_pass_straight_through() -> None:
    given = images(1).requires_grad_()
    (gradient,) = torch.autograd.grad(through("art:JpegCompression", given).sum(), given)
    assert torch.equal(gradient, torch.ones_like(gradient))


def test_a_library_that_lacks_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kornia", None)
    monkeypatch.setitem(sys.modules, "kornia.filters", None)
    with pytest.raises(SettingsError, match=r"^defence art:SpatialSmoothingPyTorch: expected the package"):
        art_step("SpatialSmoothingPyTorch", {"window_size": 3}, random=False, channels_first=True)


def test_what_art_refuses_is_told_in_one_line() -> None:
    with pytest.raises(
        SettingsError, match=r"^defence art:FeatureSqueezing: " r"expected settings that ART accepts, got: "
    ):
        art_step("FeatureSqueezing", {"bit_depth": 65}, random=False, channels_first=False)
