# SPDX-License-Identifier: AGPL-3.0-only
"""Names of classes are resolved, near misses are named, and what was mapped is written for people."""

from __future__ import annotations

import json

import pytest

from engine.classes import (
    dataset_class_ids,
    detector_class_id,
    listed,
    match_classes,
    name_key,
    recorded_words,
    words,
)
from engine.errors import DatasetError, DetectorError, EngineError, SettingsError

COCO = ("person", "bicycle", "traffic light")


@pytest.mark.parametrize(
    ("names", "wanted", "ids"),
    [
        ((), [], ()),
        (("man", "woman"), ["man"], (0,)),
        (("man", "woman"), ["woman", "man", "woman"], (0, 1)),  # in the dataset's order, each once
        (("", "man"), ["man"], (1,)),  # a gap in a source's ids
        (("Person", "person"), ["person"], (1,)),  # an exact name wins
        (("Person",), ["person"], (0,)),
        (("traffic_light",), ["Traffic  light "], (0,)),
        (("traffic-light", "car"), ["traffic_light"], (0,)),
        (("Straße",), ["STRASSE"], (0,)),
        (("사람",), ["\u1109\u1161\u1105\u1161\u11b7"], (0,)),  # composed against decomposed
        (("person", "car", "person"), ["person"], (0, 2)),  # classes of one name are one
        (("0", "1"), ["1"], (1,)),
    ],
)
def test_classes_of_a_dataset_are_found(names: tuple, wanted: list, ids: tuple) -> None:
    assert dataset_class_ids(names, wanted) == ids


@pytest.mark.parametrize(
    ("names", "wanted", "message"),
    [
        ((), "person", "there is no class 'person' in the dataset; streets has: none; choose"),
        (("", ""), "", "there is no class '' in the dataset; streets has: none"),
        (("person", "car"), "persn", "there is no class 'persn' in the dataset; did you mean 'person'? str"),
        (("person", "car"), " ", "there is no class '' in the dataset; streets has: person, car; choose"),
        (("person", "car"), "0", "there is no class '0' in the dataset"),  # numbers are the detector's
        (("person", "car"), "boat", "; streets has: person, car; choose one with --class"),
        (("a b", "a-b"), "A_B", "class 'A_B' matches several classes of the dataset: 'a b' (0), 'a-b' (1)"),
        (("person",), "x" * 500, f"there is no class '{'x' * 39}…' in the dataset"),
        (("person",), "per\nson\n", "there is no class 'per son' in the dataset"),
    ],
)
def test_classes_that_a_dataset_lacks(names: tuple, wanted: str, message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        dataset_class_ids(names, [wanted], dataset="streets")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "wanted", "number"),
    [
        (COCO, "person", 0),
        (COCO, "Traffic-Light", 2),
        (COCO, "1", 1),
        (COCO, " 2 ", 2),
        (("0", "1"), "1", 1),
        (("1", "0"), "1", 0),  # a name wins over a number
        (("Person", "person"), "person", 1),
        (("person", "person"), "1", 1),  # what tells classes of one name apart
    ],
)
def test_a_class_of_a_detector_is_found(names: tuple, wanted: str, number: int) -> None:
    assert detector_class_id(names, wanted) == number


@pytest.mark.parametrize(
    ("names", "wanted", "message"),
    [
        ((), "person", "there is no class 'person' in the detector; net has: none; choose one with"),
        (COCO, "persn", "there is no class 'persn' in the detector; did you mean 'person'? net has: person,"),
        (COCO, "3", "there is no class '3' in the detector; net has: person, bicycle, traffic light; choose"),
        (COCO, "-1", "there is no class '-1' in the detector"),
        (COCO, "9" * 5000, "there is no class '9999"),
        (COCO, "²", "there is no class '²' in the detector"),
        (("person", "person"), "person", "'person' (0), 'person' (1); give its number as --detector-class"),
    ],
)
def test_classes_that_a_detector_lacks(names: tuple, wanted: str, message: str) -> None:
    with pytest.raises(DetectorError) as caught:
        detector_class_id(names, wanted, detector="net")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("dataset", "detector", "wanted", "detector_wanted", "found", "text"),
    [
        (["person"], COCO, ["person"], "", ((0,), 0), "person"),
        (["car", "Person"], COCO, ["person"], "", ((1,), 0), "Person → person"),
        (["pedestrian"], COCO, ["pedestrian"], "person", ((0,), 0), "pedestrian → person"),
        (["man", "dog", "woman"], COCO, ["woman", "man"], "0", ((0, 2), 0), "man, woman → person"),
        (["person"], ["0", "1"], ["person"], "0", ((0,), 0), "person → 0"),
        (["person", "rider"], COCO, ["person", "rider"], "person", ((0, 1), 0), "person, rider → person"),
        (["person", "person"], COCO, ["person"], "", ((0, 1), 0), "person"),
    ],
)
def test_both_sides_are_matched(
    dataset: list, detector: list, wanted: list, detector_wanted: str, found: tuple, text: str
) -> None:
    match = match_classes(dataset, detector, wanted, detector_wanted)
    assert (match.dataset_ids, match.detector_id, match.words) == (*found, text)
    assert recorded_words({"classes": json.loads(json.dumps(match.to_json()))}) == text


@pytest.mark.parametrize(
    ("wanted", "detector_wanted", "error", "message"),
    [
        (["man"], "", DetectorError, "there is no class 'man' in the detector; the detector has: person,"),
        (["0"], "", DetectorError, "give the matching one with --detector-class"),  # a name, not a number
        (
            ["man", "0"],
            "",
            SettingsError,
            "expected the one that corresponds to man, 0, got none; give it with",
        ),
        (["man", "dog"], "person", DatasetError, "there is no class 'dog' in the dataset"),
        (["man"], "dog", DetectorError, "choose one with --detector-class"),
    ],
)
def test_what_cannot_be_matched(wanted: list, detector_wanted: str, error: type, message: str) -> None:
    with pytest.raises(error) as caught:
        match_classes(["man", "0"], COCO, wanted, detector_wanted)
    assert isinstance(caught.value, EngineError)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "none"), (1, "0"), (20, "19"), (21, "19, … 1 more"), (80, "19, … 60 more")],
)
def test_long_lists_are_cut(count: int, text: str) -> None:
    assert listed(map(str, range(count))).endswith(text)


@pytest.mark.parametrize(
    ("names", "same"),
    [(("", "  ", "_"), True), (("A b", "a_B", " a - b "), True), (("ab", "a b"), False)],
)
def test_names_alike(names: tuple, same: bool) -> None:
    assert (len(set(map(name_key, names))) == 1) is same


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"config": {}}, ""),
        ({"config": {"class_name": "person"}}, "person"),  # as older versions wrote it
        ({"config": {"class_name": ["man", "woman"], "detector_class": "person"}}, "man, woman → person"),
        ({"config": {"class_name": "person", "detector_class": "person"}}, "person"),
        ({"config": {"class_name": "x"}, "classes": {"dataset": ["a"], "detector": "b"}}, "a → b"),
    ],
)
def test_records_of_any_version_are_worded(facts: dict, text: str) -> None:
    assert recorded_words(facts) == text


def test_words_without_a_detector() -> None:
    assert words(["man", "woman"]) == "man, woman"
