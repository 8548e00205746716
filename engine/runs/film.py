# SPDX-License-Identifier: AGPL-3.0-only
"""The film of a run: its patch at moments spaced by the logarithm of steps, in small pictures."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.boxes import FloatArray
from engine.disk import write_whole
from engine.errors import StorageError

log = logging.getLogger(__name__)

FOLDER = "film"
LONGEST_PX = 192  # the longer side of a picture
QUALITY = 90  # of WebP, lossy: 2 to 3 KB a picture of 96 texels, where lossless ones take 11 KB


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The patch after a step; those of a merged run are numbered on from group to group, as its history."""

    step: int
    path: Path


def is_moment(step: int) -> bool:
    """Whether a step is a moment of a film: 0, 1, 2, 3, 4, 6, 8, 12, 16, 24 …, two for each doubling.

    It does not depend on how many steps follow: runs that resume or have a time limit keep the same ones.
    """
    return step & ((1 << max(step.bit_length() - 2, 0)) - 1) == 0


@dataclass(kw_only=True)
class Film:
    """Writes the film of one run; a full disk must not end the run.

    A resumed run repeats steps to the bit, and so writes the same pictures again.

    Args:
        folder: the run's, which exists.
        mask_hw: bool (h, w), True for texels that are drawn; None for all.
        held: keep the pictures in memory until `write`, for a run that cannot resume.
    """

    folder: Path
    mask_hw: npt.NDArray[np.bool_] | None = None
    held: bool = False
    _waiting: dict[int, bytes] = field(default_factory=dict)

    def add(self, step: int, patch_chw: FloatArray) -> None:
        """Keep the patch, float (3, h, w), 0 to 1, as it is after a step."""
        self._waiting[step] = picture(patch_chw, self.mask_hw)
        if not self.held:
            self.write()

    def write(self) -> None:
        """Write the pictures that are not written yet."""
        try:
            (self.folder / FOLDER).mkdir(exist_ok=True)
            for step, content in self._waiting.items():
                write_whole(self.folder / FOLDER / f"{step:09d}.webp", content)
        except (OSError, StorageError) as error:
            # The checkpoint tells of a full disk.
            log.info("A snapshot of the patch could not be saved: %s", error)
        self._waiting.clear()


def picture(patch_chw: FloatArray, mask_hw: npt.NDArray[np.bool_] | None = None) -> bytes:
    """A patch, float (3, h, w), 0 to 1, as WebP of at most `LONGEST_PX`; undrawn texels are see-through."""
    pixels = np.rint(patch_chw.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    if mask_hw is not None:
        pixels = np.concatenate([pixels, mask_hw.astype(np.uint8)[..., None] * 255], axis=2)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((LONGEST_PX, LONGEST_PX), Image.Resampling.BOX)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY, method=4)
    return file.getvalue()


def frames(folder: Path) -> list[Frame]:
    """The film of a run in the order of its steps; empty for a run without one.

    Args:
        folder: the run's, or that of a merged one, whose groups follow one another.
    """
    groups = sorted(folder.glob("group-[0-9]*"), key=lambda group: int(group.name.removeprefix("group-")))
    found: list[Frame] = []
    for group in groups or [folder]:
        before = found[-1].step if found else 0
        paths = {int(path.stem): path for path in (group / FOLDER).glob("*.webp")}
        # A later group begins with the patch that the first one began with, at no step of the whole.
        found += [Frame(step=before + step, path=paths[step]) for step in sorted(paths) if step or not before]
    return found
