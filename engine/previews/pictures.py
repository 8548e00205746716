# SPDX-License-Identifier: AGPL-3.0-only
"""Renders previews: a patch on images, detections, and images before and after patching."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.boxes import FloatArray, Letterbox
from engine.config import AugmentationConfig, PlacementConfig
from engine.datasets.loader import Batch, ImageLoader
from engine.defences.defended import seen_by
from engine.defences.kinds import defended
from engine.detectors.base import Detections, Detector
from engine.detectors.loading import load_detector
from engine.disk import write_atomically
from engine.errors import DatasetError
from engine.evaluation.matching import match_greedy, unfounded_boxes
from engine.evaluation.runner import LOWEST_SCORE, NMS_IOU
from engine.patch.files import read_patch
from engine.patch.render import circle_mask, compose
from engine.patch.transforms import place
from engine.previews.confidence import overlaid, score_maps
from engine.records import Dataset, ImageRecord
from engine.registries import AUTO
from engine.runs.materials import matched, of_classes, require_objects
from engine.store.repository import Repository

JPEG_QUALITY = 88


def answer(request: dict[str, Any], folder: Path, *, device: str = "cpu") -> dict[str, Any]:
    """Answer a request of `engine.previews.requests`, which documents the answers.

    Args:
        request: returned by one of its functions.
        folder: an existing folder for the pictures.
        device: the detector's device.

    Raises:
        EngineError: any failure, in one line.
    """
    return {"images": _KINDS[request["kind"]](request, folder, device)}


def _placement(request: dict[str, Any], folder: Path, device: str) -> list[dict[str, Any]]:
    batch = _batch(request, _records(request))
    if request["patch"] is None:
        height, width = request["patch_hw"]
        patch = torch.full((3, height, width), 0.5)
        mask = circle_mask(height, width) if request["circular"] else None
    else:
        patch, mask = read_patch(request["patch"][0])
    patched = _patched(batch, patch, mask, request)
    objects = _objects(batch)
    return [
        _picture(folder, "placed", index, image, box)
        | {"index": index, "objects": _in_picture(boxes, box).tolist()}
        for index, image, box, boxes in zip(
            request["indices"], patched, batch.letterboxes, objects, strict=True
        )
    ]


def _detections(request: dict[str, Any], folder: Path, device: str) -> list[dict[str, Any]]:
    detector = _detector(request, device)
    class_id = _detector_class(request, detector) if _class_names(request) else None
    batch = _batch(request, _records(request), detector.stride_px)
    images = batch.images_nchw.float() / 255
    detections = _detect(detector, images, class_id, request["min_score"])
    objects = _objects(batch)
    return [
        _picture(folder, "clean", index, image, box)
        | {
            "index": index,
            "objects": _in_picture(boxes, box).tolist(),
            "found": _listed(each, box, detector),
        }
        for index, image, box, boxes, each in zip(
            request["indices"], images, batch.letterboxes, objects, detections, strict=True
        )
    ]


def _before_after(request: dict[str, Any], folder: Path, device: str) -> list[dict[str, Any]]:
    detector = _detector(request, device)
    class_id = _detector_class(request, detector)
    batch = _batch(request, _records(request), detector.stride_px)
    patch, mask = read_patch(request["patch"][0])
    images = [batch.images_nchw.float() / 255, _patched(batch, patch, mask, request)]
    detections = [_detect(detector, each, class_id, request["min_score"]) for each in images]
    objects = _objects(batch)
    with torch.no_grad():
        seen = [seen_by(detector, each.to(detector.device)).cpu() for each in images]
    answers = []
    for number, index in enumerate(request["indices"]):
        box, clean, patched = batch.letterboxes[number], detections[0][number], detections[1][number]
        sizes = [
            _picture(folder, name, index, each[number], box)
            for name, each in zip(("clean", "patched"), seen, strict=True)
        ]
        compared = _compared(objects[number], clean, patched, request["iou"], box, detector)
        for side, picture in zip(("before", "after"), sizes, strict=True):
            compared[side] = {"path": picture["path"], "found": compared[side]}
        answers.append({"index": index, "width": sizes[0]["width"], "height": sizes[0]["height"], **compared})
    return answers


def _confidence(request: dict[str, Any], folder: Path, device: str) -> list[dict[str, Any]]:
    detector = _detector(request, device)
    class_id = _detector_class(request, detector)
    batch = _batch(request, _records(request), detector.stride_px)
    patch, mask = read_patch(request["patch"][0])
    answers: list[dict[str, Any]] = [{"index": index} for index in request["indices"]]
    for side, images in (
        ("before", batch.images_nchw.float() / 255),
        ("after", _patched(batch, patch, mask, request)),
    ):
        with torch.no_grad():
            candidates = detector.candidates(images.to(detector.device), class_id)
        maps = score_maps(candidates, *images.shape[2:])
        for answer, image, scores, box in zip(answers, images, maps, batch.letterboxes, strict=True):
            picture = _picture(folder, f"scores-{side}", answer["index"], overlaid(image, scores), box)
            answer[side] = picture | {"highest": float(scores.max())}
    return answers


_KINDS = {
    "placement": _placement,
    "detections": _detections,
    "before_after": _before_after,
    "confidence": _confidence,
}


def _compared(
    objects: FloatArray,
    clean: Detections,
    patched: Detections,
    iou: float,
    box: Letterbox,
    detector: Detector,
) -> dict[str, Any]:
    """The counts of `engine.evaluation.metrics` for each object and each detection."""
    boxes = [each.boxes_xyxy_px.numpy() for each in (clean, patched)]
    matched = [match_greedy(objects, each, iou=iou) for each in boxes]
    before, after = (each >= 0 for each in matched)
    known = np.concatenate([objects, boxes[0]])
    listed = {}
    for number, (side, detections) in enumerate((("before", clean), ("after", patched))):
        each = boxes[number]
        unfounded = unfounded_boxes(objects, each, iou=iou)
        appeared = unfounded_boxes(known, each, iou=iou)
        listed[side] = [
            entry | {"matched": place in matched[number], "hallucination": bool(wrong), "appeared": bool(new)}
            for place, (entry, wrong, new) in enumerate(
                zip(_listed(detections, box, detector), unfounded, appeared, strict=True)
            )
        ]
    return {
        "objects": [
            {"box": corners, "before": bool(was), "after": bool(still), "vanished": bool(was and not still)}
            for corners, was, still in zip(_in_picture(objects, box).tolist(), before, after, strict=True)
        ],
        **listed,
    }


@lru_cache(maxsize=4)
def _dataset(name: str, imported_at: str) -> Dataset:
    with Repository() as repository:  # always by name, even if a file has the same name
        return repository.datasets.load(name)


def _detector(request: dict[str, Any], device: str) -> Detector:
    """The detector of a request; older ones lack its architecture, its file of classes and its defences."""
    architecture, classes = request.get("architecture", AUTO), request.get("detector_classes", ["", 0])
    loaded = _loaded(*request["weights"], architecture, *classes, request["trust"], device)
    return _behind(loaded, tuple(request.get("defences", ())))  # type: ignore[arg-type]


@lru_cache(maxsize=3)
def _behind(detector: Detector, defences: tuple[str, ...]) -> Detector:
    """The detector behind defences, of which some take a while to make."""
    return defended(detector, defences)


@lru_cache(maxsize=3)
def _loaded(
    weights: str,
    changed_ns: int,
    architecture: str,
    classes: str,
    classes_changed_ns: int,
    trust: bool,
    device: str,
) -> Detector:
    return load_detector(
        weights, device=device, architecture=architecture, detector_classes=classes, trust=trust
    )


def _records(request: dict[str, Any]) -> list[ImageRecord]:
    """The requested images, with only the boxes of the requested classes if there are any."""
    dataset, class_names = _dataset(*request["dataset"]), _class_names(request)
    for index in request["indices"]:
        if not 0 <= index < len(dataset.images):
            raise DatasetError(
                f"dataset {dataset.name}: expected an image of 0 to {len(dataset.images) - 1}, got {index}; "
                "choose another"
            )
    records = [dataset.images[index] for index in request["indices"]]
    if not class_names:
        return records
    class_ids = require_objects(dataset, class_names)
    return [of_classes(record, class_ids, 0) for record in records]


def _class_names(request: dict[str, Any]) -> list[str]:
    """The requested classes of the dataset; empty for all."""
    name = request["class_name"]
    return [name] if name and isinstance(name, str) else list(name)


def _detector_class(request: dict[str, Any], detector: Detector) -> int:
    """The detector's id of the requested classes; older requests lack the class of the detector."""
    dataset, detector_class = _dataset(*request["dataset"]), request.get("detector_class", "")
    return matched(dataset, detector, _class_names(request), detector_class).detector_id


