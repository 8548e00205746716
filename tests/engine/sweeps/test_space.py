# SPDX-License-Identifier: AGPL-3.0-only
"""What is varied is read from texts and checked by the settings' own declarations."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.errors import SettingsError
from engine.sweeps.space import Dimension, Space, losses_of, parse_dimension, variable_settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("learning_rate=0.003..0.1:log", {"low": 0.003, "high": 0.1, "log": True}),
        ("--learning-rate = 0.003 .. 0.1", {"low": 0.003, "high": 0.1}),
        ("learning_rate", {"low": 0.002, "high": 0.1, "log": True}),  # its own range, over a factor of 50
        ("batch_size=2,8,32", {"values": (2, 8, 32)}),
        ("batch_size=auto,2,2", {"values": (0, 2)}),
        ("top_k=1..30", {"low": 1, "high": 30, "step": 1}),
        ("view_size=128..512", {"low": 128, "high": 512, "step": 32}),
        ("circular", {"values": (True, False)}),
        ("flip=off", {"values": (False,)}),
        ("sampling", {"values": ("uniform", "balanced")}),
        ("losses=object,overlap=1+tv=0.50", {"values": ("object=1", "overlap=1+tv=0.5")}),
        ("loss=object=2", {"values": ("object=2",), "name": "losses", "keys": ("losses",)}),
        ("schedule.warmup_share=0..0.2", None),
        ("patch_size=32,64", {"values": (32, 64), "keys": ("patch_width", "patch_height")}),
        ("patch_width=32,64", {"values": (32, 64), "keys": ("patch_width",)}),
    ],
)
def test_what_a_text_says(text: str, expected: dict[str, Any] | None) -> None:
    if expected is None:
        with pytest.raises(SettingsError, match="expected one of"):
            parse_dimension(text)
        return
    name = text.partition("=")[0].strip(" -").replace("-", "_")
    assert parse_dimension(text) == Dimension(**{"name": name, "keys": (name,)} | expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "vary: expected one of"),
        ("nothing=1", "vary: expected one of"),
        (
            "dataset=a,b",
            "vary: expected a setting with one value that may differ between trials, got dataset",
        ),
        (
            "validation_share=0.1,0.2",
            "vary: expected a setting with one value that may differ between trials",
        ),
        ("view_zoom=1,2", "vary: expected a setting with one value that may differ between trials"),
        ("iterations", "vary iterations: expected values as in iterations=A,B,C, got none"),
        ("batch_size=", "vary batch_size: expected values as in batch_size=A,B,C"),
        ("batch_size=2,,4", "vary batch_size: expected values as in batch_size=A,B,C"),
        ("batch_size=two", "vary batch_size: expected whole numbers, got 'two'"),
        ("batch_size=2.5", "vary batch_size: expected whole numbers, got '2.5'"),
        ("batch_size=2,5000", "batch size: expected 0 to 4096, got 5000"),
        ("learning_rate=fast", "vary learning_rate: expected numbers, got 'fast'"),
        ("learning_rate=nan", "learning rate: expected 1e-06 to 1, got nan"),
        ("learning_rate=0.1..0.01", "vary learning_rate: expected LOW..HIGH, got 0.1..0.01; give the lower"),
        ("learning_rate=0.1..", "vary learning_rate: expected numbers, got ''"),
        ("learning_rate=0.1..0.2:ln", "vary learning_rate: expected LOW..HIGH or LOW..HIGH:log, got 'ln'"),
        ("batch_start=0..8:log", "vary batch_start: expected numbers above 0"),
        (
            "view_size=128..512:log",
            "expected numbers above 0 without a step size with :log, got 128..512 in steps",
        ),
        ("view_size=100", "view size: expected 0 or a multiple of 32, got 100; use 96"),
        ("circular=maybe", "vary circular: expected on or off, got 'maybe'"),
        ("circular=0..1", "vary circular: expected a list of values as in circular=A,B, got a range"),
        ("sampling=odd", "sampling: expected one of balanced, uniform, got 'odd'"),
        ("optimizer=adam..sign", "vary optimizer: expected a list of values"),
        ("losses=nothing", "loss: expected one of"),
        ("losses=object=much", "vary losses: expected object=NUMBER, got 'object=much'"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)) as raised:
        parse_dimension(text)
    assert "\n" not in str(raised.value)


def test_a_setting_is_varied_once() -> None:
    for texts in (["top_k=1,2", "top_k=3"], ["patch_size=32,64", "patch_width=32"]):
        with pytest.raises(SettingsError, match="expected each setting once"):
            Space.parse(texts)


def test_lists_have_combinations_and_ranges_do_not() -> None:
    assert Space.parse([]).combinations() == [{}]
    lists = Space.parse(["batch_size=2,8", "flip"])
    assert lists.size == 4
    lists.require_lists()
    assert lists.combinations()[:2] == [{"batch_size": 2, "flip": True}, {"batch_size": 2, "flip": False}]
    with_range = Space.parse(["batch_size=2,8", "learning_rate"])
    assert with_range.size is None
    with pytest.raises(SettingsError, match="grid: expected a list of values for learning_rate"):
        with_range.require_lists()


def test_values_become_changes_of_settings() -> None:
    space = Space.parse(["patch_size=32,64", "losses=object", "schedule.warmup=0,5", "top_k=1..3"])
    values = {"patch_size": 64, "losses": "object=1+tv=0.5", "schedule.warmup": 5, "top_k": 2}
    assert space.changes(values) == {
        "patch_width": 64,
        "patch_height": 64,
        "losses": {"object": 1.0, "tv": 0.5},
        "schedule": {"warmup": 5},
        "top_k": 2,
    }


def test_numbers_of_a_range_are_short_and_inside_it() -> None:
    rate = parse_dimension("learning_rate=0.012344..0.1")
    assert rate.rounded(0.0456789) == 0.04568
    assert rate.rounded(0.0123441) == 0.012344
    assert parse_dimension("top_k=1..30").rounded(7) == 7


def test_losses_have_a_weight_of_one_unless_it_is_given() -> None:
    assert losses_of("object+tv=0.1") == {"object": 1.0, "tv": 0.1}


def test_all_that_can_be_varied_can_be_named() -> None:
    known = variable_settings()
    assert {"learning_rate", "batch_size", "patch_size", "losses"} <= set(known)
    assert not {"patch_width", "seed", "dataset", "placement.scale", "backend"} & set(known)
