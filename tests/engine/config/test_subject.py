# SPDX-License-Identifier: AGPL-3.0-only
"""What is attacked: classes in one form, each detector once."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config.subject import SubjectConfig
from engine.errors import SettingsError

NEEDED = {"dataset": "photos", "weights": "mine.pt"}


@pytest.mark.parametrize(
    ("given", "kept", "names"),
    [
        ("car", "car", ("car",)),
        (("car",), "car", ("car",)),
        (["car", "car"], "car", ("car",)),
        (["man", "woman"], ("man", "woman"), ("man", "woman")),
        (0, "0", ("0",)),  # as `jobs duplicate --set class_name=0` reads it
    ],
)
def test_classes_have_one_form(given: Any, kept: Any, names: tuple) -> None:
    config = SubjectConfig(**NEEDED, class_name=given, detector_class=" person ")
    assert (config.class_name, config.class_names, config.detector_class) == (kept, names, "person")


def test_a_detector_may_have_a_class_of_its_own() -> None:
    own = ("human@b.pt", "9@mine.pt@b.pt")
    config = SubjectConfig(
        **NEEDED, further_weights=("b.pt", "mine.pt@b.pt"), detector_class="person", own_detector_classes=own
    )
    assert [config.detector_class_of(each) for each in config.all_weights] == ["person", "human", "9"]
    classes = {"class_name": ("man", "woman"), "further_weights": ("b.pt",)}
    SubjectConfig(**NEEDED, **classes, own_detector_classes=("0@mine.pt", "human@b.pt"))
    with pytest.raises(SettingsError, match="expected the one that corresponds to man, woman, got none"):
        SubjectConfig(**NEEDED, **classes, own_detector_classes=("human@b.pt",))


@pytest.mark.parametrize(
    ("further", "all_weights"), [((), ("mine.pt",)), (("a.pt", "b.pt"), ("mine.pt", "a.pt", "b.pt"))]
)
def test_the_first_detector_leads(further: tuple[str, ...], all_weights: tuple[str, ...]) -> None:
    assert SubjectConfig(**NEEDED, further_weights=further).all_weights == all_weights


def test_a_detector_counts_once() -> None:
    with pytest.raises(SettingsError, match="expected each detector once"):
        SubjectConfig(**NEEDED, further_weights=("mine.pt",))