def _batch(request: dict[str, Any], records: Sequence[ImageRecord], stride_px: int = 1) -> Batch:
    if not records:
        raise DatasetError("preview: expected at least one image, got none; choose some")
    loader = ImageLoader(
        records,
        image_size=request["image_size"],
        stride_px=stride_px,
        cache_bytes=0,
        prefetch=0,
        device=torch.device("cpu"),
    )
    return next(loader.batches([range(len(records))]))


@torch.no_grad()
def _patched(batch: Batch, patch_chw: Tensor, mask_hw: Tensor | None, request: dict[str, Any]) -> Tensor:
    """The batch's images, float 0 to 1, with the patch at independently drawn placements."""
    settings = request["placement"]
    height, width = batch.images_nchw.shape[2:]
    placements = place(
        batch.targets,
        canvas_hw=(height, width),
        aspect=patch_chw.shape[2] / patch_chw.shape[1],
        placement=PlacementConfig(**settings | {"position": tuple(settings["position"])}),
        augmentation=AugmentationConfig(**request["augmentation"]) if "augmentation" in request else None,
        generator=torch.Generator().manual_seed(request["seed"]),
    )
    return compose(batch.images_nchw.float() / 255, patch_chw, placements, mask_hw)


def _detect(
    detector: Detector, images_nchw: Tensor, class_id: int | None, min_score: float
) -> list[Detections]:
    """Detections on each image, of one class or (None) of all, with the judge's thresholds."""
    batch = detector.detect(images_nchw.to(detector.device), min_score=LOWEST_SCORE, iou=NMS_IOU)
    return [_filtered(detections, class_id, min_score) for detections in batch]


