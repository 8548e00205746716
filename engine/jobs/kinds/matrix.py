# SPDX-License-Identifier: AGPL-3.0-only
"""The scoring of several patches on several detectors and datasets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from engine.classes import own_class, words
from engine.config import RunConfig, trusted_weights
from engine.defences.chains import chain_name, chain_steps
from engine.defences.kinds import NONE
from engine.errors import DetectorError, PatchFileError, SettingsError
from engine.evaluation.config import EvaluationConfig
from engine.jobs.kinds.base import Kind
from engine.jobs.kinds.request import Request
from engine.runs.paths import absolute_classes, absolute_config, weight_file
from engine.settings import borrowed, nested, setting

if TYPE_CHECKING:
    from engine.jobs.ledger import Ledger
    from engine.store.repository import Repository

AXES = ("patches", "detectors", "datasets", "defences")
# Settings of a run that all cells share, besides those of the scoring.
CELL_SETTINGS = ("class_name", "device", "image_size", "max_images", "include_empty")


@dataclass(frozen=True, kw_only=True)
class MatrixRequest(Request):
    """Patches, each to be scored on each detector behind each defence and on each dataset, all alike."""

    patches: tuple[str, ...] = setting(
        ..., "Patches", "Numbers of stored patches, or files.", kinds=(tuple,), metavar="P,…"
    )
    detectors: tuple[str, ...] = setting(
        ..., "Detectors", "Weights: files, `demo`, or published names.", kinds=(tuple,), metavar="D,…"
    )
    datasets: tuple[str, ...] = setting(
        ..., "Datasets", "Imported datasets' names, or sources to import.", kinds=(tuple,), metavar="S,…"
    )
    defences: tuple[str, ...] = setting(
        (NONE,),
        "Defences",
        "Chains of defences in front of each detector, such as jpeg:quality=75+median; "
        "none means no defence.",
        metavar="F,…",
    )
    class_name: str | tuple[str, ...] = borrowed(RunConfig, "class_name")
    detector_class: str = borrowed(RunConfig, "detector_class")
    own_detector_classes: tuple[str, ...] = borrowed(RunConfig, "own_detector_classes")
    device: str = borrowed(RunConfig, "device")
    image_size: int = borrowed(RunConfig, "image_size")
    max_images: int = borrowed(RunConfig, "max_images")
    include_empty: bool = borrowed(RunConfig, "include_empty")
    settings: EvaluationConfig = nested(EvaluationConfig)
    trust: bool = trusted_weights()

    def __post_init__(self) -> None:
        super().__post_init__()
        for axis in AXES:
            given = tuple(dict.fromkeys(each.strip() for each in getattr(self, axis) if each.strip()))
            if not given:
                raise SettingsError(f"{axis}: expected one or more, got none; give them separated by commas")
            object.__setattr__(self, axis, given)
        chains = _in_order(chain_name(chain_steps(each)) for each in self.defences)
        object.__setattr__(self, "defences", chains)
        first, *_ = [self.cell_config(self.datasets[0], each) for each in self.detectors]  # validates classes
        object.__setattr__(self, "class_name", first.class_name)
        object.__setattr__(self, "detector_class", self.detector_class.strip())

    def cell_config(self, dataset: str, weights: str, defence: str = NONE) -> RunConfig:
        """The subject of a cell as settings of a run."""
        return RunConfig(
            dataset=dataset,
            weights=weights,
            defences=chain_steps(defence),
            placement=self.settings.placement,
            seed=self.settings.seed,
            detector_class=own_class(weights, self.detector_class, self.own_detector_classes),
            **{name: getattr(self, name) for name in CELL_SETTINGS},
        )

    def absolute(self) -> Self:
        """With absolute paths."""
        configs = [
            absolute_config(self.cell_config(*place))
            for place in product(self.datasets, self.detectors, self.defences)
        ]
        patches = (
            each if each.isdecimal() else str(Path(each).expanduser().absolute()) for each in self.patches
        )
        return replace(
            self,
            patches=tuple(patches),
            detectors=_in_order(config.weights for config in configs),
            own_detector_classes=absolute_classes(self.own_detector_classes, self.detectors),
            datasets=_in_order(config.dataset for config in configs),
            defences=_in_order(chain_name(config.defences) for config in configs),
        )

    def on(self, device: str) -> Self:
        """With a worker's device."""
        return replace(self, device="cpu" if device.startswith("cpu") else device)


