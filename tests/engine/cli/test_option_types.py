# SPDX-License-Identifier: AGPL-3.0-only
"""Texts of options become values, or are caught."""

from __future__ import annotations

import click
import pytest

from engine.cli.option_types import BatchSize, LossTerm, Names, PatchSize


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (PatchSize(), "96", (96, 96)),
        (PatchSize(), "64X128", (64, 128)),
        (PatchSize(), (64, 128), (64, 128)),
        (BatchSize(), "auto", 0),
        (BatchSize(), "8", 8),
        (BatchSize(), 2, 2),
        (LossTerm(), "tv", ("tv", 1.0)),
        (LossTerm(), "object=0.5", ("object", 0.5)),
        (LossTerm(), ("object", 0.5), ("object", 0.5)),
        (Names(), "", ("",)),
        (Names(), "1,a.npy", ("1", "a.npy")),
        (Names(), ("1",), ("1",)),
    ],
)
def test_a_text_stands_for_a_value(kind: click.ParamType, text: object, value: object) -> None:
    assert kind.convert(text, None, None) == value


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (PatchSize(), "", "expected a number of texels or WIDTHxHEIGHT, got ''"),
        (PatchSize(), "1x2x3", "expected a number of texels or WIDTHxHEIGHT, got '1x2x3'"),
        (PatchSize(), "²", "expected a number of texels or WIDTHxHEIGHT, got '²'"),
        (BatchSize(), "0", "expected auto, or a number of 1 or more, got '0'"),
        (BatchSize(), "many", "expected auto, or a number of 1 or more, got 'many'"),
        (LossTerm(), "tv=much", "expected tv=NUMBER, got 'tv=much'"),
    ],
)
def test_a_text_that_stands_for_none_is_told(kind: click.ParamType, text: str, message: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        kind.convert(text, None, None)
    assert caught.value.message == message
