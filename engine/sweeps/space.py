# SPDX-License-Identifier: AGPL-3.0-only
"""What a sweep varies: settings, each with a list or a range of values, read from `NAME=VALUES`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from engine.config import RunConfig
from engine.errors import SettingsError
from engine.excerpts import short_repr
from engine.settings import Setting, declared, nest

# What decides how a trial is made and judged must be the same for all.
_FIXED = ("backend", "merge", "validation_share", "validate_every", "checkpoint_every", "deterministic")
_SETTINGS = {
    key: each
    for key, each in declared(RunConfig).items()
    if each.role in ("recipe", "course") and key not in _FIXED and not isinstance(each.default, tuple)
}
_SWITCHES = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
LOG_FROM = 10  # a range over such a factor is tried on a logarithmic scale where it is not given as text
_DIGITS = 4  # of the numbers tried, so that a command can be read


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """A setting, or two of one option, with the values to try: a list or a range.

    Attributes:
        name: as trials and tables have it: a setting's key, or `patch_size`.
        keys: of the settings that take the value.
        values: the list; empty for a range.
        low, high: of a range, both included.
        log: tried on a logarithmic scale.
        step: distance of the values of a range; 0 for any number.
    """

    name: str
    keys: tuple[str, ...]
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: int = 0

    def rounded(self, value: Any) -> Any:
        """A value of a range with few digits; any other as it is."""
        if self.values or self.step:
            return value
        return min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high)


@dataclass(frozen=True, kw_only=True)
class Space:
    """All that a sweep varies."""

    dimensions: tuple[Dimension, ...]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Space:
        """Read each `NAME=VALUES`.

        Raises:
            SettingsError: a setting cannot be varied or is named twice, or a value is none of its.
        """
        found: dict[str, Dimension] = {}
        taken: set[str] = set()
        for text in texts:
            dimension = parse_dimension(text)
            if taken & set(dimension.keys):
                raise SettingsError(f"vary: expected each setting once, got {dimension.name} again")
            taken |= set(dimension.keys)
            found[dimension.name] = dimension
        return cls(dimensions=tuple(found.values()))

    @property
    def size(self) -> int | None:
        """Number of combinations; None if a range makes it endless."""
        if any(not each.values for each in self.dimensions):
            return None
        return math.prod(len(each.values) for each in self.dimensions)

    def require_lists(self) -> None:
        """Raise `SettingsError` unless all combinations can be listed."""
        for each in self.dimensions:
            if not each.values:
                raise SettingsError(
                    f"grid: expected a list of values for {each.name}, got a range; write "
                    f"--vary {each.name}=A,B,C, or use --sampler tpe or random"
                )

    def combinations(self) -> list[dict[str, Any]]:
        """All of them, the last dimension fastest; only where there are lists alone."""
        names = [each.name for each in self.dimensions]
        return [
            dict(zip(names, values, strict=True))
            for values in product(*(each.values for each in self.dimensions))
        ]

    def changes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A trial's values as changes of a run's settings, as JSON has them."""
        found = {
            key: losses_of(values[each.name]) if key == "losses" else values[each.name]
            for each in self.dimensions
            for key in each.keys
        }
        return nest(found)


def parse_dimension(text: str) -> Dimension:
    """Read `NAME=A,B,C`, `NAME=LOW..HIGH`, `NAME=LOW..HIGH:log`, or `NAME`; see `Space.parse`."""
    given, equals, values = (part.strip() for part in text.partition("="))
    name, about = _named(given)
    if not equals:
        return _usual(name, about)
    low, dots, rest = values.partition("..")
    if dots and about[0].key != "losses":
        high, _, scale = rest.partition(":")
        return _range(name, about, low, high, scale)
    listed = [part.strip() for part in values.split(",")]
    if not values or not all(listed):
        raise SettingsError(f"vary {name}: expected values as in {name}=A,B,C, got {short_repr(text)}")
    read = tuple(dict.fromkeys(_value(about, each) for each in listed))
    return Dimension(name=name, keys=tuple(each.key for each in about), values=read)


def losses_of(text: str) -> dict[str, float]:
    """`object=1+tv=0.1` as terms and weights; a weight left out is 1.

    Raises:
        SettingsError: a weight is no number.
    """
    found = {}
    for part in text.split("+"):
        term, _, weight = part.strip().partition("=")
        try:
            found[term] = float(weight or 1)
        except ValueError as error:
            raise SettingsError(f"vary losses: expected {term}=NUMBER, got {short_repr(part)}") from error
    return found


