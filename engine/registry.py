# SPDX-License-Identifier: AGPL-3.0-only
"""Things that settings and commands name: what there is of each kind, in one idiom."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Generic, Protocol, TypeVar

from engine.errors import SettingsError
from engine.excerpts import short_repr


class Named(Protocol):
    """What can be registered."""

    @property
    def name(self) -> str:
        """What settings, commands and records call it; unlike any other's."""

    @property
    def help(self) -> str:
        """What it does, in one sentence."""


Thing = TypeVar("Thing", bound=Named)


class Registry(Collection[str], Generic[Thing]):
    """Things of one kind by name, in the order in which they were added.

    Args:
        noun: what messages call one of them.
        module: adds its things when it is imported, which happens when the registry is first read. Command
            line and dashboard read it, so the module loads nothing heavy: torch is imported where it is used.
    """

    def __init__(self, noun: str, module: str) -> None:
        self.noun = noun
        self._module = module
        self._things: dict[str, Thing] = {}

    def add(self, thing: Thing) -> Thing:
        """Register a thing, and return it.

        Raises:
            ValueError: there is one of that name.
        """
        if thing.name in self._things:
            raise ValueError(f"expected a new name for a {self.noun}, got {thing.name!r} again")
        self._things[thing.name] = thing
        return thing

    @contextmanager
    def having(self, thing: Thing) -> Iterator[Thing]:
        """Register a thing for a while."""
        self._known()
        self.add(thing)
        try:
            yield thing
        finally:
            del self._things[thing.name]

    def __getitem__(self, name: str) -> Thing:
        """The thing of that name.

        Raises:
            SettingsError: there is none.
        """
        known = self._known()
        if name not in known:
            raise SettingsError(
                f"{self.noun}: expected one of {', '.join(sorted(known))}, got {short_repr(name)}"
            )
        return known[name]

    def things(self) -> list[Thing]:
        """All of them."""
        return list(self._known().values())

    def __contains__(self, name: object) -> bool:
        return name in self._known()

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())

    def _known(self) -> dict[str, Thing]:
        import_module(self._module)
        return self._things
