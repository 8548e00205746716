# SPDX-License-Identifier: AGPL-3.0-only
"""Records patches and scores of finished runs, of evaluations, and from elsewhere."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.classes import recorded_words
from engine.config import home_folder
from engine.disk import why_unwritable
from engine.errors import StorageError
from engine.patch.arrays import fingerprint, read_patch_array, write_patch_array
from engine.records import Evaluation, Job, PatchRecord, ScoreRecord
from engine.runs.outcomes import write_outcomes
from engine.runs.run_folder import write_json
from engine.store.repository import Repository


def patches_folder() -> Path:
    """The folder of recorded patches, one subfolder each; they outlive the runs that made them."""
    return home_folder() / "patches"


def record_run(repository: Repository, job: Job, summary: dict[str, Any]) -> PatchRecord:
    """Record a run's patch, its scores, and the detectors' weights; idempotent for one job.

    Args:
        repository: where to store them.
        job: the run.
        summary: content of its `run.json`, with or without an evaluation. The patch's files are copied.

    Raises:
        PatchFileError: the patch cannot be read.
        StorageError: its files cannot be written, or the database cannot be used.
    """
    settings = summary["config"]
    source = Path(summary["patch"])
    circular = bool(settings["circular"])
    scores = {"evaluation", "further_evaluations"}
    facts = {name: value for name, value in summary.items() if name not in scores}
    weights = {"weights": settings["weights"], "weights_sha256": summary.get("weights_sha256")}
    detectors = [summary["detector"] | weights, *summary.get("further_detectors", ())]
    target = {
        "dataset": summary["dataset"]["name"],
        "detector": " + ".join(detector["name"] for detector in detectors),
        "class_name": recorded_words(summary),
    }
    for detector in detectors:
        if checksum := detector["weights_sha256"]:
            repository.weights.put(
                name=detector["name"],
                path=detector["weights"],
                checksum=checksum,
                family=detector["family"],
            )
    patch = _keep(
        repository,
        source.with_suffix(".png") if circular else source,
        patches_folder() / f"job-{job.id}",
        exact=source,
        name=job.label or f"{target['dataset']}-{target['detector']}{_through(settings)}",
        job_id=job.id,
        summary=facts,
        **target,
    )
    if not summary.get("evaluation"):
        return patch
    evaluations = [summary["evaluation"], *summary.get("further_evaluations", ())]
    for detector, evaluation in zip(detectors, evaluations, strict=True):
        held_out = evaluation["on"] == "held-out images"
        repository.patches.add_score(
            patch.id,
            job_id=job.id,
            evaluation=evaluation,
            held_out=held_out,
            defences=evaluation["settings"].get("defences", ()),
            **target | {"detector": detector["name"]},
        )
    return repository.patches.get(patch.id)


def record_scores(
    repository: Repository,
    job: Job | None,
    patch_path: str | Path,
    evaluation: dict[str, Any],
    *,
    name: str = "",
) -> ScoreRecord:
    """Record a patch's scores, importing the patch first if it is not on record.

    Args:
        repository: where to store them.
        job: the evaluation; None outside the queue.
        patch_path: the scored file.
        evaluation: from `Evaluation.to_json`, with the dataset's name among its settings.
        name: of an imported patch; by default the file's.

    Raises:
        PatchFileError: the patch cannot be read.
        StorageError: its files cannot be written, or the database cannot be used.
    """
    patch = repository.patches.with_fingerprint(fingerprint(*read_patch_array(patch_path)))
    if patch is None:
        patch = import_patch(repository, patch_path, name)
    settings = evaluation["settings"]
    # The images that an imported patch was made on are unknown.
    held_out = settings["dataset"] != patch.dataset if patch.dataset else None
    return repository.patches.add_score(
        patch.id,
        job_id=None if job is None else job.id,
        dataset=settings["dataset"],
        detector=settings["detector"],
        class_name=recorded_words(settings) if "classes" in settings else settings["class"],
        held_out=held_out,
        evaluation=evaluation,
        defences=settings.get("defences", ()),
    )


def write_scores(folder: Path, evaluation: Evaluation) -> None:
    """Write `evaluation.json` and `outcomes.json` into an evaluation's folder.

    Raises:
        StorageError: it cannot be written.
    """
    _create(folder)
    write_outcomes(folder, [evaluation])
    write_json(folder / "evaluation.json", evaluation.to_json())


def import_patch(repository: Repository, path: str | Path, name: str = "") -> PatchRecord:
    """Record a patch from elsewhere by copying its texels; the file itself stays as it is.

    Args:
        repository: where to store it.
        path: a .npy (never pickled) or an image; see `read_patch_array`.
        name: by default the file's, without suffix.

    Raises:
        PatchFileError: the file does not exist or is not a patch.
        StorageError: its files cannot be written, or the database cannot be used.
    """
    folder = patches_folder() / f"import-{secrets.token_hex(6)}"
    return _keep(repository, Path(path), folder, name=name.strip() or Path(path).stem)


def delete_patch(repository: Repository, patch_id: int) -> PatchRecord:
    """Remove a patch with its scores and its copied files, but not its run.

    Raises:
        PatchFileError: there is no such patch.
        StorageError: the database cannot be used.
    """
    patch = repository.patches.delete(patch_id)
    folder = Path(patch.image).parent
    if folder.parent == patches_folder():
        shutil.rmtree(folder, ignore_errors=True)
    return patch


def _through(settings: Mapping[str, Any]) -> str:
    """How a patch's name says that it was made through defences; older settings lack them."""
    defences = settings.get("defences", ())
    return f" through {' + '.join(defences)}" if defences else ""


def _keep(
    repository: Repository, source: Path, folder: Path, *, name: str, exact: Path | None = None, **facts: Any
) -> PatchRecord:
    """Copy a patch into a folder and record it; a newly created folder is removed if that fails.

    A circular patch is scored from its .png, the only file with the mask of drawn texels; `exact` is then
    the .npy to copy the exact texels from.
    """
    patch_chw, mask_hw = read_patch_array(source)
    texels = read_patch_array(exact)[0] if exact is not None else patch_chw
    made = not folder.exists()
    try:
        _create(folder)
        write_patch_array(folder, texels, mask_hw)
        if summary := facts.get("summary"):
            write_json(folder / "run.json", summary)
        return repository.patches.add(
            name=name,
            path=str(folder / ("patch.npy" if mask_hw is None else "patch.png")),
            image=str(folder / "patch.png"),
            height=patch_chw.shape[1],
            width=patch_chw.shape[2],
            circular=mask_hw is not None,
            sha256=fingerprint(patch_chw, mask_hw),
            **facts,
        )
    except BaseException:
        if made:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _create(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = why_unwritable(folder, error, "choose another PATCHBENCH_HOME")
        raise StorageError(f"{folder}: expected a writable folder, got {why}") from error
