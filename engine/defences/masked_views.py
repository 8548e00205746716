# SPDX-License-Identifier: AGPL-3.0-only
"""A detector that looks at masked images too, and adds what a patch may have hidden (ObjectSeeker)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

import torch
from torch import Tensor

from engine.defences.certificates import Certificates, Hidden, certificates, surviving
from engine.defences.defended import Behind, chance_of
from engine.detectors.base import Candidates, Detections, Detector, Targets

SALT = 17  # of the chance that chooses a mask
NEAR = 0.1  # distance in masks' clusters: 1 - intersection over the smaller area


@dataclass(frozen=True, kw_only=True)
class Mask:
    """A mask over one side of an image: `top`, `bottom`, `left` or `right` of a line at `at_px`."""

    side: str
    at_px: int

    def hide(self, images_nchw: Tensor) -> Tensor:
        """The images (n, 3, h, w) with that side black, differentiable in what is left."""
        hidden = images_nchw.clone()
        rows = {"top": slice(0, self.at_px), "bottom": slice(self.at_px, None)}
        columns = {"left": slice(0, self.at_px), "right": slice(self.at_px, None)}
        hidden[..., rows.get(self.side, slice(None)), columns.get(self.side, slice(None))] = 0
        return hidden


def masks_of(height: int, width: int, lines: int) -> list[Mask]:
    """All masks of an image: both sides of `lines` lines each way (Xiang et al. 2023, section 3.2)."""
    found = []
    for size, sides in ((height, ("top", "bottom")), (width, ("left", "right"))):
        step = ceil(size / (lines + 1))
        found += [Mask(side=side, at_px=at) for at in range(step, size, step) for side in sides]
    return found


class ObjectSeeker(Behind):
    """A detector that a patch cannot make blind without lying over every mask's view of an object.

    After Xiang et al. 2023 ("ObjectSeeker: Certifiably robust object detection against patch hiding attacks
    via patch-agnostic masking"), algorithms 1 to 3 with IoA, and boxes of one class only compared with each
    other. A patch that lies wholly under a mask cannot change what is detected in that masked image.

    Args:
        detector: frozen.
        lines: each way.
        masked_score: detections in masked images count from here on.
        base_score: detections in the whole image explain those in masked ones from here on.
        prune_ioa: what share of a masked detection has to lie in one of the whole image to be explained.
    """

    def __init__(
        self, detector: Detector, *, lines: int, masked_score: float, base_score: float, prune_ioa: float
    ) -> None:
        super().__init__(detector)
        self._lines, self._prune_ioa = lines, prune_ioa
        self._masked_score, self._base_score = masked_score, base_score

    def candidates(self, images_nchw: Tensor, class_id: int, *, boxes: bool = False) -> Candidates:
        """The candidates in the images and in one masked image of each.

        The mask is drawn anew whenever the image changes (`chance_of`), so an attack lowers the expectation
        over masked images together with what is found in the whole image: both add to the detections.
        """
        seen = (images_nchw, self._masked_by_chance(images_nchw))
        first, second = (self.detector.candidates(each, class_id, boxes=boxes) for each in seen)
        return _joined(first, second)

    def losses(
        self, images_nchw: Tensor, targets: Targets, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """The mean of the losses on the images and on one masked image of each, drawn as in `candidates`."""
        seen = (images_nchw, self._masked_by_chance(images_nchw))
        first, second = (self.detector.losses(each, targets, generator) for each in seen)
        return {name: (value + second[name]) / 2 for name, value in first.items()}

    @torch.no_grad()
    def detect(
        self, images_nchw: Tensor, *, min_score: float = 0.001, iou: float = 0.7, max_detections: int = 300
    ) -> list[Detections]:
        """The detections in the images, and those in masked ones that these do not explain.

        `max_detections` limits the former alone: an attacker who fills the image with false detections
        would else push the latter out.
        """
        how = {"iou": iou, "max_detections": max_detections}
        base = self.detector.detect(images_nchw, min_score=min_score, **how)  # type: ignore[arg-type]
        masked: list[list[Detections]] = [[] for _ in base]
        for mask in self._masks(images_nchw):
            found = self.detector.detect(
                mask.hide(images_nchw),
                min_score=max(min_score, self._masked_score),
                **how,  # type: ignore[arg-type]
            )
            for whole, known, more in zip(base, masked, found, strict=True):
                known.append(self._unexplained(more, whole))
        return [_best_first([whole, *_clusters(more)]) for whole, more in zip(base, masked, strict=True)]

    def certify(
        self, images_nchw: Tensor, targets: Targets, *, patch_share: float = 0.01, ioa: float = 0.0
    ) -> Certificates:
        """See `Certifying`; a certificate holds for `min_score` of `detect` up to both scores of the defence.

        Raises:
            ValueError: a share is out of range.
        """
        height, width = images_nchw.shape[2:]
        views = [
            Hidden(
                side=mask.side,
                at_px=mask.at_px,
                survives=self._survives(mask.hide(images_nchw), targets, ioa),
            )
            for mask in self._masks(images_nchw)
        ]
        return certificates(
            views, targets.boxes_xyxy_px.cpu(), canvas_hw=(height, width), patch_share=patch_share
        )

    @torch.no_grad()
    def _survives(self, masked_nchw: Tensor, targets: Targets, ioa: float) -> Tensor:
        """Whether each object is sure to be covered by what one masked image shows, bool (m,)."""
        found = self.detector.detect(masked_nchw, min_score=self._masked_score)
        survives = torch.zeros(len(targets.class_ids), dtype=torch.bool)
        canvas_hw = tuple(masked_nchw.shape[2:])
        for image, detections in enumerate(found):
            for index in (targets.image_index.cpu() == image).nonzero().flatten().tolist():
                alike = detections.class_ids == targets.class_ids[index].cpu()
                survives[index] = surviving(
                    targets.boxes_xyxy_px[index].cpu(),
                    detections.boxes_xyxy_px[alike],
                    canvas_hw=(canvas_hw[0], canvas_hw[1]),
                    prune_ioa=self._prune_ioa,
                    ioa=ioa,
                )
        return survives

    def _masks(self, images_nchw: Tensor) -> list[Mask]:
        height, width = images_nchw.shape[2:]
        return masks_of(height, width, self._lines)

    def _masked_by_chance(self, images_nchw: Tensor) -> Tensor:
        masks = self._masks(images_nchw)
        drawn = [
            int(torch.randint(len(masks), (1,), generator=chance_of(image, SALT))) for image in images_nchw
        ]
        return torch.cat(
            [masks[index].hide(image[None]) for index, image in zip(drawn, images_nchw, strict=True)]
        )

    def _unexplained(self, found: Detections, whole: Detections) -> Detections:
        """Those detections in a masked image that none of their class in the whole image covers."""
        strong = whole.scores >= self._base_score
        shares = _intersections(found.boxes_xyxy_px, whole.boxes_xyxy_px[strong])
        shares = shares / _areas(found.boxes_xyxy_px)[:, None].clamp(min=1e-9)
        alike = found.class_ids[:, None] == whole.class_ids[strong]
        return _some(found, ~((shares >= self._prune_ioa) & alike).any(dim=1))


def _some(found: Detections, keep: Tensor) -> Detections:
    return Detections(
        boxes_xyxy_px=found.boxes_xyxy_px[keep], scores=found.scores[keep], class_ids=found.class_ids[keep]
    )


def _joint(found: Sequence[Detections]) -> Detections:
    return Detections(
        boxes_xyxy_px=torch.cat([each.boxes_xyxy_px for each in found]),
        scores=torch.cat([each.scores for each in found]),
        class_ids=torch.cat([each.class_ids for each in found]),
    )


def _best_first(found: Sequence[Detections]) -> Detections:
    joint = _joint(found)
    return _some(joint, joint.scores.argsort(descending=True, stable=True))


def _clusters(found: Sequence[Detections]) -> list[Detections]:
    """One box around each group of detections that lie in each other, with the best score among them.

    DBSCAN whose clusters may be of one, as the paper has it, are connected components.
    """
    joint = _joint(found) if found else None
    if joint is None or not len(joint.scores):
        return []
    boxes = joint.boxes_xyxy_px
    smaller = torch.minimum(_areas(boxes)[:, None], _areas(boxes)[None]).clamp(min=1e-9)
    linked = _intersections(boxes, boxes) / smaller >= 1 - NEAR
    linked &= joint.class_ids[:, None] == joint.class_ids
    groups = [
        _some(joint, members) for members in _components(linked | torch.eye(len(boxes), dtype=torch.bool))
    ]
    return [
        Detections(
            boxes_xyxy_px=torch.cat(
                [group.boxes_xyxy_px[:, :2].amin(dim=0), group.boxes_xyxy_px[:, 2:].amax(dim=0)]
            )[None],
            scores=group.scores.max()[None],
            class_ids=group.class_ids[:1],
        )
        for group in groups
    ]


def _components(linked: Tensor) -> list[Tensor]:
    """The connected components of a symmetric graph, bool (n, n), each as bool (n,)."""
    left, found = torch.ones(len(linked), dtype=torch.bool), []
    while left.any():
        members = linked[int(left.nonzero()[0])]
        while not torch.equal(grown := linked[members].any(dim=0), members):
            members = grown
        found.append(members)
        left &= ~members
    return found


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)


def _intersections(first: Tensor, second: Tensor) -> Tensor:
    """The areas that boxes (a, 4) and (b, 4) share, (a, b)."""
    low = torch.maximum(first[:, None, :2], second[None, :, :2])
    high = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    return (high - low).clamp(min=0).prod(dim=2)


def _joined(first: Candidates, second: Candidates) -> Candidates:
    """The candidates of two views of the same images, side by side."""
    both = (first, second)
    images = len(first.logits)
    shared = all(len(each.points_xy_px) == 1 for each in both)
    points = [each.points_xy_px if shared else each.points_xy_px.expand(images, -1, -1) for each in both]
    boxes = [each.boxes_xyxy_px for each in both if each.boxes_xyxy_px is not None]
    valid = None
    if any(each.valid is not None for each in both):
        valid = torch.cat(
            [
                torch.ones_like(each.logits, dtype=torch.bool) if each.valid is None else each.valid
                for each in both
            ],
            dim=1,
        )
    joined = Candidates(
        logits=torch.cat([first.logits, second.logits], dim=1),
        points_xy_px=torch.cat(points, dim=1),
        boxes_xyxy_px=torch.cat(boxes, dim=1) if boxes else None,
        valid=valid,
    )
    if first.proposals is None or second.proposals is None:
        return joined
    return replace(joined, proposals=_joined(first.proposals, second.proposals))
