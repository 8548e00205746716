# SPDX-License-Identifier: AGPL-3.0-only
"""Imported datasets in SQLite: save, load, list, delete, count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import DatasetError
from engine.excerpts import short_list, short_repr
from engine.json_text import from_json, json_text
from engine.records import Dataset, ImageRecord, Repair
from engine.store.connection import Connection

_RECORDS = """
    SELECT images.position, path, width, height, class_id, x1, y1, x2, y2
    FROM images LEFT JOIN boxes ON boxes.image_id = images.id
    WHERE images.dataset_id = ?
    ORDER BY images.position, boxes.position
"""
_RECORD = """
    SELECT images.position, path, width, height, class_id, x1, y1, x2, y2
    FROM images LEFT JOIN boxes ON boxes.image_id = images.id
    WHERE images.dataset_id = ? AND images.position = ?
    ORDER BY boxes.position
"""
_SUMMARIES = """
    SELECT name, source, class_names, synthetic, imported_at,
        (SELECT count(*) FROM images WHERE dataset_id = datasets.id),
        (SELECT count(*) FROM images JOIN boxes ON image_id = images.id WHERE dataset_id = datasets.id),
        (SELECT coalesce(sum(times), 0) FROM repairs WHERE dataset_id = datasets.id)
    FROM datasets ORDER BY name
"""
_OBJECT_COUNTS = """
    SELECT count(boxes.image_id)
    FROM images LEFT JOIN boxes ON boxes.image_id = images.id
        AND (?2 IS NULL OR class_id IN (SELECT value FROM json_each(?2)))
    WHERE images.dataset_id = ?1
    GROUP BY images.id ORDER BY images.position
"""
_CLASS_COUNTS = """
    SELECT class_id, count(*) FROM images JOIN boxes ON boxes.image_id = images.id
    WHERE images.dataset_id = ? GROUP BY class_id ORDER BY class_id
