# SPDX-License-Identifier: AGPL-3.0-only
"""Patches, generated or imported, and their scores."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from engine.errors import PatchFileError
from engine.json_text import from_json, json_text
from engine.records import PatchRecord, ScoreRecord
from engine.store.connection import Connection

_PATCH = (
    *("id", "job_id", "name", "path", "image", "height", "width", "circular", "sha256", "created_at"),
    *("dataset", "detector", "class_name", "notes", "summary"),
)
_SCORE = ("id", "patch_id", "job_id", "created_at", "subject", "held_out", "asr", "ap50", "evaluation")
_EDITABLE = {"name", "notes"}
_ORDERS = {
    "newest": "patches.id DESC",
    "asr": "scores.asr DESC NULLS LAST, patches.id DESC",
    "ap50": "scores.ap50 ASC NULLS LAST, patches.id DESC",  # the strongest first: it lowers AP50 the most
    "name": "patches.name COLLATE NOCASE, patches.id",
}
_SEARCHED = ("name", "notes", "dataset", "detector", "class_name")
_COLUMNS = ", ".join(
    [*(f"patches.{column}" for column in _PATCH), *(f"scores.{column}" for column in _SCORE)]
)
# A patch is listed with its first score; for a run's patch this is the run's own evaluation.
_JOINED = """
    FROM patches LEFT JOIN scores ON scores.id = (SELECT min(id) FROM scores WHERE patch_id = patches.id)
