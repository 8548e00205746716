# SPDX-License-Identifier: AGPL-3.0-only
"""COCO JSON in a folder: detects files and their splits, and reads several as one dataset. No torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import compress, zip_longest
from pathlib import Path

from engine.datasets.coco import MAX_BYTES, read_coco
from engine.datasets.names import annotation_split
from engine.errors import DatasetError
from engine.excerpts import read_bounded
from engine.records import Dataset, ImageRecord, Repair

_LISTS = (b'"images"', b'"annotations"', b'"categories"')
# Annotations for other tasks, which COCO publishes along with `instances_…`.
_OTHER_TASKS = ("captions_", "image_info_", "panoptic_", "person_keypoints_", "stuff_")


def is_coco(file: Path) -> bool:
    """Whether a JSON file contains the names of COCO's lists; it may still be damaged."""
    try:
        content = read_bounded(file, MAX_BYTES)
    except OSError:
        return False
    return all(name in content for name in _LISTS)


def count_images(file: Path) -> int:
    """The number of images listed in an annotation file, without parsing it."""
    return read_bounded(file, MAX_BYTES).count(b'"file_name"')


def coco_splits(files: Sequence[Path]) -> dict[str, tuple[Path, ...]]:
    """Annotation files by split; a single file without a split counts as `train`.

    Raises:
        DatasetError: there are several files, none of them named after a split.
    """
    instances = [file for file in files if not file.name.lower().startswith(_OTHER_TASKS)]
    files = instances or files
    splits: dict[str, list[Path]] = {}
    for file in sorted(files):
        if (split := annotation_split(file)) is not None:
            splits.setdefault(split, []).append(file)
    if len(files) == 1 and not splits:
        splits["train"] = [*files]
    if not splits:
        shown = ", ".join(sorted(file.name for file in files)[:5])
        raise DatasetError(
            f"{files[0].parent}: expected one COCO JSON, or one per split (train.json, val.json), "
            f"got {shown}; import one of them by its path, or name them after their splits"
        )
    return {split: tuple(splits[split]) for split in ("train", "val", "test") if split in splits}


def read_coco_files(
    files: Sequence[Path],
    *,
    name: str,
    images: Path | None = None,
    report: Callable[[int, int], object] = lambda done, total: None,
) -> Dataset:
    """Read annotation files of one dataset; see `read_coco` for `images` and `report`.

    An image already listed in an earlier file is left out and reported.

    Raises:
        DatasetError: see `read_coco`; or two files give a class id different names.
    """
    first, *others = [read_coco(file, name=name, images=images, report=report) for file in files]
    names, records, repairs = first.class_names, list(first.images), list(first.repairs)
    for other in others:
        names = _joined_names(names, other.class_names, first.source, other.source)
        new, repeated = _new_and_repeated(records, other)
        records += new
        repairs += [*other.repairs, *repeated]
    return replace(first, class_names=names, images=tuple(records), repairs=tuple(repairs))


def _joined_names(ours: Sequence[str], theirs: Sequence[str], first: str, other: str) -> tuple[str, ...]:
    joined = []
    for index, (one, two) in enumerate(zip_longest(ours, theirs, fillvalue="")):
        if one and two and one != two:
            raise DatasetError(
                f"{other}: expected the categories of {first}, got {two!r} for the ID {index}, "
                f"which is {one!r} there; import the splits separately"
            )
        joined.append(one or two)
    return tuple(joined)


def _new_and_repeated(
    records: Sequence[ImageRecord], other: Dataset
) -> tuple[list[ImageRecord], list[Repair]]:
    """The new images, and a repair for each of the others."""
    seen = {os.path.realpath(record.path) for record in records}
    is_new = [os.path.realpath(record.path) not in seen for record in other.images]
    repeated = [record.path for record, new in zip(other.images, is_new, strict=True) if not new]
    action = "skipped the duplicate"
    return [*compress(other.images, is_new)], [
        Repair(kind="duplicate_image", file=path, line=None, action=action) for path in repeated
    ]