def usual_values(setting: Setting) -> str:
    """What `--vary NAME` alone tries, as text; empty where nothing is usual."""
    if isinstance(setting.default, bool):
        return "on,off"
    if setting.sweep is not None:
        low, high = setting.sweep
        return f"{low:g}..{high:g}" + (":log" if low > 0 and high / low >= LOG_FROM else "")
    if isinstance(setting.default, str) and setting.choices:
        return ",".join(setting.choices)
    return ""


def variable_settings() -> dict[str, Setting]:
    """Name → the declaration of each setting that can be varied; width and height of a patch are one."""
    found: dict[str, Setting] = {}
    for key, each in _SETTINGS.items():
        shared = [other for other in _SETTINGS.values() if other.flag == each.flag]
        if len(shared) == 1:
            found[key] = each
        elif next((other for other in shared if other.sweep), shared[0]) is each:
            found[_word(each.flag)] = each
    return found


def _named(given: str) -> tuple[str, list[Setting]]:
    """A setting by its key or its option; several where they share one."""
    word = given.removeprefix("--").replace("-", "_")
    if word in _SETTINGS:
        return word, [_SETTINGS[word]]
    found = [each for each in _SETTINGS.values() if word and _word(each.flag) == word]
    if len(found) == 1:
        return found[0].key, found
    if found:
        return word, sorted(found, key=lambda each: each.sweep is None)
    if word in declared(RunConfig):
        raise SettingsError(
            f"vary: expected a setting with one value that may differ between trials, got {word}; "
            "leave it out"
        )
    known = ", ".join(variable_settings())
    raise SettingsError(f"vary: expected one of {known}, got {short_repr(given)}")


def _word(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


def _usual(name: str, about: Sequence[Setting]) -> Dimension:
    usual = usual_values(about[0])
    if not usual:
        raise SettingsError(f"vary {name}: expected values as in {name}=A,B,C, got none; name some")
    return parse_dimension(f"{name}={usual}")


def _range(name: str, about: Sequence[Setting], low: str, high: str, scale: str) -> Dimension:
    default = about[0].default
    if isinstance(default, bool) or not isinstance(default, int | float):
        raise SettingsError(f"vary {name}: expected a list of values as in {name}=A,B, got a range")
    if scale not in ("", "log"):
        raise SettingsError(f"vary {name}: expected LOW..HIGH or LOW..HIGH:log, got {short_repr(scale)}")
    first, last = (_value(about, each.strip()) for each in (low, high))
    step = max(about[0].multiple_of, 1) if isinstance(default, int) else 0
    if first >= last:
        raise SettingsError(
            f"vary {name}: expected LOW..HIGH, got {first:g}..{last:g}; give the lower value first"
        )
    if scale and (first <= 0 or step > 1):
        raise SettingsError(
            f"vary {name}: expected numbers above 0 without a step size with :log, got {first:g}..{last:g}"
            f"{f' in steps of {step}' if step > 1 else ''}; leave :log out"
        )
    keys = tuple(each.key for each in about)
    return Dimension(name=name, keys=keys, low=first, high=last, log=bool(scale), step=step)


def _value(about: Sequence[Setting], text: str) -> Any:
    """A value of a list, checked."""
    value = _read(about[0], text)
    for each in about:
        each.check(losses_of(value) if each.key == "losses" else value)
    return value


def _read(setting: Setting, text: str) -> Any:
    default = setting.default
    if isinstance(default, bool):
        if text.lower() not in _SWITCHES:
            raise SettingsError(f"vary {setting.key}: expected on or off, got {short_repr(text)}")
        return _SWITCHES[text.lower()]
    if isinstance(default, int | float):
        if setting.key == "batch_size" and text == "auto":
            return 0
        kind, words = (int, "whole numbers") if isinstance(default, int) else (float, "numbers")
        try:
            return kind(text)
        except ValueError as error:
            raise SettingsError(f"vary {setting.key}: expected {words}, got {short_repr(text)}") from error
    if setting.key == "losses":  # in one form, so that equal ones are one value
        return "+".join(f"{term}={weight:g}" for term, weight in losses_of(text).items())
    return text
