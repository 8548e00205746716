# SPDX-License-Identifier: AGPL-3.0-only
"""All runs and imported patches as lines of one table, and what can be done to several of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dashboard.services import jobs, patches, run_names
from dashboard.services.runs import asked_settings
from dashboard.services.settings import RUN
from dashboard.services.storage import cached, opened
from engine.errors import EngineError
from engine.jobs.kinds import making
from engine.store.runs import RunLine

LISTED = 5000
FACTS = {  # key, as filters and links name it → what its values are
    "number": "number",
    "name": "text",
    "state": "state",
    "tags": "tags",
    "dataset": "text",
    "detector": "text",
    "class": "text",
    "images": "number",
    "unseen": "flag",
    "created": "moment",
    "patch": "number",
    "notes": "text",
}
SCORES = {
    **dict.fromkeys(("asr", "confidence_retained", "ap50", "ap50_95", "relative_ap50"), "score"),
    **dict.fromkeys(("disappearance", "hallucinations_per_image", "grey_asr"), "score"),
}
COSTS = {
    "elapsed_s": "seconds",
    "image_iterations_per_s": "number",
    "peak_memory_bytes": "bytes",
    "iterations_done": "number",
    "steps": "number",
    "image_iterations": "number",
}
SETTINGS = {key: "setting" for key in RUN if key not in FACTS}
COLUMNS: dict[str, str] = FACTS | SCORES | COSTS | SETTINGS
FACETS = ("state", "dataset", "detector", "class", "tags")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table.

    Attributes:
        id: `12` of a run, `p7` of a patch without one.
        job, patch: their numbers; None where there is none.
        image: the patch's picture; empty without one.
        values: column → value; a column without one is left out.
        intervals: score → its 95% interval.
    """

    id: str
    job: int | None
    patch: int | None
    image: str
    values: dict[str, Any]
    intervals: dict[str, tuple[float, float]]


@cached(ttl_s=2, max_entries=4)
def rows() -> list[Row]:
    """The runs in whatever state and the imported patches, newest first."""
    with opened() as repository:
        return [_row(line) for line in repository.runs.find(making("patch"), limit=LISTED)]


@lru_cache(maxsize=2048)  # the engine answers with the same line while nothing of the run has changed
def _row(line: RunLine) -> Row:
    scores, costs = line.scores, line.costs
    values: dict[str, Any] = {
        key: value for key, value in asked_settings(line.config).items() if key not in FACTS
    }
    values |= {
        "number": line.job_id,
        "name": line.name,
        "state": line.state,
        "tags": list(line.tags),
        "dataset": line.dataset or line.config.get("dataset"),
        "detector": line.detector or line.config.get("weights"),
        "class": line.class_name or _words(line.config.get("class_name")),
        "images": line.images,
        "unseen": line.held_out,
        "created": line.created_at,
        "patch": line.patch_id,
        "notes": line.notes,
        "grey_asr": line.grey_asr,
        **{key: scores.get(key) for key in SCORES if key != "grey_asr"},
        **{key: costs.get(key) for key in COSTS if key in costs},
        "iterations_done": costs.get("iterations"),
        "elapsed_s": line.spent_s,
    }
    return Row(
        id=f"p{line.patch_id}" if line.job_id is None else str(line.job_id),
        job=line.job_id,
        patch=line.patch_id,
        image=line.image or "",
        values={key: value for key, value in values.items() if value not in (None, "", [])},
        intervals={
            key: (low, high)
            for key, (low, high) in scores.get("ci95", {}).items()
            if low is not None and high is not None
        },
    )


def _words(classes: Any) -> str:
    return ", ".join(classes) if isinstance(classes, list) else str(classes or "")


def differing(shown: Sequence[Row]) -> list[str]:
    """The settings in which runs differ, in the order of their declaration."""
    made = [row.values for row in shown if row.job is not None]
    return [key for key in SETTINGS if len({_comparable(values.get(key)) for values in made}) > 1]


def _comparable(value: Any) -> str:
    return repr(value)


def facet_values(shown: Iterable[Row], facet: str) -> dict[str, int]:
    """Value → number of lines with it, the most frequent first."""
    counts: dict[str, int] = {}
    for row in shown:
        value = row.values.get(facet, [])
        for each in value if isinstance(value, list) else [value]:
            counts[str(each)] = counts.get(str(each), 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def ordered(shown: Iterable[Row], column: str, *, falling: bool) -> list[Row]:
    """Lines by the values of a column; those without one last."""
    known: list[Row] = []
    unknown: list[Row] = []
    for row in shown:
        (known if column in row.values else unknown).append(row)
    numbers = all(isinstance(row.values[column], int | float) for row in known)

    def size(row: Row) -> Any:
        value = row.values[column]
        return value if numbers else str(value).casefold()

    return sorted(known, key=size, reverse=falling) + unknown


def rename(row: Row, *, name: str, notes: str) -> None:
    """Give a run and its patch a name and notes.

    Raises:
        EngineError: it is gone.
    """
    with opened() as repository:
        run_names.give(repository, job=row.job, patch=row.patch, name=name, notes=notes)
    forget()


def tag(chosen: Iterable[Row], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
    """Add tags to runs, and take others from them; a patch without a run has none.

    Raises:
        JobError: a run is gone.
    """
    with opened() as repository:
        for row in chosen:
            if row.job is not None:
                before = repository.jobs.get(row.job).tags
                kept = [each for each in dict.fromkeys((*before, *add)) if each not in remove]
                repository.jobs.edit(row.job, tags=kept)
    forget()


def delete(chosen: Iterable[Row]) -> list[str]:
    """Remove runs with their patches, scores and files.

    Returns:
        Why some could not be removed, a sentence each: one that runs stays.
    """
    troubles: list[str] = []
    for row in chosen:
        try:
            if row.job is not None:
                jobs.delete(row.job)
            if row.patch is not None:
                patches.delete(row.patch)
        except EngineError as error:
            troubles.append(str(error))
    forget()
    return troubles


def forget() -> None:
    """After a change the next look is at the database."""
    rows.clear()
