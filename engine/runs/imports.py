# SPDX-License-Identifier: AGPL-3.0-only
"""Imports datasets: reads, names and stores them. Loads no torch unless a download is needed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from engine import outpost
from engine.datasets.names import free_name
from engine.datasets.sources import read_dataset
from engine.datasets.uploads import source_key
from engine.records import Dataset
from engine.store.repository import Repository

log = logging.getLogger(__name__)


def import_dataset(
    save: Callable[..., str],
    source: str | Path,
    *,
    name: str | None = None,
    split: str = "train",
    images: Path | None = None,
    roots: Sequence[Path] | None = None,
    report: Callable[[int, int], object] = lambda done, total: None,
    storing: Callable[[Dataset], object] = lambda dataset: None,
) -> Dataset:
    """Read a dataset and store it.

    With a given name, a stored dataset of this name is replaced. Without, only one from the same source is
    replaced; otherwise a number is added to the name.

    Args:
        save: stores the dataset, like `Datasets.save`.
        source, name, split, images, roots, report: passed to `read_dataset`.
        storing: called with the dataset after reading, before storing.

    Returns:
        The dataset under its final name.

    Raises:
        DatasetError, SettingsError: see `read_dataset`.
        StorageError: it cannot be stored.
    """
    dataset = read_dataset(source, name=name, split=split, images=images, roots=roots, report=report)
    storing(dataset)

    def own_name(taken: Mapping[str, str]) -> str:
        keys = {each: source_key(where) for each, where in taken.items()}
        return free_name(dataset.name, source_key(dataset.source), keys)

    stored = save(dataset, rename=None if name else own_name)
    if stored == dataset.name:
        return dataset
    note = f"named {stored}, as the name {dataset.name} is taken; choose another with --name"
    return replace(dataset, name=stored, notes=(*dataset.notes, note))


def open_dataset(source: str) -> Dataset:
    """Load an imported dataset by its name, or import a source and load that; on a node the head does it.

    Raises:
        DatasetError: there is neither.
        StorageError: the database cannot be used.
    """
    if (head := outpost.head()) is not None:
        return head.dataset(source)
    with Repository() as repository:
        if repository.datasets.has(source) and not Path(source).exists():
            return repository.datasets.load(source)
        dataset = import_dataset(repository.datasets.save, source)
        for note in dataset.notes:
            log.info("%s: %s", dataset.name, note)
        return repository.datasets.load(dataset.name)
