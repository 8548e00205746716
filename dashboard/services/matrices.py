# SPDX-License-Identifier: AGPL-3.0-only
"""Matrices of patches and detectors: what was scored, what a patch does in a cell, and starting one."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.services import datasets, defences, detectors, workers
from dashboard.services.storage import cached, opened
from engine.jobs.kinds import KINDS, making
from engine.jobs.kinds.matrix import MatrixRequest
from engine.jobs.matrix_columns import (
    Attack,
    ColumnSummary,
    Figure,
    TableColumn,
    detector_names,
    patch_names,
    summaries,
)
from engine.jobs.matrix_tables import (
    Table,
    TableRow,
    dataset_name,
    tables,
    to_csv,
    to_json,
)
from engine.json_text import json_document
from engine.previews import requests as previews
from engine.records import Job
from engine.store.matrices import Matrix
from engine.store.previews import Preview

__all__ = [
    "Attack",
    "ColumnSummary",
    "Figure",
    "Matrix",
    "Table",
    "TableColumn",
    "TableRow",
    "active",
    "as_json",
    "before_after",
    "class_names",
    "dataset_name",
    "delete",
    "detector_names",
    "estimate",
    "find",
    "get",
    "patch_names",
    "patch_options",
    "request_of",
    "start",
    "summaries",
    "tables",
    "to_csv",
]

LISTED = 200


@cached(ttl_s=2)
def find() -> list[Matrix]:
    """The matrices, newest first, without their cells."""
    with opened() as repository:
        return repository.matrices.find(limit=LISTED)


@cached(ttl_s=2)
def get(matrix_id: int) -> Matrix:
    """One matrix with its cells.

    Raises:
        JobError: there is none with this number.
    """
    with opened() as repository:
        return repository.matrices.get(matrix_id)


@cached(ttl_s=2)
def patch_options() -> dict[int, str]:
    """The patches that can be scored: number → name, newest first."""
    with opened() as repository:
        return {patch.id: patch.name for patch in repository.patches.find(limit=LISTED)}


@cached(ttl_s=1)
def active() -> list[Job]:
    """The jobs that score matrices and run or wait, in the order of the queue."""
    with opened() as repository:
        return repository.jobs.find(
            states=["running", "queued", "paused"], kinds=making("matrix"), order="queue", limit=20
        )


def request_of(
    *,
    patches: Sequence[int],
    detectors_: Sequence[str],
    datasets_: Sequence[str],
    defences_: Sequence[str],
    class_name: Sequence[str],
    detector_class: str,
    image_size: int,
    max_images: int,
) -> MatrixRequest:
    """A matrix as the page asks for it; settings that it does not ask for are the engine's defaults.

    Raises:
        SettingsError: a setting is out of its range, or a file lies outside the allowed folders.
    """
    return MatrixRequest(
        patches=tuple(map(str, patches)),
        detectors=tuple(map(detectors.usable, detectors_)),
        datasets=tuple(map(datasets.usable, datasets_)),
        defences=tuple(defences_),
        class_name=tuple(class_name),
        detector_class=detector_class,
        image_size=image_size,
        max_images=max_images,
    )


def estimate(request: MatrixRequest) -> float | None:
    """How many seconds it may take; None where a detector's speed was never measured."""
    with opened() as repository:
        known = KINDS["matrix"].estimate(repository, request)
    return None if known is None else float(known["elapsed_s"])


def start(request: MatrixRequest) -> Job:
    """Queue a matrix, and start a worker for it.

    Raises:
        EngineError: a patch or a dataset is gone, or no worker can be started.
    """
    job = workers.submit("matrix", request)
    _forget()
    return job


def class_names(matrix: Matrix) -> tuple[str, ...]:
    """The classes under attack, as the datasets call them."""
    name = matrix.request["class_name"]
    return (name,) if isinstance(name, str) else tuple(name)


def before_after(
    matrix: Matrix, subject: tuple[str, str, str], defence: str, *, indices: list[int], again: bool = False
) -> Preview:
    """Ask what the patch of a cell changes on some images; ask again to see whether the answer is there.

    Args:
        matrix: with its cells.
        subject: the keys of patch, detector and dataset in its request.
        defence: the chain before the detector, `none` for none.
        indices: of the dataset's images.
        again: try a failed one again.

    Raises:
        EngineError: the dataset is gone, or nobody can be started who answers.
    """
    patch, weights, dataset = subject
    asked = MatrixRequest.from_json(matrix.request)
    with opened() as repository:
        # Without trust: who asked for the matrix trusted the file as it was then.
        request = previews.before_after(
            repository,
            dataset=dataset_name(matrix, dataset),
            weights=weights,
            class_name=asked.class_name,
            detector_class=asked.detector_class,
            patch=matrix.facts["patches"][patch]["path"],
            indices=indices,
            place=asked.settings.placement,
            min_score=asked.settings.min_score,
            iou=asked.settings.iou,
            image_size=asked.image_size,
            seed=asked.settings.seed,
            defences=defences.steps(defence),
        )
        return previews.request_preview(repository, request, again=again)


def as_json(matrix: Matrix) -> str:
    """A matrix as `matrix show --json` prints it."""
    return json_document(to_json(matrix))


def delete(matrix_id: int) -> None:
    """Remove a matrix with its cells; patches and jobs stay.

    Raises:
        JobError: there is none with this number.
    """
    with opened() as repository:
        repository.matrices.delete(matrix_id)
    _forget()


def _forget() -> None:
    for each in (find, get, active):
        each.clear()
