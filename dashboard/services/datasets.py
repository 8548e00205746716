# SPDX-License-Identifier: AGPL-3.0-only
"""Imported datasets: their figures, their repairs, and imports as jobs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dashboard.services import workers
from dashboard.services.paths import allowed_roots, held_roots, within_roots
from dashboard.services.storage import cached, opened
from engine.classes import dataset_class_ids
from engine.datasets.annotations import REPAIR_KINDS, repair_words
from engine.datasets.datafile import DATA_SUFFIXES
from engine.datasets.histogram import count_histogram
from engine.datasets.roots import held_to
from engine.datasets.sources import downloadable_names, find_dataset
from engine.datasets.splits import SPLIT_CHOICES
from engine.datasets.uploads import archive_name, archive_splits, store_upload
from engine.errors import EngineError, SettingsError
from engine.excerpts import short_repr
from engine.jobs.kinds import making
from engine.jobs.kinds.dataset_import import ImportRequest
from engine.records import ImageRecord, Job, Repair
from engine.store.datasets import DatasetSummary

__all__ = [
    "REPAIR_KINDS",
    "SPLIT_CHOICES",
    "BoxFigures",
    "box_figures",
    "class_counts",
    "class_ids",
    "classes_with_objects",
    "delete",
    "histogram",
    "image",
    "import_demo",
    "import_name",
    "import_path",
    "import_upload",
    "imports",
    "known_names",
    "object_counts",
    "positions",
    "repair_counts",
    "repair_texts",
    "repair_words",
    "repairs",
    "splits_at",
    "splits_in",
    "summaries",
    "usable",
]

CELLS = 24  # of the heat map, either way
SIZE_BINS = 20
RECENT_S = 600.0  # for how long a failed import is shown
LIMITS = (2, 30)  # of a histogram


@dataclass(frozen=True, kw_only=True)
class BoxFigures:
    """How boxes are spread.

    Attributes:
        centres: CELLS × CELLS, boxes with their centre in each cell of the image, rows from the top.
        sizes: SIZE_BINS, boxes by the square root of their share of the image's area, 0 to 1.
    """

    centres: list[list[int]]
    sizes: list[int]


@cached(ttl_s=2)
def summaries() -> list[DatasetSummary]:
    """All datasets by name."""
    with opened() as repository:
        return repository.datasets.all()


# What follows stays as it is until the dataset is imported anew, which `imported_at` shows.


@cached(ttl_s=600, max_entries=16)
def object_counts(name: str, imported_at: str, class_id: int | tuple[int, ...] | None) -> list[int]:
    """Objects in each image, of one class, of several or (None) of all, in the dataset's order."""
    with opened() as repository:
        return repository.datasets.object_counts(name, class_id)


@cached(ttl_s=600, max_entries=16)
def class_counts(name: str, imported_at: str) -> dict[int, int]:
    """Objects of each class id that has any."""
    with opened() as repository:
        return repository.datasets.class_counts(name)


def classes_with_objects(dataset: DatasetSummary) -> list[str]:
    """The names of a dataset's classes that have objects, the most frequent first."""
    counts = class_counts(dataset.name, dataset.imported_at)
    return list(
        dict.fromkeys(dataset.class_names[each] for each in sorted(counts, key=lambda each: -counts[each]))
    )


def class_ids(dataset: DatasetSummary, names: Sequence[str]) -> tuple[int, ...]:
    """The numbers of a dataset's classes, as the engine finds them.

    Raises:
        DatasetError: it has no such class.
    """
    return dataset_class_ids(dataset.class_names, names, dataset=dataset.name)


@cached(ttl_s=600, max_entries=16)
def box_figures(name: str, imported_at: str, class_id: int | None) -> BoxFigures:
    """Where boxes lie and how large they are, of one class or (None) of all."""
    with opened() as repository:
        shares = repository.datasets.box_shares(name, class_id)
    edges = np.linspace(0, 1, CELLS + 1)
    centres = np.histogram2d(shares[:, 1], shares[:, 0], bins=(edges, edges))[0]
    sides = np.sqrt(shares[:, 2] * shares[:, 3])
    sizes = np.histogram(sides, bins=np.linspace(0, 1, SIZE_BINS + 1))[0]
    return BoxFigures(centres=centres.astype(int).tolist(), sizes=sizes.tolist())


def repair_texts() -> list[str]:
    """The engine's own words about repairs that pages show translated."""
    return [text for kind in REPAIR_KINDS.values() for text in kind]


@cached(ttl_s=600, max_entries=16)
def repair_counts(name: str, imported_at: str) -> dict[str, int]:
    """How many repairs of each kind, most frequent first."""
    with opened() as repository:
        return repository.datasets.repair_counts(name)


@cached(ttl_s=600, max_entries=16)
def repairs(name: str, imported_at: str, kind: str | None) -> list[Repair]:
    """The first 200 repairs, of one kind or (None) of all."""
    with opened() as repository:
        return repository.datasets.repairs(name, kind=kind, limit=200)


@cached(ttl_s=600, max_entries=256)
def image(name: str, imported_at: str, position: int) -> ImageRecord:
    """One image by its place in the dataset's order.

    Raises:
        DatasetError: it is not there.
    """
    with opened() as repository:
        return repository.datasets.load_image(name, position)


