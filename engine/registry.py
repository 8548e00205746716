# SPDX-License-Identifier: AGPL-3.0-only
"""Registries: the one idiom for things that settings and commands refer to by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Generic, Protocol, TypeVar

from engine.errors import SettingsError
from engine.excerpts import short_repr


class Named(Protocol):
    """Anything that can be registered."""

    @property
    def name(self) -> str:
        """Unique name in settings, commands and records."""

    @property
    def help(self) -> str:
        """One sentence on its effect."""


Thing = TypeVar("Thing", bound=Named)


class Registry(Collection[str], Generic[Thing]):
    """Things of one kind by name, in the order of registration.

    Args:
        noun: for one of them in messages.
        module: registers its things on import, which happens when the registry is first read. Since command
            line and dashboard read it, the module must not import torch at the top.
    """

    def __init__(self, noun: str, module: str) -> None:
        self.noun = noun
        self._module = module
        self._things: dict[str, Thing] = {}

    def add(self, thing: Thing) -> Thing:
        """Register a thing and return it.

        Raises:
            ValueError: the name is taken.
        """
        if thing.name in self._things:
            raise ValueError(f"expected a new name for a {self.noun}, got {thing.name!r} again")
        self._things[thing.name] = thing
        return thing

    @contextmanager
    def having(self, thing: Thing) -> Iterator[Thing]:
        """A context in which a thing is registered."""
        self._known()
        self.add(thing)
        try:
            yield thing
        finally:
            del self._things[thing.name]

    def __getitem__(self, name: str) -> Thing:
        """The thing with this name.

        Raises:
            SettingsError: the name is unknown.
        """
        known = self._known()
        if name not in known:
            raise SettingsError(
                f"{self.noun}: expected one of {', '.join(sorted(known))}, got {short_repr(name)}"
            )
        return known[name]

    def get(self, name: str) -> Thing | None:
        """The thing with this name, None if there is none."""
        return self._known().get(name)

    def things(self) -> list[Thing]:
        """All things in order."""
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
