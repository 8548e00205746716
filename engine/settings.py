# SPDX-License-Identifier: AGPL-3.0-only
"""Settings, each declared once where it is typed: validation, JSON, options, fields and names come from that.

Plain dataclasses carry the declarations as metadata of their fields; docs/architecture.md says why.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from numbers import Integral, Real
from types import NoneType
from typing import Any, ClassVar, Self

from engine.errors import SettingsError
from engine.excerpts import short_repr

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
class Setting:
    """What is known of a setting besides its type.

    Attributes:
        key: its path from the outermost settings: `placement.scale`.
        default: what it is unless it is given; None if it must be.
        label: what pages and tables call it, without its unit.
        help: what it does, in one sentence.
        unit: of its values, such as `px`.
        zero: what 0 stands for, in a word, where it is no amount: `off`.
        bounds: of a number, or of each number of several; both included.
        multiple_of: what a number other than 0 must be a multiple of.
        choices: all values of a text; of a mapping, all its names.
        offered: values that pages offer of a text, or of a list of texts, that may be others too.
        kinds: the types of its values, where the default's type does not say it all.
        parts: label and help of each value of a pair.
        group: where the Generate page shows it; empty: not among the groups.
        needs: another key and those of its values with which alone this one matters.
        role: `subject` (what is attacked, and where the patch lies), `recipe` (decides how strong the patch
            becomes), `course` (how the run goes) or `scoring`.
        costs: a step takes another time or memory with another value.
        art: the values that ART can be given; None: any.
        sweep: from where to where a sweep tries it.
        option: its flag on the command line; by default made from the key.
        bare: the value that its option alone stands for; without one the option takes a value.
        metavar: what the command line's help writes for a value.
        default_text: what it writes for the default, where the value itself would not say it.
        called: what messages call it; by default made from the key.
    """

    label: str
    help: str
    key: str = ""
    default: Any = None
    unit: str = ""
    zero: str = ""
    bounds: tuple[float, float] | None = None
    multiple_of: int = 0
    choices: Collection[str] | None = None
    offered: Collection[str] = ()
    kinds: tuple[type, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    group: str = ""
    needs: tuple[str, tuple[Any, ...]] | None = None
    role: str = "course"
    costs: bool = False
    art: tuple[Any, ...] | None = None
    sweep: tuple[float, float] | None = None
    option: str = ""
    bare: str = ""
    metavar: str | None = None
    default_text: str = ""
    called: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.called or self.key.removesuffix("_s").removesuffix("_deg").replace("_", " ").replace(
            ".", " "
        )

    @property
    def flag(self) -> str:
        """Its option on the command line."""
        return self.option or f"--{self.key.replace('.', '-').replace('_', '-')}"

    def check(self, value: Any) -> None:
        """Raise `SettingsError` unless the value is one that it can have."""
        kinds = self.kinds or (type(self.default),)
        kind = next((each for each in kinds if _fits(value, each)), None)
        if kind is None:
            words = " or ".join(_WORDS[each] for each in kinds)
            raise SettingsError(f"{self.name}: expected {words}, got {short_repr(value)}")
        if kind is dict:
            for name, weight in value.items():
                require_choice(self.name, name, self.choices or ())
                self._check_part(f"weight of the {self.name} {name}", weight)
        elif kind is tuple:
            for each in value:
                self._check_part(self.name, each)
        elif kind is str and self.choices is not None:
            require_choice(self.name, value, self.choices)
        elif kind in (int, float) and self.bounds is not None:
            require_between(self.name, value, *self.bounds)
            self._check_multiple(value)

    def _check_part(self, name: str, value: Any) -> None:
        """Numbers in lists and mappings have bounds, texts have none."""
        kind = str if self.bounds is None else float
        if not _fits(value, kind):
            raise SettingsError(f"{name}: expected {_WORDS[kind]}, got {short_repr(value)}")
        if self.bounds is not None:
            require_between(name, value, *self.bounds)

    def _check_multiple(self, value: int) -> None:
        if self.multiple_of and value % self.multiple_of:
            nearest = max(round(value / self.multiple_of), 1) * self.multiple_of
            zero = "0 or " if self.bounds and self.bounds[0] == 0 else ""
            raise SettingsError(
                f"{self.name}: expected {zero}a multiple of {self.multiple_of}, got {value}; use {nearest}"
            )


def setting(default: Any, label: str, help: str, **known: Any) -> Any:
    """A field of `Settings` with its declaration.

    Args:
        default: its value unless it is given; `...` if it must be, by default a text.
        label, help, known: of `Setting`.
    """
    if default is ...:
        about = Setting(label=label, help=help, **{"kinds": (str,)} | known)
        return field(metadata={"setting": about})
    about = Setting(label=label, help=help, default=default, **known)
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata={"setting": about})
    return field(default=default, metadata={"setting": about})


def borrowed(kind: type[Settings], name: str, **changes: Any) -> Any:
    """A field declared like one of other settings, so that both keep one meaning.

    Args:
        kind: the other settings.
        name: of the field there.
        changes: attributes of `Setting` that differ here, such as `default` or `help`.
    """
    about = replace(declared(kind, inside=True)[name], key="", **changes)  # type: ignore[arg-type]
    if about.default is None:
        return field(metadata={"setting": about})
    return field(default=about.default, metadata={"setting": about})


def nested(kind: type[Settings], *, optional: bool = False) -> Any:
    """A field that holds settings of another class; optional ones are None unless they are given."""
    if optional:
        return field(default=None, metadata={"nested": kind})
    return field(default_factory=kind, metadata={"nested": kind})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of frozen, keyword-only dataclasses whose fields are made by `setting` and `nested`.

    Attributes:
        TOPIC: how keys of these settings begin where others hold them: `placement`.
        REMEDY: what to do about settings of another version.
    """

    TOPIC: ClassVar[str] = ""
    REMEDY: ClassVar[str] = "start again"

    def __post_init__(self) -> None:
        for name, each in declared(type(self), inside=True).items():  # type: ignore[arg-type]
            each.check(getattr(self, name))

    def to_json(self) -> dict[str, Any]:
        """All settings as JSON has them; `from_json` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Settings that `to_json` wrote; those that it did not know yet are as by default.

        Raises:
            SettingsError: a setting is unknown, missing or out of its range.
        """
        try:
            return cls._read(values)
        except (KeyError, TypeError) as error:
            topic = f"{cls.TOPIC} settings".strip()
            raise SettingsError(
                f"{topic}: expected those of this version, got {error}; {cls.REMEDY}"
            ) from error

    @classmethod
    def _read(cls, values: Mapping[str, Any]) -> Self:
        if not isinstance(values, Mapping):
            raise TypeError(short_repr(values))
        taken = dict(values)
        for each in fields(cls):
            value = taken.get(each.name)
            if "nested" in each.metadata and not (value is None and each.default is None):
                if not value:  # a record that lacks a whole topic is none of ours
                    raise KeyError(each.name)
                taken[each.name] = each.metadata["nested"]._read(value)
            elif isinstance(value, list):
                taken[each.name] = tuple(value)
        return cls(**taken)

    def changed(self, **changes: Any) -> Self:
        """A copy with some settings changed, validated again."""
        return replace(self, **changes)

    def merged(self, changes: Mapping[str, Any], *, whose: str) -> Self:
        """A copy with some settings changed, as JSON has them; of nested settings those not named stay.

        Args:
            changes: name → value.
            whose: what a message about an unknown setting calls these.

        Raises:
            SettingsError: a setting is unknown, of another type, or out of its range.
        """
        known = self.to_json()
        if unknown := set(changes) - {each.name for each in fields(self)}:
            raise SettingsError(f"settings: expected those of {whose}, got {', '.join(sorted(unknown))}")
        for each in fields(self):
            if each.name in changes and "nested" in each.metadata:
                value, inner = changes[each.name], known[each.name]
                if not isinstance(value, Mapping) or not set(value) <= set(inner):
                    expected = ", ".join(sorted(inner))
                    raise SettingsError(
                        f"{each.name}: expected some of {expected} by name, got {short_repr(value)}"
                    )
                known[each.name] = {**inner, **value}
            elif each.name in changes:
                known[each.name] = changes[each.name]
        return self.from_json(known)


