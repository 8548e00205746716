# SPDX-License-Identifier: AGPL-3.0-only
"""Sweeps and their trials: the one record of both, from which the search is rebuilt whenever it goes on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import JobError
from engine.json_text import from_json, json_text, key_text
from engine.store.connection import Connection

_SWEEP = ("id", "name", "state", "request", "created_at", "finished_at", "error", "importance")
_LISTED = """
    SELECT sweeps.id, name, state, request, created_at, finished_at, error, importance
    FROM sweeps JOIN job_groups ON job_groups.id = sweeps.id
"""
_TRIAL = (
    *("number", "state", "settings", "jobs", "value", "per_seed"),
    *("began_at", "ended_at", "error"),
)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One try of a sweep: a job for each seed. Times are Unix seconds.

    Attributes:
        number: from 1.
        state: `running`, `succeeded`, `pruned`, `failed` or `cancelled`.
        settings: name → value, as `engine.sweeps.space` has them.
        jobs: their ids, in the order of the seeds; some may have been deleted since.
        value: of the objective, the mean over seeds; of a pruned trial the last that was known.
        per_seed: the objective of each job.
        error: why it failed, in one line.
    """

    number: int
    state: str
    settings: dict[str, Any]
    jobs: tuple[int, ...]
    value: float | None = None
    per_seed: tuple[float, ...] = ()
    began_at: float = 0.0
    ended_at: float | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Many runs with one objective; `id` is that of the group of its jobs. Times are Unix seconds.

    Attributes:
        state: `running`, `finished`, `failed` (which can go on) or `cancelled`.
        request: from `engine.sweeps.config.SweepRequest`, in JSON's types.
        error: why it failed, in one line.
        importance: name of a setting → its share in what trials differ by, 0 to 1; empty if unknown.
        trials: in order.
    """

    id: int
    name: str
    state: str
    request: dict[str, Any]
    created_at: float
    finished_at: float | None = None
    error: str | None = None
    importance: dict[str, float]
    trials: tuple[Trial, ...] = ()

    @property
    def ended(self) -> int:
        """Number of trials that have ended."""
        return sum(trial.state != "running" for trial in self.trials)


class Sweeps:
    """The sweeps of one database. Methods raise `JobError` for an unknown sweep."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def begin(self, group_id: int, key: Mapping[str, Any]) -> Sweep:
        """Store a sweep of a group of jobs; `key` tells it from others."""
        with self._db.transaction():
            self._db.rows(
                "INSERT INTO sweeps (id, state, key) VALUES (?, 'running', ?)",
                [group_id, key_text(key)],
            )
        return self.get(group_id)

    def latest(self, key: Mapping[str, Any]) -> Sweep | None:
        """The latest sweep of this key that was not cancelled."""
        rows = self._db.rows(
            "SELECT id FROM sweeps WHERE key = ? AND state != 'cancelled' ORDER BY id DESC LIMIT 1",
            [key_text(key)],
        )
        return self.get(rows[0][0]) if rows else None

    def get(self, sweep_id: int) -> Sweep:
        """One sweep with its trials."""
        found = self._found("WHERE sweeps.id = ?", [sweep_id])
        if not found:
            raise JobError(f"sweep {sweep_id}: expected an existing one, found none; see: sweep list")
        return found[0]

    def find(self, *, limit: int = 100) -> list[Sweep]:
        """At most so many sweeps with their trials, newest first."""
        return self._found("ORDER BY sweeps.id DESC LIMIT ?", [limit])

    def running(self) -> list[int]:
        """The numbers of the sweeps that have not ended, oldest first."""
        return [number for (number,) in self._db.rows("SELECT id FROM sweeps WHERE state = 'running'")]

    def of_job(self, group_id: int | None) -> Sweep | None:
        """The sweep that a job of this group belongs to, if it is one."""
        found = [] if group_id is None else self._found("WHERE sweeps.id = ?", [group_id])
        return found[0] if found else None

    def end(self, sweep_id: int, state: str, *, error: str | None = None) -> Sweep:
        """End a running sweep as `finished`, `failed` or `cancelled`; one that has ended stays as it is."""
        with self._db.transaction():
            self._db.rows(
                "UPDATE sweeps SET state = ?, error = ?, finished_at = ? WHERE id = ? AND state = 'running'",
                [state, error, time.time(), sweep_id],
            )
        return self.get(sweep_id)

    def go_on(self, sweep_id: int) -> Sweep:
        """Let a failed sweep go on."""
        with self._db.transaction():
            self._db.rows(
                "UPDATE sweeps SET state = 'running', error = NULL, finished_at = NULL "
                "WHERE id = ? AND state = 'failed'",
                [sweep_id],
            )
        return self.get(sweep_id)

    def set_importance(self, sweep_id: int, importance: Mapping[str, float]) -> None:
        """Store how much each setting matters."""
        with self._db.transaction():
            self._db.rows(
                "UPDATE sweeps SET importance = ? WHERE id = ?", [json_text(dict(importance)), sweep_id]
            )

    def add_trial(
        self, sweep_id: int, number: int, settings: Mapping[str, Any], jobs: Sequence[int], *, error: str = ""
    ) -> None:
        """Store a trial that has begun, or with `error` one that cannot."""
        now = time.time()
        with self._db.transaction():
            self._db.rows(
                "INSERT INTO sweep_trials (sweep_id, number, state, settings, jobs, began_at, "
                "ended_at, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    *(sweep_id, number, "failed" if error else "running", json_text(dict(settings))),
                    *(json_text(list(jobs)), now, now if error else None, error or None),
                ],
            )

    def end_trial(
        self,
        sweep_id: int,
        number: int,
        state: str,
        *,
        value: float | None = None,
        per_seed: Sequence[float] = (),
        error: str | None = None,
    ) -> bool:
        """End a running trial; False, with nothing changed, if it has ended."""
        with self._db.transaction():
            changed = self._db.rows(
                "UPDATE sweep_trials SET state = ?, value = ?, per_seed = ?, error = ?, ended_at = ? "
                "WHERE sweep_id = ? AND number = ? AND state = 'running' RETURNING 1",
                [state, value, json_text(list(per_seed)), error, time.time(), sweep_id, number],
            )
        return bool(changed)

    def _found(self, conditions: str, values: Sequence[Any]) -> list[Sweep]:
        rows = self._db.rows(f"{_LISTED} {conditions}", values)
        return [_sweep(row, self._trials(row[0])) for row in rows]

    def _trials(self, sweep_id: int) -> tuple[Trial, ...]:
        rows = self._db.rows(
            f"SELECT {', '.join(_TRIAL)} FROM sweep_trials WHERE sweep_id = ? ORDER BY number", [sweep_id]
        )
        return tuple(map(_trial, rows))


def _sweep(row: Sequence[Any], trials: tuple[Trial, ...]) -> Sweep:
    fields = dict(zip(_SWEEP, row, strict=True))
    json = {name: from_json(fields[name]) for name in ("request", "importance")}
    return Sweep(**fields | json, trials=trials)


def _trial(row: Sequence[Any]) -> Trial:
    fields = dict(zip(_TRIAL, row, strict=True))
    lists = {name: tuple(from_json(fields[name])) for name in ("jobs", "per_seed")}
    return Trial(**fields | lists | {"settings": from_json(fields["settings"])})
