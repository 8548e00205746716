# SPDX-License-Identifier: AGPL-3.0-only
"""The import of a dataset: reads, names and stores it. No torch unless a download is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from engine.datasets.names import free_name
from engine.datasets.sources import read_dataset
from engine.datasets.uploads import source_key
from engine.records import Dataset


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

    A dataset of the name that is given is replaced. Without a name, a dataset that was read from the same
    source is replaced, but none from another: then the name gets a number.

    Args:
        save: stores it, as `Datasets.save` does.
        source, name, split, images, roots, report: as of `read_dataset`.
        storing: called with the dataset once it is read.

    Returns:
        The dataset under the name that it has now.

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
    note = f"called {stored}, as {dataset.name} is another dataset; --name gives another name"
    return replace(dataset, name=stored, notes=(*dataset.notes, note))
