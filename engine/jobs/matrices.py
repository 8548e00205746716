# SPDX-License-Identifier: AGPL-3.0-only
"""Scores matrices of patches, detectors, defences and datasets, cell by cell; interrupted ones go on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from engine.errors import EngineError, RunInterruptedError
from engine.jobs.kinds import KINDS
from engine.jobs.kinds.matrix import MatrixRequest, check_names
from engine.records import Dataset
from engine.runs.imports import open_dataset
from engine.runs.materials import fingerprint, require_objects
from engine.runs.matrix import (
    CONTROLS,
    Column,
    MatrixPatch,
    OpenDetector,
    changed_ns,
    matrix_patch,
    open_detector,
)
from engine.runs.version import code_version
from engine.seeding import seed_everything
from engine.store.matrices import Matrix, MatrixCell
from engine.store.repository import Repository

log = logging.getLogger(__name__)

Place = tuple[str, str, str]  # of a column: detector, dataset and defence, as the request names them


def run_matrix(
    request: MatrixRequest,
    *,
    job_id: int | None = None,
    fresh: bool = False,
    progress: Callable[[int, int], object] = lambda done, total: None,
    stored: Callable[[], object] = lambda: None,
) -> Matrix:
    """Score all cells of a matrix, or those that an earlier run of the same left.

    A matrix is the same if request, patches, images and code are. Cells that failed, or whose weight file has
    changed since, are scored again. A detector that cannot be loaded or lacks the class fails its own cells
    only.

    Args:
        request: what to score on what.
        job_id: the job that it belongs to.
        fresh: score everything again, as a new matrix.
        progress: called with the number of images looked at so far and of all; may raise
            `RunInterruptedError`.
        stored: called after each cell that is stored.

    Raises:
        RunInterruptedError: `progress` raised it, or Ctrl-C was pressed; finished cells are kept.
        EngineError: a patch or a dataset is not there, or a result cannot be stored.
    """
    check_names(request)
    request = request.absolute()
    seed_everything(request.settings.seed)
    with Repository() as repository:
        patches = [matrix_patch(repository, key) for key in request.patches]
        datasets = {name: open_dataset(name) for name in request.datasets}
        images = {name: _images(dataset, request) for name, dataset in datasets.items()}
        matrix = repository.matrices.begin(
            _key(request, patches, datasets),
            label=KINDS["matrix"].label(request, {}),
            request=request.to_json(),
            facts={"patches": {patch.key: patch.to_json() for patch in patches}},
            job_id=job_id,
            fresh=fresh,
        )
        try:
            scoring = _Scoring(repository, matrix, request, datasets, progress, stored)
            scoring.run(patches, images)
        except KeyboardInterrupt as error:
            repository.matrices.interrupt(matrix)
            raise RunInterruptedError(
                f"stopped in matrix {matrix.id}; its finished cells are kept, run it again to continue"
            ) from error
        except BaseException:
            repository.matrices.interrupt(matrix)
            raise
        return repository.matrices.finish(matrix)


class _Scoring:
    """Goes through the missing cells: a detector is loaded once, and a column looks at clean images once."""

    def __init__(
        self,
        repository: Repository,
        matrix: Matrix,
        request: MatrixRequest,
        datasets: Mapping[str, Dataset],
        progress: Callable[[int, int], object],
        stored: Callable[[], object],
    ) -> None:
        self._repository, self._matrix, self._request = repository, matrix, request
        self._datasets, self._progress, self._stored = datasets, progress, stored
        self._todo: dict[Place, list[MatrixPatch]] = {}
        self._looks: dict[Place, int] = {}
        self._looked_at = 0
        self._told: set[str] = set()

    def run(self, patches: Sequence[MatrixPatch], images: Mapping[str, int]) -> None:
        """Score them; `images` is how many each dataset has."""
        changed = {weights: changed_ns(weights) for weights in self._request.detectors}
        ended = [
            cell.subject
            for cell in self._matrix.cells
            if cell.facts["changed_ns"] == changed[cell.subject["detector"]]
        ]
        for place in product(self._request.detectors, self._datasets, self._request.defences):
            missing = [each for each in patches if _subject(each, place) not in ended]
            if missing:
                self._todo[place] = missing
                self._looks[place] = _passes(missing) * images[place[1]]
        self._look(0)
        for weights in self._request.detectors:
            places = [place for place in self._todo if place[0] == weights]
            if places:
                self._score_detector(weights, places)

    def _score_detector(self, weights: str, places: Sequence[Place]) -> None:
        log.info("Detector %s", Path(weights).name)
        try:
            detector = open_detector(weights, device=self._request.device, trust=self._request.trust)
        except Exception as error:  # one detector's failure must not cost the results of the others
            score: Callable[[Place], None] = partial(self._fail_column, _line(error))
        else:
            score = partial(self._score_column, detector)
        for place in places:
            end = self._looked_at + self._looks[place]
            score(place)
            self._look(end - self._looked_at)

    def _fail_column(self, error: str, place: Place) -> None:
        for patch in self._todo[place]:
            self._store(patch, place, {}, error=error)

    def _score_column(self, detector: OpenDetector, place: Place) -> None:
        weights, name, defence = place
        dataset, column = self._datasets[name], None
        config = self._request.cell_config(name, weights, defence)
        for patch in self._todo[place]:
            facts = detector.facts | _origin(patch, detector, dataset.name, defence)
            try:
                column = column or Column(dataset, detector, config, self._request.settings, self._look)
                evaluation = column.evaluate(patch).to_json()
                facts |= column.speed
            except RunInterruptedError:
                raise
            except Exception as error:  # likewise
                self._store(patch, place, facts, error=_line(error))
            else:
                self._store(patch, place, facts, evaluation=evaluation)

    def _store(self, patch: MatrixPatch, place: Place, facts: dict[str, Any], **outcome: Any) -> None:
        if (error := outcome.get("error")) and error not in self._told:
            self._told.add(error)
            weights, name, _defence = place
            log.warning("%s on %s: %s", Path(weights).name, Path(name).name, error)
        subject = _subject(patch, place)
        cell = MatrixCell(subject=subject, scored_at=time.time(), facts=facts, **outcome)
        self._repository.matrices.add_cell(self._matrix, cell)
        self._stored()

    def _look(self, images: int) -> None:
        self._looked_at += images
        self._progress(self._looked_at, sum(self._looks.values()))


def _subject(patch: MatrixPatch, place: Place) -> dict[str, str]:
    weights, dataset, defence = place
    return {"patch": patch.key, "detector": weights, "dataset": dataset, "defence": defence}


def _origin(patch: MatrixPatch, detector: OpenDetector, dataset: str, defence: str) -> dict[str, Any]:
    """What a cell keeps of where its patch comes from."""
    return {
        "own": patch.made_on(detector),
        "adaptive": patch.adaptive_to(detector, defence),
        "held_out": patch.held_out(dataset),
    }


def _passes(patches: Sequence[MatrixPatch]) -> int:
    """Passes over the images that score some patches on one detector."""
    return 1 + CONTROLS * len({patch.shape for patch in patches}) + len(patches)


def _images(dataset: Dataset, request: MatrixRequest) -> int:
    """The number of a dataset's images that are scored on.

    Raises:
        DatasetError: it has no object of the classes.
    """
    ids = require_objects(dataset, request.cell_config(dataset.name, request.detectors[0]).class_names)
    counts = dataset.object_counts(ids)
    images = len(counts) if request.include_empty else sum(count > 0 for count in counts)
    return min(images, request.max_images or images)


def _key(
    request: MatrixRequest, patches: Sequence[MatrixPatch], datasets: Mapping[str, Dataset]
) -> dict[str, Any]:
    """What tells matrices apart: all that the figures come from, but not where they are computed."""
    asked = {name: value for name, value in request.to_json().items() if name not in ("device", "trust")}
    return {
        "request": asked,
        "patches": [patch.sha256 for patch in patches],
        "datasets": [fingerprint(dataset.images) for dataset in datasets.values()],
        "code_version": code_version(),
    }


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, EngineError) else f"{type(error).__name__}: {text}"
