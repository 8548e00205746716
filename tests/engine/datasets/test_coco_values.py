# SPDX-License-Identifier: AGPL-3.0-only
"""Ids, numbers and flags as tools write them."""

import pytest

from engine.datasets.coco_values import flag, identity, number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        (" ", None),
        (True, None),
        ([1], None),
        (float("nan"), None),
        (10**400, None),
        (1, 1),
        (1.0, 1),
        ("1", 1),
        (" 1 ", 1),
        ("1.0", 1),
        ("000000000139", 139),
        (2**60 + 1, 2**60 + 1),
        (1.5, None),
        ("1_0", "1_0"),
        ("a1", "a1"),
        ("²", "²"),
    ],
)
def test_ids_are_compared_as_what_they_mean(value, expected):
    assert identity(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        (False, None),
        ("wide", None),
        (10**400, None),
        ("9" * 50, None),
        (320, 320),
        (320.0, 320),
        ("320", 320),
        ("320.5", 320.5),
        ("-3", -3),
        (float("inf"), float("inf")),
    ],
)
def test_numbers_may_be_text(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *[(value, False) for value in (None, "", 0, 0.0, "0", False, "false", "False")],
        *[(value, True) for value in (1, 1.0, "1", True, "true", " True ")],
        *[(value, None) for value in ("maybe", 2, [1], "2")],
    ],
)
def test_flags(value, expected):
    assert flag(value) is expected
