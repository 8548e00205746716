# SPDX-License-Identifier: AGPL-3.0-only
"""A finished hardening on record, with invented figures; its new patch is that of the second run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from engine.config import HardeningConfig, home_folder
from engine.patch.arrays import fingerprint, read_patch_array
from engine.records import Job
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, _scores


def add_hardening(repository: Repository, *, attack: str = "equal budget", **changes: Any) -> Job:
    """A hardening of the embedded detector, as it lies there once it has succeeded.

    Args:
        repository: filled with at least two runs.
        attack: the worst of its trial.
        changes: of its settings.
    """
    named = {"dataset": DATASET, "weights": "demo", "class_name": "person"}
    config = HardeningConfig(**named | changes)
    job = repository.jobs.add(kind="harden", label="Harden demo", request={"config": config.to_json()})
    folder = home_folder() / "jobs" / str(job.id)
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / "patch-after.npy"
    shutil.copy(repository.patches.get(2).path, new)
    with repository.connection.transaction():
        texels = fingerprint(*read_patch_array(new))
        repository.connection.rows("UPDATE patches SET sha256 = ? WHERE id = 2", [texels])
        repository.connection.rows(
            "UPDATE jobs SET state = 'succeeded', started_at = created_at, finished_at = created_at + 900, "
            "result = json(?) WHERE id = ?",
            [json.dumps(_result(folder, attack)), job.id],
        )
    _add_weights(repository, job.id)
    return repository.jobs.get(job.id)


def _add_weights(repository: Repository, job_id: int) -> None:
    path = home_folder() / "weights" / "demo-hardened.pt"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"weights")
    facts = {"name": path.stem, "path": str(path), "checksum": str(job_id), "family": "ultralytics"}
    repository.weights.put(**facts, classes=["person"], origin={"job_id": job_id})


def _result(folder: Path, attack: str) -> dict[str, Any]:
    rates = {"before": (0.0, 0.5, 0.45, 0.1, 0.15), "after": (0.05, 0.03, 0.08, 0.04, 0.05)}
    names = ("clean", "old_patch", "new_patch", "noise", "grey")
    rows = {side: dict(zip(names, map(_scores, values), strict=True)) for side, values in rates.items()}
    return {
        "weights": str(folder / "weights.pt"),
        "dataset": {"name": DATASET},
        "trial": {
            **rows,
            "attack": attack,
            "battery": {attack: rows["after"]["new_patch"]},
            "images": 30,
            "objects": 41,
        },
    }
