# SPDX-License-Identifier: AGPL-3.0-only
"""A registry: order, names, messages, and things that are there for a while."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from engine.errors import SettingsError
from engine.registry import Registry


@dataclass(frozen=True)
class Shape:
    name: str
    help: str = "A shape."


def filled(*names: str) -> Registry[Shape]:
    registry: Registry[Shape] = Registry("shape", "json")
    for name in names:
        registry.add(Shape(name))
    return registry


@pytest.mark.parametrize("names", [(), ("square",), ("square", "circle")])
def test_things_stand_in_the_order_of_their_registration(names: tuple[str, ...]) -> None:
    registry = filled(*names)
    assert tuple(registry) == names
    assert len(registry) == len(names)
    assert [thing.name for thing in registry.things()] == list(names)
    assert ("square" in registry) is ("square" in names)


def test_a_name_finds_its_thing_and_any_other_is_refused() -> None:
    registry = filled("square", "circle")
    assert registry["circle"] == Shape("circle")
    with pytest.raises(SettingsError, match=r"^shape: expected one of circle, square, got 'star'$"):
        registry["star"]
    assert registry.get("circle") == Shape("circle")
    assert registry.get("star") is None


def test_a_name_is_taken_once() -> None:
    registry = filled("square")
    with pytest.raises(ValueError, match="again"):
        registry.add(Shape("square"))


def test_a_thing_may_be_there_for_a_while() -> None:
    registry = filled("square")
    with registry.having(Shape("star")) as star:
        assert registry["star"] is star
    assert list(registry) == ["square"]


def test_its_module_is_imported_when_it_is_first_read() -> None:
    registry: Registry[Shape] = Registry("shape", "no_such_module")
    registry.add(Shape("square"))
    with pytest.raises(ModuleNotFoundError):
        list(registry)
