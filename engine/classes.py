# SPDX-License-Identifier: AGPL-3.0-only
"""Matches classes of a dataset with a class of a detector by name, and words them for users."""

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
_DIGITS = 9  # maximum of a class id: longer numbers may be too long to convert
_SEPARATORS = re.compile(r"[\s_-]+")


@dataclass(frozen=True, kw_only=True)
class ClassMatch:
    """Classes of a dataset that together match one class of a detector.

    Attributes:
        dataset_ids, dataset_names: ids and names in the dataset, in its order.
        detector_id, detector_name: id and name in the detector.
    """

    dataset_ids: tuple[int, ...]
    dataset_names: tuple[str, ...]
    detector_id: int
    detector_name: str

    @property
    def words(self) -> str:
        """`person`, or `man, woman → person` if the names differ."""
        return words(self.dataset_names, self.detector_name)

    def to_json(self) -> dict[str, Any]:
        """The form stored in records, which `recorded_words` reads."""
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
    """Resolve the names of classes.

    Args:
        dataset_names, detector_names: all classes of each by index, with empty names for gaps.
        wanted: names of classes of the dataset.
        detector_wanted: name or id of the detector's class; empty for the name of the dataset's only class.
        dataset, detector: their names in messages.

    Raises:
        DatasetError, DetectorError: a class is unknown or ambiguous.
        SettingsError: several classes of the dataset, but no class of the detector, were given.
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
    """Reject several classes of a dataset without the matching class of the detector.

    Raises:
        SettingsError: the detector's class is missing.
    """
    if len(set(map(name_key, wanted))) > 1 and not detector_wanted.strip():
        raise SettingsError(
            f"detector's class: expected the one that corresponds to {listed(wanted)}, got none; "
            "give it with --detector-class"
        )


def own_class(detector: str, of_all: str, own: Iterable[str]) -> str:
    """The class that one of several detectors was given.

    Args:
        detector: its weights.
        of_all: that of those without a class of their own.
        own: classes of single detectors as `NAME@DETECTOR`.
    """
    end = f"@{detector}"
    return next((text.removesuffix(end) for text in own if text.endswith(end)), of_all)


def dataset_class_ids(
    names: Sequence[str], wanted: Iterable[str], *, dataset: str = "the dataset"
) -> tuple[int, ...]:
    """Sorted ids of the dataset's classes with certain names, including all classes of the same name.

    Args:
        names: of all classes by index, with empty names for gaps.
        wanted: names, exact or differing only in case and separators.
        dataset: its name in messages.

    Raises:
        DatasetError: a class is unknown or ambiguous.
    """
    class_ids: set[int] = set()
    for name in wanted:
        ids = _named(names, name)
        if not ids:
            raise DatasetError(_unknown(names, name, "dataset", dataset, "choose one with --class"))
        if len({names[each] for each in ids}) > 1:
            raise DatasetError(_ambiguous(names, ids, name, "dataset", "spell it exactly as listed"))
        class_ids.update(ids)
    return tuple(sorted(class_ids))


def detector_class_id(
    names: Sequence[str], wanted: str, *, detector: str = "the detector", given: bool = True
) -> int:
    """The id of a detector's class.

    Args:
        names: of all classes by index.
        wanted: an exact name, else an id, else a name differing only in case and separators.
        detector: its name in messages.
        given: whether `wanted` was given for the detector, not taken from the dataset.

    Raises:
        DetectorError: the class is unknown or ambiguous.
    """
    ids = [index for index, name in enumerate(names) if name and name == wanted]
    number = wanted.strip()
    if not ids and given and number.isdecimal() and len(number) <= _DIGITS and int(number) < len(names):
        ids = [int(number)]
    ids = ids or _named(names, wanted)
    if not ids:
        advice = "choose one" if given else "give the matching one"
        raise DetectorError(_unknown(names, wanted, "detector", detector, f"{advice} with --detector-class"))
    if len(ids) > 1:
        raise DetectorError(_ambiguous(names, ids, wanted, "detector", "give its number as --detector-class"))
    return ids[0]


def name_key(name: str) -> str:
    """A key that is equal for names differing only in case, surrounding space, and space, `_` or `-`."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return _SEPARATORS.sub(" ", plain).strip()


def words(dataset_names: Sequence[str], detector_name: str = "") -> str:
    """Classes in words: `person`, or `man, woman → person` if the names differ.

    Args:
        dataset_names: at least one.
        detector_name: empty if it is the same.
    """
    own = ", ".join(dataset_names)
    return f"{own} → {detector_name}" if detector_name and own != detector_name else own


def recorded_words(facts: Mapping[str, Any]) -> str:
    """The classes of a run, a request or a benchmark of any version in words.

    Args:
        facts: with `ClassMatch.to_json` under `classes`, or with the settings under `config`.
    """
    if "classes" in facts:
        return words(facts["classes"]["dataset"], facts["classes"]["detector"])
    name, detector_name = (facts["config"].get(each, "") for each in ("class_name", "detector_class"))
    return words([name] if isinstance(name, str) else name, detector_name)


def listed(names: Iterable[str]) -> str:
    """The first 20 names and the number of further ones, without gaps."""
    shown = [_short(name) for name in names if name]
    more = f", … {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return (", ".join(shown[:SHOWN]) or "none") + more


def _named(names: Sequence[str], wanted: str) -> list[int]:
    """The ids of the classes with exactly this name, else with a similar one."""
    exact = [index for index, name in enumerate(names) if name and name == wanted]
    key = name_key(wanted)
    return exact or [index for index, name in enumerate(names) if key and name_key(name) == key]


def _unknown(names: Sequence[str], wanted: str, kind: str, owner: str, advice: str) -> str:
    keys = {name_key(name): name for name in reversed(names) if name}
    near = get_close_matches(name_key(wanted), keys, n=1)
    guess = f"; did you mean {_short(keys[near[0]])!r}? {_capital(owner)}" if near else f"; {owner}"
    return f"there is no class {_short(wanted)!r} in the {kind}{guess} has: {listed(names)}; {advice}"


def _ambiguous(names: Sequence[str], ids: Sequence[int], wanted: str, kind: str, advice: str) -> str:
    candidates = ", ".join(f"{_short(names[each])!r} ({each})" for each in ids[:SHOWN])
    return f"class {_short(wanted)!r} matches several classes of the {kind}: {candidates}; {advice}"


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith("the ") else text