def _filtered(detections: Detections, class_id: int | None, min_score: float) -> Detections:
    keep = detections.scores >= min_score
    if class_id is not None:
        keep &= detections.class_ids == class_id
    return Detections(
        boxes_xyxy_px=detections.boxes_xyxy_px[keep].float(),
        scores=detections.scores[keep].float(),
        class_ids=detections.class_ids[keep],
    )


def _objects(batch: Batch) -> list[FloatArray]:
    """The boxes of each image in pixels of the canvas."""
    boxes, owners = batch.targets.boxes_xyxy_px.numpy(), batch.targets.image_index.numpy()
    return [boxes[owners == image] for image in range(batch.targets.images)]


def _in_picture(boxes_xyxy_px: FloatArray, box: Letterbox) -> FloatArray:
    """Convert boxes from pixels of the canvas to pixels of the picture, which has no padding."""
    return np.asarray(boxes_xyxy_px).reshape(-1, 4) - np.array([box.left, box.top] * 2, dtype=np.float32)


def _listed(detections: Detections, box: Letterbox, detector: Detector) -> list[dict[str, Any]]:
    corners = _in_picture(detections.boxes_xyxy_px.numpy(), box).tolist()
    return [
        {"box": each, "score": score, "class_name": detector.class_names[class_id]}
        for each, score, class_id in zip(
            corners, detections.scores.tolist(), detections.class_ids.tolist(), strict=True
        )
    ]


def _picture(folder: Path, name: str, index: int, image_chw: Tensor, box: Letterbox) -> dict[str, Any]:
    """Write one image (float, 0 to 1) without its padding, and return its path and size."""
    shown = image_chw[:, box.top : box.top + box.height, box.left : box.left + box.width]
    pixels = (shown.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    path = folder / f"{index}-{name}.jpg"
    picture = Image.fromarray(pixels)
    write_atomically(path, lambda file: picture.save(file, format="JPEG", quality=JPEG_QUALITY))
    return {"path": str(path), "width": box.width, "height": box.height}
