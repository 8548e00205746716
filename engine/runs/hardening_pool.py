# SPDX-License-Identifier: AGPL-3.0-only
"""The patches that a detector is hardened with: a pool, which is renewed against the current weights."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.config import AugmentationConfig, HardeningConfig
from engine.detectors.base import Detector
from engine.detectors.training import TrainingBatch
from engine.errors import PatchFileError
from engine.outpost import here
from engine.patch.files import read_patch
from engine.patch.initial import initial_patch
from engine.patch.render import compose
from engine.patch.run import PatchRun
from engine.patch.state import RunState
from engine.patch.transforms import place
from engine.records import ImageRecord
from engine.seeding import derived_seed, generator
from engine.store.repository import Repository

log = logging.getLogger(__name__)

DRAW_STREAM, RENEW_STREAM = 32, 33  # of the seed
# Wider than an attacker's own, so that no single size or place is learned.
JITTER = AugmentationConfig(shift=0.3, resize=0.25, rotation_deg=10.0, contrast=0.15, brightness=0.1)
SIZES = (-0.5, 1.0)  # powers of two of the settings' size; larger more often, as they hide more
RISE = 0.15  # of the box's height, either way
WARM_SHARE = 0.75  # of the new patches begin with one of the pool
LOSSES = ({"object": 1.0}, {"object": 1.0}, {"object": 1.0, "overlap": 0.5}, {"max_confidence": 1.0})
ATTACK_BATCH = 2
_FILES = (".npy", ".png", ".jpg", ".jpeg")


@dataclass(frozen=True, kw_only=True, eq=False)
class PoolPatch:
    """A patch, float32 (3, h, w), 0 to 1, and which of its texels are drawn, bool (h, w); None for all."""

    patch_chw: Tensor
    mask_hw: Tensor | None = None


def given_patches(names: Sequence[str]) -> list[PoolPatch]:
    """Read the patches that a pool begins with: files, folders of files, or numbers on record.

    Raises:
        PatchFileError: a file is no patch, a folder has none, or there is no patch of that number.
        StorageError: the database cannot be used.
    """
    return [_read(path) for name in names for path in _paths(name)]


def _paths(name: str) -> list[Path]:
    path = here(Path(name).expanduser())
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.suffix.lower() in _FILES)
        exact = {each.stem for each in files if each.suffix == ".npy"}
        chosen = [each for each in files if each.suffix == ".npy" or each.stem not in exact]
        if not chosen:
            raise PatchFileError(
                f"{name}: expected patches in the folder, found none; name another --patches"
            )
        return chosen
    if name.isdecimal() and not path.exists():
        with Repository() as repository:
            return [Path(repository.patches.get(int(name)).path)]
    return [path]


def _read(path: Path) -> PoolPatch:
    patch_chw, mask_hw = read_patch(path)
    return PoolPatch(patch_chw=patch_chw, mask_hw=mask_hw)


class PatchPool:
    """Draws patches on the images of a training; see `engine.detectors.training.Alteration`.

    A share of the images carries patches, one patch an image, on most of its objects: of those given, of
    those made so far, or a texture. Every so many steps the oldest made patch gives way to one that our own
    engine makes against the current weights.

    Args:
        config: the hardening's settings.
        class_id: the class whose objects carry patches, as the training numbers it.
        records: the training images, on which patches are made.
        given: patches that stay in the pool.
        state: what `state` gave; None for a new training.

    Attributes:
        made: the made patches, the oldest first.
        distillation: of the settings.
    """

    def __init__(
        self,
        config: HardeningConfig,
        *,
        class_id: int,
        records: Sequence[ImageRecord],
        given: Sequence[PoolPatch],
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self._config, self._class_id, self._given = config, class_id, list(given)
        self.distillation = config.distillation
        self._records = [record for record in records if record.count(class_id)]
        known: Mapping[str, Any] = state or {"steps": 0, "count": 0, "patches": []}
        self._steps, self._count = int(known["steps"]), int(known["count"])
        self.made: list[Tensor] = list(known["patches"])

    @property
    def count(self) -> int:
        """How many patches were made so far, those that gave way included."""
        return self._count

    def state(self) -> dict[str, Any]:
        """The made patches and how far the training is."""
        return {"steps": self._steps, "count": self._count, "patches": list(self.made)}

    def __call__(self, batch: TrainingBatch) -> Tensor:
        """The batch with patches on a share of its images."""
        every = self._config.renew_every
        if every and self._steps % every == 0:
            self._renew(batch.detector())
        self._steps += 1
        chance = generator(self._config.seed, DRAW_STREAM, batch.epoch, batch.number)
        with torch.no_grad():
            images = batch.images_nchw.clone()
            for index in range(len(images)):
                if _draw(chance) < self._config.patched_share:
                    images[index] = self._patched(batch, index, chance)
        return images

    def _patched(self, batch: TrainingBatch, index: int, chance: torch.Generator) -> Tensor:
        """One image with a patch on most of its objects, (3, h, w)."""
        image = batch.images_nchw[index : index + 1]
        objects = batch.targets.of_class(self._class_id).of_images(index, index + 1)
        chosen = torch.rand(len(objects.class_ids), generator=chance) < self._config.object_share
        drawn = self._drawn(chance)
        placement = self._config.placement
        size = SIZES[0] + (SIZES[1] - SIZES[0]) * _draw(chance)
        rise = min(max(placement.rise + (2 * _draw(chance) - 1) * RISE, -1.0), 1.0)
        placements = place(
            objects.where(chosen.to(objects.class_ids.device)),
            canvas_hw=(image.shape[2], image.shape[3]),
            aspect=drawn.patch_chw.shape[2] / drawn.patch_chw.shape[1],
            placement=placement.changed(rise=rise, scale=min(placement.scale * 2**size, 1.0)),
            augmentation=JITTER,
            generator=chance,
        )
        return compose(image, drawn.patch_chw.to(image.device), placements, drawn.mask_hw)[0]

    def _drawn(self, chance: torch.Generator) -> PoolPatch:
        """A patch for an image."""
        pool = [*self._given, *(PoolPatch(patch_chw=each) for each in self.made)]
        if not pool or _draw(chance) < self._config.texture_share:
            return PoolPatch(patch_chw=texture(self._config.patch_size, chance))
        return pool[_choose(len(pool), chance)]

    def _renew(self, detector: Detector) -> None:
        """Make a patch against the current weights, a warm start from the pool's or a fresh one."""
        started = time.perf_counter()
        config, number = self._config, self._count
        chance = generator(config.seed, RENEW_STREAM, number)
        images = min(config.renew_images, len(self._records))
        order = torch.randperm(len(self._records), generator=chance).tolist()
        placement = config.placement
        attack = config.attack(
            seed=derived_seed(config.seed, RENEW_STREAM, number) % 2**32,
            iterations=max(round(config.renew_images / images), 1),
            losses=LOSSES[_choose(len(LOSSES), chance)],
            placement=placement.changed(scale=min(placement.scale * 2 ** _draw(chance), 1.0)),
            batch_size=ATTACK_BATCH,
        )
        run = PatchRun(
            detector,
            [self._records[index] for index in order[:images]],
            attack,
            class_id=self._class_id,
            state=RunState(patch_chw=self._start(chance), iterations=attack.iterations),
            batch_size=ATTACK_BATCH,
        )
        with torch.enable_grad():
            for _record in run.iterate():
                pass
        self.made = [*self.made, run.state.patch_chw.detach().cpu().float()][-config.pool_size :]
        self._count += 1
        log.info(
            "Generated patch %d against the current weights in %.1f s",
            number + 1,
            time.perf_counter() - started,
        )

    def _start(self, chance: torch.Generator) -> Tensor:
        """What a new patch begins with: one of the pool's, noise or grey, float32 (3, h, w)."""
        side = self._config.patch_size
        pool = [*(each.patch_chw for each in self._given), *self.made]
        if pool and _draw(chance) < WARM_SHARE:
            return _resized(pool[_choose(len(pool), chance)], side)
        kind = ("noise", "grey")[_choose(2, chance)]
        return initial_patch(
            kind, side, side, derived_seed(self._config.seed, RENEW_STREAM, self._count) % 2**32
        )


def texture(side: int, chance: torch.Generator) -> Tensor:
    """A plain colour, noise in blocks, or stripes, which attack nothing: float32 (3, side, side)."""
    kind = _choose(3, chance)
    if kind == 0:
        return torch.rand((3, 1, 1), generator=chance).expand(3, side, side).contiguous()
    cells = 2 ** (1 + _choose(max(int(math.log2(side)), 1), chance))
    shape = (3, cells, cells) if kind == 1 else (3, cells, 1) if _draw(chance) < 0.5 else (3, 1, cells)
    blocks = torch.rand(shape, generator=chance)
    return F.interpolate(blocks[None], size=(side, side), mode="nearest")[0]


def _resized(patch_chw: Tensor, side: int) -> Tensor:
    if patch_chw.shape[1:] == (side, side):
        return patch_chw.clone()
    return F.interpolate(patch_chw[None], size=(side, side), mode="bilinear", antialias=True)[0].clamp(0, 1)


def _draw(chance: torch.Generator) -> float:
    return float(torch.rand((), generator=chance))


def _choose(count: int, chance: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=chance))