"""
_LISTED = f"SELECT {_COLUMNS} {_JOINED}"


class Patches:
    """The patches of one database. Methods raise `PatchFileError` for an unknown patch."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(
        self,
        *,
        name: str,
        path: str,
        image: str,
        height: int,
        width: int,
        circular: bool,
        sha256: str,
        job_id: int | None = None,
        dataset: str = "",
        detector: str = "",
        class_name: str = "",
        notes: str = "",
        summary: dict[str, Any] | None = None,
    ) -> PatchRecord:
        """Store a patch, replacing an earlier one of the same run; see `PatchRecord`."""
        values = {
            "job_id": job_id,
            "name": name,
            "path": path,
            "image": image,
            "height": height,
            "width": width,
            "circular": int(circular),
            "sha256": sha256,
            "created_at": time.time(),
            "dataset": dataset,
            "detector": detector,
            "class_name": class_name,
            "notes": notes,
            "summary": json_text(summary or {}),
        }
        kept = {"name", "notes", "created_at"}  # the user may have edited them
        renewed = ", ".join(f"{column} = excluded.{column}" for column in values if column not in kept)
        places = ", ".join("?" * len(values))
        with self._db.transaction():
            (row,) = self._db.rows(
                f"INSERT INTO patches ({', '.join(values)}) VALUES ({places}) "
                f"ON CONFLICT (job_id) DO UPDATE SET {renewed} RETURNING id",
                values.values(),
            )
        return self.get(row[0])

    def get(self, patch_id: int) -> PatchRecord:
        """One patch."""
        patches = self._listed("WHERE patches.id = ?", [patch_id])
        if not patches:
            raise PatchFileError(f"patch {patch_id}: expected an existing patch, found none; see: patch list")
        return patches[0]

    def of_job(self, job_id: int) -> PatchRecord | None:
        """A run's patch, if stored."""
        patches = self._listed("WHERE patches.job_id = ?", [job_id])
        return patches[0] if patches else None

    def with_fingerprint(self, sha256: str) -> PatchRecord | None:
        """The latest patch with exactly these texels, if any."""
        patches = self._listed("WHERE sha256 = ? ORDER BY patches.id DESC LIMIT 1", [sha256])
        return patches[0] if patches else None

    def find(
        self, *, text: str = "", order: str = "newest", limit: int = 100, offset: int = 0
    ) -> list[PatchRecord]:
        """A page of patches.

        Args:
            text: part of the name, notes, dataset, detector or class, ignoring case.
            order: `newest`, `name`, or by first score: `asr` (highest first) or `ap50` (lowest first).
            limit, offset: of the page.
        """
        where, values = _condition(text)
        page = f"SELECT patches.id {_JOINED} {where} ORDER BY {_ORDERS[order]} LIMIT ? OFFSET ?"
        return self._listed(
            f"WHERE patches.id IN ({page}) ORDER BY {_ORDERS[order]}", [*values, limit, offset]
        )

    def count(self, *, text: str = "") -> int:
        """Number of patches that `find` would return without a limit."""
        where, values = _condition(text)
        return int(self._db.value(f"SELECT count(*) FROM patches {where}", values))

    def edit(self, patch_id: int, **changes: str) -> PatchRecord:
        """Change a patch's name or notes."""
        if wrong := set(changes) - _EDITABLE:
            raise ValueError(f"expected some of {sorted(_EDITABLE)}, got {sorted(wrong)}")
        assignments = ", ".join(f"{name} = ?" for name in changes)
        if changes:
            with self._db.transaction():
                self._db.rows(f"UPDATE patches SET {assignments} WHERE id = ?", [*changes.values(), patch_id])
        return self.get(patch_id)

    def delete(self, patch_id: int) -> PatchRecord:
        """Remove a patch with its scores, but not its files, and return it."""
        patch = self.get(patch_id)
        with self._db.transaction():
            self._db.rows("DELETE FROM patches WHERE id = ?", [patch_id])
        return patch

    def add_score(
        self,
        patch_id: int,
        *,
        dataset: str,
        detector: str,
        class_name: str,
        held_out: bool | None,
        evaluation: dict[str, Any],
        job_id: int | None = None,
        defences: Sequence[str] = (),
    ) -> ScoreRecord:
        """Store a patch's score, replacing an earlier one of the same job and subject; see `ScoreRecord`.

        Args:
            patch_id: the patch.
            dataset, detector, class_name, defences: the subject of the evaluation.
            held_out: see `ScoreRecord`.
            evaluation: from `Evaluation.to_json`.
            job_id: the run or evaluation.
        """
        self.get(patch_id)
        subject: dict[str, Any] = {"dataset": dataset, "detector": detector, "class_name": class_name}
        if defences:  # left out where there are none, as in scores of before there were any
            subject["defences"] = list(defences)
        values = {
            "patch_id": patch_id,
            "job_id": job_id,
            "created_at": time.time(),
            "subject": json_text(subject),
            "held_out": None if held_out is None else int(held_out),
            "asr": evaluation["patch"]["asr"],
            "ap50": evaluation["patch"]["ap50"],
            "evaluation": json_text(evaluation),
        }
        renewed = ", ".join(f"{column} = excluded.{column}" for column in values)
        with self._db.transaction():
            rows = self._db.rows(
                f"INSERT INTO scores ({', '.join(values)}) VALUES ({', '.join('?' * len(values))}) "
                f"ON CONFLICT (patch_id, job_id, subject) DO UPDATE SET {renewed} "
                f"RETURNING {', '.join(_SCORE)}",
                values.values(),
            )
        return _score_of(rows[0])

    def scores(self, patch_id: int) -> list[ScoreRecord]:
        """All scores of a patch, oldest first."""
        rows = self._db.rows(
            f"SELECT {', '.join(_SCORE)} FROM scores WHERE patch_id = ? ORDER BY id", [patch_id]
        )
        return [_score_of(row) for row in rows]

    def scored_on(self, dataset: str, detector: str, *, limit: int = 100) -> list[ScoreRecord]:
        """At most so many scores on a dataset and a detector, by their names, lowest AP50 first."""
        rows = self._db.rows(
            f"SELECT {', '.join(_SCORE)} FROM scores WHERE subject ->> '$.dataset' = ? "
            "AND subject ->> '$.detector' = ? ORDER BY ap50 ASC NULLS LAST, id DESC LIMIT ?",
            [dataset, detector, limit],
        )
        return [_score_of(row) for row in rows]

    def _listed(self, conditions: str, values: Sequence[Any]) -> list[PatchRecord]:
        return [_patch_of(row) for row in self._db.rows(f"{_LISTED} {conditions}", values)]


def _condition(text: str) -> tuple[str, list[str]]:
    if not text:
        return "", []
    pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    clauses = (f"patches.{column} LIKE ? ESCAPE '\\'" for column in _SEARCHED)
    return f"WHERE ({' OR '.join(clauses)})", [pattern] * len(_SEARCHED)


def _patch_of(row: Sequence[Any]) -> PatchRecord:
    fields = dict(zip(_PATCH, row[: len(_PATCH)], strict=True))
    score = row[len(_PATCH) :]
    return PatchRecord(
        **fields
        | {
            "circular": bool(fields["circular"]),
            "summary": from_json(fields["summary"]),
            "score": None if score[0] is None else _score_of(score),
        }
    )


def _score_of(row: Sequence[Any]) -> ScoreRecord:
    fields = dict(zip(_SCORE, row, strict=True))
    subject, held_out = from_json(fields.pop("subject")), fields["held_out"]
    return ScoreRecord(
        **fields
        | subject
        | {
            "defences": tuple(subject.get("defences", ())),
            "held_out": None if held_out is None else bool(held_out),
            "evaluation": from_json(fields["evaluation"]),
        }
    )
