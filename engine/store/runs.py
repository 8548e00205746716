# SPDX-License-Identifier: AGPL-3.0-only
"""Runs with their patches and scores in a line each, and imported patches: what a table shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.json_text import from_json, json_text
from engine.store.connection import Connection

# Of a result, which is long, only what a table shows.
_COSTS = (
    *("elapsed_s", "image_iterations_per_s", "peak_memory_bytes", "iterations", "steps"),
    *("image_iterations", "device"),
)
_PATHS = ", ".join(f"'$.{name}'" for name in _COSTS)
_EVALUATION = "coalesce(scores.evaluation, jobs.result -> '$.evaluation')"
_COLUMNS = {
    "job_id": "jobs.id",
    "patch_id": "patches.id",
    "name": "coalesce(patches.name, jobs.label)",
    "state": "jobs.state",
    "tags": "coalesce(jobs.tags, '[]')",
    "notes": "coalesce(nullif(jobs.notes, ''), patches.notes, '')",
    "created_at": "coalesce(jobs.created_at, patches.created_at)",
    "spent_s": "coalesce(jobs.result ->> '$.elapsed_s', jobs.finished_at - jobs.started_at)",
    "dataset": "patches.dataset",
    "detector": "patches.detector",
    "class_name": "patches.class_name",
    "image": "patches.image",
    "held_out": "scores.held_out",
    "images": f"{_EVALUATION} ->> '$.settings.images'",
    "grey_asr": f"{_EVALUATION} ->> '$.controls.grey.asr'",
    "scores": f"{_EVALUATION} -> '$.patch'",
    "config": "coalesce(jobs.request, patches.summary) -> '$.config'",
    "costs": f"json_extract(jobs.result, {_PATHS})",
}
_SELECTED = ", ".join(f"{sql} AS {name}" for name, sql in _COLUMNS.items())
_SCORED = "LEFT JOIN scores ON scores.id = (SELECT min(id) FROM scores WHERE patch_id = patches.id)"


# What scores must have in common to be held against each other.
_ALIKE = ", ".join(
    f"'$.settings.{name}'"
    for name in ("dataset", "detector", "images", "objects", "placement", "min_score", "iou", "image_size")
)


@dataclass(frozen=True, kw_only=True)
class ScoredOn:
    """What the first score of a patch rests on.

    Attributes:
        subject: a text that is the same of scores that may be held against each other.
        by_image: see `PatchMetrics.by_image`; empty of scores from before it was kept.
    """

    subject: str
    by_image: dict[str, list[float]]


@dataclass(frozen=True, kw_only=True, eq=False)
class RunLine:
    """A run or an imported patch; `created_at` in Unix seconds.

    Attributes:
        job_id: the run; None of an imported patch, or if the run was deleted.
        patch_id: what it made; None before that, or if the patch was deleted.
        state: of the job; None without one.
        dataset, detector, class_name, image: of the patch; None without one.
        held_out: see `ScoreRecord`.
        images: number of images that it was scored on.
        grey_asr: ASR of a grey patch of its size on them.
        scores: the patch's, as `Scores.to_json` has them; empty if not scored.
        config: the settings asked for, as `RunConfig.to_json` has them; empty if imported.
        costs: name → figure, as `run.json` has them; empty before the end.

    Compared by identity: while nothing of a run changes, `Runs.find` answers with the same line.
    """

    job_id: int | None
    patch_id: int | None
    name: str
    state: str | None
    tags: tuple[str, ...]
    notes: str
    created_at: float
    spent_s: float | None
    dataset: str | None
    detector: str | None
    class_name: str | None
    image: str | None
    held_out: bool | None
    images: int | None
    grey_asr: float | None
    scores: dict[str, Any]
    config: dict[str, Any]
    costs: dict[str, Any]


class Runs:
    """The runs of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def find(self, kinds: Sequence[str], *, limit: int) -> list[RunLine]:
        """The latest runs in whatever state, and the patches without a run, newest first.

        Args:
            kinds: of jobs whose result is a patch.
            limit: at most so many of each.
        """
        places = ", ".join("?" * len(kinds))
        runs = (
            f"SELECT {_SELECTED} FROM jobs LEFT JOIN patches ON patches.job_id = jobs.id {_SCORED} "
            f"WHERE jobs.kind IN ({places}) ORDER BY jobs.id DESC LIMIT ?"
        )
        imported = (
            f"SELECT {_SELECTED} FROM patches LEFT JOIN jobs ON jobs.id = patches.job_id {_SCORED} "
            "WHERE patches.job_id IS NULL ORDER BY patches.id DESC LIMIT ?"
        )
        rows = [*self._db.rows(runs, [*kinds, limit]), *self._db.rows(imported, [limit])]
        return sorted(map(_line_of, rows), key=lambda line: line.created_at, reverse=True)

    def scored_on(self) -> dict[int, ScoredOn]:
        """Patch → what its first score rests on, of all that are scored."""
        rows = self._db.rows(
            f"SELECT patch_id, subject || json_extract(evaluation, {_ALIKE}), evaluation -> '$.by_image' "
            "FROM scores WHERE id IN (SELECT min(id) FROM scores GROUP BY patch_id)"
        )
        return {
            patch: ScoredOn(subject=subject, by_image=from_json(sums) if sums else {})
            for patch, subject, sums in rows
        }

    def patch_at(self, path: str) -> int | None:
        """The patch whose files one of a path is, if any."""
        rows = self._db.rows("SELECT id FROM patches WHERE ? IN (path, image)", [path])
        return rows[0][0] if rows else None

    def using(self, path: str) -> list[tuple[int, str, str]]:
        """Number, kind and label of the jobs whose requests name a file, oldest first."""
        named = json_text(path).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return self._db.rows(
            "SELECT id, kind, label FROM jobs WHERE request LIKE ? ESCAPE '\\' ORDER BY id",
            [f"%{named}%"],
        )


@lru_cache(maxsize=2048)  # parsing is most of what a long list costs
def _line_of(row: tuple[Any, ...]) -> RunLine:
    fields = dict(zip(_COLUMNS, row, strict=True))
    for name in ("scores", "config"):
        fields[name] = from_json(fields[name]) if fields[name] else {}
    costs = from_json(fields["costs"]) if fields["costs"] else []
    return RunLine(
        **fields
        | {
            "tags": tuple(from_json(fields["tags"])),
            "held_out": None if fields["held_out"] is None else bool(fields["held_out"]),
            "costs": dict(zip(_COSTS, costs, strict=False)),
        }
    )
