# SPDX-License-Identifier: AGPL-3.0-only
"""The optimisation loop: plan, gradient, step."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice

from engine.config import RunConfig
from engine.datasets.loader import Batch, ImageLoader
from engine.detectors.ensemble import Attacked
from engine.errors import SettingsError
from engine.patch.gradient import StepGradient
from engine.patch.limits import Limits
from engine.patch.losses.patch_loss import require_losses
from engine.patch.memory import Piece, find_batch_size
from engine.patch.plan import RunPlan
from engine.patch.precision import choose_precision
from engine.patch.state import RunState
from engine.patch.stepper import Stepper
from engine.ranks import ALONE, Ranks
from engine.records import ImageRecord, StepRecord


class PatchRun:
    """One run of patch optimisation over given images; `iterate` does the work, `state` is the result.

    Args:
        detector: the frozen detector, or several.
        records: the training images.
        config: the settings; dataset, weights and class name are not used.
        class_id: the class under attack, as the records have it.
        state: a new state with the initial patch, or one from a checkpoint.
        batch_size: images per batch (in the settings this may be 0 for `auto`).
        clock: returns monotonic seconds; replaced in tests.
        ranks: the processes that compute the run together; all go by the first one's clock.

    Attributes:
        gradient: computes the gradients of steps.
        detector: as steps see it, which may be windows of images.
        whole_images: whether steps look at whole images though the settings ask for windows.

    Raises:
        ValueError: there are no records.
        DeviceError, SettingsError: the settings are incompatible with the device or the detector.
    """

    def __init__(
        self,
        detector: Attacked,
        records: Sequence[ImageRecord],
        config: RunConfig,
        *,
        class_id: int,
        state: RunState,
        batch_size: int,
        clock: Callable[[], float] = time.perf_counter,
        ranks: Ranks = ALONE,
    ) -> None:
        if not records:
            raise ValueError("expected at least one image to train on, got none")
        if config.view_size % detector.stride_px:
            nearest = max(round(config.view_size / detector.stride_px), 1) * detector.stride_px
            raise SettingsError(
                f"view size: expected a multiple of {detector.stride_px}, the detector's stride, "
                f"got {config.view_size}; use {nearest}"
            )
        require_losses(detector, config.losses)
        windowed = detector.for_windows(config.image_size) if config.looks_at_windows else detector
        self.whole_images = windowed is None
        self.detector: Attacked = detector if windowed is None else windowed
        self.state = state
        self.precision = choose_precision(config.precision, detector.device)
        self.batch_size = 1 if config.batching == "sequential" else batch_size
        self._device = detector.device
        self._loader = ImageLoader(
            records,
            image_size=config.image_size,
            class_id=class_id,
            stride_px=detector.stride_px,
            device=detector.device,
            share=None if ranks.size == 1 else ranks.share,
        )
        counts = [record.count(class_id) for record in records]
        self._plan = RunPlan(
            config=config,
            counts=counts,
            class_id=class_id,
            batch_size=self.batch_size,
            whole_images=self.whole_images,
        )
        self._limits = Limits(config, state, lambda: ranks.of_first(clock))
        self._stepper = Stepper(
            config, state, precision=self.precision, device=detector.device, limits=self._limits
        )
        self.gradient = StepGradient(
            self.detector,
            self._plan,
            self._limits,
            patch_chw=self._stepper.patch_chw,
            precision=self.precision,
            scaler=self._stepper.scaler,
            ranks=ranks,
        )

    def steps_per_iteration(self) -> int:
        """Optimizer steps in the next iteration."""
        return len(self._plan.steps(self.state.iteration))

    def batches(self, plan: Iterable[Sequence[int]]) -> Iterator[Batch]:
        """Batches of the run's images with the views of its first iteration, for probing and benchmarks."""
        return self._loader.batches(plan, self._plan.view(0))

    def probe_batch_sizes(self) -> tuple[int, dict[int, float]]:
        """Find a good batch size for this device by timing gradients; the patch is not changed.

        Returns:
            The batch size, and images per second of each size tried.
        """

        def try_step(size: int) -> None:
            batch = next(self.batches([[index % len(self._plan.counts) for index in range(size)]]))
            piece = Piece(images_nchw=batch.images_nchw, targets=batch.targets, part=(0, 0, 0, 0))
            self.gradient.of_piece(piece)

        return find_batch_size(try_step, device=self._device)

    def iterate(self) -> Generator[StepRecord, None, None]:
        """Run to the end or the time limit, yielding a record after each step; may be left and restarted.

        Whenever a record is yielded, `state` can be saved, and a run restored from it continues exactly.

        Raises:
            NonFiniteLossError: before a step that would have corrupted the patch.
            MemoryExhaustedError: one image alone does not fit.
            DatasetError: an image cannot be read.
        """
        state = self.state
        while state.iteration < state.iterations and not self._limits.out_of_time():
            steps = self._plan.steps(state.iteration)
            batches = self._remaining(steps)
            for step in steps[state.steps_in_iteration :]:
                some = islice(batches, len(step))
                gradient = self.gradient.of_step(some, state.iteration, state.steps_in_iteration)
                yield self._stepper.step(gradient, len(steps))
                if self._limits.out_of_time():
                    return

    def _remaining(self, steps: Sequence[Sequence[Sequence[int]]]) -> Iterator[Batch]:
        """The batches of the remaining steps of the current iteration."""
        done = self.state.steps_in_iteration
        planned = (batch for step in steps[done:] for batch in step)
        drawn = (index for step in steps[:done] for batch in step for index in batch)
        return self._loader.batches(planned, self._plan.view(self.state.iteration), drawn)
