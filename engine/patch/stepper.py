# SPDX-License-Identifier: AGPL-3.0-only
"""Applies gradients to the patch and records each step in the run's state."""

from __future__ import annotations

import math
from itertools import takewhile

import torch

from engine.config import RunConfig
from engine.errors import NonFiniteLossError
from engine.patch.gradient import Gradient
from engine.patch.limits import Limits
from engine.patch.precision import make_scaler
from engine.patch.render import mask_of
from engine.patch.schedules import Plateau, learning_rate_factor
from engine.patch.state import RunState
from engine.records import StepRecord
from engine.registries import OPTIMIZERS


class Stepper:
    """Optimizer, scaler and schedule of a run, whose states are copied to `state` after each step.

    Args:
        config: the run's settings.
        state: the run's state; changed in place.
        precision: `fp32`, `bf16` or `fp16`.
        device: of the patch.
        limits: the run's time limit.

    Attributes:
        patch_chw: float32 (3, h, w), on the device; steps change it in place.
        scaler: scales the loss before the backward pass.
    """

    def __init__(
        self, config: RunConfig, state: RunState, *, precision: str, device: torch.device, limits: Limits
    ) -> None:
        self._config, self._state, self._limits = config, state, limits
        # A copy, because steps change it in place.
        self.patch_chw = state.patch_chw.detach().to(device, copy=True).requires_grad_(True)
        self.scaler = make_scaler(precision, device)
        self._optimizer = OPTIMIZERS[config.optimizer].make(self.patch_chw, config.learning_rate)
        self._plateau = Plateau(config.schedule)
        mask = mask_of(config)
        self._mask = None if mask is None else mask.to(device)
        self._undrawn = self.patch_chw.detach().clone()
        if state.step:
            self._optimizer.load_state_dict(state.optimizer)
            self.scaler.load_state_dict(state.scaler)
            self._plateau.load_state_dict(state.plateau)

    def step(self, gradient: Gradient, steps: int) -> StepRecord:
        """Take the next step of an iteration and record it in the state.

        Args:
            gradient: of the step's images.
            steps: number of steps in the iteration.

        Raises:
            NonFiniteLossError: before a step that would have corrupted the patch.
        """
        state = self._state
        self._set_learning_rate(state.steps_in_iteration / steps)
        self._move(gradient)
        record = self._note(gradient)
        state.steps_in_iteration += 1
        if state.steps_in_iteration == steps:
            self._finish_iteration()
        self._remember()
        return record

    def _set_learning_rate(self, fraction: float) -> None:
        state, config = self._state, self._config
        factor = learning_rate_factor(config.schedule, state.iteration + fraction, state.iterations)
        factor *= self._plateau.factor
        self._optimizer.param_groups[0]["lr"] = config.learning_rate * factor

    def _move(self, gradient: Gradient) -> None:
        """Take one optimizer step, unscaling and clipping the gradient, then clamp the colours."""
        loss, patch = gradient.loss, self.patch_chw
        patch.grad = gradient.gradient_chw
        # With fp16 the scaler handles infinite gradients: it skips the step and lowers the scale.
        non_finite = not (self.scaler.is_enabled() or bool(patch.grad.isfinite().all()))
        if non_finite or not math.isfinite(loss):
            fault = "gradient, got infinite or NaN values, with loss" if math.isfinite(loss) else "loss, got"
            raise NonFiniteLossError(
                f"expected a finite {fault} {loss} at step {self._state.step + 1}; "
                "the patch of the previous step is kept; lower --learning-rate or choose --precision fp32"
            )
        self.scaler.unscale_(self._optimizer)
        if self._config.clip_norm:
            torch.nn.utils.clip_grad_norm_([patch], self._config.clip_norm)
        self.scaler.step(self._optimizer)
        self.scaler.update()
        with torch.no_grad():
            patch.clamp_(0, 1)
            # Optimizers may also move texels that are never drawn.
            if self._mask is not None:
                patch.copy_(torch.where(self._mask, patch, self._undrawn))

    def _note(self, gradient: Gradient) -> StepRecord:
        state = self._state
        state.step += 1
        state.image_iterations += gradient.images
        state.elapsed_s = self._limits.elapsed_s()
        record = StepRecord(
            step=state.step,
            iteration=state.iteration + 1,
            loss=gradient.loss,
            terms=gradient.terms,
            learning_rate=self._optimizer.param_groups[0]["lr"],
            images=gradient.images,
            elapsed_s=state.elapsed_s,
        )
        state.history.append(record)
        return record

    def _finish_iteration(self) -> None:
        state = self._state
        steps = takewhile(lambda record: record.iteration == state.iteration + 1, reversed(state.history))
        losses = [(record.loss, record.images) for record in steps]
        self._plateau.step(sum(loss * images for loss, images in losses) / sum(n for _, n in losses))
        state.iteration += 1
        state.steps_in_iteration = 0
        self._limits.fit_iterations()

    def _remember(self) -> None:
        state = self._state
        state.patch_chw = self.patch_chw.detach().to("cpu", copy=True)
        state.optimizer = self._optimizer.state_dict()
        state.scaler = self.scaler.state_dict()
        state.plateau = self._plateau.state_dict()
