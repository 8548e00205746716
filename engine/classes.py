# SPDX-License-Identifier: AGPL-3.0-only
"""Which classes of a dataset are which class of a detector: names resolved, and written for people."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from engine.errors import DatasetError, DetectorError, SettingsError

SHOWN = 20  # names in a message
LONGEST_NAME = 40  # characters of a name in a message
_DIGITS = 9  # of a class's number: more is no number of a class, and may be too long to convert
_SEPARATORS = re.compile(r"[\s_-]+")


@dataclass(frozen=True, kw_only=True)
class ClassMatch:
    """Classes of a dataset whose objects, taken together, are those of one class of a detector.

    Attributes:
        dataset_ids, dataset_names: as the dataset numbers and writes them, in the dataset's order.
        detector_id, detector_name: as the detector does.
    """

    dataset_ids: tuple[int, ...]
    dataset_names: tuple[str, ...]
    detector_id: int
    detector_name: str

    @property
    def words(self) -> str:
        """`person`, or `man, woman → person` where the names differ."""
        return words(self.dataset_names, self.detector_name)

    def to_json(self) -> dict[str, Any]:
        """What records keep; `recorded_words` reads it."""
        return {"dataset": list(self.dataset_names), "detector": self.detector_name}


def match_classes(
    dataset_names: Sequence[str],
    detector_names: Sequence[str],
    wanted: Sequence[str],
    detector_wanted: str = "",
    *,
    dataset: str = "the dataset",
    detector: str = "the detector",
) -> ClassMatch:
    """Resolve what was asked for.

    Args:
        dataset_names, detector_names: all classes of each by index; empty names stand for gaps.
        wanted: names of classes of the dataset.
        detector_wanted: a name or a number of the detector's class; empty: the one that is called like the
            only class of the dataset.
        dataset, detector: what messages call them.

    Raises:
        DatasetError, DetectorError: no such class, or several that the name may mean.
        SettingsError: several classes of the dataset, and none of the detector.
    """
    ids = dataset_class_ids(dataset_names, wanted, dataset=dataset)
    names = tuple(dict.fromkeys(dataset_names[each] for each in ids))
    require_detector_class(names, detector_wanted)
    detector_id = detector_class_id(
        detector_names, detector_wanted or names[0], detector=detector, given=bool(detector_wanted)
    )
    return ClassMatch(
        dataset_ids=ids,
        dataset_names=names,
        detector_id=detector_id,
        detector_name=detector_names[detector_id],
    )


def require_detector_class(wanted: Sequence[str], detector_wanted: str) -> None:
    """Refuse several classes of a dataset without the detector's class that they all are.

    Raises:
        SettingsError: that is so.
    """
    if len(set(map(name_key, wanted))) > 1 and not detector_wanted.strip():
        raise SettingsError(
            f"detector's class: expected the one that stands for {listed(wanted)}, got none; "
            "name it with --detector-class"
        )


def dataset_class_ids(
    names: Sequence[str], wanted: Iterable[str], *, dataset: str = "the dataset"
) -> tuple[int, ...]:
    """The numbers of a dataset's classes, rising; classes that share a name all count.

    Args:
        names: of all classes by index; empty names stand for gaps.
        wanted: exact names, or names alike but for case and separators.
        dataset: what messages call it.

    Raises:
        DatasetError: no such class, or several that a name may mean.
    """
    found: set[int] = set()
    for name in wanted:
        ids = _named(names, name)
        if not ids:
            raise DatasetError(_unknown(names, name, "dataset", dataset, "choose one with --class"))
        if len({names[each] for each in ids}) > 1:
            raise DatasetError(_ambiguous(names, ids, name, "dataset", "write it as it is there"))
        found.update(ids)
    return tuple(sorted(found))


def detector_class_id(
    names: Sequence[str], wanted: str, *, detector: str = "the detector", given: bool = True
) -> int:
    """The number of a detector's class.

    Args:
        names: of all classes by index.
        wanted: an exact name, a number where no class is called so, or a name alike but for case and
            separators.
        detector: what messages call it.
        given: it was asked for as the detector's class, not taken over from the dataset.

    Raises:
        DetectorError: no such class, or several that the name may mean.
    """
    ids = [index for index, name in enumerate(names) if name and name == wanted]
    number = wanted.strip()
    if not ids and given and number.isdecimal() and len(number) <= _DIGITS and int(number) < len(names):
        ids = [int(number)]
    ids = ids or _named(names, wanted)
    if not ids:
        advice = "choose one" if given else "name the matching one"
        raise DetectorError(_unknown(names, wanted, "detector", detector, f"{advice} with --detector-class"))
    if len(ids) > 1:
        raise DetectorError(_ambiguous(names, ids, wanted, "detector", "give its number as --detector-class"))
    return ids[0]


def name_key(name: str) -> str:
    """What names have in common that differ only in case, surrounding space, and space, `_` or `-`."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return _SEPARATORS.sub(" ", plain).strip()


def words(dataset_names: Sequence[str], detector_name: str = "") -> str:
    """Classes for people to read: `person`, or `man, woman → person` where the names differ.

    Args:
        dataset_names: at least one.
        detector_name: empty: called the same.
    """
    own = ", ".join(dataset_names)
    return f"{own} → {detector_name}" if detector_name and own != detector_name else own


def recorded_words(facts: Mapping[str, Any]) -> str:
    """The classes that a run, a request or a benchmark of any version is about, for people to read.

    Args:
        facts: with what `ClassMatch.to_json` gave under `classes`, or with the settings asked for under
            `config`.
    """
    if "classes" in facts:
        return words(facts["classes"]["dataset"], facts["classes"]["detector"])
    name, detector_name = (facts["config"].get(each, "") for each in ("class_name", "detector_class"))
    return words([name] if isinstance(name, str) else name, detector_name)


def listed(names: Iterable[str]) -> str:
    """Names in a row, the first 20 and how many more there are; gaps are left out."""
    there = [_short(name) for name in names if name]
    more = f", … {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    return (", ".join(there[:SHOWN]) or "none") + more


def _named(names: Sequence[str], wanted: str) -> list[int]:
    """The numbers of the classes that a name means: those called exactly so, else those alike."""
    exact = [index for index, name in enumerate(names) if name and name == wanted]
    key = name_key(wanted)
    return exact or [index for index, name in enumerate(names) if key and name_key(name) == key]


def _unknown(names: Sequence[str], wanted: str, kind: str, owner: str, advice: str) -> str:
    keys = {name_key(name): name for name in reversed(names) if name}
    near = get_close_matches(name_key(wanted), keys, n=1)
    guess = f"; did you mean {_short(keys[near[0]])!r}? {_capital(owner)}" if near else f"; {owner}"
    return f"there is no class {_short(wanted)!r} in the {kind}{guess} has: {listed(names)}; {advice}"


def _ambiguous(names: Sequence[str], ids: Sequence[int], wanted: str, kind: str, advice: str) -> str:
    found = ", ".join(f"{_short(names[each])!r} ({each})" for each in ids[:SHOWN])
    return f"class {_short(wanted)!r} may be any of these in the {kind}: {found}; {advice}"


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith("the ") else text
