# SPDX-License-Identifier: AGPL-3.0-only
"""Names and values of settings."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.i18n import speaking
from dashboard.parts.setting_names import (
    CHOICES,
    choice_name,
    decided_value,
    named_value,
    setting_name,
    setting_value,
)
from dashboard.services.settings import RUN


@pytest.mark.parametrize(
    ("key", "english", "korean"),
    [
        ("of a later version", "of a later version", "of a later version"),
        ("placement.scale", "Placement: scale", "패치 위치: 크기"),
        ("time_limit_s", "Time limit (s)", "시간 제한(초)"),
        ("settings.iou", "IoU", "IoU"),
    ],
)
def test_a_setting_is_named_with_its_unit(key: str, english: str, korean: str) -> None:
    with speaking("en"):
        assert setting_name(key) == english
    with speaking("ko"):
        assert setting_name(key) == korean


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),  # noqa: RUF001
        ("", "–"),  # noqa: RUF001
        (("man", "woman"), "man, woman"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (0.0300, "0.03"),
        ([0.8, 1.2], "0.8, 1.2"),
        ({"object": 1.0, "tv": 0.5}, "object 1, tv 0.5"),
        ("adam", "adam"),
        ("/home/me/best.pt", "best.pt"),
    ],
)
def test_values_are_written_in_short(value: Any, text: str) -> None:
    with speaking("en"):
        assert setting_value(value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("of a later version", 0, "0"),
        ("seed", 0, "0"),
        ("time_limit_s", 0.0, "no limit"),
        ("time_limit_s", 60.0, "60"),
        ("losses.tv", 0.0, "off"),
        ("include_empty", False, "no"),
        ("optimizer", "pyramid-adam", "Adam, coarse to fine"),
        ("optimizer", "of a plugin", "of a plugin"),
        ("precision", "bf16", "bf16"),
    ],
)
def test_zeros_and_choices_are_named_in_words(name: str, value: Any, text: str) -> None:
    with speaking("en"):
        assert named_value(name, value) == text


def test_every_choice_that_is_no_name_has_words() -> None:
    names = {"architecture", "precision"}  # their other values are names
    settings = [each for each in RUN.values() if isinstance(each.default, str) and each.choices]
    for each in settings:
        unworded = set(each.choices or ()) - set(CHOICES.get(each.key, {}))
        assert not unworded or each.key in names, (each.key, unworded)
    with speaking("ko"):
        assert choice_name("batching", "ragged") != "ragged"


@pytest.mark.parametrize(
    ("name", "value", "facts", "text"),
    [
        ("precision", "auto", {}, "Automatic"),  # before the run has ended
        ("precision", "auto", {"precision": "fp32"}, "auto: fp32"),
        ("precision", "fp32", {"precision": "fp32"}, "fp32"),
        ("batch_size", 0, {"batch_size": 8}, "auto: 8"),
        ("batch_size", 2, {"batch_size": 2}, "2"),
        ("compile", "auto", {"compiled": False}, "auto: no"),
        ("compile", False, {"compiled": False}, "no"),  # of an older version
        ("device", "auto", {"device": "cpu"}, "Automatic"),
    ],
)
def test_what_was_left_to_the_run_is_shown_with_what_it_took(
    name: str, value: Any, facts: dict[str, Any], text: str
) -> None:
    with speaking("en"):
        assert decided_value(name, value, facts) == text
