# SPDX-License-Identifier: AGPL-3.0-only
"""Opens the database for one call, and remembers answers for a while within bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from dashboard.drawing import st
from engine.config import home_folder
from engine.store.repository import Repository

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")
Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class Found(Generic[Row]):
    """A page of a list.

    Attributes:
        rows: those of this page.
        total: how many there are on all pages.
        page_size: how many a page has at most.
    """

    rows: list[Row]
    total: int
    page_size: int

    @property
    def pages(self) -> int:
        """At least one."""
        return max(-(-self.total // self.page_size), 1)


def opened(*, on_full_disk: bool = False) -> Repository:
    """The user's database, to be used as a context manager: opening takes a millisecond, and sessions run in
    threads of their own.

    Args:
        on_full_disk: open it also where nothing more can be written; see `engine.store.schema`.

    Raises:
        StorageError: it cannot be used.
    """
    return Repository(on_full_disk=on_full_disk)


class Cached(Generic[Parameters, Answer]):
    """A function whose answers are remembered."""

    def __init__(self, function: Callable[Parameters, Answer], ttl_s: float, max_entries: int) -> None:
        def remembered(home: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Answer:
            return function(*args, **kwargs)

        # Streamlit distinguishes caches by these names.
        remembered.__module__, remembered.__qualname__ = function.__module__, function.__qualname__
        self.__doc__ = function.__doc__
        self._cache = st.cache_data(ttl=ttl_s, max_entries=max_entries, show_spinner=False)(remembered)

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        """The answer, from memory if it is there."""
        return self._cache(str(home_folder()), args, kwargs)

    def clear(self) -> None:
        """Forget all answers, after a change of the data."""
        self._cache.clear()


def cached(
    ttl_s: float = 2.0, max_entries: int = 64
) -> Callable[[Callable[Parameters, Answer]], Cached[Parameters, Answer]]:
    """Remember a function's answers for all sessions, apart for each PATCHBENCH_HOME.

    Args:
        ttl_s: for how many seconds; what other processes change is seen after it.
        max_entries: answers kept at most.
    """
    return lambda function: Cached(function, ttl_s, max_entries)