def histogram(counts: list[int], limit: int) -> list[int]:
    """Images by object count, 0 to `limit`; the last bucket holds `limit` objects and more."""
    return list(count_histogram(counts, limit=limit).values())


def last_bucket(counts: list[int]) -> int:
    """The limit of `histogram`, 2 to 30, beyond which at most a twentieth of the images lie."""
    ordered = sorted(counts)
    fits = ordered[-(len(ordered) // 20) - 1] if ordered else 0
    return min(max(fits, LIMITS[0]), LIMITS[1])


def positions(counts: list[int], bucket: int, limit: int) -> list[int]:
    """The images of a bucket of `histogram`, by their places in the dataset's order."""
    return [place for place, count in enumerate(counts) if min(count, limit) == bucket]


@cached(ttl_s=1)
def imports() -> list[Job]:
    """Imports that run or wait, and those that failed in the last ten minutes; newest first."""
    with opened() as repository:
        newest = repository.jobs.find(kinds=making("dataset"), limit=20)
    active = ("queued", "running")
    since = time.time() - RECENT_S
    return [
        job
        for job in newest
        if job.state in active or (job.state == "failed" and (job.finished_at or 0) > since)
    ]


@cached(ttl_s=3600, max_entries=1)
def known_names() -> list[str]:
    """The datasets that Ultralytics can download by name."""
    return downloadable_names()


def import_demo() -> Job:
    """Queue the import of the embedded demo."""
    return _submit("demo", name="", split="train", roots=None)


def import_path(written: str, *, name: str, split: str, images: str = "") -> Job:
    """Queue the import of a folder, a data file, COCO JSON or an archive on the server.

    What the source names and links to is held to the allowed folders too, that of an upload to its own one.

    Args:
        written: its path, within the allowed folders.
        name: what to call it; empty: after the source.
        split: `train`, `val`, `test` or `all`.
        images: of COCO JSON, the folder of its images; empty: the usual places.

    Raises:
        SettingsError: a path lies outside the allowed folders, or nothing is there.
        EngineError: it cannot be queued.
    """
    source = within_roots(written)
    folders = [within_roots(images)] if images.strip() else []
    roots = list(dict.fromkeys([*held_roots(source), *folders]))
    return _submit(str(source), name=name, split=split, images=folders[0] if folders else None, roots=roots)


def import_name(known: str, *, name: str, split: str) -> Job:
    """Queue the import of a dataset that Ultralytics downloads.

    Raises:
        SettingsError: Ultralytics knows no such name.
        EngineError: it cannot be queued.
    """
    if known not in known_names():
        raise SettingsError(
            f"dataset: expected a dataset that Ultralytics can download, got {known!r}; choose another"
        )
    return _submit(known, name=name, split=split, roots=allowed_roots())


def import_upload(file: BinaryIO, filename: str, *, name: str, split: str) -> Job:
    """Check and keep an uploaded archive, and queue its import.

    Raises:
        DatasetError: it holds what a dataset must not hold; see `engine.datasets.uploads`.
        EngineError: it cannot be kept or queued.
    """
    path = store_upload(file, filename)
    label = f"Import {name.strip() or archive_name(path)}"
    return _submit(str(path), name=name, split=split, roots=allowed_roots(), label=label)


@cached(ttl_s=30, max_entries=8)
def splits_at(written: str) -> dict[str, int | None]:
    """Images in each split of a folder or data file on the server.

    None for a split that is not there or lies outside the allowed folders; empty where that is not known
    before an import, or the path lies outside. The import says why.
    """
    try:
        path = within_roots(written)
        if not (path.is_dir() or path.suffix.lower() in DATA_SUFFIXES):
            return {}
        with held_to(held_roots(path)):
            return find_dataset(path).counts()
    except EngineError:
        return {}


def splits_in(file: BinaryIO) -> dict[str, int]:
    """Images in each split of an uploaded archive; empty where its list of files does not say."""
    try:
        return archive_splits(file)
    except EngineError:
        return {}


def delete(name: str) -> None:
    """Forget a dataset; its image files stay.

    Raises:
        DatasetError: there is none of this name.
    """
    with opened() as repository:
        repository.datasets.delete(name)
    summaries.clear()


def usable(name: str) -> str:
    """A dataset as pages may name it: runs read a file or folder of that name in its place.

    Raises:
        SettingsError: there is one outside the allowed folders.
    """
    if name != "demo" and Path(name).expanduser().exists():
        within_roots(name)
    return name


def _submit(
    source: str,
    *,
    name: str,
    split: str,
    roots: Sequence[Path] | None,
    images: Path | None = None,
    label: str = "",
) -> Job:
    name = name.strip()
    if name and (Path(name).name != name or name.startswith("~")):
        raise SettingsError(
            f"name: expected a name that is not a path, got {short_repr(name)}; choose another"
        )
    request = ImportRequest(
        source=source,
        name=name or None,
        split=split,
        images=None if images is None else str(images),
        roots=None if roots is None else tuple(map(str, roots)),
    )
    job = workers.submit("import", request, label=label)
    imports.clear()
    return job
