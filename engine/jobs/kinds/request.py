# SPDX-License-Identifier: AGPL-3.0-only
"""What a job is asked for: a typed record that the database keeps as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Self, Union, get_args, get_origin, get_type_hints

from engine.classes import recorded_words
from engine.config import RunConfig
from engine.errors import SettingsError
from engine.excerpts import short_repr
from engine.runs.paths import absolute_config

__all__ = ["Request", "subject"]

_WORDS = {
    bool: "true or false",
    dict: "names with numbers",
    float: "a number",
    int: "a whole number",
    NoneType: "null",
    str: "a text",
    tuple: "a list",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """The base of all requests: a subclass declares fields, and refuses in `__post_init__` what cannot work.

    Fields are JSON's types, dataclasses with a `from_json`, or None. A field called `config` holds the
    settings of a run.
    """

    @property
    def run_config(self) -> RunConfig | None:
        """The settings of a run, if the job has any."""
        return getattr(self, "config", None)

    def to_json(self) -> dict[str, Any]:
        """The form that the database keeps."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """A request that `to_json` wrote.

        Raises:
            SettingsError: a setting is unknown, missing or out of its range.
        """
        hints = get_type_hints(cls)
        try:
            return cls(**{name: _read(value, hints[name]) for name, value in values.items()})
        except (KeyError, TypeError) as error:
            raise SettingsError(
                f"request: expected that of this version, got {error}; submit the job anew"
            ) from error

    def absolute(self) -> Self:
        """With absolute paths, which hold from any folder."""
        return self if self.run_config is None else self._with(absolute_config(self.run_config))

    def on(self, device: str) -> Self:
        """With a worker's device; workers called `cpu:0`, `cpu:1` … share the one CPU."""
        if self.run_config is None:
            return self
        return self._with(self.run_config.changed(device="cpu" if device.startswith("cpu") else device))

    def _with(self, config: RunConfig) -> Self:
        fields: dict[str, Any] = {"config": config}
        return replace(self, **fields)

    def changed(self, changes: Mapping[str, Any], *, whose: str) -> Self:
        """A copy with some settings changed: those of the run, or where it is none the request's own.

        Args:
            changes: name → value as JSON has it; of nested settings some, the others stay.
            whose: what messages call the job.

        Raises:
            SettingsError: a setting is unknown, of another type, or out of its range.
        """
        known = self.to_json()
        settings = known["config"] if self.run_config else known
        hints = get_type_hints(type(self.run_config or self))
        if unknown := set(changes) - set(hints):
            raise SettingsError(f"settings: expected those of {whose}, got {', '.join(sorted(unknown))}")
        for name, value in changes.items():
            _require_fit(name.replace("_", " "), value, hints[name])
            settings[name] = settings[name] | value if is_dataclass(hints[name]) else value
        return self.from_json(known)


def subject(config: RunConfig, facts: Mapping[str, Any]) -> str:
    """What a job attacks, in a few words: classes, detector and dataset.

    Args:
        config: the settings asked for.
        facts: of the result, if there is one: the classes that it turned out to be about.
    """
    named = {"config": vars(config)} | {name: facts[name] for name in ("classes",) if name in facts}
    return f"{recorded_words(named)}, {Path(config.weights).stem} on {Path(config.dataset).stem}"


def _read(value: Any, hint: Any) -> Any:
    """A field's value out of JSON."""
    if value is None:
        return None
    for each in _options(hint):
        if is_dataclass(each):
            return each.from_json(value)  # type: ignore[union-attr]
    return tuple(value) if isinstance(value, list) else value


def _require_fit(name: str, value: Any, hint: Any) -> None:
    """Raise `SettingsError` unless a value as JSON has it may stand for a setting of that type."""
    if is_dataclass(hint):
        known = {field.name for field in fields(hint)}
        if not isinstance(value, dict) or not set(value) <= known:
            expected = ", ".join(sorted(known))
            raise SettingsError(f"{name}: expected some of {expected} by name, got {short_repr(value)}")
        for inner, hinted in get_type_hints(hint).items():
            if inner in value:
                _require_fit(f"{name} {inner.replace('_', ' ')}", value[inner], hinted)
    elif not any(_fits(value, option) for option in _options(hint)):
        words = " or ".join(_WORDS[get_origin(option) or option] for option in _options(hint))
        raise SettingsError(f"{name}: expected {words}, got {short_repr(value)}")


def _fits(value: Any, hint: Any) -> bool:
    origin = get_origin(hint) or hint
    inner = [each for each in get_args(hint) if each is not Ellipsis]
    if origin is tuple:
        return isinstance(value, list | tuple) and all(_fits(each, inner[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(each, inner[1]) for each in value.values())
    if isinstance(value, bool):
        return origin is bool
    return isinstance(value, int | float if origin is float else origin)


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
