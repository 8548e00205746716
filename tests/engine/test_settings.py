# SPDX-License-Identifier: AGPL-3.0-only
"""Declared settings: what they accept, their words, and JSON both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from engine.errors import SettingsError
from engine.settings import Settings, borrowed, declared, flat, nest, nested, require_between, setting


@dataclass(frozen=True, kw_only=True)
class Oven(Settings):
    TOPIC: ClassVar[str] = "oven"

    mode: str = setting("fan", "Mode", "How it heats.", choices=("fan", "grill"))
    rack: int = setting(0, "Rack", "Which rack.", bounds=(0, 8), multiple_of=2)
    heat_deg: float = setting(180.0, "Heat", "How hot.", unit="°", bounds=(50, 300), sweep=(150, 220))


@dataclass(frozen=True, kw_only=True)
class Bread(Settings):
    REMEDY: ClassVar[str] = "bake anew"

    name: str = setting(..., "Name", "What it is.")
    salted: bool = setting(True, "Salted", "With salt.", option="--salt")
    rests_h: tuple[float, ...] = setting((1.0, 0.5), "Rests", "Its rests.", bounds=(0, 24))
    flours: dict[str, float] = setting(
        {"rye": 1.0}, "Flours", "Its flours.", bounds=(0, 5), choices=("rye", "wheat"), called="flour"
    )
    oven: Oven = nested(Oven)


def test_a_setting_stands_under_its_key_in_the_order_of_the_code() -> None:
    found = declared(Bread)
    assert list(found) == ["name", "salted", "rests_h", "flours", "oven.mode", "oven.rack", "oven.heat_deg"]
    assert [each.key for each in found.values()] == list(found)
    assert (found["oven.heat_deg"].name, found["oven.heat_deg"].flag) == ("oven heat", "--oven-heat-deg")
    assert (found["salted"].flag, found["salted"].default, found["name"].default) == ("--salt", True, None)
    assert list(declared(Oven, inside=True)) == ["mode", "rack", "heat_deg"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"salted": 1}, "salted: expected true or false, got 1"),
        ({"rests_h": (1.0, 25)}, "rests_h: expected 0 to 24, got 25"),
        ({"name": None}, "name: expected a text, got None"),
        ({"rests_h": 3}, "rests_h: expected a list, got 3"),
        ({"rests_h": ("a",)}, "rests_h: expected a number, got 'a'"),
        ({"flours": {"oat": 1.0}}, "flour: expected one of rye, wheat, got 'oat'"),
        ({"flours": {"rye": 6}}, "weight of the flour rye: expected 0 to 5, got 6"),
        ({"flours": {"rye": None}}, "weight of the flour rye: expected a number, got None"),
    ],
)
def test_what_a_setting_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    message = message.replace("rests_h", "rests h")
    with pytest.raises(SettingsError) as caught:
        Bread(**{"name": "loaf"} | values)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mode": "steam"}, "oven mode: expected one of fan, grill, got 'steam'"),
        ({"mode": 3}, "oven mode: expected a text, got 3"),
        ({"rack": 3}, "oven rack: expected 0 or a multiple of 2, got 3; use 4"),
        ({"rack": 1.5}, "oven rack: expected a whole number, got 1.5"),
        ({"rack": True}, "oven rack: expected a whole number, got True"),
        ({"heat_deg": float("nan")}, "oven heat: expected 50 to 300, got nan"),
        ({"heat_deg": "hot"}, "oven heat: expected a number, got 'hot'"),
    ],
)
def test_nested_settings_are_named_with_their_topic(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Oven(**values)
    assert str(caught.value) == message


def test_a_setting_is_declared_like_another() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Pizza(Settings):
        name: str = borrowed(Bread, "name")
        heat_deg: float = borrowed(Oven, "heat_deg")

    assert declared(Pizza) == {"name": declared(Bread)["name"], "heat_deg": declared(Oven)["heat_deg"]}
    assert Pizza(name="margherita").heat_deg == 180.0
    with pytest.raises(SettingsError, match="heat: expected 50 to 300, got 400"):
        Pizza(name="margherita", heat_deg=400.0)


def test_settings_survive_json_and_a_level() -> None:
    bread = Bread(name="loaf", rests_h=(2.0,), oven=Oven(mode="grill", rack=4))
    values = bread.to_json()
    assert Bread.from_json(values) == bread
    assert flat(values)["oven.mode"] == "grill"
    assert nest(flat(values)) == values
    del values["oven"]["mode"]
    assert Bread.from_json(values).oven.mode == "fan"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (None, "None"),
        ({}, "'oven'"),
        ({"name": "loaf", "oven": {}}, "'oven'"),
        ({"name": "loaf", "oven": 3}, "3"),
        ({"name": "loaf", "oven": {"rack": 2, "clock": 1}}, "clock"),
        ({"oven": {"rack": 2}}, "name"),
    ],
)
def test_other_versions_settings_are_refused(values: Any, named: str) -> None:
    with pytest.raises(
        SettingsError, match=r"^settings: expected those of this version, got .*; bake"
    ) as caught:
        Bread.from_json(values)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"oven": 3}, "oven: expected some of heat_deg, mode, rack by name, got 3"),
        ({"oven": {"clock": 1}}, "oven: expected some of heat_deg, mode, rack by name, got {'clock': 1}"),
        ({"oven": {"rack": 20}}, "oven rack: expected 0 to 8, got 20"),
        ({"crust": 1}, "settings: expected those of the loaf, got crust"),
    ],
)
def test_changes_are_merged_and_checked(changes: dict[str, Any], message: str) -> None:
    bread = Bread(name="loaf", oven=Oven(mode="grill", rack=4))
    merged = bread.merged({"oven": {"rack": 2}, "rests_h": [1, 2]}, whose="the loaf")
    assert merged == bread.changed(rests_h=(1, 2), oven=Oven(mode="grill", rack=2))
    with pytest.raises(SettingsError) as caught:
        bread.merged(changes, whose="the loaf")
    assert str(caught.value) == message


def test_a_changed_copy_is_checked() -> None:
    oven = Oven()
    assert oven.changed(rack=2).rack == 2
    with pytest.raises(SettingsError):
        oven.changed(rack=20)


@pytest.mark.parametrize(
    ("value", "low", "message"),
    [(0, 1, "got 0"), (0.5, 1.0, "1 to 2, got 0.5"), (float("nan"), 0, "got nan")],
)
def test_a_number_lies_between(value: float, low: float, message: str) -> None:
    require_between("size", low, low, 2)
    with pytest.raises(SettingsError, match=f"size: expected .*{message}"):
        require_between("size", value, low, 2)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, {}),
        ({"seed": 1}, {"seed": 1}),
        ({"placement": {"scale": 0.2}}, {"placement.scale": 0.2}),
        ({"losses": {"object": 1.0}}, {"losses": {"object": 1.0}}),
    ],
)
def test_settings_are_flattened(values: dict[str, Any], found: dict[str, Any]) -> None:
    assert flat(values) == found


@dataclass(frozen=True, kw_only=True)
class Cake(Settings):
    name: str = borrowed(Bread, "name")
    heat_deg: float = borrowed(Oven, "heat_deg", default=160.0, bounds=(50, 200))


def test_a_setting_is_borrowed_with_what_differs() -> None:
    found, lent = declared(Cake), declared(Oven, inside=True)["heat_deg"]
    assert found["heat_deg"].key == "heat_deg"
    assert (found["heat_deg"].label, found["heat_deg"].unit) == (lent.label, lent.unit)
    assert Cake(name="plain").heat_deg == 160
    with pytest.raises(SettingsError, match=r"^heat: expected 50 to 200, got 250"):
        Cake(name="plain", heat_deg=250)
    with pytest.raises(TypeError):
        Cake()  # type: ignore[call-arg]
