# SPDX-License-Identifier: AGPL-3.0-only
"""The network that finds patches, its weight file, and how what it finds is painted over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.defences.defended import straight_through
from engine.detectors.checkpoints import safe_tensors
from engine.disk import write_whole
from engine.errors import DetectorError
from engine.json_text import json_text
from engine.outpost import here

CELL_PX = 4  # side of what one of the network's outputs tells of
STRIDE_PX = 16  # of its coarsest layer
MAX_BYTES = 2 * 2**20
WIDTHS = (12, 24, 32, 48)


class PatchFinder(nn.Module):
    """A U-Net of some 90,000 weights: how likely each cell of an image belongs to a patch.

    Fully convolutional; takes images of any size of 16 pixels or more.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third, last = WIDTHS
        self.start = _convolution(3, first, kernel=5, stride=2)
        self.quarter = nn.Sequential(_convolution(first, second, stride=2), _convolution(second, second))
        self.eighth = nn.Sequential(_convolution(second, third, stride=2), _convolution(third, third))
        self.sixteenth = nn.Sequential(_convolution(third, last, stride=2), _convolution(last, last))
        self.up_eighth = _convolution(last + third, third)
        self.up_quarter = _convolution(third + second, second)
        self.answer = nn.Conv2d(second, 1, 1)

    def forward(self, images_nchw: Tensor) -> Tensor:
        """Logits, float (n, 1, ⌈h / 16⌉ × 4, ⌈w / 16⌉ × 4), for cells of 4 × 4 pixels.

        Args:
            images_nchw: float (n, 3, h, w), 0 to 1.
        """
        height, width = images_nchw.shape[2:]
        more = (-width % STRIDE_PX, -height % STRIDE_PX)
        padded = F.pad(images_nchw, (0, more[0], 0, more[1]), mode="replicate") * 4 - 2
        quarter = self.quarter(self.start(padded))
        eighth = self.eighth(quarter)
        coarse = self.sixteenth(eighth)
        eighth = self.up_eighth(torch.cat([_doubled(coarse), eighth], dim=1))
        fine: Tensor = self.answer(self.up_quarter(torch.cat([_doubled(eighth), quarter], dim=1)))
        return fine


def _convolution(given: int, made: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(given, made, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(made),
        nn.ReLU(inplace=True),
    )


def _doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="nearest")


def cells_of(mask_n1hw: Tensor) -> Tensor:
    """The share of each of the network's cells that a mask of an image covers, as `PatchFinder.forward`."""
    height, width = mask_n1hw.shape[2:]
    padded = F.pad(mask_n1hw, (0, -width % STRIDE_PX, 0, -height % STRIDE_PX))
    return F.avg_pool2d(padded, CELL_PX)


class PaintOut:
    """A defence's step that paints over what a network takes for patches.

    In the manner of SAC (Liu et al. 2022, arXiv 2112.04532, without its shape completion) and PatchZero (Xu
    et al. 2023): whole cells are chosen by a threshold and filled with the mean colour of the rest. A filling
    from the surroundings was tried: on small people it is background, and hides them better than the patch
    did. Attacks see the gradient of the probabilities through the threshold (straight-through), and that of
    the filling.

    Args:
        finder: trained; frozen here.
        threshold: of the probability.
    """

    def __init__(self, finder: PatchFinder, *, threshold: float = 0.5) -> None:
        self._finder = finder.eval().requires_grad_(False)
        self._threshold = threshold

    def __call__(self, images_nchw: Tensor) -> Tensor:
        """The images without what is taken for patches, of the same form."""
        with torch.autocast(images_nchw.device.type, enabled=False):
            images = images_nchw.float()
            painted = self.mask(images)
            return (images * (1 - painted) + _mean_colours(images, painted) * painted).to(images_nchw.dtype)

    def mask(self, images_nchw: Tensor) -> Tensor:
        """What is painted over, float (n, 1, h, w), 1 where it is."""
        probability = self._finder(images_nchw).sigmoid()
        cells = straight_through((probability >= self._threshold).float(), probability)
        whole = F.interpolate(cells, scale_factor=float(CELL_PX), mode="nearest")
        return whole[..., : images_nchw.shape[2], : images_nchw.shape[3]]


def _mean_colours(images_nchw: Tensor, painted_n1hw: Tensor) -> Tensor:
    """The mean colour of what is kept of each image, (n, 3, 1, 1)."""
    kept = 1 - painted_n1hw
    total = (images_nchw * kept).sum((2, 3), keepdim=True)
    return total / kept.sum((2, 3), keepdim=True).clamp(min=1)


def as_saved(finder: PatchFinder) -> dict[str, Tensor]:
    """A copy of the weights as a file holds them: convolutions in half precision, all else in single."""
    return {
        name: (value.half() if value.dim() == 4 else value.float()).detach().cpu().clone()
        for name, value in finder.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def finder_of(weights: Mapping[str, Tensor]) -> PatchFinder:
    """A network with the weights that `as_saved` gives.

    Raises:
        ValueError: they are those of something else, or not finite.
    """
    finder = PatchFinder()
    expected = as_saved(finder)
    wrong = sorted(
        name
        for name in expected.keys() | weights.keys()
        if name not in expected or name not in weights or expected[name].shape != weights[name].shape
    )
    if wrong:
        raise ValueError(f"weights of another network ({wrong[0]})")
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise ValueError("numbers that are not finite")
    finder.load_state_dict({name: value.float() for name, value in weights.items()}, strict=False)
    return finder.eval()


def save_finder(path: Path, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write weights as of `as_saved` and what is to be known of them into a safetensors file, atomically.

    Raises:
        StorageError: the file cannot be written.
    """
    # One entry: safetensors writes several in a random order, and equal trainings make equal files.
    content = safetensors.torch.save(dict(weights), {"patchbench": json_text(facts)})
    write_whole(path, content)


def load_finder(path: Path) -> PatchFinder:
    """Read a network from a file; nothing in it is run.

    Raises:
        DetectorError: it is missing, too large, damaged, or holds something else.
    """
    what = f"defence segmenter: expected weights that `defence train` wrote, got {path}"
    path = here(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DetectorError(
                f"{what}, which is larger than {MAX_BYTES / 2**20:.0f} MiB; name another file"
            )
        return finder_of(safe_tensors(path.read_bytes()))
    except OSError as error:
        raise DetectorError(f"{what}: {error.strerror or error}; check the path") from error
    except ValueError as error:
        raise DetectorError(f"{what}: {error}; name another file or train a new one") from error
