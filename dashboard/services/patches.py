# SPDX-License-Identifier: AGPL-3.0-only
"""Patches as the page shows, imports, scores and deletes them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from dashboard.services import datasets, detectors, run_names, workers
from dashboard.services.storage import cached, opened
from engine.classes import words
from engine.config import RunConfig
from engine.errors import PatchFileError, StorageError
from engine.evaluation.config import EvaluationConfig
from engine.jobs import patch_records
from engine.jobs.kinds.evaluate import EvaluateRequest
from engine.json_text import json_document
from engine.previews import requests as previews
from engine.records import Job, PatchRecord, ScoreRecord
from engine.store.previews import Preview
from engine.store.repository import Repository

PAGE_SIZE = 12
LARGEST_MB = 64


@cached(ttl_s=2)
def get(patch_id: int) -> PatchRecord:
    """One patch.

    Raises:
        PatchFileError: there is none with this number.
    """
    with opened() as repository:
        return repository.patches.get(patch_id)


@cached(ttl_s=2)
def scores(patch_id: int) -> list[ScoreRecord]:
    """All scores of a patch, oldest first."""
    with opened() as repository:
        return repository.patches.scores(patch_id)


def file_bytes(path: str) -> bytes:
    """A file of a patch or of a preview.

    Raises:
        StorageError: it is gone.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise StorageError(
            f"{path}: expected a file, got {error.strerror or error}; restore it or delete the patch"
        ) from error


def as_json(patch_id: int) -> str:
    """A patch's record with its settings and all its scores."""
    record = asdict(get(patch_id)) | {"scores": [asdict(score) for score in scores(patch_id)]}
    return json_document(record)


def import_upload(file: BinaryIO, filename: str, name: str = "") -> PatchRecord:
    """Put an uploaded patch on record; a pickled array is refused.

    Args:
        file: a .npy or an image.
        filename: as the browser names it; only its end and its stem are used.
        name: by default the file's, without suffix.

    Raises:
        PatchFileError: it is no patch.
        StorageError: its files cannot be written, or the database cannot be used.
    """
    given = Path(filename.replace("\\", "/")).name
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(given).suffix.lower()}"
        path.write_bytes(file.read())
        try:
            with opened() as repository:
                patch = patch_records.import_patch(repository, path, name or Path(given).stem or "patch")
        except PatchFileError as error:
            raise PatchFileError(str(error).replace(str(path), given)) from error
    _forget()
    return patch


def edit(patch_id: int, *, name: str, notes: str) -> None:
    """Change a patch's name and notes, which its run shares.

    Raises:
        PatchFileError: there is none with this number.
    """
    with opened() as repository:
        job = repository.patches.get(patch_id).job_id
        run_names.give(repository, job=job, patch=patch_id, name=name, notes=notes)
    _forget()


def delete(patch_id: int) -> None:
    """Remove a patch with its scores and files; its run stays.

    Raises:
        PatchFileError: there is none with this number.
    """
    with opened() as repository:
        patch_records.delete_patch(repository, patch_id)
    _forget()


def score_on(
    patch: PatchRecord,
    *,
    dataset: str,
    weights: str,
    class_name: str | tuple[str, ...],
    detector_class: str = "",
) -> Job:
    """Queue the scoring of a patch, placed as it was made to be, and start a worker for it.

    Args:
        patch: the patch.
        dataset, weights, class_name, detector_class: as of `RunConfig`.

    Raises:
        EngineError: the patch's file is gone, or no worker can be started.
    """
    config = _config(patch, dataset, weights, class_name, detector_class)
    where = f"{words(config.class_names, detector_class)} · {Path(weights).stem} · {dataset}"
    settings = EvaluationConfig(placement=config.placement, seed=config.seed)
    request = EvaluateRequest(config=config, patch=patch.path, settings=settings)
    return workers.submit("evaluate", request, label=f"{patch.name} · {where}")


def before_after(
    patch: PatchRecord,
    *,
    dataset: str,
    weights: str,
    class_name: str | tuple[str, ...],
    detector_class: str = "",
    again: bool = False,
    **how: Any,
) -> Preview:
    """Ask what a patch changes on some images; ask again to see whether the answer is there.

    Args:
        patch: the patch.
        dataset, weights, class_name, detector_class: as of `engine.previews.requests.before_after`.
        again: try a failed one again.
        how: `indices`, and what else a request can have; by default as of the run that made the patch.

    Raises:
        EngineError: the dataset is gone, or nobody can be started who answers.
    """
    config = _config(patch, dataset, weights, class_name, detector_class)
    with opened() as repository:
        request = _request(repository, patch, config, how)
        return previews.request_preview(repository, request, again=again)


def confidence(patch: PatchRecord, *, again: bool = False, **asked: Any) -> Preview:
    """Ask for the class's score over some images, clean and patched; see `before_after`."""
    subject = {name: asked.pop(name) for name in ("dataset", "weights", "class_name", "detector_class")}
    with opened() as repository:
        request = _request(repository, patch, _config(patch, **subject), asked, previews.confidence)
        return previews.request_preview(repository, request, again=again)


def known_before_after(
    patch: PatchRecord,
    *,
    dataset: str,
    weights: str,
    class_name: str | tuple[str, ...],
    detector_class: str = "",
    **how: Any,
) -> Preview | None:
    """What `before_after` was asked for before; None where nobody has, and nobody is started.

    Raises:
        EngineError: the dataset is gone.
    """
    config = _config(patch, dataset, weights, class_name, detector_class)
    with opened() as repository:
        return repository.previews.known(_request(repository, patch, config, how))


def _request(
    repository: Repository,
    patch: PatchRecord,
    config: RunConfig,
    how: Mapping[str, Any],
    make: Callable[..., dict[str, Any]] = previews.before_after,
) -> dict[str, Any]:
    usual: dict[str, Any] = {"place": config.placement, "image_size": config.image_size}
    return make(
        repository,
        dataset=config.dataset,
        weights=config.weights,
        class_name=config.class_name,
        detector_class=config.detector_class,
        architecture=config.architecture,
        detector_classes=config.detector_classes,
        patch=patch.path,
        **usual | dict(how),
    )


def _config(
    patch: PatchRecord, dataset: str, weights: str, class_name: str | tuple[str, ...], detector_class: str
) -> RunConfig:
    """Image size, placement and seed as of the run that made the patch; the defaults if it was imported.

    What was said of the run's weights holds for the same weights.
    """
    dataset, weights = datasets.usable(dataset), detectors.usable(weights)
    made = patch.summary.get("config")
    own = RunConfig.from_json(made) if made else RunConfig(dataset=dataset, weights=weights)
    said = own if own.weights == weights else RunConfig(dataset=dataset, weights=weights)
    return RunConfig(
        dataset=dataset,
        weights=weights,
        architecture=said.architecture,
        detector_classes=detectors.usable_classes(said.detector_classes),
        class_name=class_name,
        detector_class=detector_class,
        image_size=own.image_size,
        placement=own.placement,
        seed=own.seed,
    )


def _forget() -> None:
    for each in (get, scores):
        each.clear()
