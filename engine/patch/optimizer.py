# SPDX-License-Identifier: AGPL-3.0-only
"""The loop that makes a patch: sample, render, loss, step, project, record."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice, takewhile

import torch
from torch import Tensor

from engine.config import RunConfig
from engine.datasets.loader import Batch, ImageLoader
from engine.datasets.sampling import growing_batch_size, plan_iteration
from engine.datasets.views import ViewChooser
from engine.detectors.base import Detector, Targets
from engine.errors import NonFiniteLossError, SettingsError
from engine.patch.lanes import Lanes, Outcome
from engine.patch.losses.patch_loss import PatchLoss
from engine.patch.memory import Piece, find_batch_size, is_out_of_memory
from engine.patch.precision import autocast, choose_precision, make_scaler
from engine.patch.render import compose, mask_of
from engine.patch.schedules import Plateau, learning_rate_factor
from engine.patch.state import RunState
from engine.patch.transforms import Placements, mirror, place
from engine.records import ImageRecord, StepRecord
from engine.registries import OPTIMIZERS
from engine.seeding import generator

__all__ = ["PatchRun"]

RECOMPILE_LIMIT = 64
PLACEMENT_STREAM = 1  # of the seed; the batch plan draws from (seed, iteration) itself


class PatchRun:
    """One run of patch optimisation over given images; `iterate` does the work, `state` is the result.

    Args:
        detector: the frozen detector.
        records: the images to train on.
        config: the settings; its dataset, weights and class name are not looked at.
        class_id: the class under attack.
        state: where to start: a fresh state with the initial patch, or one from a checkpoint.
        batch_size: images a batch (the settings' own may be 0 for `auto`).
        clock: seconds, monotonic; replaced in tests.

    Raises:
        ValueError: no records.
        DeviceError, SettingsError: the device or the detector does not go with the settings.
    """

    def __init__(
        self,
        detector: Detector,
        records: Sequence[ImageRecord],
        config: RunConfig,
        *,
        class_id: int,
        state: RunState,
        batch_size: int,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if not records:
            raise ValueError("expected at least one image to train on, got none")
        self.state = state
        self.precision = choose_precision(config.precision, detector.device)
        self.batch_size = 1 if config.batching == "sequential" else batch_size
        self._detector, self._config, self._clock = detector, config, clock
        self._loader = ImageLoader(
            records,
            image_size=config.image_size,
            class_id=class_id,
            stride_px=detector.stride_px,
            device=detector.device,
        )
        if config.view_size % detector.stride_px:
            nearest = max(round(config.view_size / detector.stride_px), 1) * detector.stride_px
            raise SettingsError(
                f"view size: expected a multiple of {detector.stride_px}, the detector's stride, "
                f"got {config.view_size}; use {nearest}"
            )
        self._class_id = class_id
        self._counts = [record.count(class_id) for record in records]
        loss = PatchLoss(
            config.losses,
            class_id=class_id,
            objects_per_image=sum(self._counts) / len(records),
            top_k=config.top_k,
        )
        self._loss = _compiled(loss) if config.compile else loss
        # Compiled code and accelerators share out their work by themselves.
        alone = config.compile or not loss.adds_up or detector.device.type != "cpu"
        self.lanes = Lanes(1 if alone else torch.get_num_threads())
        # A copy: steps change it in place, and the caller's patch and the state must not change with it.
        self._patch = state.patch_chw.detach().to(detector.device, copy=True).requires_grad_(True)
        self._optimizer = OPTIMIZERS[config.optimizer].make(self._patch, config.learning_rate)
        self._scaler = make_scaler(self.precision, detector.device)
        self._plateau = Plateau(config.schedule)
        mask = mask_of(config)
        self._mask = None if mask is None else mask.to(detector.device)
        self._undrawn = self._patch.detach().clone()
        self._restore()
        self._started_s = clock() - state.elapsed_s

    def steps_per_iteration(self) -> int:
        """Optimizer steps in the iteration that comes next."""
        return len(self._plan(self.state.iteration))

    def batches(self, plan: Iterable[Sequence[int]]) -> Iterator[Batch]:
        """Batches of the run's images as its first iteration sees them, for probes and benchmarks."""
        return self._loader.batches(plan, self._view(0))

    def probe_batch_size(self) -> int:
        """The batch size that pays on this device, found by trying; the patch is not changed."""

        def try_step(size: int) -> None:
            indices = [index % len(self._counts) for index in range(size)]
            batch = next(self.batches([indices]))
            piece = Piece(images_nchw=batch.images_nchw, targets=batch.targets, part=(0, 0))
            self._differentiate(piece)

        return find_batch_size(try_step, device=self._detector.device)

    def iterate(self) -> Generator[StepRecord, None, None]:
        """Run to the end or to the time limit, one record after each step; may be left and begun again.

        Between two records `state` is whole: it can be saved, and a run restored from it goes on exactly.

        Raises:
            NonFiniteLossError: before the step that would have spoilt the patch.
            MemoryExhaustedError: one image alone does not fit.
            DatasetError: an image cannot be read.
        """
        state = self.state
        while state.iteration < state.iterations and not self._out_of_time():
            steps = self._plan(state.iteration)
            done = state.steps_in_iteration
            planned = (batch for step in steps[done:] for batch in step)
            drawn = (index for step in steps[:done] for batch in step for index in batch)
            batches = self._loader.batches(planned, self._view(state.iteration), drawn)
            for step in steps[done:]:
                self._set_learning_rate(state.steps_in_iteration / len(steps))
                outcome = self._accumulate(islice(batches, len(step)))
                self._update(outcome)
                yield self._record(outcome, last=state.steps_in_iteration + 1 == len(steps))
                if self._out_of_time():
                    return

    def _view(self, iteration: int) -> ViewChooser | None:
        """What part of each image the iteration looks at; None for whole images."""
        config = self._config
        if not 0 < config.view_size < config.image_size:
            return None
        return ViewChooser(
            side_px=config.view_size,
            zoom_low=config.view_zoom[0],
            zoom_high=config.view_zoom[1],
            seed=config.seed,
            iteration=iteration,
            class_id=self._class_id,
        )

    def _plan(self, iteration: int) -> list[list[list[int]]]:
        """The iteration's steps, each a list of batches, each a list of image indices."""
        size = self.batch_size
        if self._config.batch_start:
            size = growing_batch_size(self._config.batch_start, iteration, size)
        batches = plan_iteration(
            self._counts,
            strategy=self._config.batching,
            batch_size=size,
            sampling=self._config.sampling,
            seed=self._config.seed,
            iteration=iteration,
        )
        together = self._config.accumulate
        return [batches[start : start + together] for start in range(0, len(batches), together)]

    def _accumulate(self, batches: Iterable[Batch]) -> Outcome:
        """One step's outcome: that of all its images."""
        outcomes = []
        for position, batch in enumerate(batches):
            pieces = [Piece(images_nchw=batch.images_nchw, targets=batch.targets, part=(position, 0))]
            while pieces:
                piece = pieces.pop(0)
                outcome = self._try(piece)
                if outcome is None:
                    pieces = piece.halves() + pieces
                else:
                    outcomes.append(outcome)
        return Outcome.joined(outcomes)

    def _try(self, piece: Piece) -> Outcome | None:
        """The piece's outcome, or None if it does not fit; then no batch of its size is tried again."""
        state = self.state
        if state.batch_limit and len(piece) > state.batch_limit:
            return None
        try:
            return self._differentiate(piece)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        if self._detector.device.type == "cuda":
            torch.cuda.empty_cache()
        state.batch_limit = max(len(piece) // 2, 1)
        state.events.append({"event": "out of memory", "step": state.step, "batch_size": state.batch_limit})
        return None

    def _differentiate(self, piece: Piece) -> Outcome:
        """The outcome of one piece, with its own chance."""
        state, config = self.state, self._config
        images_nchw, targets = piece.images_nchw, piece.targets
        chance = generator(
            config.seed, PLACEMENT_STREAM, state.iteration, state.steps_in_iteration, *piece.part
        )
        if config.flip:
            images_nchw, targets = mirror(images_nchw, targets, chance)
        placements = place(
            targets,
            canvas_hw=(images_nchw.shape[2], images_nchw.shape[3]),
            aspect=config.patch_width / config.patch_height,
            placement=config.placement,
            augmentation=config.augmentation,
            generator=chance,
        )
        parts = self.lanes.map(
            lambda first, last: self._outcome(
                images_nchw[first:last], targets.of_images(first, last), placements.of_images(first, last)
            ),
            len(piece),
        )
        return Outcome.joined(parts)

    def _outcome(self, images_nchw: Tensor, targets: Targets, placements: Placements) -> Outcome:
        """Render, loss and gradient of some images; runs in a lane, and changes nothing of the run."""
        drawn = compose(images_nchw, self._patch, placements, self._mask)
        with autocast(self.precision, self._detector.device):
            loss, terms = self._loss(self._detector, drawn, targets, self._patch)
        gradient = torch.autograd.grad(self._scaler.scale(loss), self._patch)[0]
        values = torch.stack([loss.detach(), *(term.detach().float() for term in terms.values())]).tolist()
        return Outcome(
            images=len(images_nchw),
            loss=values[0],
            terms=dict(zip(terms, values[1:], strict=True)),
            gradient_chw=gradient,
        )

    def _update(self, outcome: Outcome) -> None:
        """One optimizer step, unscaled before it is clipped, and back into the range of colours."""
        loss, gradient = outcome.loss, outcome.gradient_chw
        self._patch.grad = gradient
        # The scaler of fp16 meets infinite gradients by itself: it leaves the step out and scales less.
        spoilt = not (self._scaler.is_enabled() or bool(gradient.isfinite().all()))
        if spoilt or not math.isfinite(loss):
            what = "gradient, got one that is not, with loss" if math.isfinite(loss) else "loss, got"
            raise NonFiniteLossError(
                f"expected a finite {what} {loss} at step {self.state.step + 1}; "
                "the patch of the step before is kept; lower --learning-rate or choose --precision fp32"
            )
        self._scaler.unscale_(self._optimizer)
        if self._config.clip_norm:
            torch.nn.utils.clip_grad_norm_([self._patch], self._config.clip_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        with torch.no_grad():
            self._patch.clamp_(0, 1)
            # Optimizers may spread a step over texels that are never drawn.
            if self._mask is not None:
                self._patch.copy_(torch.where(self._mask, self._patch, self._undrawn))

    def _record(self, outcome: Outcome, *, last: bool) -> StepRecord:
        """Note the step in the state."""
        state = self.state
        state.step += 1
        state.image_iterations += outcome.images
        state.elapsed_s = self._clock() - self._started_s
        record = StepRecord(
            step=state.step,
            iteration=state.iteration + 1,
            loss=outcome.loss,
            terms=outcome.terms,
            learning_rate=self._optimizer.param_groups[0]["lr"],
            images=outcome.images,
            elapsed_s=state.elapsed_s,
        )
        state.history.append(record)
        if last:
            self._finish_iteration()
        else:
            state.steps_in_iteration += 1
        self._remember()
        return record

    def _finish_iteration(self) -> None:
        state = self.state
        steps = takewhile(lambda record: record.iteration == state.iteration + 1, reversed(state.history))
        losses = [(record.loss, record.images) for record in steps]
        self._plateau.step(sum(loss * images for loss, images in losses) / sum(n for _, n in losses))
        state.iteration += 1
        state.steps_in_iteration = 0
        if self._config.time_limit_s:
            per_iteration_s = state.elapsed_s / state.iteration
            fitting = max(int(self._config.time_limit_s / per_iteration_s), 1)
            state.iterations = max(min(self._config.iterations, fitting), state.iteration)

    def _set_learning_rate(self, fraction: float) -> None:
        state, config = self.state, self._config
        factor = learning_rate_factor(config.schedule, state.iteration + fraction, state.iterations)
        factor *= self._plateau.factor
        self._optimizer.param_groups[0]["lr"] = config.learning_rate * factor

    def _out_of_time(self) -> bool:
        limit = self._config.time_limit_s
        return bool(limit) and self._clock() - self._started_s >= limit

    def _remember(self) -> None:
        """Put what the optimizer and its companions hold into the state."""
        state = self.state
        state.patch_chw = self._patch.detach().to("cpu", copy=True)
        state.optimizer = self._optimizer.state_dict()
        state.scaler = self._scaler.state_dict()
        state.plateau = self._plateau.state_dict()

    def _restore(self) -> None:
        """The reverse of `_remember`, for a state that has seen a step."""
        state = self.state
        if not state.step:
            return
        self._optimizer.load_state_dict(state.optimizer)
        self._scaler.load_state_dict(state.scaler)
        self._plateau.load_state_dict(state.plateau)


def _compiled(loss: PatchLoss) -> Callable[..., tuple[Tensor, dict[str, Tensor]]]:
    """The loss and with it the detector's forward pass by torch.compile.

    Each number of images and objects is a shape of its own until torch makes them symbolic, hence the
    raised limit of recompilations; beyond it torch goes on uncompiled.
    """
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, RECOMPILE_LIMIT)
    return torch.compile(loss.__call__)
