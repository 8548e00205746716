# SPDX-License-Identifier: AGPL-3.0-only
"""The adapter from an RT-DETR of Ultralytics to a frozen, differentiable `Detector`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from engine.detectors.base import Candidates, Detections, Targets, require_targets, require_thresholds
from engine.detectors.frozen import require_finite
from engine.detectors.queries import best_detections, pixel_corners, query_candidates
from engine.detectors.ultralytics_frozen import FrozenModel, ultralytics_batch
from engine.detectors.ultralytics_heads import guarded
from engine.detectors.ultralytics_model import class_names, input_channels
from engine.detectors.ultralytics_quiet import RTDETRDetectionModel
from engine.errors import DetectorError
from engine.excerpts import short_repr

_STRIDE_PX = 32  # Ultralytics' own for every RT-DETR; its head does not name one
_ANCHOR_SIZE = 0.05  # of the image's sides at the finest level, doubled at each coarser one
_LEAST_SHARE = 0.01  # anchors whose centre is nearer to the edge are no candidates
_EPS = 1e-5  # of Ultralytics' inverse sigmoid


@dataclass(frozen=True, kw_only=True)
class _Queries:
    """What the decoder begins with: k queries an image, chosen by the encoder.

    Attributes:
        features: float (n, a, channels), of the points of all levels.
        shapes: height and width of each level.
        embeddings: float (n, k, channels).
        boxes: float32 (n, k, 4), centres and sizes from 0 to 1.
        logits: float (n, k, classes), by the encoder.
    """

    features: Tensor
    shapes: list[list[int]]
    embeddings: Tensor
    boxes: Tensor
    logits: Tensor


class RTDETRDetector(FrozenModel):
    """An RT-DETR of Ultralytics (Zhao et al. 2024), frozen: see `engine.detectors.base.Detector`.

    Its candidates are the decoder's queries. Created by `load` from a weight file, or directly from a model.

    The head is computed by functions of our own, from its layers: Ultralytics keeps the anchors of the last
    image size in the head, where threads that compute parts of a batch would overwrite each other's, and
    returns the losses of all layers only in training.
    """

    loss_names: tuple[str, ...] = ("total", "cls", "l1", "giou")
    family = "rtdetr"
    end_to_end = True
    stride_px = _STRIDE_PX

    def __init__(self, model: nn.Module, *, name: str, device: torch.device, fuse: bool = True) -> None:
        """Freeze the model, fold its batch norm and move it to the device, in place.

        Args:
            model: one of Ultralytics that ends in an `RTDETRDecoder`, with weights of any float type.
            name: its name in reports.
            device: of the model.
            fuse: fold batch norm into the preceding convolutions.

        Raises:
            DetectorError: the model is not a valid RT-DETR.
        """
        plain: Any = model.float().eval()
        self.model, self.head = plain, plain.model[-1]
        require_finite(plain)
        self.name, self.device = name, device
        self._channels = input_channels(self.model)
        self._layers = self.head.decoder.eval_idx + 1  # later ones have no part in the answer
        self._try_out()
        self.class_names = tuple(class_names(getattr(self.model, "names", None), self.head.nc))
        plain.criterion, plain.nc = None, self.head.nc
        self._freeze(fuse=fuse)
        if fuse:
            _fuse_projections(self.head)
        self._criterion: Any = None

    def candidates(self, images_nchw: Tensor, class_id: int, *, boxes: bool = False) -> Candidates:
        """The queries, with the score of one class at the centre of the box that each predicts.

        Args:
            images_nchw: float (n, 3, h, w), 0 to 1, RGB, sides divisible by `stride_px`.
            class_id: index into `class_names`.
            boxes: whether to return the boxes, which are computed in any case.

        Raises:
            ValueError: the images have another shape, or there is no such class.
        """
        one = slice(self._checked_class(class_id), class_id + 1)
        embeddings, found = self._answer(images_nchw)
        last = self.head.dec_score_head[self._layers - 1]
        logits = F.linear(embeddings, last.weight[one], last.bias[one]).squeeze(2)
        return query_candidates(logits, pixel_corners(found, images_nchw), boxes=boxes)

    def losses(
        self, images_nchw: Tensor, targets: Targets, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """The model's own training losses, weighted with its own gains and differentiable.

        Those of all decoder layers and of the encoder's choice, without the denoising queries, which see the
        objects beside the image. In contrast to training, the gradient also passes through each layer's
        boxes into those before it.

        Args:
            images_nchw: as in `candidates`.
            targets: boxes in pixels of these images, of all classes that the loss should include.
            generator: not used, as the matching of queries to objects leaves nothing to chance.

        Returns:
            `cls` (varifocal, or focal without objects), `l1` and `giou` (of the boxes) and their sum `total`:
            scalars, divided by the number of objects in the batch as in training.
        """
        require_targets(images_nchw, targets)
        queries = self._queries(images_nchw)
        boxes, logits = [queries.boxes], [queries.logits]
        layers = zip(
            self._decoded(queries, len(self.head.decoder.layers)), self.head.dec_score_head, strict=True
        )
        for (embeddings, found), score in layers:
            boxes.append(found)
            logits.append(score(embeddings))
        batch: dict[str, Any] = ultralytics_batch(targets.to(self.device), images_nchw)
        batch["cls"] = batch["cls"].long()
        batch["gt_groups"] = torch.bincount(targets.image_index, minlength=targets.images).tolist()
        if self._criterion is None:
            self._criterion = RTDETRDetectionModel.init_criterion(self.model)
        with torch.autocast(self.device.type, enabled=False):
            raw = self._criterion((torch.stack(boxes), torch.stack(logits).float()), batch)
        parts = {
            ours: raw[f"loss_{theirs}"] + raw[f"loss_{theirs}_aux"]
            for ours, theirs in (("cls", "class"), ("l1", "bbox"), ("giou", "giou"))
        }
        return {"total": parts["cls"] + parts["l1"] + parts["giou"], **parts}

    @torch.no_grad()
    def detect(
        self, images_nchw: Tensor, *, min_score: float = 0.001, iou: float = 0.7, max_detections: int = 300
    ) -> list[Detections]:
        """Final detections: the best pairs of query and class, as Ultralytics' validator takes them.

        Args:
            images_nchw: as in `candidates`.
            min_score: minimum score (exclusive), 0 to 1.
            iou: not used, as there is no NMS.
            max_detections: maximum number per image; there are never more than queries.

        Returns:
            One `Detections` per image, best first, on the CPU, in pixels of the images.

        Raises:
            ValueError: a threshold is out of range, or the images have another shape.
        """
        require_thresholds(min_score, iou, max_detections)
        embeddings, found = self._answer(images_nchw)
        scores = self.head.dec_score_head[self._layers - 1](embeddings).float().sigmoid()
        most = min(max_detections, self.head.num_queries)
        corners = pixel_corners(found, images_nchw)
        return best_detections(scores, corners, min_score=min_score, most=most)

    def _answer(self, images_nchw: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings (n, k, channels) and boxes (n, k, 4) of the decoder layer that answers."""
        *_, last = self._decoded(self._queries(images_nchw), self._layers)
        return last

    def _queries(self, images_nchw: Tensor) -> _Queries:
        """The encoder's choice: the points with the best score of any class, like `_get_decoder_input`."""
        levels = [
            layer(x) for layer, x in zip(self.head.input_proj, self._features(images_nchw), strict=True)
        ]
        shapes = [list(level.shape[2:]) for level in levels]
        features = torch.cat([level.flatten(2).transpose(1, 2) for level in levels], dim=1)
        anchors, valid = _anchors(shapes, features.device)
        encoded = self.head.enc_output(valid * features)
        logits = self.head.enc_score_head(encoded)
        count = min(self.head.num_queries, logits.shape[1])
        chosen = logits.amax(dim=2).topk(count, dim=1).indices[..., None]
        embeddings, logits = (
            values.gather(1, chosen.expand(-1, -1, values.shape[2])) for values in (encoded, logits)
        )
        boxes = self.head.enc_bbox_head(embeddings).float() + anchors[chosen.squeeze(2)]
        if self.head.learnt_init_query:
            embeddings = self.head.tgt_embed.weight[:count].expand(len(logits), -1, -1)
        return _Queries(
            features=features, shapes=shapes, embeddings=embeddings, boxes=boxes.sigmoid(), logits=logits
        )

    def _decoded(self, queries: _Queries, count: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield embeddings and boxes, float32 (n, k, 4) from 0 to 1, after each of the first layers."""
        head, embeddings, boxes = self.head, queries.embeddings, queries.boxes
        for layer, box in islice(zip(head.decoder.layers, head.dec_bbox_head, strict=True), count):
            position = head.query_pos_head(boxes)
            embeddings = layer(embeddings, boxes, queries.features, queries.shapes, None, None, position)
            boxes = (box(embeddings).float() + _logit(boxes)).sigmoid()
            yield embeddings, boxes

    @torch.no_grad()
    def _try_out(self) -> None:
        """Run the model on a small image, as a file could state any number of classes, layers or queries.

        Raises:
            DetectorError: the layers do not match the head, or are too large.
        """
        head, side = self.head, 2 * _STRIDE_PX
        if not 1 <= self._layers <= len(head.decoder.layers) or head.num_queries < 1:
            raise DetectorError(
                f"expected output from one of {len(head.decoder.layers)} decoder layers and at least one "
                f"query, got layer {short_repr(self._layers)} and {short_repr(head.num_queries)} queries; "
                "export it again"
            )
        with guarded(self.model):
            queries = self._queries(torch.zeros(1, 3, side, side))
            answers = list(self._decoded(queries, len(head.decoder.layers)))
            scores = [score(x) for (x, _), score in zip(answers, head.dec_score_head, strict=True)]
        counts = [each.shape[2] for each in (queries.logits, *scores)]
        if set(counts) != {head.nc}:
            raise DetectorError(
                f"expected scores of {short_repr(head.nc)} classes, got {short_repr(counts)}; export it again"
            )


def _anchors(shapes: list[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Logits (a, 4) of each point's first box, centre and size, and which points count: bool (a, 1).

    Like the head's `_generate_anchors`, which other versions of Ultralytics call in other ways.
    """
    levels = []
    for level, (height, width) in enumerate(shapes):
        y = (torch.arange(height, device=device) + 0.5) / height
        x = (torch.arange(width, device=device) + 0.5) / width
        size = torch.full((height, width), _ANCHOR_SIZE * 2**level, device=device)
        levels.append(torch.stack((*torch.meshgrid(x, y, indexing="xy"), size, size), dim=2).flatten(0, 1))
    boxes = torch.cat(levels)
    valid = ((boxes > _LEAST_SHARE) & (boxes < 1 - _LEAST_SHARE)).all(dim=1, keepdim=True)
    return torch.logit(boxes).masked_fill(~valid, torch.inf), valid


def _logit(shares: Tensor) -> Tensor:
    """Ultralytics' inverse sigmoid of shares, which bounds each side of the fraction from below."""
    inside = shares.clamp(0, 1)
    return inside.clamp(min=_EPS).log() - (1 - inside).clamp(min=_EPS).log()


def _fuse_projections(head: Any) -> None:
    """Fold the batch norm of the head's projections, which Ultralytics leaves."""
    for index, (convolution, norm) in enumerate(head.input_proj):
        head.input_proj[index] = fuse_conv_bn_eval(convolution, norm)
