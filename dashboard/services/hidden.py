# SPDX-License-Identifier: AGPL-3.0-only
"""Who is hidden: what a patch did to each object, by its size, its crowd, its clean score and its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dashboard.services import patches
from dashboard.services.storage import cached, opened
from engine.evaluation.bootstrap import interval, ratio_samples, resample_counts, total_ratio
from engine.records import ImageOutcome, ScoreRecord
from engine.runs.outcomes import read_outcomes
from engine.runs.paths import job_folder

RESAMPLES = 500
OUTCOMES = ("hidden", "survived", "appeared")
SIZES = (16, 32, 64, 96, 192)  # side in pixels of a square of the same area; COCO's limits are 32 and 96
CROWDS = (2, 3, 5, 9)  # objects in the image
SCORES = (0.4, 0.55, 0.7, 0.85)
THIRDS = 3


@dataclass(frozen=True, kw_only=True)
class ObjectOutcome:
    """One object that was found without the patch.

    Attributes:
        image: the place of its image in the dataset.
        box_xyxy_px: corners in pixels of the image.
        size: width and height of the image in pixels.
        crowd: objects in the image.
        clean, patched: scores of the detection without and with the patch; 0 where there is none.
        hidden: it is no longer found.
    """

    image: int
    box_xyxy_px: tuple[float, ...]
    size: tuple[int, int]
    crowd: int
    clean: float
    patched: float
    hidden: bool


@dataclass(frozen=True, kw_only=True)
class Share:
    """The objects of one bar.

    Attributes:
        found: how many were found without the patch.
        hidden: the share of them that is no longer found, NaN without any.
        low, high: its 95% bootstrap interval over images.
    """

    found: int
    hidden: float
    low: float
    high: float


@cached(ttl_s=600, max_entries=8)
def outcomes(job_id: int | None, detector: str) -> tuple[float, list[ImageOutcome]] | None:
    """From which score on an object counts as found, and what became of each object; None without a record.

    Args:
        job_id: of the run or the evaluation that scored the patch.
        detector: as the scores name it.

    Raises:
        StorageError: the record is damaged.
        JobError: the job is gone.
    """
    if job_id is None:
        return None
    with opened() as repository:
        folder = repository.jobs.get(job_id).folder
    return read_outcomes(Path(folder) if folder else job_folder(job_id), detector)


@cached(ttl_s=600, max_entries=32)
def bars(job_id: int | None, detector: str, by: str) -> list[Share]:
    """`shares` of what `outcomes` gives; empty without a record."""
    known = outcomes(job_id, detector)
    return [] if known is None else shares(objects(*known), by)


def of_score(score: ScoreRecord) -> tuple[float, list[ImageOutcome]] | None:
    """What became of the objects that a score rests on; None where that is not on record."""
    return outcomes(score.job_id, score.detector)


def of_patch(patch_id: int, dataset: str, detector: str) -> tuple[float, list[ImageOutcome]] | None:
    """What became of the objects when a patch was last scored there without a defence; None without a record.

    Args:
        patch_id: its number.
        dataset, detector: as scores name them.
    """
    for score in reversed(patches.scores(patch_id)):
        if (score.dataset, score.detector, score.defences) == (dataset, detector, ()):
            found = of_score(score)
            if found is not None:
                return found
    return None


def objects(min_score: float, found: Sequence[ImageOutcome]) -> list[ObjectOutcome]:
    """The objects that were found without the patch.

    Args:
        min_score: from which on one counts as found.
        found: by image.
    """
    return [
        ObjectOutcome(
            image=each.image,
            box_xyxy_px=box,
            size=each.size,
            crowd=len(each.clean),
            clean=clean,
            patched=patched or 0.0,
            hidden=(patched or 0.0) < min_score,
        )
        for each in found
        for box, clean, patched in zip(each.boxes_xyxy_px, each.clean, each.patched, strict=True)
        if clean is not None and clean >= min_score
    ]


def _size(each: ObjectOutcome) -> int:
    x1, y1, x2, y2 = each.box_xyxy_px
    return int(np.searchsorted(SIZES, sqrt(max(x2 - x1, 0) * max(y2 - y1, 0)), side="right"))


def _place(each: ObjectOutcome) -> int:
    x1, y1, x2, y2 = each.box_xyxy_px
    width, height = each.size
    column, row = (
        min(int(THIRDS * max(middle, 0) / side), THIRDS - 1)
        for middle, side in (((x1 + x2) / 2, width), ((y1 + y2) / 2, height))
    )
    return THIRDS * row + column


# What objects are told apart by → the number of bars, and an object's bar.
BY: Mapping[str, tuple[int, Callable[[ObjectOutcome], int]]] = {
    "size": (len(SIZES) + 1, _size),
    "crowd": (len(CROWDS) + 1, lambda each: int(np.searchsorted(CROWDS, each.crowd, side="right"))),
    "score": (len(SCORES) + 1, lambda each: int(np.searchsorted(SCORES, each.clean, side="right"))),
    "place": (THIRDS**2, _place),
}


def shares(found: Sequence[ObjectOutcome], by: str) -> list[Share]:
    """The share that is hidden of the objects of each bar, with its interval.

    Args:
        found: the objects.
        by: a key of `BY`.
    """
    bars, bar_of = BY[by]
    images = {image: row for row, image in enumerate(dict.fromkeys(each.image for each in found))}
    all_of, hidden = np.zeros((len(images), bars)), np.zeros((len(images), bars))
    for each in found:
        place = images[each.image], bar_of(each)
        all_of[place] += 1
        hidden[place] += each.hidden
    counts = resample_counts(len(images), resamples=RESAMPLES, seed=0)
    return [_share(hidden[:, bar], all_of[:, bar], counts) for bar in range(bars)]


def _share(
    hidden: npt.NDArray[np.float64], all_of: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]
) -> Share:
    share = interval(total_ratio(hidden, all_of), ratio_samples(hidden, all_of, counts))
    return Share(found=int(all_of.sum()), hidden=share.value, low=share.low, high=share.high)


def of_bar(found: Sequence[ObjectOutcome], by: str, bar: int) -> list[ObjectOutcome]:
    """The objects of one bar, the hidden ones first, those that lost most before the others."""
    bar_of = BY[by][1]
    chosen = [each for each in found if bar_of(each) == bar]
    return sorted(chosen, key=lambda each: (not each.hidden, each.patched - each.clean))


def worst_first(found: Sequence[ImageOutcome], min_score: float, wanted: str = "") -> list[int]:
    """The images by the number of their objects that are hidden, then by what appeared; most first.

    Args:
        found: by image.
        min_score: from which on a detection counts.
        wanted: one of `OUTCOMES`, for images that have such a one; empty for all.
    """
    counted = {each.image: _counted(each, min_score) for each in found}
    places = [place for place, counts in counted.items() if not wanted or counts[OUTCOMES.index(wanted)]]
    return sorted(places, key=lambda place: (-counted[place][0], -counted[place][2], place))


def _counted(outcome: ImageOutcome, min_score: float) -> tuple[int, int, int]:
    """Objects hidden and survived, and detections that appeared."""
    after = [each.hidden for each in objects(min_score, [outcome])]
    return sum(after), len(after) - sum(after), outcome.appeared