class Matrix(Kind[MatrixRequest]):
    """Scores patches on detectors, defences and datasets, or goes on after the cells that are stored."""

    name = "matrix"
    help = "Score patches on several detectors and datasets."
    title = "Matrix"
    request = MatrixRequest
    makes = "matrix"
    name_form = "Matrix {sizes}: {classes} on {datasets}"
    words: ClassVar = {"loading": "Loading", "scoring": "Scoring", "images": "images"}

    def label(self, request: MatrixRequest, facts: Mapping[str, Any]) -> str:
        """After its sizes and what it attacks."""
        axes = [request.patches, request.detectors]
        axes += [request.defences] if request.defences != (NONE,) else []
        sizes = " × ".join(str(len(axis)) for axis in axes)  # noqa: RUF001
        classes = words(_names(request.class_name), request.detector_class)
        datasets = ", ".join(Path(each).stem for each in request.datasets)
        return self.name_form.format(sizes=sizes, classes=classes, datasets=datasets)

    def check(self, request: MatrixRequest, *, waits: bool) -> None:
        """Refuse patches, detectors and datasets that are not there, unless another job may make them."""
        if not waits:
            check_names(request)

    def device(self, request: MatrixRequest) -> str:
        """The device asked for."""
        return request.device

    def seed(self, request: MatrixRequest) -> int:
        """That of the noise, of random placement and of the intervals."""
        return request.settings.seed

    def estimate(self, repository: Repository, request: MatrixRequest) -> dict[str, Any] | None:
        """From the speed at which each detector's images were judged before."""
        from engine.jobs.estimates import matrix_s

        elapsed_s = matrix_s(repository, request)
        return None if elapsed_s is None else {"elapsed_s": elapsed_s}

    def work(self, request: MatrixRequest, folder: Path, ledger: Ledger) -> dict[str, Any]:
        """Score the cells that are missing; each is stored when it ends."""
        from engine.jobs.matrices import run_matrix
        from engine.jobs.reporting import Reporter

        reporter = Reporter(ledger)
        reporter.phase("loading")
        matrix = run_matrix(
            request,
            job_id=ledger.job_id,
            progress=lambda done, total: reporter.phase("scoring", done, total, "images"),
            stored=ledger.checkpointed,
        )
        reporter.finish()
        return {"matrix": matrix.id, "cells": matrix.ended, "failed": matrix.failed}


def check_names(request: MatrixRequest) -> None:
    """Refuse what is not there, as far as can be told without torch: a published detector counts as there.

    Raises:
        PatchFileError, DetectorError, DatasetError: a patch, a detector or a dataset is not there.
    """
    from engine import outpost
    from engine.datasets.sources import downloadable_names
    from engine.store.repository import Repository

    if outpost.head() is not None:
        return  # the head looked when the job was queued; what has gone since is told where it is read
    with Repository() as repository:
        for patch in request.patches:
            if patch.isdecimal():
                repository.patches.get(int(patch))
            elif not Path(patch).expanduser().is_file():
                raise PatchFileError(
                    f"{patch}: expected a patch file (.npy or .png), or the number of a stored patch; see: "
                    "patch list"
                )
        for dataset in request.datasets:
            there = repository.datasets.has(dataset) or Path(dataset).expanduser().exists()
            if not there and dataset != "demo" and dataset not in downloadable_names():
                repository.datasets.imported_at(dataset)  # raises, and says which there are
    for weights in request.detectors:
        if Path(weights).name != weights and weight_file(weights) is None:
            raise DetectorError(f"{weights}: expected a weight file, found none; check the path")


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _names(class_name: str | tuple[str, ...]) -> tuple[str, ...]:
    return (class_name,) if isinstance(class_name, str) else class_name
