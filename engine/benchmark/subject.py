# SPDX-License-Identifier: AGPL-3.0-only
"""What a benchmark measures on: a detector, the images of one class, and runs over them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from engine.benchmark.timing import device_seconds
from engine.config import RunConfig, TrainingConfig
from engine.detectors.base import Detector
from engine.detectors.ensemble import Attacked
from engine.patch.initial import initial_patch
from engine.patch.run import PatchRun
from engine.patch.state import RunState
from engine.records import ImageRecord, StepRecord

ENDLESS = 1_000_000
Trained = tuple[Detector, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A frozen detector and the images with the class under attack.

    Attributes:
        detector: fused and frozen.
        unfused: the same as ART's users have it.
        class_id: as the detector numbers it.
        records: the images, with the boxes of that class alone.
        config: the settings that the sides start from.
        undefended: the detector without the defences that the settings name; None where they name none.
        trust: open the weights whatever their pickle names, where a process has to load them anew.
        unseen: gives images for scoring that are none of `records`, if there are such; called with a function
            for lines on progress.
        train: trains a detector by these settings on images, whose class ids are indices of the names, and
            returns it with what `training.json` holds; handed in like `readers`.
        readers: ways to read the dataset's records, by name; handed in, since benchmarks know no database.
        further: the same images for each further detector, under its own id of the class.
    """

    detector: Detector
    unfused: Detector
    class_id: int
    records: Sequence[ImageRecord]
    config: RunConfig
    undefended: Detector | None = None
    trust: bool = False
    unseen: Callable[[Callable[[str], object]], Sequence[ImageRecord]] = lambda report: ()
    train: Callable[[TrainingConfig, Sequence[ImageRecord], tuple[str, ...]], Trained] | None = None
    readers: Mapping[str, Callable[[], Sequence[ImageRecord]]] = field(default_factory=dict)
    further: Sequence[Subject] = ()

    def over(self, records: Sequence[ImageRecord]) -> Subject:
        """The same detector and settings over other images."""
        return replace(self, records=records)

    def run(
        self,
        *,
        start: Tensor | None = None,
        attacked: Attacked | None = None,
        clock: Callable[[], float] = time.perf_counter,
        **changes: Any,
    ) -> PatchRun:
        """A run with some settings changed, endless unless they say otherwise.

        Args:
            start: the first patch, float32 (3, h, w); by default the one that the settings name.
            attacked: by default the subject's detector.
            clock: seconds, monotonic, of the run's time limit.
            changes: of the settings.
        """
        config = self.config.changed(**{"iterations": ENDLESS, **changes})
        if start is None:
            start = initial_patch(config.initial, config.patch_height, config.patch_width, config.seed)
        return PatchRun(
            self.detector if attacked is None else attacked,
            self.records,
            config,
            class_id=self.class_id,
            state=RunState(patch_chw=start, iterations=config.iterations),
            batch_size=config.batch_size,
            clock=clock,
        )

    def rate_of(self, steps: Iterator[StepRecord], images: int) -> float:
        """Image-iterations a second over a run's next steps that hold at least so many images."""
        done = 0

        def work() -> None:
            nonlocal done
            while done < images:
                done += next(steps).images

        seconds = device_seconds(work, self.detector.device)
        return done / seconds


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
