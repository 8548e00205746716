# SPDX-License-Identifier: AGPL-3.0-only
"""The parts of a dataset: by which names they are known, which there are, which is read. No torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from engine.errors import DatasetError

SPLITS = ("train", "val", "test")
ALL = "all"
"""All splits together."""

SPLIT_CHOICES = (*SPLITS, ALL)

_NAMES = {"valid": "val", "validation": "val"}
# `train2017` as COCO names it, `obj_train_data` as CVAT does.
_WORD = r"(?P<{0}>train|val|valid|validation|test)"
_NAME = re.compile(rf"{_WORD.format('plain')}([-_]?\d+)?|obj_{_WORD.format('cvat')}_data", re.IGNORECASE)

Entry = TypeVar("Entry")


def split_of(name: str) -> str | None:
    """The split that a file's stem or a folder names, such as `valid` or `train2017`; None of any other."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    word = (found["plain"] or found["cvat"]).lower()
    return _NAMES.get(word, word)


def entries_of(
    splits: Mapping[str, Sequence[Entry]], split: str, counts: Mapping[str, int | None], where: object
) -> list[Entry]:
    """What is to be read for a split, for `ALL` of each split in turn.

    Args:
        splits: split → folders or files.
        split: one of `SPLIT_CHOICES`.
        counts: as of `describe_splits`, for the message.
        where: the dataset, for the message.

    Raises:
        DatasetError: there is no such split.
    """
    if split == ALL and splits:
        return list(dict.fromkeys(entry for entries in splits.values() for entry in entries))
    if split not in splits:
        raise DatasetError(
            f"{where}: expected images of the split {split!r}, got the splits {describe_splits(counts)}; "
            "choose one of them, or all"
        )
    return list(splits[split])


def describe_splits(counts: Mapping[str, int | None]) -> str:
    """The splits with their numbers of images; None stands for a split whose files are not there."""
    words = {None: "not there", 1: "1 image"}
    parts = [f"{split} ({words.get(count, f'{count} images')})" for split, count in counts.items()]
    return ", ".join(parts) or "none"


def with_split(stem: str, split: str) -> str:
    """The name of a dataset's split; `train` goes without saying."""
    return stem if split == "train" else f"{stem}-{split}"
