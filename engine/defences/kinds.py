# SPDX-License-Identifier: AGPL-3.0-only
"""What a defence is, and how a text such as `jpeg:quality=75` names one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import SettingsError
from engine.excerpts import short_repr
from engine.registries import DEFENCES
from engine.settings import Settings, declared

if TYPE_CHECKING:
    from engine.defences.defended import Step
    from engine.detectors.base import Detector

NONE = "none"
"""The name of no defence, where a list of defences has room for it."""

_TYPES = {int: "a whole number", float: "a number"}


@dataclass(frozen=True, kw_only=True)
class DefenceKind:
    """A defence that settings can name.

    Attributes:
        name: in settings; of another library's defence the library's name and its own with a colon between.
        help: one sentence on what it does to images.
        source: the paper it follows, empty if there is none.
        settings: the class of its settings, all with defaults; they are written `name=value` after the
            defence's name, with colons between. A value without a name is that of the first setting.
        apply: puts it in front of a detector; may import torch. `changing` makes one of a step.
        random: whether equal images may be changed in different ways.
    """

    name: str
    help: str
    settings: type[Settings]
    apply: Callable[[Detector, Any], Detector]
    source: str = ""
    random: bool = False


@dataclass(frozen=True, kw_only=True)
class Defence:
    """A defence with its settings."""

    kind: DefenceKind
    settings: Settings

    @classmethod
    def parse(cls, text: str) -> Defence:
        """Read a defence such as `median` or `jpeg:quality=75`.

        Raises:
            SettingsError: there is no such defence, or a setting is unknown, no number or out of range.
        """
        name, parts = _named(text)
        kind = DEFENCES[name]
        try:
            return cls(kind=kind, settings=kind.settings(**_values(kind, parts)))
        except SettingsError as error:
            raise SettingsError(f"defence {name}: {error}") from error

    def __str__(self) -> str:
        """Its one form: the name, and the settings that differ from the defaults."""
        default = self.kind.settings()
        changed = [
            f"{name}={_written(value)}"
            for name, value in vars(self.settings).items()
            if value != getattr(default, name)
        ]
        return ":".join([self.kind.name, *changed])


def changing(called: str, step_of: Callable[[Any], Step]) -> Callable[[Detector, Any], Detector]:
    """The `apply` of a defence that changes images and nothing else.

    Args:
        called: the defence's name in messages.
        step_of: makes the step from the defence's settings; may import torch.
    """

    def apply(detector: Detector, settings: Any) -> Detector:
        from engine.defences.defended import Defended

        return Defended(detector, step_of(settings), called=f"defence {called}")

    return apply


def normal_form(texts: Sequence[str]) -> tuple[str, ...]:
    """The one form of a chain of defences, so that equal ones have equal texts; `none` is left out.

    Raises:
        SettingsError: see `Defence.parse`.
    """
    return tuple(str(Defence.parse(text)) for text in texts if text.strip() != NONE)


def files_of(texts: Sequence[str]) -> tuple[Path, ...]:
    """The weight files that a chain of defences reads: those that settings called `weights` name."""
    named = (vars(Defence.parse(text).settings).get("weights") for text in texts)
    return tuple(Path(each) for each in named if each)


def defended(detector: Detector, texts: Sequence[str]) -> Detector:
    """Put a chain of defences in front of a detector; the first one sees the image first.

    Raises:
        SettingsError: see `Defence.parse`.
    """
    for defence in [Defence.parse(text) for text in reversed(texts)]:
        detector = defence.kind.apply(detector, defence.settings)
    return detector


def _named(text: str) -> tuple[str, list[str]]:
    """The name that a text begins with, which may hold a colon itself, and the settings after it."""
    first, *rest = (each.strip() for each in text.split(":"))
    if first in DEFENCES or not rest:
        return first, rest
    return f"{first}:{rest[0]}", rest[1:]


def _values(kind: DefenceKind, parts: Sequence[str]) -> Mapping[str, Any]:
    """The settings that a text gives, each of the type of its default."""
    default = kind.settings()
    known = {each.name: getattr(default, each.name) for each in fields(kind.settings)}
    given: dict[str, Any] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals:
            name, value = next(iter(known), ""), name
        name = name.strip().replace("-", "_")
        if name not in known or name in given:
            expected = f"{', '.join(known)}, each once" if known else "no settings"
            raise SettingsError(f"expected {expected}, got {short_repr(part)}")
        called = declared(kind.settings)[name].name  # type: ignore[arg-type]
        given[name] = _typed(called, value.strip(), known[name])
    return given


def _typed(called: str, value: str, default: Any) -> Any:
    if isinstance(default, str):
        return value
    if isinstance(default, bool):
        if value not in ("true", "false"):
            raise SettingsError(f"{called}: expected true or false, got {short_repr(value)}")
        return value == "true"
    try:
        return type(default)(value)
    except ValueError as error:
        expected = _TYPES[type(default)]
        raise SettingsError(f"{called}: expected {expected}, got {short_repr(value)}") from error


def _written(value: Any) -> str:
    """A value as `_typed` reads it, whole numbers without a point."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
