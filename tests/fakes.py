# SPDX-License-Identifier: AGPL-3.0-only
"""Tiny deterministic detectors that answer like real ones and cost almost nothing.

They differ in all that the protocol leaves open, so that nothing else takes a family's ways for granted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import batched_nms

from engine.detectors.base import Candidates, Detections, Targets

__all__ = ["FakeDetector", "RaggedDetector"]


class FakeDetector:
    """A frozen random conv net of stride 8 with two classes; the same seed gives the same weights.

    Its candidates are the points of a grid that all images share. Channels of the last layer: one logit a
    class, then four box sides' offsets from the point. `dtype` is what it computes in; float64 is for finite
    differences.
    """

    name = "fake"
    family = "fake"
    end_to_end = False
    class_names: tuple[str, ...] = ("person", "car")
    loss_names: tuple[str, ...] = ("total", "cls", "box", "dfl")
    stride_px = 8
    outputs = 6

    def __init__(
        self,
        seed: int = 0,
        device: str | torch.device = "cpu",
        width: int = 8,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.device = torch.device(device)
        layers: list[nn.Module] = []
        for channels in (3, width, width):
            layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1), nn.SiLU()]
        self.net = nn.Sequential(*layers, nn.Conv2d(width, self.outputs, 1))
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.net.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 100
            parameter.data = torch.randn(parameter.shape, generator=generator) * (2.0 / fan_in) ** 0.5
        self.net.eval().requires_grad_(False).to(self.device, dtype)
        self.dtype = dtype

    def _grid(self, images_nchw: Tensor) -> tuple[Tensor, Tensor]:
        """The net's outputs (n, a, outputs), and the middle of each one's cell in pixels (a, 2)."""
        height, width = images_nchw.shape[-2:]
        if height % self.stride_px or width % self.stride_px:
            raise ValueError(f"expected sides divisible by {self.stride_px}, got {height} x {width}")
        out = self.net(images_nchw.to(self.dtype) * 4 - 2)
        rows, columns = out.shape[-2:]
        ys, xs = torch.meshgrid(
            torch.arange(rows, device=out.device), torch.arange(columns, device=out.device), indexing="ij"
        )
        return out.flatten(2).transpose(1, 2), (torch.stack((xs, ys), dim=-1).reshape(-1, 2) + 0.5) * 8

    def _raw(self, images_nchw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (n, a, classes), boxes (n, a, 4) and points (a, 2)."""
        out, points = self._grid(images_nchw)
        logits, sides = out.split([len(self.class_names), 4], dim=-1)
        sides = (0.5 + sides.sigmoid()) * self.stride_px
        boxes = torch.cat((points - sides[..., :2], points + sides[..., 2:]), dim=-1)
        return logits - 2, boxes, points

    def candidates(self, images_nchw: Tensor, class_id: int, *, boxes: bool = False) -> Candidates:
        logits, corners, points = self._raw(images_nchw)
        return Candidates(
            logits=logits[..., class_id],
            points_xy_px=points[None],
            boxes_xyxy_px=corners if boxes else None,
        )

    def losses(
        self, images_nchw: Tensor, targets: Targets, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        logits, boxes, points = self._raw(images_nchw)
        wanted = torch.zeros_like(logits)
        box_loss = dfl_loss = logits.sum() * 0
        for image, class_id, box in zip(
            targets.image_index.tolist(), targets.class_ids.tolist(), targets.boxes_xyxy_px, strict=True
        ):
            nearest = (points - (box[:2] + box[2:]) / 2).abs().sum(dim=1).argmin()
            wanted[image, nearest, class_id] = 1
            error = (boxes[image, nearest] - box) / self.stride_px
            box_loss = box_loss + error.abs().mean()
            dfl_loss = dfl_loss + error.square().mean()
        cls_loss = F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
        terms = {"box": box_loss, "cls": cls_loss, "dfl": dfl_loss}
        terms = {name: term / targets.images for name, term in terms.items()}
        return {**terms, "total": torch.stack(list(terms.values())).sum()}

    @torch.no_grad()
    def detect(
        self, images_nchw: Tensor, *, min_score: float = 0.001, iou: float = 0.7, max_detections: int = 300
    ) -> list[Detections]:
        logits, boxes, _ = self._raw(images_nchw)
        scores, class_ids = logits.sigmoid().max(dim=-1)
        return [
            _best(*rows, min_score=min_score, iou=iou, count=max_detections)
            for rows in zip(boxes, scores, class_ids, strict=True)
        ]

    def for_windows(self, image_px: int) -> Self:
        return self

    def checksum(self) -> str:
        digest = hashlib.sha256()
        for name, value in self.net.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


class RaggedDetector(FakeDetector):
    """Two-stage and without a grid: takes images of any size, proposes as many boxes as it sees fit in each.

    Channels of the last layer: whether the cell proposes anything, where it looks, a box, and the logits of a
    softmax over the classes and background. Its training loss looks at a random half of the proposals.
    """

    name = "ragged"
    family = "ragged"
    end_to_end = True
    loss_names: tuple[str, ...] = ("total", "cls")
    stride_px = 1
    outputs = 10

    def _proposals(self, images_nchw: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Logits (k, classes + 1), boxes (k, 4) and points (k, 2) of each image."""
        out, centres = self._grid(images_nchw)
        proposes, shifts, sides, logits = out.split([1, 2, 4, len(self.class_names) + 1], dim=-1)
        points = centres + 6 * shifts.detach().tanh()
        sides = (0.5 + sides.sigmoid()) * 12
        boxes = torch.cat((points - sides[..., :2], points + sides[..., 2:]), dim=-1)
        return [
            (image_logits[kept], image_boxes[kept], image_points[kept])
            for image_logits, image_boxes, image_points, kept in zip(
                logits, boxes, points, proposes[..., 0] > 0, strict=True
            )
        ]

    def candidates(self, images_nchw: Tensor, class_id: int, *, boxes: bool = False) -> Candidates:
        proposals = self._proposals(images_nchw)
        return Candidates.padded(
            [_log_odds(logits, class_id) for logits, _, _ in proposals],
            [points for _, _, points in proposals],
            [corners for _, corners, _ in proposals] if boxes else (),
        )

    def losses(
        self, images_nchw: Tensor, targets: Targets, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        generator = generator or torch.Generator().manual_seed(0)
        loss = images_nchw.sum() * 0
        for image, (logits, _, points) in enumerate(self._proposals(images_nchw)):
            wanted = torch.full((len(logits),), len(self.class_names))
            for box, class_id in zip(*_of_image(targets, image), strict=True):
                inside = ((points >= box[:2]) & (points <= box[2:])).all(dim=1)
                wanted[inside] = class_id
            sampled = torch.randperm(len(logits), generator=generator)[: (len(logits) + 1) // 2]
            loss = loss + F.cross_entropy(logits[sampled], wanted[sampled], reduction="sum")
        return dict.fromkeys(self.loss_names, loss / targets.images)

    @torch.no_grad()
    def detect(
        self, images_nchw: Tensor, *, min_score: float = 0.001, iou: float = 0.7, max_detections: int = 300
    ) -> list[Detections]:
        found = []
        for logits, boxes, _ in self._proposals(images_nchw):
            scores, class_ids = logits.softmax(dim=1)[:, :-1].max(dim=1)
            found.append(_best(boxes, scores, class_ids, min_score=min_score, iou=iou, count=max_detections))
        return found


def _log_odds(logits: Tensor, class_id: int) -> Tensor:
    """log(p / (1 - p)) of one class of a softmax, (k, c) to (k,)."""
    others = [index for index in range(logits.shape[1]) if index != class_id]
    return logits[:, class_id] - logits[:, others].logsumexp(dim=1)


def _of_image(targets: Targets, image: int) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    mine = targets.image_index == image
    return list(targets.boxes_xyxy_px[mine]), list(targets.class_ids[mine])


def _best(
    boxes: Tensor, scores: Tensor, class_ids: Tensor, *, min_score: float, iou: float, count: int
) -> Detections:
    strong = scores >= min_score
    boxes, scores, class_ids = boxes[strong], scores[strong], class_ids[strong]
    keep = batched_nms(boxes, scores, class_ids, iou)[:count]
    return Detections(
        boxes_xyxy_px=boxes[keep].float().cpu(),
        scores=scores[keep].float().cpu(),
        class_ids=class_ids[keep].cpu(),
    )
