# SPDX-License-Identifier: AGPL-3.0-only
"""Two scenes that a run does not see, drawn anew with its patch every so often while it goes on."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from dashboard.services import datasets, jobs, marks, patches, seen
from dashboard.services.storage import cached, opened
from engine.config import RunConfig
from engine.errors import EngineError
from engine.previews import requests as previews
from engine.records import Job
from engine.runs.paths import LIVE_ARRAY, job_folder, preview_folder
from engine.store.datasets import DatasetSummary
from engine.store.previews import Preview

SCENES = 2
LEAST_SCORE = 0.05  # detections fade until here


def live_patch(job_id: int) -> Path | None:
    """The file of the patch as the run shows it now; None while there is none."""
    path = job_folder(job_id) / LIVE_ARRAY
    return path if path.is_file() else None


@cached(ttl_s=60, max_entries=16)
def scenes(job_id: int) -> tuple[list[int], bool]:
    """The places of the scenes in the dataset, and whether the run does not see them.

    They are the first images with objects among those that it does not see; where there are none, of all.
    No place where the dataset is not imported.
    """
    asked = jobs.view(job_id).job.request["config"]
    config = RunConfig.from_json(asked)
    dataset = _dataset(config)
    if dataset is None:
        return [], False
    ids = datasets.class_ids(dataset, config.class_names)
    counts = datasets.object_counts(dataset.name, dataset.imported_at, ids)
    known = seen.seen({"config": asked, "dataset": {"name": dataset.name}}, dataset)
    places = [place for place, count in enumerate(counts) if count]
    unseen = [place for place in places if known is not None and place not in known]
    return (unseen or places)[:SCENES], bool(unseen)


def ask(job: Job, patch: Path, places: list[int]) -> Preview:
    """Ask for the scenes with the patch of this moment.

    Raises:
        EngineError: the dataset is gone, or nobody can be started who answers.
    """
    config = RunConfig.from_json(job.request["config"])
    dataset = _dataset(config)
    with opened() as repository:
        request = previews.before_after(
            repository,
            dataset=config.dataset if dataset is None else dataset.name,
            weights=config.weights,
            class_name=config.class_name,
            detector_class=config.detector_class,
            architecture=config.architecture,
            detector_classes=config.detector_classes,
            defences=config.defences,
            patch=patch,
            indices=places,
            place=config.placement,
            image_size=config.image_size,
            seed=config.seed,
            min_score=LEAST_SCORE,
        )
        return previews.request_preview(repository, request)


def answer(key: str) -> Preview | None:
    """What was asked for, as far as it is; None if it is gone."""
    with opened() as repository:
        return repository.previews.get(key)


def taken(preview: Preview) -> list[bytes]:
    """The scenes as JPEG, their detections the fainter the lower their scores; the answer is then forgotten.

    The patch changes all the time, so nobody would ask for it again.
    """
    assert preview.answer is not None
    try:
        return [
            marks.faded(
                patches.file_bytes(image["after"]["path"]),
                [(each["score"], tuple(each["box"])) for each in image["after"]["found"]],
            )
            for image in preview.answer["images"]
        ]
    finally:
        shutil.rmtree(preview_folder(preview.key), ignore_errors=True)
        with suppress(EngineError), opened() as repository:
            repository.previews.forget([preview.key])


def _dataset(config: RunConfig) -> DatasetSummary | None:
    known = datasets.summaries()
    return next((each for each in known if config.dataset in (each.name, each.source)), None)
