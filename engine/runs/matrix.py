# SPDX-License-Identifier: AGPL-3.0-only
"""One column of a matrix: a detector behind a defence that judges patches by the same clean images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from torch import Tensor

from engine.config import RunConfig
from engine.defences.chains import chain_name
from engine.defences.kinds import defended
from engine.detectors.base import Detector
from engine.detectors.loading import load_detector
from engine.evaluation.config import EvaluationConfig
from engine.evaluation.runner import PatchJudge
from engine.evaluation.speed import TIMED, seconds_an_image
from engine.patch.arrays import fingerprint
from engine.patch.files import read_patch
from engine.records import Dataset, Evaluation, PatchRecord
from engine.runs.materials import selected
from engine.runs.paths import weight_file
from engine.store.repository import Repository

CONTROLS = 2  # passes over the images for each shape of patches, besides the clean one: grey and noise


@dataclass(frozen=True, kw_only=True, eq=False)
class MatrixPatch:
    """A patch of a matrix.

    Attributes:
        key: as the request names it: the number of one on record, or a file's path.
        path: the file.
        record: None for a file that is not on record.
        patch_chw: float32 (3, h, w), 0 to 1.
        mask_hw: bool (h, w), which texels are drawn; None for all.
        sha256: from `engine.patch.arrays.fingerprint`.
    """

    key: str
    path: Path
    record: PatchRecord | None
    patch_chw: Tensor
    mask_hw: Tensor | None
    sha256: str

    @property
    def shape(self) -> tuple[Any, ...]:
        """Equal for patches that share their controls: size in texels, and the mask if there is one."""
        mask = None if self.mask_hw is None else self.mask_hw.numpy().tobytes()
        return (*self.patch_chw.shape[1:], mask)

    def to_json(self) -> dict[str, Any]:
        """What the matrix keeps of it."""
        name = self.path.stem if self.record is None else self.record.name
        number = None if self.record is None else self.record.id
        facts = {"id": number, "name": name, "path": str(self.path), "sha256": self.sha256}
        return facts | {"made_through": self.made_through}

    @property
    def made_through(self) -> str | None:
        """The chain of defences that its run attacked, `none` for none; None if that is unknown."""
        made = {} if self.record is None else self.record.summary.get("config", {})
        return chain_name(made.get("defences", ())) if made else None

    def made_on(self, detector: OpenDetector) -> bool:
        """Whether its run attacked this detector: by checksum, or with ART, which folds nothing, by name."""
        made = {} if self.record is None else self.record.summary
        attacked = [made.get("weights_sha256")]
        attacked += [further["weights_sha256"] for further in made.get("further_detectors", ())]
        by_name = made.get("backend") == "art" and made["config"]["weights"] == detector.weights
        return detector.checksum in attacked or by_name

    def adaptive_to(self, detector: OpenDetector, defence: str) -> bool:
        """Whether its run attacked this detector through this very chain: it knew all that it is up to."""
        return self.made_through == defence and self.made_on(detector)

    def held_out(self, dataset: str) -> bool | None:
        """Whether it was made on another dataset; None if that is unknown."""
        return self.record.dataset != dataset if self.record is not None and self.record.dataset else None


def matrix_patch(repository: Repository, key: str) -> MatrixPatch:
    """Read a patch, by its number on record or by its path.

    Raises:
        PatchFileError: there is no such patch, or its file is gone or damaged.
    """
    record = repository.patches.get(int(key)) if key.isdecimal() else None
    path = Path(key) if record is None else Path(record.path)
    patch_chw, mask_hw = read_patch(path)
    sha256 = fingerprint(patch_chw.numpy(), None if mask_hw is None else mask_hw.numpy())
    record = record or repository.patches.with_fingerprint(sha256)
    return MatrixPatch(key=key, path=path, record=record, patch_chw=patch_chw, mask_hw=mask_hw, sha256=sha256)


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenDetector:
    """A detector of a matrix, loaded; see `MatrixCell.facts` for `changed_ns`."""

    weights: str
    detector: Detector
    checksum: str
    changed_ns: int | None

    @property
    def facts(self) -> dict[str, Any]:
        """What cells keep of it."""
        return {"name": self.detector.name, "checksum": self.checksum, "changed_ns": self.changed_ns}


def open_detector(weights: str, *, device: str, trust: bool) -> OpenDetector:
    """Load a detector; see `engine.detectors.loading.load_detector`."""
    detector = load_detector(weights, device=device, trust=trust)
    return OpenDetector(
        weights=weights, detector=detector, checksum=detector.checksum(), changed_ns=changed_ns(weights)
    )


def changed_ns(weights: str) -> int | None:
    """When the file of some weights was changed last; None while there is none."""
    file = weight_file(weights)
    return None if file is None else file.stat().st_mtime_ns


class Column:
    """Scores patches on one detector, one defence and one dataset; all else is computed once.

    Clean detections are shared by all patches, controls by those of one shape.

    Args:
        dataset: with an object or more of the classes.
        detector: as loaded.
        config: classes, defences, image size, `max_images`, `include_empty` and seed are used.
        settings: placement, thresholds, resamples.
        progress: called with the number of images after each batch.

    Raises:
        DetectorError, SettingsError: see `engine.runs.materials.selected`.
    """

    def __init__(
        self,
        dataset: Dataset,
        detector: OpenDetector,
        config: RunConfig,
        settings: EvaluationConfig,
        progress: Callable[[int], object],
    ) -> None:
        self._detector = detector.detector
        behind = selected(dataset, defended(self._detector, config.defences), config)
        self._materials = replace(behind, defences=config.defences)
        self._loader = self._materials.loader(config.image_size)
        self._judges: dict[tuple[Any, ...], PatchJudge] = {}
        self._judge = PatchJudge(
            self._materials.detector,
            self._loader,
            range(len(self._materials.records)),
            class_id=self._materials.class_id,
            config=settings,
            progress=progress,
        )

    def evaluate(self, patch: MatrixPatch) -> Evaluation:
        """The scores of a patch beside its controls, without those by image: a matrix has many cells.

        Raises:
            DatasetError: an image cannot be read.
        """
        if patch.shape not in self._judges:
            self._judges[patch.shape] = self._judge.with_mask(patch.mask_hw)
        evaluation = self._judges[patch.shape].evaluate(patch.patch_chw)
        return self._materials.named(replace(evaluation, by_image={}))

    @cached_property
    def speed(self) -> dict[str, float]:
        """The milliseconds an image that cells keep, see `MatrixCell.facts`; measured once, on few images.

        Raises:
            DatasetError: an image cannot be read.
        """
        behind = self._materials.detector
        detectors = [behind] if behind is self._detector else [behind, self._detector]
        found = seconds_an_image(detectors, self._loader, range(min(TIMED, len(self._materials.records))))
        names = ("ms_per_image", "undefended_ms_per_image")
        return {name: 1000 * median(each) for name, each in zip(names, [*found, found[0]], strict=False)}
