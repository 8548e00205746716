# SPDX-License-Identifier: AGPL-3.0-only
"""Puts trained weights on record, under a name by which every command and page finds them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from engine.config import home_folder
from engine.disk import why_unwritable, write_atomically
from engine.errors import StorageError
from engine.jobs.kinds.harden import Harden
from engine.jobs.patch_records import import_patch
from engine.patch.arrays import fingerprint, read_patch_array
from engine.records import Job, WeightRecord
from engine.store.repository import Repository


def record_weights(repository: Repository, job: Job, summary: dict[str, Any]) -> WeightRecord:
    """Copy the best weights of a training into `PATCHBENCH_HOME/weights`, and record what they come from.

    There they have a name of their own, outlive the job's folder, and are found by that name.

    Args:
        repository: where to record them.
        job: the training.
        summary: content of its `training.json`.

    Raises:
        StorageError: they cannot be read or copied, or the database cannot be used.
    """
    source, name = Path(summary["weights"]), weights_name(job, summary)
    path = home_folder() / "weights" / f"{name}.pt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(source, "rb") as file:
            write_atomically(path, lambda copy: shutil.copyfileobj(file, copy))
    except OSError as error:
        why = why_unwritable(path, error, f"keep {source} and check the folder")
        raise StorageError(f"{path}: expected to copy the trained weights to this file, got {why}") from error
    return repository.weights.put(
        name=name,
        path=str(path),
        checksum=summary["weights_sha256"],
        family=summary["detector"]["family"],
        classes=summary["detector"]["class_names"],
        origin=origin_of(job, summary),
    )


def record_hardening(repository: Repository, job: Job, summary: dict[str, Any]) -> WeightRecord:
    """Record the weights of a hardening, and the new patches of its trial; again for one job changes nothing.

    Args:
        repository: where to record them.
        job: the hardening.
        summary: content of its `hardening.json`.

    Raises:
        PatchFileError: a patch is gone.
        StorageError: they cannot be read or copied, or the database cannot be used.
    """
    record = record_weights(repository, job, summary)
    folder, original = Path(summary["weights"]).parent, Path(summary["config"]["weights"]).stem
    for which, against in (("before", original), ("after", record.name)):
        path = folder / f"patch-{which}.npy"
        if repository.patches.with_fingerprint(fingerprint(*read_patch_array(path))) is None:
            name = Harden.result_form.format(job=job.id, detector=against)
            import_patch(repository, path, name)
    return record


def weights_name(job: Job, summary: dict[str, Any]) -> str:
    """A name for trained weights: what they start from, the dataset, the job's number."""
    hardened = ("hardened",) if "trial" in summary else ()
    parts = (Path(summary["config"]["weights"]).stem, *hardened, summary["dataset"]["name"], str(job.id))
    return "-".join(re.sub(r"[^\w.-]+", "-", part).strip(".-")[:40] or "x" for part in parts)


def origin_of(job: Job, summary: dict[str, Any]) -> dict[str, Any]:
    """What trained weights come from, as `WeightRecord.origin` has it."""
    dataset = summary["dataset"]
    return {
        "job_id": job.id,
        "parent": summary["parent"]["weights_sha256"],
        "parent_weights": summary["parent"]["weights"],
        "dataset": dataset["name"],
        "records_sha256": dataset["records_sha256"],
        "synthetic": dataset["synthetic"],
        "images": dataset["images"],
        "held_out": dataset["held_out"],
        **{name: summary[name] for name in ("strategy", "seed", "epochs", "best_epoch", "ap50", "elapsed_s")},
        "image_size": summary["config"]["image_size"],
        **({"hardened": summary["headline"]} if "trial" in summary else {}),
    }
