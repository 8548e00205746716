# SPDX-License-Identifier: AGPL-3.0-only
"""Default names of datasets, from the file or the folder, whichever is meaningful. No torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

from engine.datasets.datafile import DATA_SUFFIXES
from engine.datasets.splits import split_of, with_split

# Generic words in the names of annotation files.
_ANNOTATION_WORDS = {"annotation", "annotations", "coco", "instances", "keypoints", "labels", "person"}
_EMPTY_WORDS = {"data", "dataset", "default", "result"}
_EMPTY_FOLDERS = {"annotations", "images", "labels"}


def annotation_split(file: Path) -> str | None:
    """The split of an annotation file, from its own name or its folder's.

    It is `val` for `instances_val2017.json`, `val_annotations.coco.json` and `valid/_annotations.coco.json`.
    """
    return split_of(_own_words(file.stem)) or split_of(file.parent.name)


def default_name(path: Path, split: str = "train") -> str:
    """A dataset's name from its path: the file's or the nearest folder's name that is not generic.

    Args:
        path: absolute path of a data file, an annotation file or a folder.
        split: the split that is read; appended unless it is `train`.
    """
    own = path.name if path.is_dir() else path.stem
    name, folder = own, path.parent
    empty = _is_empty_folder(own) if path.is_dir() else _is_empty_file(path)
    while empty and folder.name:
        name, folder = folder.name, folder.parent
        empty = _is_empty_folder(name)
    if split == "train" and path.suffix.lower() not in DATA_SUFFIXES:
        split = (split_of(own) if path.is_dir() else annotation_split(path)) or split
    return with_split(own if empty else name, split)


def free_name(name: str, source: str, taken: Mapping[str, str]) -> str:
    """The name under which a source is stored already, else the first free of `name`, `name-2`, `name-3` …

    Args:
        name: the preferred name.
        source: of the dataset.
        taken: name → source of the stored datasets.
    """
    numbered = re.compile(rf"{re.escape(name)}(-\d+)?")
    own = [each for each, where in taken.items() if _same(where, source) and numbered.fullmatch(each)]
    if own:
        return min(own, key=lambda each: (len(each), each))
    return next(each for each in _numbered(name) if each not in taken)


def _same(one: str, other: str) -> bool:
    """Whether two sources are the same, as a data file and its folder are, but not two files in a folder."""
    return one == other or _data_folder(one) == other or one == _data_folder(other)


def _data_folder(source: str) -> str | None:
    path = Path(source)
    return str(path.parent) if path.suffix.lower() in DATA_SUFFIXES else None


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in count(2))


def _own_words(stem: str) -> str:
    """A file's stem without generic words."""
    words = re.split(r"[-_.\s]+", stem)
    return "_".join(word for word in words if word and word.lower() not in _ANNOTATION_WORDS)


def _is_empty_file(path: Path) -> bool:
    # In contrast to `coco.yaml`, Ultralytics' COCO dataset, `coco.json` is a generic name of exports.
    stem = _own_words(path.stem) if path.suffix.lower() == ".json" else path.stem
    return not stem or stem.lower() in _EMPTY_WORDS or split_of(stem) is not None


def _is_empty_folder(name: str) -> bool:
    return name.lower() in _EMPTY_FOLDERS or split_of(name) is not None
