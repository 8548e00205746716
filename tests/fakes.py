# SPDX-License-Identifier: AGPL-3.0-only
"""A tiny deterministic detector that answers like a real one and costs almost nothing."""

from __future__ import annotations

import hashlib

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import batched_nms

from engine.detectors.base import ClassScores, Detections, Predictions, Targets

__all__ = ["FakeDetector"]


class FakeDetector:
    """A frozen random conv net of stride 8 with two classes; the same seed gives the same weights.

    Channels of the last layer: one logit a class, then four box sides' offsets from the anchor point.
    `dtype` is what it computes in; float64 is for finite differences.
    """

    name = "fake"
    family = "fake"
    end_to_end = False
    class_names = ("person", "car")
    stride_px = 8

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
        self.net = nn.Sequential(*layers, nn.Conv2d(width, len(self.class_names) + 4, 1))
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.net.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 100
            parameter.data = torch.randn(parameter.shape, generator=generator) * (2.0 / fan_in) ** 0.5
        self.net.eval().requires_grad_(False).to(self.device, dtype)
        self.dtype = dtype

    def _raw(self, images_nchw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (n, a, classes), boxes (n, a, 4) and points (a, 2)."""
        height, width = images_nchw.shape[-2:]
        if height % self.stride_px or width % self.stride_px:
            raise ValueError(f"expected sides divisible by {self.stride_px}, got {height} x {width}")
        out = self.net(images_nchw.to(self.dtype) * 4 - 2)
        rows, columns = out.shape[-2:]
        ys, xs = torch.meshgrid(
            torch.arange(rows, device=out.device), torch.arange(columns, device=out.device), indexing="ij"
        )
        points = (torch.stack((xs, ys), dim=-1).reshape(-1, 2) + 0.5) * self.stride_px
        out = out.flatten(2).transpose(1, 2)
        logits, sides = out.split([len(self.class_names), 4], dim=-1)
        sides = (0.5 + sides.sigmoid()) * self.stride_px
        boxes = torch.cat((points - sides[..., :2], points + sides[..., 2:]), dim=-1)
        return logits - 2, boxes, points

    def class_scores(self, images_nchw: Tensor, class_id: int) -> ClassScores:
        logits, _, points = self._raw(images_nchw)
        return ClassScores(logits=logits[..., class_id], points_xy_px=points)

    def predictions(self, images_nchw: Tensor, class_id: int) -> Predictions:
        logits, boxes, points = self._raw(images_nchw)
        return Predictions(boxes_xyxy_px=boxes, logits=logits[..., class_id], points_xy_px=points)

    def losses(self, images_nchw: Tensor, targets: Targets) -> dict[str, Tensor]:
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
        found = []
        for image_boxes, image_scores, image_classes in zip(boxes, scores, class_ids, strict=True):
            strong = image_scores >= min_score
            candidates = (image_boxes[strong], image_scores[strong], image_classes[strong])
            keep = batched_nms(*candidates, iou)[:max_detections]
            kept_boxes, kept_scores, kept_classes = (values[keep].cpu() for values in candidates)
            found.append(Detections(boxes_xyxy_px=kept_boxes, scores=kept_scores, class_ids=kept_classes))
        return found

    def checksum(self) -> str:
        digest = hashlib.sha256()
        for name, value in self.net.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()
