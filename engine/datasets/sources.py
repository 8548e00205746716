# SPDX-License-Identifier: AGPL-3.0-only
"""The one entry to datasets: tells what a source is and reads it. No torch unless a download is needed."""

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
        source: an Ultralytics data file (`.yaml`), a YOLO folder, COCO JSON or a folder that holds it, a
            `.zip` of one of these, `demo`, or the name of a dataset that Ultralytics can download, as
            `coco128`. A local path wins over such a name; `demo` always means the embedded demo (`./demo` is
            a folder of that name).
        name: what to call it; by default after the source, with the split unless it is `train`.
        split: `train`, `val`, `test`, or `all` of them together. A dataset without splits counts as `train`;
            COCO JSON given by its file holds one split and ignores this.
        images: COCO JSON only: the folder of the images.
        report: told again and again how many images of how many are read.
        roots: folders that all that is read must lie in, links followed; None reads whatever is named.

    Returns:
        The images that can be used, with boxes inside them, and the report of all repairs.

    Raises:
        DatasetError: the source is not there, has another form, holds no usable image, or names or links to
            what lies outside the roots.
        SettingsError: no such split.
    """
    require_choice("split", split, SPLIT_CHOICES)
    with held_to(roots):
        dataset = _read(str(source), split, images, report)
        require_dataset(dataset)
    _require_usable(dataset, str(source))
    return replace(dataset, name=name) if name else dataset


def downloadable_names() -> list[str]:
    """The datasets that Ultralytics can download by name, told from its files without importing it."""
    package = find_spec("ultralytics")
    if package is None or package.origin is None:
        return []
    return sorted(path.stem for path in Path(package.origin).parent.glob("cfg/datasets/*.yaml"))


def _require_usable(dataset: Dataset, source: str) -> None:
    """Refuse a dataset without images, or of whose labels none could be read, with the first reason."""
    unread = [repair for repair in dataset.repairs if repair.kind in UNREAD]
    if not dataset.images:
        expected, found = "usable images", dataset.repairs
    elif unread and not any(dataset.object_counts()):
        expected, found = "labels that can be read", tuple(unread)
    else:
        return
    counts = replace(dataset, repairs=found).repair_counts()
    kinds = ", ".join(f"{count:,} x {repair_words(kind)}" for kind, count in counts.items())
    first = ""
    if found:
        line = f":{found[0].line}" if found[0].line is not None else ""
        first = f"; first {found[0].file}{line}: {found[0].action}"
    raise DatasetError(f"{source}: expected {expected}, got none ({kinds or 'it lists none'}){first}")


def find_dataset(path: Path) -> FoundDataset:
    """What a folder or a data file holds, before any of it is read.

    Raises:
        DatasetError: it is neither, or holds no dataset.
    """
    path = Path(os.path.abspath(path))
    return find_in_folder(path) if path.is_dir() else find_in_data_file(path)


def _read(source: str, split: str, images: Path | None, report: Report) -> Dataset:
    if source == "demo":
        from engine.datasets.demo import demo_dataset  # drawing the scenes is only needed here

        # What the demo is run on is its split `demo`; `train` is what its detector has learnt from.
        return demo_dataset("demo" if split == "train" else split, report=report)
    # Links stay in the path: labels may lie beside it as it is written.
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
        f"that Ultralytics downloads (as coco128), got nothing at {path}"
    )


def _read_file(path: Path, split: str, images: Path | None, report: Report) -> Dataset:
    if path.suffix.lower() in DATA_SUFFIXES:
        return find_dataset(path).read(split, images=images, report=report)
    if path.suffix.lower() == ".json":
        real = path.resolve()
        return read_coco(real, name=default_name(real), images=images, report=report)
    raise DatasetError(f"{path}: expected {_POSSIBLE}, got another file")


def _was_unpacked(path: Path) -> bool:
    """An upload is removed once it is unpacked; reading it again then means what was unpacked."""
    return path.resolve().parent == uploads_folder() and unpacked_folder(path.resolve()).is_dir()


def _read_zip(path: Path, split: str, images: Path | None, report: Report) -> Dataset:
    """What an archive holds, read as the folder that it was packed from; none of it from elsewhere."""
    root = unpack_zip(path, report)
    with held_to([root]):
        dataset = find_dataset(root).read(split, images=images, report=report)
        require_dataset(dataset)
    return replace(dataset, name=with_split(archive_name(path), split))
