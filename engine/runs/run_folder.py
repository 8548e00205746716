# SPDX-License-Identifier: AGPL-3.0-only
"""A run's folder: patch.npy, patch.png, run.json, history.csv and checkpoint.pt, written atomically."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.config import home_folder
from engine.csv_text import csv_text
from engine.disk import why_unwritable, write_whole
from engine.errors import StorageError
from engine.excerpts import read_bounded
from engine.json_text import from_json, json_document
from engine.private import shared_outside_home
from engine.records import StepRecord

SUMMARY = "run.json"
HISTORY = "history.csv"
MAX_SUMMARY_BYTES = 256 * 2**20


def default_folder(label: str) -> Path:
    """A new path under `PATCHBENCH_HOME/runs`: time and label, numbered if that exists."""
    runs = home_folder() / "runs"
    stem = f"{datetime.now():%Y%m%d-%H%M%S}-{_plain(label)}"
    candidate, number = runs / stem, 2
    while candidate.exists():
        candidate, number = runs / f"{stem}-{number}", number + 1
    return candidate


@contextmanager
def created(folder: Path) -> Iterator[Path]:
    """Create a run's folder and yield its absolute path; on failure it is removed if empty.

    Raises:
        StorageError: it exists and is not empty, or cannot be created.
    """
    folder = folder.absolute()
    with shared_outside_home(folder):
        _create(folder)
        try:
            yield folder
        except BaseException:
            with suppress(OSError):  # it is not empty
                folder.rmdir()
            raise


def write_summary(folder: Path, summary: dict[str, Any]) -> None:
    """Write `run.json`; non-finite numbers become null."""
    write_json(folder / SUMMARY, summary)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a document of JSON; non-finite numbers become null."""
    write_whole(path, json_document(content) + "\n")


def read_summary(folder: Path) -> dict[str, Any]:
    """Read `run.json`.

    Raises:
        StorageError: it is missing or not JSON.
    """
    path = folder / SUMMARY
    try:
        content = from_json(read_bounded(path, MAX_SUMMARY_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise StorageError(
            f"{path}: expected the record of a run, got no readable file; choose a run's folder"
        ) from error
    return dict(content)


def write_history(folder: Path, history: Sequence[StepRecord]) -> None:
    """Write `history.csv`: one row per step, one column per unweighted loss term."""
    terms = list(history[0].terms) if history else []
    rows: list[list[object]] = [
        ["step", "iteration", "loss", *terms, "learning_rate", "images", "elapsed_s"],
        *(
            [
                record.step,
                record.iteration,
                repr(record.loss),
                *(repr(record.terms[name]) for name in terms),
                f"{record.learning_rate:.6g}",
                record.images,
                f"{record.elapsed_s:.3f}",
            ]
            for record in history
        ),
    ]
    write_whole(folder / HISTORY, csv_text(rows))


def read_history(folder: Path) -> list[StepRecord]:
    """Read the steps in `history.csv`.

    Raises:
        StorageError: it is missing or damaged.
    """
    path = folder / HISTORY
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [_step(row) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError) as error:
        raise StorageError(
            f"{path}: expected the history of a run, got no readable file; choose a run's folder"
        ) from error


def _step(row: dict[str, str]) -> StepRecord:
    known = {name: row.pop(name) for name in ("step", "iteration", "loss", "learning_rate", "images")}
    elapsed_s = float(row.pop("elapsed_s"))
    return StepRecord(
        step=int(known["step"]),
        iteration=int(known["iteration"]),
        loss=float(known["loss"]),
        terms={name: float(value) for name, value in row.items()},
        learning_rate=float(known["learning_rate"]),
        images=int(known["images"]),
        elapsed_s=elapsed_s,
    )


def _create(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        why = why_unwritable(folder, error, "choose another --out")
        raise StorageError(f"{folder}: expected a writable folder, got {why}") from error
    if occupied:
        raise StorageError(
            f"{folder}: expected a new or empty folder, got one with files; choose another --out, "
            f"or continue with --resume {folder}"
        )


def _plain(label: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in label).strip("-") or "run"
