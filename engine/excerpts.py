# SPDX-License-Identifier: AGPL-3.0-only
"""Excerpts of untrusted values and files for messages and records, bounded in length and cost."""

from __future__ import annotations

import errno
import os
import reprlib
import stat
from collections.abc import Iterable
from datetime import date, time
from itertools import islice
from pathlib import Path
from typing import Any

LONGEST_NAME = 60
_SHORT = (bool, float, complex, type(None), date, time)
MANY_BITS = 256


class _Excerpt(reprlib.Repr):
    """Python's `reprlib` with fewer levels, examining no more than it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = 200

    def repr_int(self, number: int, level: int) -> str:
        """Abbreviate numbers of thousands of digits, which Python refuses to convert."""
        bits = number.bit_length()
        return repr(number) if bits <= MANY_BITS else f"<a number of {bits} bits>"

    def repr_dict(self, pairs: dict[Any, Any], level: int) -> str:
        """Keep the order of the pairs, where the library would sort all keys to show four."""
        if level <= 0 and pairs:
            return "{...}"
        shown = [
            f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}"
            for key, value in islice(pairs.items(), self.maxdict)
        ]
        return "{" + ", ".join(shown + ["..."] * (len(pairs) > self.maxdict)) + "}"

    def repr_instance(self, value: Any, level: int) -> str:
        """Write out only types whose text is always short."""
        if isinstance(value, dict):
            return self.repr_dict(value, level)
        if isinstance(value, list | tuple):
            return self.repr_list(list(value[: self.maxlist + 1]), level)
        return repr(value) if isinstance(value, _SHORT) else f"<{type(value).__name__}>"

    def repr_bytes(self, data: bytes, level: int) -> str:
        """As a text: the library would write out all of it first."""
        return repr(data[: self.maxstring])


_EXCERPT = _Excerpt()


def short_repr(value: Any, longest: int = 80) -> str:
    """`repr` of an untrusted value in one line of limited length, at a cost independent of its size."""
    return _cut(_EXCERPT.repr(value), longest)


def short_line(text: object, longest: int = 200) -> str:
    """An untrusted text, such as another program's error, in one line of limited length.

    Characters invalid in UTF-8 are escaped.
    """
    start = str(text)[: 4 * longest]
    return _cut(" ".join(start.encode(errors="backslashreplace").decode().split()), longest)


def short_list(names: Iterable[str], most: int = 8) -> str:
    """The first names, and their total number if there are more."""
    known = list(names)
    shown = ", ".join(short_line(name, LONGEST_NAME) for name in known[:most])
    return f"{shown}, … {len(known)} in total" if len(known) > most else shown


def read_bounded(path: str | Path, largest_bytes: int) -> bytes:
    """Read a plain file of at most `largest_bytes`, checking the size first.

    Raises:
        OSError: it cannot be read, is larger, or is a pipe, a device or a folder; see `strerror`.
        ValueError: the path is invalid.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        content = file.read(largest_bytes + 1) if about.st_size <= largest_bytes else b""
        if max(about.st_size, len(content)) > largest_bytes:
            raise OSError(errno.EFBIG, f"it is larger than {largest_bytes / 2**20:g} MiB")
    return content


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # opening a pipe would wait for a writer


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
