# SPDX-License-Identifier: AGPL-3.0-only
"""Paths of weight files by name, and their classes, without torch and without running anything in them.

The classes are only for choices on pages; a detector's actual classes are known once it is loaded.
"""

from __future__ import annotations

from pathlib import Path

from engine.config import home_folder
from engine.detectors.pickle_tree import Node, Pairs, entries, read_pickles
from engine.detectors.transformers_folder import is_hub_name
from engine.detectors.weight_archive import WeightArchive, model_node
from engine.errors import DetectorError
from engine.excerpts import short_repr
from engine.outpost import here
from engine.registries import DETECTORS

PACKAGED_WEIGHTS = Path(__file__).resolve().parent / "weights"
_MOST_CLASSES = 100_000


def possible_files(weights: str | Path) -> list[Path]:
    """The possible files of a path or a name, in search order.

    Returns:
        The path alone, or for a bare name (`demo`, `yolo11n.pt`) also the file of this name among
        PatchBench's own weights and, last, in `PATCHBENCH_HOME/weights`. There is also the file of a name
        with its family's, `torchvision/fcos_resnet50_fpn`, and the folder of a name of Hugging Face's hub.
    """
    given = Path(weights).expanduser()
    kept = home_folder() / "weights"
    if any(str(weights) in family.offered for family in DETECTORS.things()) and "/" in str(weights):
        return [given, here(kept / f"{weights}.pth")]
    if is_hub_name(str(weights)) and given.parts[0] not in DETECTORS:
        return [given, here(kept / given)]
    if str(weights) != given.name:
        return [here(given)]
    name = given.name if given.suffix else f"{given.name}.pt"
    return [given, PACKAGED_WEIGHTS / name, here(kept / name)]


def classes_in(path: Path) -> tuple[str, ...]:
    """The classes of the model in an Ultralytics checkpoint, by index, with numbers for missing names.

    Args:
        path: a file written by `torch.save`. It may be untrusted, because its pickle is only parsed.

    Returns:
        Empty if the file cannot be read; loading it gives the reason.
    """
    try:
        with open(path, "rb") as file:
            (root,) = read_pickles(WeightArchive(file).pickle)
    except (DetectorError, OSError, ValueError):
        return ()
    model = entries(model_node(root))
    known = _names(model.get("names"))
    count = _head(model).get("nc", entries(model.get("yaml")).get("nc"))
    if not isinstance(count, int):
        count = max(known, default=-1) + 1
    return tuple(known.get(index, str(index)) for index in range(min(count, _MOST_CLASSES)))


def _head(model: dict[str, Node]) -> dict[str, Node]:
    """The attributes of the model's last layer, which alone has the number of classes set later."""
    layers = entries(entries(model.get("_modules")).get("model"))
    return entries(next(reversed(entries(layers.get("_modules")).values()), None))


def _names(node: Node) -> dict[int, str]:
    """Names by index, from a list, or from a dict with numeric or (from JSON) text keys."""
    pairs = node.pairs if isinstance(node, Pairs) else enumerate(node) if isinstance(node, list) else ()
    return {
        int(index): name if isinstance(name, str) else short_repr(name)
        for index, name in pairs
        if isinstance(index, int) or (isinstance(index, str) and index.isdecimal())
    }
