# SPDX-License-Identifier: AGPL-3.0-only
"""Puts patches and scores on record: from finished runs, from evaluations, and from elsewhere."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Any

from engine.classes import recorded_words
from engine.config import home_folder
from engine.disk import why_unwritable, write_atomically
from engine.errors import StorageError
from engine.json_text import json_document
from engine.patch.arrays import fingerprint, read_patch_array, write_patch_array
from engine.records import Job, PatchRecord, ScoreRecord
from engine.store.repository import Repository


def patches_folder() -> Path:
    """Where the files of recorded patches lie, a folder each: they outlive the runs that made them."""
    return home_folder() / "patches"


def record_run(repository: Repository, job: Job, summary: dict[str, Any]) -> PatchRecord:
    """Put on record the patch that a run left, its own score, and the weights that it ran against.

    Again for the same job it changes nothing.

    Args:
        repository: where.
        job: the run.
        summary: what its `run.json` holds, with or without an evaluation. The patch's files are copied.

    Raises:
        PatchFileError: the patch that it names cannot be read.
        StorageError: its files cannot be written, or the database cannot be used.
    """
    settings = summary["config"]
    source = Path(summary["patch"])
    circular = bool(settings["circular"])
    facts = {name: value for name, value in summary.items() if name != "evaluation"}
    place = {
        "dataset": summary["dataset"]["name"],
        "detector": summary["detector"]["name"],
        "class_name": recorded_words(summary),
    }
    if checksum := summary.get("weights_sha256"):
        detector = summary["detector"]
        repository.weights.put(
            name=detector["name"], path=settings["weights"], checksum=checksum, family=detector["family"]
        )
    patch = _keep(
        repository,
        source.with_suffix(".png") if circular else source,
        patches_folder() / f"job-{job.id}",
        exact=source,
        name=job.label or f"{place['dataset']}-{place['detector']}",
        job_id=job.id,
        summary=facts,
        **place,
    )
    evaluation = summary.get("evaluation")
    if not evaluation:
        return patch
    held_out = evaluation["on"] == "held-out images"
    repository.patches.add_score(patch.id, job_id=job.id, evaluation=evaluation, held_out=held_out, **place)
    return repository.patches.get(patch.id)


def record_scores(
    repository: Repository,
    job: Job | None,
    patch_path: str | Path,
    evaluation: dict[str, Any],
    *,
    name: str = "",
) -> ScoreRecord:
    """Put on record how a patch scored; one that is not on record yet is imported first.

    Args:
        repository: where.
        job: the evaluation; None if it was none of the queue.
        patch_path: the file that was scored.
        evaluation: what `Evaluation.to_json` gives, with the dataset's name among its settings.
        name: of the patch if it is imported; by default the file's.

    Raises:
        PatchFileError: the patch cannot be read.
        StorageError: its files cannot be written, or the database cannot be used.
    """
    patch = repository.patches.with_fingerprint(fingerprint(*read_patch_array(patch_path)))
    if patch is None:
        patch = import_patch(repository, patch_path, name)
    settings = evaluation["settings"]
    # An imported patch may have been made on any images: nobody here knows.
    held_out = settings["dataset"] != patch.dataset if patch.dataset else None
    return repository.patches.add_score(
        patch.id,
        job_id=None if job is None else job.id,
        dataset=settings["dataset"],
        detector=settings["detector"],
        class_name=recorded_words(settings) if "classes" in settings else settings["class"],
        held_out=held_out,
        evaluation=evaluation,
    )


def write_scores(folder: Path, evaluation: dict[str, Any]) -> None:
    """Write `evaluation.json` into the folder of the job that scored a patch.

    Raises:
        StorageError: it cannot be written.
    """
    _create(folder)
    _write_json(folder / "evaluation.json", evaluation)


def import_patch(repository: Repository, path: str | Path, name: str = "") -> PatchRecord:
    """Put on record a patch from elsewhere; its texels are copied, the file itself is left alone.

    Args:
        repository: where.
        path: a .npy (never pickled) or an image; see `read_patch_array`.
        name: by default the file's, without suffix.

    Raises:
        PatchFileError: no such file, or none that is a patch.
        StorageError: its files cannot be written, or the database cannot be used.
    """
    folder = patches_folder() / f"import-{secrets.token_hex(6)}"
    return _keep(repository, Path(path), folder, name=name.strip() or Path(path).stem)


def delete_patch(repository: Repository, patch_id: int) -> PatchRecord:
    """Remove a patch with its scores and the copies of its files; its run, if any, stays.

    Raises:
        PatchFileError: there is none with this number.
        StorageError: the database cannot be used.
    """
    patch = repository.patches.delete(patch_id)
    folder = Path(patch.image).parent
    if folder.parent == patches_folder():
        shutil.rmtree(folder, ignore_errors=True)
    return patch


def _keep(
    repository: Repository, source: Path, folder: Path, *, name: str, exact: Path | None = None, **facts: Any
) -> PatchRecord:
    """Copy a patch into a folder of its own and put it on record; a new folder goes if that fails.

    A circular patch is scored from its .png, which alone says which texels are drawn; `exact` then is the
    .npy that its texels are copied from.
    """
    patch_chw, mask_hw = read_patch_array(source)
    texels = read_patch_array(exact)[0] if exact is not None else patch_chw
    made = not folder.exists()
    try:
        _create(folder)
        write_patch_array(folder, texels, mask_hw)
        if summary := facts.get("summary"):
            _write_json(folder / "run.json", summary)
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


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json_document(content) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


def _create(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = why_unwritable(folder, error, "choose another PATCHBENCH_HOME")
        raise StorageError(f"{folder}: expected a folder that can be written, got {why}") from error
