# SPDX-License-Identifier: AGPL-3.0-only
"""COCO JSON in a folder: which files are, of which splits, and several read as one dataset. No torch."""

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
# Other annotations of the same images, as COCO publishes them beside `instances_…`.
_OTHER_TASKS = ("captions_", "image_info_", "panoptic_", "person_keypoints_", "stuff_")


def is_coco(file: Path) -> bool:
    """Whether a JSON file names the lists that detection annotations have; it may be damaged all the same."""
    try:
        content = read_bounded(file, MAX_BYTES)
    except OSError:
        return False
    return all(name in content for name in _LISTS)


def count_images(file: Path) -> int:
    """How many images an annotation file lists, without parsing it."""
    return read_bounded(file, MAX_BYTES).count(b'"file_name"')


def coco_splits(files: Sequence[Path]) -> dict[str, tuple[Path, ...]]:
    """Annotation files by split; a lone file of no split counts as `train`.

    Raises:
        DatasetError: several files, and no name says of which split any is.
    """
    instances = [file for file in files if not file.name.lower().startswith(_OTHER_TASKS)]
    files = instances or files
    found: dict[str, list[Path]] = {}
    for file in sorted(files):
        if (split := annotation_split(file)) is not None:
            found.setdefault(split, []).append(file)
    if len(files) == 1 and not found:
        found["train"] = [*files]
    if not found:
        shown = ", ".join(sorted(file.name for file in files)[:5])
        raise DatasetError(
            f"{files[0].parent}: expected one COCO JSON, or one a split (train.json, val.json), "
            f"got {shown}; import one of them by its path, or name them after their splits"
        )
    return {split: tuple(found[split]) for split in ("train", "val", "test") if split in found}


def read_coco_files(
    files: Sequence[Path],
    *,
    name: str,
    images: Path | None = None,
    report: Callable[[int, int], object] = lambda done, total: None,
) -> Dataset:
    """Read annotation files of one dataset; `images` and `report` as of `read_coco`.

    An image that an earlier file lists is left out of the later ones, and noted.

    Raises:
        DatasetError: see `read_coco`; or two files give one class id different names.
    """
    first, *others = [read_coco(file, name=name, images=images, report=report) for file in files]
    names, records, repairs = first.class_names, list(first.images), list(first.repairs)
    for other in others:
        names = _joined_names(names, other.class_names, first.source, other.source)
        new, repeated = _told_apart(records, other)
        records += new
        repairs += [*other.repairs, *repeated]
    return replace(first, class_names=names, images=tuple(records), repairs=tuple(repairs))


def _joined_names(ours: Sequence[str], theirs: Sequence[str], first: str, other: str) -> tuple[str, ...]:
    joined = []
    for index, (one, two) in enumerate(zip_longest(ours, theirs, fillvalue="")):
        if one and two and one != two:
            raise DatasetError(
                f"{other}: expected the categories of {first}, got {two!r} for the id {index}, "
                f"which is {one!r} there; import the splits one by one"
            )
        joined.append(one or two)
    return tuple(joined)


def _told_apart(records: Sequence[ImageRecord], other: Dataset) -> tuple[list[ImageRecord], list[Repair]]:
    """The images that are new, and a repair for each of the others."""
    seen = {os.path.realpath(record.path) for record in records}
    is_new = [os.path.realpath(record.path) not in seen for record in other.images]
    repeated = [record.path for record, new in zip(other.images, is_new, strict=True) if not new]
    action = "left out the repetition"
    return [*compress(other.images, is_new)], [
        Repair(kind="duplicate_image", file=path, line=None, action=action) for path in repeated
    ]
