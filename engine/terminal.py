# SPDX-License-Identifier: AGPL-3.0-only
"""Makes standard output and error robust against missing characters and failing targets."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from engine.errors import OutputError


def lenient_streams() -> None:
    """Let both streams escape characters that they cannot encode, such as `\\u2026`, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def lacks_characters() -> bool:
    """Whether standard output cannot encode all characters."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return not encoding.lower().replace("-", "").startswith("utf")


@contextmanager
def checked_output() -> Iterator[None]:
    """A context in which a failure of standard output, as on a full disk, raises `OutputError`.

    A closed pipe raises `BrokenPipeError` as usual.

    Raises:
        OutputError: printed text could not be written.
    """
    stream = sys.stdout
    if stream is None:  # closed by the parent process
        yield
        return
    sys.stdout = _Checked(stream)
    try:
        yield
    except OutputError:
        _drop(stream)
        raise
    finally:
        sys.stdout = stream


class _Checked:
    """A stream whose failures can be distinguished from those of other files."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with _output_errors():
            return int(self._stream.write(text))

    def flush(self) -> None:
        with _output_errors():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _output_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        raise OutputError(
            f"standard output: expected to write the result to it, got {error.strerror or error}; "
            "the work is done and saved, only the output is missing: redirect it elsewhere"
        ) from error


def _drop(stream: Any) -> None:
    """Discard a stream's buffer, which Python would try to write again at exit."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
