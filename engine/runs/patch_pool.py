# SPDX-License-Identifier: AGPL-3.0-only
"""The pool of patches that a defence learns to find: given ones, and textures and shapes that are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.errors import PatchFileError
from engine.outpost import here
from engine.patch.files import read_patch
from engine.store.repository import Repository

TEXELS = 64  # side of drawn textures
GIVEN_SHARE = 0.5  # of the patches, where any are given
MOST_ON_RECORD = 100
SUFFIXES = (".npy", ".png", ".jpg", ".jpeg")

Texture = Callable[[torch.Generator], Tensor]
Drawn = tuple[Tensor, Tensor | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchPool:
    """Patches without end: each draw gives another, the same for the same generator.

    Attributes:
        given: patches, float32 (3, h, w), 0 to 1, with their masks, bool (h, w) or None for all texels.
    """

    given: Sequence[Drawn] = ()

    def draw(self, generator: torch.Generator, photo_chw: Tensor) -> Drawn:
        """A patch and its mask: one that was given, with its colours and sides exchanged, or a new one.

        Args:
            generator: on the CPU.
            photo_chw: float (3, h, w), 0 to 1, of which a crop may become a texture.
        """
        if self.given and _uniform(generator) < GIVEN_SHARE:
            patch, mask = self.given[_whole(generator, len(self.given))]
            return _exchanged(patch, mask, generator)
        textures: tuple[Texture, ...] = (
            *(_spectrum, _spectrum, _blocks, _waves),
            lambda chance: _crop(photo_chw, chance),
        )
        return textures[_whole(generator, len(textures))](generator), _shape(generator)

    def parted(self) -> tuple[PatchPool, PatchPool]:
        """What is learned from, and what a validation draws: every fourth given patch, if there are four."""
        held_out = self.given[3::4]
        if not held_out:
            return self, self
        learned = [each for index, each in enumerate(self.given) if index % 4 != 3]
        return PatchPool(given=learned), PatchPool(given=held_out)


def patches_on_record() -> tuple[str, ...]:
    """The files of the newest patches on record that are still there.

    Raises:
        StorageError: the database cannot be used.
    """
    with Repository() as repository:
        found = repository.patches.find(limit=MOST_ON_RECORD)
    return tuple(each.path for each in found if here(Path(each.path)).is_file())


def read_pool(paths: Sequence[str]) -> PatchPool:
    """Read the patches in files and folders.

    Raises:
        PatchFileError: a path is missing, is no patch, or is a folder without any.
    """
    return PatchPool(
        given=[read_patch(file) for path in paths for file in _files(here(Path(path).expanduser()))]
    )


def _files(path: Path) -> list[Path]:
    """A file itself; of a folder its patches, one file each where they lie there as .npy and .png."""
    if not path.is_dir():
        return [path]
    found = {
        each.stem: each
        for suffix in reversed(SUFFIXES)
        for each in sorted(path.iterdir())
        if each.suffix.lower() == suffix and each.is_file()
    }
    if not found:
        raise PatchFileError(
            f"{path}: expected a folder with patches (.npy or .png), found none; name another"
        )
    return [found[stem] for stem in sorted(found)]


def _uniform(generator: torch.Generator, low: float = 0.0, high: float = 1.0) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def _whole(generator: torch.Generator, below: int) -> int:
    return int(torch.randint(below, (), generator=generator))


def _exchanged(patch_chw: Tensor, mask_hw: Tensor | None, generator: torch.Generator) -> Drawn:
    """A patch with its colour channels in another order, turned and mirrored: another of its kind."""
    patch = patch_chw[torch.randperm(3, generator=generator)]
    turns, mirrored = _whole(generator, 4), _whole(generator, 2)
    sides = [-1] if mirrored else []
    mask = None if mask_hw is None else mask_hw.rot90(turns, (0, 1)).flip(sides)
    return patch.rot90(turns, (1, 2)).flip(sides), mask


def _spectrum(generator: torch.Generator) -> Tensor:
    """Noise whose spectrum falls with a random power, in saturated colours, as optimised patches look."""
    power, contrast = _uniform(generator, 0.3, 2.0), _uniform(generator, 0.8, 4.0)
    frequency = torch.fft.fftfreq(TEXELS).square()
    distance = (frequency[:, None] + frequency[None, : TEXELS // 2 + 1]).sqrt().clamp(min=1 / TEXELS)
    noise = torch.randn(3, TEXELS, TEXELS, generator=generator)
    mixed = torch.einsum("ij,jhw->ihw", torch.randn(3, 3, generator=generator), noise)
    shaped = torch.fft.irfft2(torch.fft.rfft2(mixed) / distance**power, s=(TEXELS, TEXELS))
    shaped = (shaped - shaped.mean()) / shaped.std().clamp(min=1e-6)
    return (contrast * shaped).sigmoid()


def _blocks(generator: torch.Generator) -> Tensor:
    """Blocks of random colours, 2 to 64 along a side."""
    side = 2 ** (1 + _whole(generator, 6))
    blocks = torch.rand(1, 3, side, side, generator=generator)
    return F.interpolate(blocks, size=(TEXELS, TEXELS), mode="nearest")[0]


def _waves(generator: torch.Generator) -> Tensor:
    """Stripes or checks between two colours, soft or sharp."""
    colours = torch.rand(2, 3, generator=generator)
    place = torch.linspace(0, 2 * math.pi, TEXELS)
    angle, many = _uniform(generator, 0, math.pi), _uniform(generator, 1, 10)
    along = place[None] * math.cos(angle) + place[:, None] * math.sin(angle)
    across = place[:, None] * math.cos(angle) - place[None] * math.sin(angle)
    wave = (along * many).sin()
    wave = wave * (across * many).sin() if _whole(generator, 2) else wave
    share = (wave * _uniform(generator, 1, 20)).sigmoid()
    return colours[0, :, None, None] * share + colours[1, :, None, None] * (1 - share)


def _crop(photo_chw: Tensor, generator: torch.Generator) -> Tensor:
    """A square part of a photograph."""
    height, width = photo_chw.shape[1:]
    side = max(int(min(height, width) * _uniform(generator, 0.15, 0.6)), 4)
    top, left = _whole(generator, height - side + 1), _whole(generator, width - side + 1)
    part = photo_chw[None, :, top : top + side, left : left + side].float()
    return F.interpolate(part, size=(TEXELS, TEXELS), mode="bilinear", align_corners=False)[0]


def _shape(generator: torch.Generator) -> Tensor | None:
    """A rectangle in half of the draws, else a diamond, an ellipse or what lies between them and it."""
    if _whole(generator, 2):
        return None
    power = 2.0 ** _uniform(generator, 0, 3)
    place = ((torch.arange(TEXELS) + 0.5) / TEXELS * 2 - 1).abs() ** power
    return place[:, None] + place[None] <= 1
