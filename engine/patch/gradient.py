# SPDX-License-Identifier: AGPL-3.0-only
"""The gradient of a step: rendering, loss and backward pass of its batches on one device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.datasets.loader import Batch
from engine.detectors.base import Targets
from engine.detectors.device import is_out_of_memory
from engine.detectors.ensemble import Attacked
from engine.errors import SettingsError
from engine.patch.limits import Limits
from engine.patch.losses.patch_loss import PatchLoss
from engine.patch.memory import Piece
from engine.patch.plan import RunPlan
from engine.patch.precision import autocast
from engine.patch.render import compose, mask_of
from engine.patch.threads import BatchThreads
from engine.patch.transforms import Placements, mirror, place
from engine.ranks import ALONE, Ranks

RECOMPILE_LIMIT = 64


@dataclass(frozen=True, kw_only=True)
class Gradient:
    """The loss of some images and its gradient.

    Attributes:
        images: number of images.
        loss: mean over the images.
        terms: means of the unweighted terms over the images.
        gradient_chw: gradient of the (scaled) loss with respect to the patch, float (3, h, w).
    """

    images: int
    loss: float
    terms: dict[str, float]
    gradient_chw: Tensor

    @classmethod
    def nothing(cls, patch_chw: Tensor, names: Sequence[str]) -> Gradient:
        """That of no image."""
        return cls(
            images=0, loss=0.0, terms=dict.fromkeys(names, 0.0), gradient_chw=torch.zeros_like(patch_chw)
        )

    def summed(self, ranks: Ranks) -> Gradient:
        """The average of all processes' gradients, weighted by their numbers of images; all get the same."""
        values = [1.0, self.loss, *self.terms.values()]
        weighted = torch.cat(
            [
                self.gradient_chw.double().flatten() * self.images,
                torch.tensor(values, dtype=torch.float64, device=self.gradient_chw.device) * self.images,
            ]
        )
        total = ranks.summed(weighted)
        size = self.gradient_chw.numel()
        images, loss, *terms = total[size:].tolist()
        return Gradient(
            images=round(images),
            loss=loss / images,
            terms={name: value / images for name, value in zip(self.terms, terms, strict=True)},
            gradient_chw=(total[:size] / images).to(self.gradient_chw.dtype).view_as(self.gradient_chw),
        )

    @classmethod
    def joined(cls, parts: Sequence[Gradient]) -> Gradient:
        """Average the gradients of parts, weighted by their numbers of images."""
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
    """Computes gradients of the loss with respect to the patch, without state between steps.

    Args:
        detector: the frozen detector, or several.
        plan: the run's plan, with its settings.
        limits: the run's memory limits.
        patch_chw: float32 (3, h, w), 0 to 1, on the detector's device; requires a gradient.
        precision: `fp32`, `bf16` or `fp16`.
        scaler: scales the loss before the backward pass.
        ranks: the processes that share each batch; each computes its images, and all get the sum.

    Attributes:
        threads: compute parts of a batch in parallel.
    """

    def __init__(
        self,
        detector: Attacked,
        plan: RunPlan,
        limits: Limits,
        *,
        patch_chw: Tensor,
        precision: str,
        scaler: torch.amp.GradScaler,
        ranks: Ranks = ALONE,
    ) -> None:
        config, device = plan.config, detector.device
        self._detector, self._plan, self._limits = detector, plan, limits
        self._patch, self._precision, self._scaler = patch_chw, precision, scaler
        self._ranks = ranks
        mask = mask_of(config)
        self._mask = None if mask is None else mask.to(device)
        loss = PatchLoss(
            config.losses,
            class_id=plan.class_id,
            objects_per_image=sum(plan.counts) / len(plan.counts),
            top_k=config.top_k,
            ensemble=config.ensemble,
        )
        if ranks.size > 1 and not loss.adds_up:
            raise SettingsError(
                "losses: expected losses that can be summed over parts of a batch, "
                f"as several processes share each batch, got {', '.join(config.losses)} with ensemble "
                f"{config.ensemble}; leave out the detector's own losses and --ensemble max, "
                "or use one process"
            )
        self._names = loss.names
        self._loss = _compiled(loss) if config.compile == "on" else loss
        # Compiled code and accelerators parallelise by themselves.
        single = config.compile == "on" or not loss.adds_up or device.type != "cpu"
        self.threads = BatchThreads(1 if single else torch.get_num_threads())

    def of_step(self, batches: Iterable[Batch], iteration: int, step: int) -> Gradient:
        """The gradient of all images of a step.

        Args:
            batches: the step's batches.
            iteration, step: numbers of finished iterations, and of finished steps within the current one.

        Raises:
            MemoryExhaustedError: one image alone does not fit.
        """
        pieces = (
            Piece(
                images_nchw=batch.images_nchw,
                targets=batch.targets,
                part=(iteration, step, position, 0),
                shown=batch.shown,
            )
            for position, batch in enumerate(batches)
        )
        parts = [part for piece in pieces for part in self._halved_to_fit(piece)]
        if self._ranks.size == 1:
            return Gradient.joined(parts)
        own = [part for part in parts if part.images]
        own = own or [Gradient.nothing(self._patch, self._names)]
        return Gradient.joined(own).summed(self._ranks)

    def _halved_to_fit(self, piece: Piece) -> list[Gradient]:
        """The gradients of the piece, split into halves as often as needed to fit into memory."""
        if self._limits.allow(len(piece)):
            part = self._attempt(piece)
            if not self._ranks.any(part is None):  # if it does not fit in one process, all halve it
                assert part is not None
                return [part]
            self._limits.did_not_fit(len(piece))
        return [part for half in piece.halves() for part in self._halved_to_fit(half)]

    def _attempt(self, piece: Piece) -> Gradient | None:
        """The gradient of a piece; None if it does not fit into memory."""
        try:
            return self.of_piece(piece)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        if self._detector.device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def of_piece(self, piece: Piece) -> Gradient:
        """The gradient of images that fit into memory, using the piece's own random generator.

        Chance is drawn for all images of the piece, whoever computes them.
        """
        config, images_nchw, targets = self._plan.config, piece.images_nchw, piece.targets
        generator = self._plan.generator(*piece.part)
        if config.flip:
            images_nchw, targets = mirror(images_nchw, targets, generator, shown=piece.shown)
        placements = place(
            targets,
            canvas_hw=(images_nchw.shape[2], images_nchw.shape[3]),
            aspect=config.patch_width / config.patch_height,
            placement=config.placement,
            augmentation=config.augmentation,
            generator=generator,
        )
        if piece.shown is not None:
            placements, targets = placements.chosen(piece.shown, len(piece)), targets.chosen(piece.shown)
            if not piece.shown:
                return Gradient.nothing(self._patch, self._names)

        def part(first: int, last: int) -> Gradient:
            some = images_nchw[first:last], targets.of_images(first, last), placements.of_images(first, last)
            return self._differentiate(*some, generator)

        return Gradient.joined(self.threads.map(part, len(images_nchw)))

    def _differentiate(
        self, images_nchw: Tensor, targets: Targets, placements: Placements, generator: torch.Generator
    ) -> Gradient:
        """Rendering, loss and gradient of some images; thread-safe, as it changes no state of the run.

        The generator is drawn from only by the detector's own losses, for which there is one part.
        """
        patched = compose(images_nchw, self._patch, placements, self._mask)
        with autocast(self._precision, self._detector.device):
            loss, terms = self._loss(self._detector, patched, targets, self._patch, generator)
        gradient = torch.autograd.grad(self._scaler.scale(loss), self._patch)[0]
        values = torch.stack([loss.detach(), *(term.detach().float() for term in terms.values())]).tolist()
        return Gradient(
            images=len(images_nchw),
            loss=values[0],
            terms=dict(zip(terms, values[1:], strict=True)),
            gradient_chw=gradient,
        )


def _compiled(loss: PatchLoss) -> Callable[..., tuple[Tensor, dict[str, Tensor]]]:
    """The loss, including the detector's forward pass, compiled by torch.compile.

    Each number of images and objects is a separate shape until torch makes them symbolic, hence the raised
    recompilation limit, beyond which torch runs uncompiled.
    """
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, RECOMPILE_LIMIT)
    return torch.compile(loss.__call__)
