# SPDX-License-Identifier: AGPL-3.0-only
"""What became of each object that a patch was scored on, in a file of the run or the evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from engine.disk import write_whole
from engine.errors import StorageError
from engine.excerpts import read_bounded
from engine.json_text import from_json, json_text
from engine.records import Dataset, Evaluation, ImageOutcome, ImageRecord

OUTCOMES = "outcomes.json"
LARGEST_BYTES = 256 * 2**20
PLACES = 4  # decimals of scores; boxes have one, of a pixel


def located(
    outcomes: Sequence[ImageOutcome], records: Sequence[ImageRecord], dataset: Dataset
) -> tuple[ImageOutcome, ...]:
    """Outcomes with what the dataset says of their images: the place in it, the size, the boxes.

    Args:
        outcomes: as the judge gives them, with indices of `records` as their images.
        records: those that were scored, with only the boxes of the class.
        dataset: that they are of.
    """
    places = {record.path: place for place, record in enumerate(dataset.images)}
    found = []
    for outcome in outcomes:
        record = records[outcome.image]
        boxes = [tuple(round(side, 1) for side in box) for box in record.boxes_xyxy_px.tolist()]
        # A loader leaves out what cannot be seen.
        if record.path in places and len(boxes) == len(outcome.clean):
            found.append(
                replace(
                    outcome,
                    image=places[record.path],
                    size=(record.width, record.height),
                    boxes_xyxy_px=tuple(boxes),
                )
            )
    return tuple(found)


def write_outcomes(folder: Path, evaluations: Sequence[Evaluation]) -> None:
    """Write `outcomes.json` with what became of the objects in each evaluation; nothing without any.

    Args:
        folder: of the run or the evaluation; it exists.
        evaluations: one for each detector.

    Raises:
        StorageError: it cannot be written.
    """
    parts = [
        {
            "detector": evaluation.settings["detector"],
            "min_score": evaluation.settings["min_score"],
            "images": [_to_json(outcome) for outcome in evaluation.outcomes],
        }
        for evaluation in evaluations
        if evaluation.outcomes
    ]
    if parts:
        text = json_text({"scored": parts})  # in one line: an indented one is five times as long
        write_whole(folder / OUTCOMES, text)


def read_outcomes(folder: Path, detector: str) -> tuple[float, list[ImageOutcome]] | None:
    """From which score on an object counts as found, and what became of each; None if it is not on record.

    Args:
        folder: of the run or the evaluation.
        detector: as the scores name it.

    Raises:
        StorageError: the file is damaged.
    """
    path = folder / OUTCOMES
    if not path.is_file():
        return None
    try:
        parts = from_json(read_bounded(path, LARGEST_BYTES))["scored"]
        part = next((each for each in parts if each["detector"] == detector), None)
        if part is None:
            return None
        return float(part["min_score"]), [_from_json(each) for each in part["images"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StorageError(
            f"{path}: expected the outcomes of the objects, got no readable file; score the patch again"
        ) from error


def _to_json(outcome: ImageOutcome) -> dict[str, Any]:
    rounded = {
        name: [None if score is None else round(score, PLACES) for score in getattr(outcome, name)]
        for name in ("clean", "patched")
    }
    return asdict(outcome) | rounded


def _from_json(content: dict[str, Any]) -> ImageOutcome:
    width, height = content["size"]
    return ImageOutcome(
        image=int(content["image"]),
        size=(width, height),
        boxes_xyxy_px=tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in content["boxes_xyxy_px"]),
        clean=tuple(content["clean"]),
        patched=tuple(content["patched"]),
        appeared=int(content["appeared"]),
    )
