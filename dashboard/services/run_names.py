# SPDX-License-Identifier: AGPL-3.0-only
"""The name and the notes of a run, which its job and its patch share."""

from __future__ import annotations

from engine.store.repository import Repository


def give(repository: Repository, *, job: int | None, patch: int | None, name: str, notes: str) -> None:
    """Give a run's job and its patch the same name and notes; an empty name leaves those they have.

    Args:
        repository: the database.
        job, patch: their numbers; None where there is none.
        name, notes: space around them is left out.

    Raises:
        EngineError: one is gone.
    """
    changes = {"notes": notes.strip()}
    named = {"name": name.strip()} if name.strip() else {}
    if patch is not None:
        repository.patches.edit(patch, **named, **changes)
    if job is not None:
        repository.jobs.edit(job, **({"label": named["name"]} if named else {}), **changes)
