# SPDX-License-Identifier: AGPL-3.0-only
"""What a defence is, and how a text such as `jpeg:quality=75` names one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from engine.errors import SettingsError
from engine.excerpts import short_repr
from engine.registries import DEFENCES
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.detectors.base import Detector

NONE = "none"
"""The name of no defence, where a list of defences has room for it."""


@dataclass(frozen=True, kw_only=True)
class DefenceKind:
    """A defence that settings can name.

    Attributes:
        name: in settings.
        help: one sentence on what it does to images.
        source: the paper it follows, empty if there is none.
        settings: the class of its settings, all with defaults; they are written `name=value` after the
            defence's name, with colons between. A value without a name is that of the first setting.
        apply: puts it in front of a detector; may import torch.
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
        name, *parts = (each.strip() for each in text.split(":"))
        kind = DEFENCES[name]
        try:
            return cls(kind=kind, settings=kind.settings(**_values(kind, parts)))
        except SettingsError as error:
            raise SettingsError(f"defence {name}: {error}") from error

    def __str__(self) -> str:
        """Its one form: the name, and the settings that differ from the defaults."""
        default, values = self.kind.settings(), vars(self.settings)
        return ":".join(
            [
                self.kind.name,
                *(f"{name}={value}" for name, value in values.items() if value != getattr(default, name)),
            ]
        )


def normal_form(texts: Sequence[str]) -> tuple[str, ...]:
    """The one form of a chain of defences, so that equal ones have equal texts; `none` is left out.

    Raises:
        SettingsError: see `Defence.parse`.
    """
    return tuple(str(Defence.parse(text)) for text in texts if text.strip() != NONE)


def defended(detector: Detector, texts: Sequence[str]) -> Detector:
    """Put a chain of defences in front of a detector; the first one sees the image first.

    Raises:
        SettingsError: see `Defence.parse`.
    """
    for defence in [Defence.parse(text) for text in reversed(texts)]:
        detector = defence.kind.apply(detector, defence.settings)
    return detector


def _values(kind: DefenceKind, parts: Sequence[str]) -> Mapping[str, Any]:
    """The settings that a text gives, each of the type of its default."""
    known = {each.name: getattr(kind.settings(), each.name) for each in fields(kind.settings)}
    given: dict[str, Any] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals:
            name, value = next(iter(known), ""), name
        name = name.replace("-", "_")
        if name not in known:
            expected = ", ".join(known) or "no settings"
            raise SettingsError(f"expected {expected}, got {short_repr(part)}")
        given[name] = _typed(name, value, known[name])
    return given


def _typed(name: str, value: str, default: Any) -> Any:
    if isinstance(default, str):
        return value
    try:
        return type(default)(value)
    except ValueError as error:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise SettingsError(f"{name}: expected {kind}, got {short_repr(value)}") from error
