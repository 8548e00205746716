# SPDX-License-Identifier: AGPL-3.0-only
"""The hardening of a detector in its folder: a first trial, training with patches, the honest trial."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.classes import dataset_class_ids
from engine.config import HardeningConfig
from engine.detectors.base import Detector
from engine.detectors.loading import load_detector
from engine.errors import DatasetError, RunInterruptedError, SettingsError, StorageError
from engine.excerpts import read_bounded
from engine.json_text import from_json
from engine.patch.files import read_patch, write_patch
from engine.private import shared_outside_home
from engine.records import Dataset, ImageRecord
from engine.runs import run_folder
from engine.runs.hardening_pool import PatchPool, PoolPatch, given_patches
from engine.runs.hardening_trial import Trial, attacks_of, headline, row_of, worst_of
from engine.runs.paths import absolute_config
from engine.runs.training import Training, TrainingMaterials, gather_training
from engine.runs.training_course import (
    ALTERED,
    CHECKPOINT,
    TrainingObserver,
    TrainingState,
    read_checkpoint,
)
from engine.runs.training_start import training_start

SUMMARY, BEFORE = "hardening.json", "before.json"
POOL = "pool"
DESCRIPTION = "Hardened by PatchBench; hardening.json next to it records the hardening."
TRIAL_S = 75.0  # for the patch against the original weights: the demo's own budget
TRIAL_SHARE = {"short": 1 / 8, "full": 1 / 30}  # of the time limit that this patch takes at most
RESERVE = 1.15  # on the time that the first trial took, for the second one
LEAST_SHARE = 0.2  # of the time limit that has to be left for the training


@dataclass(frozen=True, kw_only=True)
class HardeningObserver:
    """Callbacks of a hardening, all of them optional.

    Attributes:
        on_phase: called with each phase as it begins: `attacking`, `scoring`, `training`.
        training: callbacks of the training; its `stop_requested` is polled in the trials too.
    """

    on_phase: Callable[[str], object] = lambda phase: None
    training: TrainingObserver = field(default_factory=TrainingObserver)


@dataclass(frozen=True, kw_only=True)
class _Before:
    """What is known before the training, as `before.json` keeps it.

    Attributes:
        row: the table's row.
        image_iterations: the work that went into the new patch, which is that of each later one.
        elapsed_s: of the trial, with all that came before it.
        attack_s: for the new patch alone.
        training_s: the training's time limit; 0 for none.
    """

    row: dict[str, Any]
    image_iterations: int
    elapsed_s: float
    attack_s: float
    training_s: float


def harden(
    config: HardeningConfig,
    folder: Path | None = None,
    *,
    observer: HardeningObserver | None = None,
    trust: bool = False,
) -> dict[str, Any]:
    """Harden a detector, try it, and write weights, pool, history and trial into a folder.

    Args:
        config: the hardening's settings.
        folder: a new or empty folder; by default one under `PATCHBENCH_HOME/runs`.
        observer: callbacks of the hardening.
        trust: open the weights even if their pickle could run code.

    Returns:
        The content of `hardening.json`: that of `training.json`, and the trial.

    Raises:
        EngineError: any failure, in one line.
    """
    started = time.perf_counter()
    config = absolute_config(config)
    start = training_start(config)
    materials = gather_hardening(config)
    given = given_patches(config.patches)
    with run_folder.created(folder or run_folder.default_folder(f"harden-{start.path.stem}")) as created:
        hardening = _Hardening(config, materials, created, observer or HardeningObserver(), trust)
        hardening.begin(given, started)
        return hardening.run(given)


def resume_hardening(
    folder: Path,
    *,
    observer: HardeningObserver | None = None,
    trust: bool = False,
    device: str | None = None,
) -> dict[str, Any]:
    """Resume a hardening after the last epoch that its checkpoint holds.

    Args:
        folder: the hardening's folder.
        observer, trust: as of `harden`.
        device: replaces the original device.

    Raises:
        StorageError: its first trial was not finished, or the images or the weights have changed.
        EngineError: any other failure, in one line.
    """
    folder = folder.absolute()
    config = HardeningConfig.from_json(_read_before(folder)["config"])
    if device is not None:
        config = config.changed(device=device)
    hardening = _Hardening(config, gather_hardening(config), folder, observer or HardeningObserver(), trust)
    with shared_outside_home(folder):
        return hardening.run(given_patches(config.patches))


def gather_hardening(config: HardeningConfig) -> TrainingMaterials:
    """The images of a hardening; see `gather_training`.

    Raises:
        DatasetError: as there, or the training images have no object of the class under attack.
    """
    materials = gather_training(config)
    class_id = class_under_attack(config, materials)
    for use, records in (("to train on", materials.training), ("held out", materials.held_out)):
        if records and not any(record.count(class_id) for record in records):
            raise DatasetError(
                f"dataset {materials.dataset['name']}: expected objects of {config.class_name!r} among the "
                f"images {use}, got none in {len(records)}; use more images"
            )
    return materials


def class_under_attack(config: HardeningConfig, materials: TrainingMaterials) -> int:
    """The class whose objects carry patches, as the training numbers it.

    Raises:
        DatasetError: no image has an object of it.
    """
    names = (config.class_name,)
    return dataset_class_ids(materials.class_names, names, dataset=str(materials.dataset["name"]))[0]


class _Hardening:
    """One hardening in an existing folder."""

    def __init__(
        self,
        config: HardeningConfig,
        materials: TrainingMaterials,
        folder: Path,
        observer: HardeningObserver,
        trust: bool,
    ) -> None:
        self._config, self._materials, self._folder = config, materials, folder
        self._observer, self._trust = observer, trust

    def begin(self, given: list[PoolPatch], started: float) -> None:
        """Make the first new patch and the table's first row, and keep both.

        Args:
            given: the patches to begin with; the first is the old one.
            started: when the hardening began, of the process's clock.

        Raises:
            SettingsError: the time limit leaves too little for the training.
        """
        config = self._config
        self._training_s(self._trial_s(), self._trial_s())  # too short without any scoring: said at once
        trial = self._trial(load_detector(config.weights, device=config.device, trust=self._trust))
        self._observer.on_phase("attacking")
        new = trial.attack(seconds=self._trial_s())
        self._observer.on_phase("scoring")
        patch = PoolPatch(patch_chw=new.patch_chw)
        found = trial.evaluate(patch)
        row = row_of(trial.evaluate(given[0]) if given else found, found)
        elapsed_s = time.perf_counter() - started
        kept = _Before(
            row=row,
            image_iterations=new.image_iterations,
            elapsed_s=elapsed_s,
            attack_s=new.elapsed_s,
            training_s=self._training_s(elapsed_s, new.elapsed_s),
        )
        write_patch(self._folder, new.patch_chw, stem="patch-before")
        run_folder.write_json(self._folder / BEFORE, {"config": config.to_json(), **vars(kept)})

    def run(self, given: list[PoolPatch]) -> dict[str, Any]:
        """Train, try what was trained, and return the content of `hardening.json`."""
        before = _before_of(_read_before(self._folder))
        first = PoolPatch(patch_chw=read_patch(self._folder / "patch-before.npy")[0])
        trained = self._train(before, [*given, first])
        started = time.perf_counter()
        trial = self._tried(before, given[0] if given else first)
        summary = trained | {
            "config": self._config.to_json(),
            "trial": trial,
            "headline": headline(trial),
            "trial_elapsed_s": before.elapsed_s + time.perf_counter() - started,
            "ap50": trial["after"]["clean"]["ap50"],
        }
        run_folder.write_json(self._folder / SUMMARY, summary)
        return summary

    def _train(self, before: _Before, given: list[PoolPatch]) -> dict[str, Any]:
        """Train with patches, from the checkpoint if there is one."""
        self._observer.on_phase("training")
        config, materials = self._config.changed(time_limit_s=before.training_s), self._materials
        state: TrainingState | None = None
        trainer_state: dict[str, Any] | None = None
        identity: dict[str, Any] = {}
        if (self._folder / CHECKPOINT).is_file():
            state, trainer_state, identity = read_checkpoint(self._folder)
        pool = PatchPool(
            config,
            class_id=class_under_attack(config, materials),
            records=materials.training,
            given=given,
            state=None if trainer_state is None else trainer_state[ALTERED],
        )
        start = training_start(config)
        training = Training(
            config, start, materials, self._folder, DESCRIPTION, self._trust, pool, "detector harden"
        )
        if state is not None:
            training.require_same(identity, state)
        trained = training.run(self._observer.training, state, trainer_state)
        for number, patch_chw in enumerate(pool.made, start=pool.count - len(pool.made) + 1):
            write_patch(self._made_folder(), patch_chw, stem=f"{number:04d}")
        return trained | {"patches_made": pool.count}

    def _tried(self, before: _Before, old: PoolPatch) -> dict[str, Any]:
        """The trial of the hardened weights beside the original ones."""
        hardened = load_detector(self._folder / "weights.pt", device=self._config.device, trust=self._trust)
        trial, attacks = self._trial(hardened), attacks_of(self._config)
        patches, found = [], []
        for attack in attacks:
            self._observer.on_phase("attacking")
            made = trial.attack(attack, images=before.image_iterations)
            self._observer.on_phase("scoring")
            patches.append(made)
            found.append(trial.evaluate(PoolPatch(patch_chw=made.patch_chw), attack))
        worst = worst_of(found)
        write_patch(self._folder, patches[worst].patch_chw, stem="patch-after")
        row = row_of(trial.evaluate(old), found[0]) | {"new_patch": found[worst].patch.to_json()}
        held_out = bool(self._materials.held_out)
        return {
            "before": before.row,
            "after": row,
            "attack": attacks[worst].name,
            "battery": {
                attack.name: each.patch.to_json() | {"image_iterations": made.image_iterations}
                for attack, each, made in zip(attacks, found, patches, strict=True)
            },
            "old_patch": "given" if self._config.patches else "made against the original weights",
            "image_iterations": before.image_iterations,
            "on": "held-out images" if held_out else "the images that the detector was hardened on",
            "images": found[0].settings["images"],
            "objects": found[0].settings["objects"],
        }

    def _trial(self, detector: Detector) -> Trial:
        materials = self._materials
        return Trial(
            self._config,
            detector,
            training=_dataset(materials, materials.training),
            judged=_dataset(materials, materials.held_out or materials.training),
            trust=self._trust,
            stop=self._stop,
        )

    def _stop(self) -> None:
        if self._observer.training.stop_requested():
            kept = (self._folder / BEFORE).is_file()
            raise RunInterruptedError(
                "stopped in the trial, which will restart; continue with: "
                f"python -m engine detector harden --resume {self._folder}"
                if kept
                else "stopped before the training; nothing is kept, start again"
            )

    def _made_folder(self) -> Path:
        folder = self._folder / POOL
        folder.mkdir(exist_ok=True)
        return folder

    def _trial_s(self) -> float:
        """Seconds for the patch against the original weights."""
        config = self._config
        if config.trial_time_s:
            return config.trial_time_s
        limit_s = config.time_limit_s * TRIAL_SHARE[config.trial]
        return min(TRIAL_S, limit_s) if config.time_limit_s else TRIAL_S

    def _training_s(self, before_s: float, attack_s: float) -> float:
        """What the time limit leaves for the training; 0 without a limit."""
        limit_s = self._config.time_limit_s
        if not limit_s:
            return 0.0
        attacks = attacks_of(self._config)
        work = sum(attack.factor for attack in attacks) * attack_s + len(attacks) * (before_s - attack_s)
        left_s = limit_s - before_s - RESERVE * work
        if left_s < LEAST_SHARE * limit_s:
            raise SettingsError(
                f"time limit: expected more than {before_s + RESERVE * work:.0f} s, the time of the trials, "
                f"plus {LEAST_SHARE:.0%} of the limit for the training, got {limit_s:g} s; "
                "raise --time-limit or lower --trial-time"
            )
        return left_s


def _dataset(materials: TrainingMaterials, records: Any) -> Dataset:
    """Images of a training as a dataset."""
    images: tuple[ImageRecord, ...] = tuple(records)
    return Dataset(
        name=str(materials.dataset["name"]),
        source=str(materials.dataset["source"]),
        class_names=materials.class_names,
        images=images,
        synthetic=bool(materials.dataset["synthetic"]),
    )


def _read_before(folder: Path) -> dict[str, Any]:
    path = folder / BEFORE
    try:
        return dict(from_json(read_bounded(path, run_folder.MAX_SUMMARY_BYTES)))
    except (OSError, ValueError, RecursionError) as error:
        raise StorageError(
            f"{folder}: expected a hardening whose first trial is done, found none; start a new hardening"
        ) from error


def _before_of(content: Mapping[str, Any]) -> _Before:
    return _Before(**{name: value for name, value in content.items() if name != "config"})
