# SPDX-License-Identifier: AGPL-3.0-only
"""The single entry to datasets: detects the kind of a source and reads it. Only downloads load torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from engine.datasets.annotations import UNREAD, repair_words
from engine.datasets.coco import read_coco
from engine.datasets.datafile import DATA_SUFFIXES
from engine.datasets.found import FoundDataset, find_in_data_file, find_in_folder
from engine.datasets.names import default_name
from engine.datasets.roots import held_to, require_dataset, require_tree
from engine.datasets.splits import SPLIT_CHOICES, with_split
from engine.datasets.uploads import archive_name, unpack_zip, unpacked_folder, uploads_folder
from engine.errors import DatasetError
from engine.records import Dataset
from engine.settings import require_choice

Report = Callable[[int, int], object]

_POSSIBLE = "a data file (.yaml), a YOLO folder, COCO JSON (.json), an archive (.zip)"


def read_dataset(
    source: str | Path,
    *,
    name: str | None = None,
    split: str = "train",
    images: Path | None = None,
    report: Report = lambda done, total: None,
    roots: Sequence[Path] | None = None,
) -> Dataset:
    """Read and repair a dataset.

    Args:
        source: an Ultralytics data file (`.yaml`), a YOLO folder, COCO JSON or its folder, a `.zip` of one of
            these, `demo`, or the name of a dataset that Ultralytics can download, such as `coco128`. A local
            path takes precedence over such a name; `demo` always means the embedded demo (`./demo` is a
            folder of that name).
        name: the dataset's name; by default from the source, with the split unless it is `train`.
        split: `train`, `val`, `test`, or `all` of them. A dataset without splits counts as `train`; a COCO
            JSON file is a single split and ignores this.
        images: COCO JSON only: the folder of the images.
        report: called repeatedly with the number of images read and of all images.
        roots: folders outside which nothing is read, after resolving links; None for no restriction.

    Returns:
        The usable images, with boxes inside them, and the report of all repairs.

    Raises:
        DatasetError: the source does not exist, has an unknown format or no usable image, or refers to files
            outside the roots.
        SettingsError: there is no such split.
    """
    require_choice("split", split, SPLIT_CHOICES)
    with held_to(roots):
        dataset = _read(str(source), split, images, report)
        require_dataset(dataset)
    _require_usable(dataset, str(source))
    return replace(dataset, name=name) if name else dataset


def downloadable_names() -> list[str]:
    """Names of the datasets that Ultralytics can download, from its files, without importing it."""
    package = find_spec("ultralytics")
    if package is None or package.origin is None:
        return []
    return sorted(path.stem for path in Path(package.origin).parent.glob("cfg/datasets/*.yaml"))


def _require_usable(dataset: Dataset, source: str) -> None:
    """Reject a dataset without images or readable labels, giving the first reason."""
    unread = [repair for repair in dataset.repairs if repair.kind in UNREAD]
    if not dataset.images:
        expected, repairs = "usable images", dataset.repairs
    elif unread and not any(dataset.object_counts()):
        expected, repairs = "readable labels", tuple(unread)
    else:
        return
    counts = replace(dataset, repairs=repairs).repair_counts()
    kinds = ", ".join(f"{count:,} x {repair_words(kind)}" for kind, count in counts.items())
    first = ""
    if repairs:
        line = f":{repairs[0].line}" if repairs[0].line is not None else ""
        first = f"; first {repairs[0].file}{line}: {repairs[0].action}"
    raise DatasetError(f"{source}: expected {expected}, got none ({kinds or 'it contains none'}){first}")


def find_dataset(path: Path) -> FoundDataset:
    """Detect the dataset in a folder or data file, without reading it.

    Raises:
        DatasetError: it is neither, or there is no dataset.
    """
    path = Path(os.path.abspath(path))
    return find_in_folder(path) if path.is_dir() else find_in_data_file(path)


def _read(source: str, split: str, images: Path | None, report: Report) -> Dataset:
    if source == "demo":
        from engine.datasets.demo import demo_dataset  # only needed here

        # The demo's default split is `demo`, because its detector was trained on `train`.
        return demo_dataset("demo" if split == "train" else split, report=report)
    # Links are not resolved, because labels are searched for relative to the path as written.
    path = Path(os.path.abspath(os.path.expanduser(source)))
    for named in (path, images):
        if named is not None and named.exists():
            require_tree(named)
    if source and path.is_dir():
        return find_dataset(path).read(split, images=images, report=report)
    if path.suffix.lower() == ".zip" and (path.is_file() or _was_unpacked(path)):
        return _read_zip(path.resolve(), split, images, report)
    if path.is_file():
        return _read_file(path, split, images, report)
    if source.removesuffix(".yaml") in downloadable_names():
        from engine.detectors.ultralytics_download import download_dataset  # loads torch

        file = download_dataset(source.removesuffix(".yaml"))
        return find_dataset(file).read(split, images=None, report=report)
    raise DatasetError(
        f"dataset {source!r}: expected {_POSSIBLE}, 'demo' or the name of a dataset "
        f"that Ultralytics can download (such as coco128), found nothing at {path}"
    )


def _read_file(path: Path, split: str, images: Path | None, report: Report) -> Dataset:
    if path.suffix.lower() in DATA_SUFFIXES:
        return find_dataset(path).read(split, images=images, report=report)
    if path.suffix.lower() == ".json":
        real = path.resolve()
        return read_coco(real, name=default_name(real), images=images, report=report)
    raise DatasetError(f"{path}: expected {_POSSIBLE}, got a different file")


def _was_unpacked(path: Path) -> bool:
    """Whether the path is an upload that was unpacked and then removed."""
    return path.resolve().parent == uploads_folder() and unpacked_folder(path.resolve()).is_dir()


def _read_zip(path: Path, split: str, images: Path | None, report: Report) -> Dataset:
    """Unpack an archive and read its folder, rejecting references to files outside."""
    root = unpack_zip(path, report)
    with held_to([root]):
        dataset = find_dataset(root).read(split, images=images, report=report)
        require_dataset(dataset)
    return replace(dataset, name=with_split(archive_name(path), split))
