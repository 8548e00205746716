# SPDX-License-Identifier: AGPL-3.0-only
"""The gradient of a step: render, loss and derivative of its batches, on one device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.datasets.loader import Batch
from engine.detectors.base import Detector, Targets
from engine.patch.limits import Limits
from engine.patch.losses.patch_loss import PatchLoss
from engine.patch.memory import Piece, is_out_of_memory
from engine.patch.plan import RunPlan
from engine.patch.precision import autocast
from engine.patch.render import compose, mask_of
from engine.patch.threads import BatchThreads
from engine.patch.transforms import Placements, mirror, place

RECOMPILE_LIMIT = 64


@dataclass(frozen=True, kw_only=True)
class Gradient:
    """The loss of some images and its gradient.

    Attributes:
        images: how many.
        loss: the mean over them.
        terms: the unweighted terms, means over them.
        gradient_chw: of the (scaled) loss with respect to the patch: float (3, h, w).
    """

    images: int
    loss: float
    terms: dict[str, float]
    gradient_chw: Tensor

    @classmethod
    def joined(cls, parts: Sequence[Gradient]) -> Gradient:
        """The gradient of all images from those of their parts, each weighted by its images."""
        if len(parts) == 1:
            return parts[0]
        images = sum(part.images for part in parts)
        shares = [(part.images / images, part) for part in parts]
        gradient = torch.zeros_like(parts[0].gradient_chw)
        for share, part in shares:
            gradient += part.gradient_chw * share
        return cls(
            images=images,
            loss=sum(share * part.loss for share, part in shares),
            terms={name: sum(share * part.terms[name] for share, part in shares) for name in parts[0].terms},
            gradient_chw=gradient,
        )


class StepGradient:
    """Computes gradients of the loss with respect to the patch; keeps nothing from one step to the next.

    Args:
        detector: the frozen detector.
        plan: the run's, with its settings.
        limits: those of memory.
        patch_chw: float32 (3, h, w), 0 to 1, on the detector's device; takes a gradient.
        precision: `fp32`, `bf16` or `fp16`.
        scaler: scales the loss before it is differentiated.

    Attributes:
        threads: they compute the parts of a batch side by side.
    """

    def __init__(
        self,
        detector: Detector,
        plan: RunPlan,
        limits: Limits,
        *,
        patch_chw: Tensor,
        precision: str,
        scaler: torch.amp.GradScaler,
    ) -> None:
        config, device = plan.config, detector.device
        self._detector, self._plan, self._limits = detector, plan, limits
        self._patch, self._precision, self._scaler = patch_chw, precision, scaler
        mask = mask_of(config)
        self._mask = None if mask is None else mask.to(device)
        loss = PatchLoss(
            config.losses,
            class_id=plan.class_id,
            objects_per_image=sum(plan.counts) / len(plan.counts),
            top_k=config.top_k,
        )
        self._loss = _compiled(loss) if config.compile else loss
        # Compiled code and accelerators share out their work by themselves.
        alone = config.compile or not loss.adds_up or device.type != "cpu"
        self.threads = BatchThreads(1 if alone else torch.get_num_threads())

    def of_step(self, batches: Iterable[Batch], iteration: int, step: int) -> Gradient:
        """The gradient of all images of a step.

        Args:
            batches: the step's.
            iteration, step: iterations done, and steps done within this one.

        Raises:
            MemoryExhaustedError: one image alone does not fit.
        """
        pieces = (
            Piece(images_nchw=batch.images_nchw, targets=batch.targets, part=(iteration, step, position, 0))
            for position, batch in enumerate(batches)
        )
        return Gradient.joined([part for piece in pieces for part in self._halved_to_fit(piece)])

    def _halved_to_fit(self, piece: Piece) -> list[Gradient]:
        """The gradients of the piece, or of those parts of it that fit into memory."""
        if self._limits.allow(len(piece)):
            try:
                return [self.of_piece(piece)]
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            if self._detector.device.type == "cuda":
                torch.cuda.empty_cache()
            self._limits.did_not_fit(len(piece))
        return [part for half in piece.halves() for part in self._halved_to_fit(half)]

    def of_piece(self, piece: Piece) -> Gradient:
        """The gradient of images that fit into memory, drawn with the piece's own chance."""
        config, images_nchw, targets = self._plan.config, piece.images_nchw, piece.targets
        chance = self._plan.chance(*piece.part)
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

        def part(first: int, last: int) -> Gradient:
            some = images_nchw[first:last], targets.of_images(first, last), placements.of_images(first, last)
            return self._differentiate(*some)

        return Gradient.joined(self.threads.map(part, len(piece)))

    def _differentiate(self, images_nchw: Tensor, targets: Targets, placements: Placements) -> Gradient:
        """Render, loss and gradient of some images; runs in a thread, and changes nothing of the run."""
        drawn = compose(images_nchw, self._patch, placements, self._mask)
        with autocast(self._precision, self._detector.device):
            loss, terms = self._loss(self._detector, drawn, targets, self._patch)
        gradient = torch.autograd.grad(self._scaler.scale(loss), self._patch)[0]
        values = torch.stack([loss.detach(), *(term.detach().float() for term in terms.values())]).tolist()
        return Gradient(
            images=len(images_nchw),
            loss=values[0],
            terms=dict(zip(terms, values[1:], strict=True)),
            gradient_chw=gradient,
        )


def _compiled(loss: PatchLoss) -> Callable[..., tuple[Tensor, dict[str, Tensor]]]:
    """The loss and with it the detector's forward pass by torch.compile.

    Each number of images and objects is a shape of its own until torch makes them symbolic, hence the
    raised limit of recompilations; beyond it torch goes on uncompiled.
    """
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, RECOMPILE_LIMIT)
    return torch.compile(loss.__call__)