@lru_cache
def declared(kind: type[Settings], *, inside: bool = False) -> dict[str, Setting]:
    """Key → declaration of each setting, in the order of the code.

    Args:
        kind: the class.
        inside: only its own, by the names of its attributes; else nested ones too, by their keys.
    """
    found: dict[str, Setting] = {}
    for each in fields(kind):
        if "setting" in each.metadata:
            about: Setting = each.metadata["setting"]
            key = f"{kind.TOPIC}.{each.name}" if inside and kind.TOPIC else each.name
            found[each.name] = replace(about, key=key)
        elif not inside:
            inner: type[Settings] = each.metadata["nested"]
            found |= {
                f"{each.name}.{name}": replace(about, key=f"{each.name}.{name}")
                for name, about in declared(inner).items()  # type: ignore[arg-type]
            }
    return found


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON, nested ones in one level: `placement.scale`; weights of losses stay together."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and name != "losses":
            found |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            found[name] = value
    return found


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """The reverse of `flat`."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        outer, dot, inner = key.partition(".")
        if dot:
            found.setdefault(outer, {})[inner] = value
        else:
            found[key] = value
    return found


def require_between(name: str, value: float, low: float, high: float) -> None:
    """Raise `SettingsError` unless low ≤ value ≤ high (NaN never is)."""
    if not low <= value <= high:
        raise SettingsError(f"{name}: expected {_number(low)} to {_number(high)}, got {_number(value)}")


def require_choice(name: str, value: Any, allowed: Collection[str]) -> None:
    """Raise `SettingsError` unless the value is one of those allowed."""
    if not isinstance(value, str) or value not in allowed:
        raise SettingsError(f"{name}: expected one of {', '.join(sorted(allowed))}, got {short_repr(value)}")


def _fits(value: Any, kind: type) -> bool:
    """Whether a value is of a type as JSON has it: whole numbers serve as numbers, switches do not."""
    if kind in (int, float):
        return isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
    return isinstance(value, Mapping if kind is dict else kind)


def _number(value: float) -> str:
    """A number in short, whole ones with all their digits."""
    return str(value) if isinstance(value, int) else f"{value:g}"