"""
_BOX_SHARES = """
    SELECT (x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height
    FROM images JOIN boxes ON boxes.image_id = images.id
    WHERE images.dataset_id = ?1 AND (?2 IS NULL OR class_id = ?2)
"""
_REPAIR_COUNTS = """
    SELECT kind, sum(times) FROM repairs WHERE dataset_id = ? GROUP BY kind ORDER BY sum(times) DESC, kind
"""
_REPAIRS = """
    SELECT kind, file, line, action, times FROM repairs
    WHERE dataset_id = ?1 AND (?2 IS NULL OR kind = ?2) ORDER BY id LIMIT ?3
"""


@dataclass(frozen=True, kw_only=True)
class DatasetSummary:
    """One line of the list of datasets; `imported_at` is UTC, ISO 8601."""

    name: str
    source: str
    class_names: tuple[str, ...]
    synthetic: bool
    imported_at: str
    images: int
    objects: int
    repairs: int


class Datasets:
    """The datasets of one database. Methods raise `DatasetError` for an unknown name."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def save(self, dataset: Dataset, *, rename: Callable[[Mapping[str, str]], str] | None = None) -> str:
        """Store a dataset in one transaction, replacing an earlier one of the same name.

        Args:
            dataset: the dataset to store.
            rename: called with the stored datasets (name → source); returns the name to store it under.

        Returns:
            The dataset's name in the database.
        """
        with self._db.transaction():
            if rename is not None:
                taken = dict(self._db.rows("SELECT name, source FROM datasets"))
                dataset = replace(dataset, name=rename(taken))
            dataset_id = self._save_header(dataset)
            for table in ("images", "repairs"):
                self._db.sqlite.execute(f"DELETE FROM {table} WHERE dataset_id = ?", [dataset_id])
            self._insert_images(dataset_id, dataset.images)
            self._db.insert(
                "repairs (dataset_id, kind, file, line, action, times)",
                (
                    (dataset_id, each.kind, each.file, each.line, each.action, each.times)
                    for each in dataset.repairs
                ),
            )
        return dataset.name

    def load(self, name: str) -> Dataset:
        """Load a dataset, all images and boxes with one query."""
        with self._db.errors():
            dataset_id = self._dataset_id(name)
            header = self._db.rows(
                "SELECT source, class_names, synthetic FROM datasets WHERE id = ?", [dataset_id]
            )
            ((source, class_names, synthetic),) = header
            rows = self._db.sqlite.execute(_RECORDS, [dataset_id])
            images = tuple(_record(list(group)) for _, group in groupby(rows, itemgetter(0)))
            repairs = self._db.rows(_REPAIRS, [dataset_id, None, -1])
        return Dataset(
            name=name,
            source=source,
            class_names=tuple(from_json(class_names)),
            images=images,
            repairs=tuple(map(_repair, repairs)),
            synthetic=bool(synthetic),
        )

    def load_image(self, name: str, position: int) -> ImageRecord:
        """Load one image of a dataset by its index.

        Raises:
            DatasetError: there is no such dataset, or it has no such image.
        """
        rows = self._db.rows(_RECORD, [self._dataset_id(name), position])
        if not rows:
            raise DatasetError(f"dataset {name!r}: expected an image at {position}, got none; choose another")
        return _record(rows)

    def has(self, name: str) -> bool:
        """Whether a dataset is stored under this name."""
        return bool(self._db.rows("SELECT 1 FROM datasets WHERE name = ?", [name]))

    def imported_at(self, name: str) -> str:
        """A dataset's time of import, UTC, ISO 8601 with microseconds, which identifies the import."""
        dataset_id = self._dataset_id(name)
        return str(self._db.value("SELECT imported_at FROM datasets WHERE id = ?", [dataset_id]))

    def all(self) -> list[DatasetSummary]:
        """All stored datasets by name."""
        rows = self._db.rows(_SUMMARIES)
        return [
            DatasetSummary(
                name=name,
                source=source,
                class_names=tuple(from_json(class_names)),
                synthetic=bool(synthetic),
                imported_at=imported_at,
                images=images,
                objects=objects,
                repairs=repairs,
            )
            for name, source, class_names, synthetic, imported_at, images, objects, repairs in rows
        ]

    def delete(self, name: str) -> None:
        """Remove a dataset from the database; image files stay."""
        with self._db.transaction():
            self._db.sqlite.execute("DELETE FROM datasets WHERE id = ?", [self._dataset_id(name)])

    def object_counts(self, name: str, class_id: int | Sequence[int] | None = None) -> list[int]:
        """Objects per image, of one class, of several in total, or (None) of all, in the images' order."""
        ids = [class_id] if isinstance(class_id, int) else class_id
        values = [self._dataset_id(name), None if ids is None else json_text(ids)]
        return [count for (count,) in self._db.rows(_OBJECT_COUNTS, values)]

    def class_counts(self, name: str) -> dict[int, int]:
        """Objects of each class id that has any."""
        return dict(self._db.rows(_CLASS_COUNTS, [self._dataset_id(name)]))

    def box_shares(self, name: str, class_id: int | None = None) -> npt.NDArray[np.float32]:
        """Boxes of a class, or (None) all, relative to their images.

        Returns:
            float32 (n, 4): centre x, centre y, width, height, 0 to 1.
        """
        rows = self._db.rows(_BOX_SHARES, [self._dataset_id(name), class_id])
        return np.array(rows, dtype=np.float32).reshape(-1, 4)

    def repair_counts(self, name: str) -> dict[str, int]:
        """Number of repairs of each kind, most frequent first."""
        return dict(self._db.rows(_REPAIR_COUNTS, [self._dataset_id(name)]))

    def repairs(self, name: str, *, kind: str | None = None, limit: int = 200) -> list[Repair]:
        """The first repairs, of one kind or (None) all, in the order in which they were made."""
        rows = self._db.rows(_REPAIRS, [self._dataset_id(name), kind, limit])
        return list(map(_repair, rows))

    def _save_header(self, dataset: Dataset) -> int:
        """Insert or update the dataset's own row, keeping its id, which other rows may refer to."""
        return self._db.value(
            """
            INSERT INTO datasets (name, source, class_names, synthetic, imported_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET source = excluded.source, class_names = excluded.class_names,
                synthetic = excluded.synthetic, imported_at = excluded.imported_at
            RETURNING id
            """,
            [
                dataset.name,
                dataset.source,
                json_text(dataset.class_names),
                int(dataset.synthetic),
                datetime.now(UTC).isoformat(timespec="microseconds"),
            ],
        )

    def _insert_images(self, dataset_id: int, images: Sequence[ImageRecord]) -> None:
        first_id = self._db.value("SELECT coalesce(max(id), 0) + 1 FROM images")
        self._db.insert(
            "images (id, dataset_id, position, path, width, height)",
            (
                (first_id + position, dataset_id, position, image.path, image.width, image.height)
                for position, image in enumerate(images)
            ),
        )
        self._db.insert(
            "boxes (image_id, position, class_id, x1, y1, x2, y2)",
            _box_rows(images, first_id),
        )

    def _dataset_id(self, name: str) -> int:
        rows = self._db.rows("SELECT id FROM datasets WHERE name = ?", [name])
        if not rows:
            names = [each for (each,) in self._db.rows("SELECT name FROM datasets ORDER BY name")]
            imported = short_list(names) or "none"
            raise DatasetError(
                f"dataset {short_repr(name)}: expected an imported dataset ({imported}); import it first"
            )
        return rows[0][0]


def _box_rows(images: Iterable[ImageRecord], first_id: int) -> Iterator[tuple[Any, ...]]:
    for image_id, image in enumerate(images, start=first_id):
        pairs = zip(image.class_ids.tolist(), image.boxes_xyxy_px.tolist(), strict=True)
        for position, (class_id, corners) in enumerate(pairs):
            yield (image_id, position, class_id, *corners)


def _repair(row: tuple[Any, ...]) -> Repair:
    kind, file, line, action, times = row
    return Repair(kind=kind, file=file, line=line, action=action, times=times)


def _record(rows: list[tuple[Any, ...]]) -> ImageRecord:
    """One image from its joined rows; without boxes the join gives one row of NULLs."""
    _, path, width, height = rows[0][:4]
    boxes = [row[5:] for row in rows if row[4] is not None]
    return ImageRecord(
        path=path,
        width=width,
        height=height,
        boxes_xyxy_px=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        class_ids=np.array([row[4] for row in rows if row[4] is not None], dtype=np.int64),
    )
