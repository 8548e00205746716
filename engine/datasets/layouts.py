# SPDX-License-Identifier: AGPL-3.0-only
"""Detects the layout of a folder of images, such as its splits, from paths alone. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.datasets.splits import SPLITS, split_of

_DEEPEST = 16  # maximum depth at which a dataset is searched for


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The layout of a dataset; all paths are relative, with slashes, "" for the folder itself.

    Attributes:
        root: the dataset's folder, possibly further down.
        splits: split → folders of images; a dataset without splits counts as `train`.
        counts: split → images in its folders.
        known: whether folder names follow a known layout; otherwise all images are taken.
        others: further datasets besides the one at `root`.
    """

    root: str = ""
    splits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    known: bool = True
    others: tuple[str, ...] = ()


@dataclass
class _Folder:
    """Numbers of a folder's own images and of all images below it, and its subfolders with images."""

    path: str = ""
    own: int = 0
    total: int = 0
    inside: dict[str, _Folder] = field(default_factory=dict)


def layout_of(images: Iterable[str]) -> Layout | None:
    """The layout of image files given by relative paths with slashes; None if there are none.

    Known layouts: `images/train…/`, `train…/images/`, `train…/` and, without splits, `images/`. Otherwise the
    dataset is the only folder further down that has splits or all images, or else consists of all images.
    """
    tree = _tree(images)
    if not tree.total:
        return None
    return _find(tree) or _whole(tree, known=tree.own == tree.total)


def _tree(images: Iterable[str]) -> _Folder:
    root = _Folder()
    for image in images:
        *parts, _name = image.split("/")
        folder = root
        folder.total += 1
        for part in parts:
            path = f"{folder.path}/{part}" if folder.path else part
            folder = folder.inside.setdefault(part, _Folder(path))
            folder.total += 1
        folder.own += 1
    return root


def _find(folder: _Folder, depth: int = 0) -> Layout | None:
    """The dataset in a folder or further down; None if no names match."""
    if splits := _split_folders(folder):
        return _with_splits(folder, splits)
    if "images" in folder.inside:
        return _whole(folder.inside["images"], root=folder.path)
    if depth == _DEEPEST:
        return None
    below = [each for each in (_find(inner, depth + 1) for inner in folder.inside.values()) if each]
    split = sorted((each for each in below if _has_splits(each) or each.others), key=lambda each: each.root)
    if len(split) > 1:
        return Layout(root=split[0].root, others=tuple(each.root for each in split[1:]))
    if split:
        return split[0]
    lone = len(folder.inside) == 1 and not folder.own
    return below[0] if lone and below else None


def _split_folders(folder: _Folder) -> dict[str, list[_Folder]]:
    """The folders of each split, in `images/` or in the folder itself."""
    for parent in (folder.inside.get("images"), folder):
        splits: dict[str, list[_Folder]] = {}
        for name, inner in sorted(parent.inside.items() if parent else ()):
            if (split := split_of(name)) is not None:
                splits.setdefault(split, []).append(inner.inside.get("images", inner))
        if splits:
            return splits
    return {}


def _with_splits(folder: _Folder, splits: dict[str, list[_Folder]]) -> Layout:
    ordered = {split: splits[split] for split in SPLITS if split in splits}
    return Layout(
        root=folder.path,
        splits={split: tuple(each.path for each in folders) for split, folders in ordered.items()},
        counts={split: sum(each.total for each in folders) for split, folders in ordered.items()},
    )


def _whole(folder: _Folder, *, root: str | None = None, known: bool = True) -> Layout:
    return Layout(
        root=folder.path if root is None else root,
        splits={"train": (folder.path,)},
        counts={"train": folder.total},
        known=known,
    )


def _has_splits(layout: Layout) -> bool:
    """Whether the layout was detected by folders of splits, not by a single `images/`."""
    return layout.splits != {"train": (f"{layout.root}/images".lstrip("/"),)}
