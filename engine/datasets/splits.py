# SPDX-License-Identifier: AGPL-3.0-only
"""The splits of a dataset: recognises their names and selects the one to read. No torch."""

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
# Such as COCO's `train2017` and CVAT's `obj_train_data`.
_WORD = r"(?P<{0}>train|val|valid|validation|test)"
_NAME = re.compile(rf"{_WORD.format('plain')}([-_]?\d+)?|obj_{_WORD.format('cvat')}_data", re.IGNORECASE)

Entry = TypeVar("Entry")


def split_of(name: str) -> str | None:
    """The split named by a file's stem or a folder, such as `valid` or `train2017`; None for other names."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    word = (match["plain"] or match["cvat"]).lower()
    return _NAMES.get(word, word)


def entries_of(
    splits: Mapping[str, Sequence[Entry]], split: str, counts: Mapping[str, int | None], where: object
) -> list[Entry]:
    """The entries to read for a split or, with `ALL`, of all splits.

    Args:
        splits: split → folders or files.
        split: one of `SPLIT_CHOICES`.
        counts: see `describe_splits`; for the message.
        where: the dataset; for the message.

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
    """Describe the splits and their numbers of images, None for missing files."""
    words = {None: "missing", 1: "1 image"}
    parts = [f"{split} ({words.get(count, f'{count} images')})" for split, count in counts.items()]
    return ", ".join(parts) or "none"


def with_split(stem: str, split: str) -> str:
    """A dataset's name with its split, unless that is `train`."""
    return stem if split == "train" else f"{stem}-{split}"
