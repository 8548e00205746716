# SPDX-License-Identifier: AGPL-3.0-only
"""Opens the database for one call, and remembers answers for a while within bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from engine.config import home_folder
from engine.store.repository import Repository

__all__ = ["cached", "opened"]

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


def opened() -> Repository:
    """The user's database, to be used as a context manager: opening takes a millisecond, and sessions run in
    threads of their own.

    Raises:
        StorageError: it cannot be used.
    """
    return Repository()


def cached(
    ttl_s: float = 2.0, max_entries: int = 64
) -> Callable[[Callable[Parameters, Answer]], Callable[Parameters, Answer]]:
    """Remember a function's answers for all sessions, apart for each PATCHBENCH_HOME.

    Args:
        ttl_s: for how many seconds; what other processes change is seen after it.
        max_entries: answers kept at most.
    """

    def wrap(function: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
        def remembered(home: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Answer:
            return function(*args, **kwargs)

        # Streamlit tells caches apart by these names.
        remembered.__module__, remembered.__qualname__ = function.__module__, function.__qualname__
        cache = st.cache_data(ttl=ttl_s, max_entries=max_entries, show_spinner=False)(remembered)

        def ask(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
            return cache(str(home_folder()), args, kwargs)

        ask.__doc__ = function.__doc__
        ask.clear = cache.clear  # type: ignore[attr-defined]
        return ask

    return wrap
