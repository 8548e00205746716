# SPDX-License-Identifier: AGPL-3.0-only
"""How a folder of images is laid out: which of its folders are splits, told by the paths alone. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.datasets.splits import SPLITS, split_of

_DEEPEST = 16  # folders down to which a dataset is looked for


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where a dataset's images lie; all paths are relative, with slashes, "" being the folder itself.

    Attributes:
        root: the folder that holds the dataset, further down where only one there does.
        splits: split → folders of images; a dataset without splits counts as `train`.
        counts: split → images in its folders.
        known: the folders' names say what they hold; otherwise every image there counts.
        others: datasets beside the one at `root`, if there are several that could be meant.
    """

    root: str = ""
    splits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    known: bool = True
    others: tuple[str, ...] = ()


@dataclass
class _Folder:
    """A folder's own images, those with all below it, and its folders that hold any."""

    path: str = ""
    own: int = 0
    total: int = 0
    inside: dict[str, _Folder] = field(default_factory=dict)


def layout_of(images: Iterable[str]) -> Layout | None:
    """The layout of image files given by relative paths with slashes; None where there are none.

    Known layouts: `images/train…/`, `train…/images/`, `train…/` and, without splits, `images/`. Where the
    folder has none of them, the one folder further down that has splits, or that holds all the images, is
    the dataset. Otherwise all images belong to it.
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
            place = f"{folder.path}/{part}" if folder.path else part
            folder = folder.inside.setdefault(part, _Folder(place))
            folder.total += 1
        folder.own += 1
    return root


def _find(folder: _Folder, depth: int = 0) -> Layout | None:
    """The dataset in a folder or further down; None where the names say nothing."""
    if found := _split_folders(folder):
        return _laid_out(folder, found)
    if "images" in folder.inside:
        return _whole(folder.inside["images"], root=folder.path)
    if depth == _DEEPEST:
        return None
    below = [each for each in (_find(inner, depth + 1) for inner in folder.inside.values()) if each]
    parted = sorted((each for each in below if _has_splits(each) or each.others), key=lambda each: each.root)
    if len(parted) > 1:
        return Layout(root=parted[0].root, others=tuple(each.root for each in parted[1:]))
    if parted:
        return parted[0]
    lone = len(folder.inside) == 1 and not folder.own
    return below[0] if lone and below else None


def _split_folders(folder: _Folder) -> dict[str, list[_Folder]]:
    """The folders of each split, in `images/` or in the folder itself."""
    for parent in (folder.inside.get("images"), folder):
        found: dict[str, list[_Folder]] = {}
        for name, inner in sorted(parent.inside.items() if parent else ()):
            if (split := split_of(name)) is not None:
                found.setdefault(split, []).append(inner.inside.get("images", inner))
        if found:
            return found
    return {}


def _laid_out(folder: _Folder, found: dict[str, list[_Folder]]) -> Layout:
    ordered = {split: found[split] for split in SPLITS if split in found}
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
    """Whether it was told by folders of splits, not by a lone `images/`."""
    return layout.splits != {"train": (f"{layout.root}/images".lstrip("/"),)}
