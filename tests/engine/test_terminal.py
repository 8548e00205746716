# SPDX-License-Identifier: AGPL-3.0-only
"""Streams that lack characters, are full, closed or not there."""

from __future__ import annotations

import errno
import io
import os
import sys

import click
import pytest

from engine.errors import OutputError
from engine.terminal import checked_output, lacks_characters, lenient_streams


def stream(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@pytest.mark.parametrize(
    ("encoding", "text", "written"),
    [
        ("utf-8", "", b""),
        ("utf-8", "é…한", "é…한".encode()),
        ("utf-8", "caf\udcff", b"caf\\udcff"),
        ("latin-1", "é…한", b"\xe9\\u2026\\ud55c"),
        ("cp949", "é…한", "\\xe9…한".encode("cp949")),
        ("ascii", "é…한", b"\\xe9\\u2026\\ud55c"),
    ],
)
def test_characters_that_are_lacking_are_escaped(
    monkeypatch: pytest.MonkeyPatch, encoding: str, text: str, written: bytes
) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, stream(encoding))
    lenient_streams()
    assert lacks_characters() is (encoding != "utf-8")
    for each in (sys.stdout, sys.stderr):
        each.write(text)
        each.flush()
        assert each.buffer.getvalue() == written


@pytest.mark.parametrize("absent", [None, io.StringIO()])
def test_streams_that_are_no_files_are_left_alone(monkeypatch: pytest.MonkeyPatch, absent: object) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, absent)
    lenient_streams()
    with checked_output():
        click.echo("é")
    assert sys.stdout is absent
    assert not lacks_characters()


class Failing(io.StringIO):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, text: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_output_that_cannot_be_written_is_told_from_other_files(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    failing = Failing(number)
    monkeypatch.setattr(sys, "stdout", failing)
    with (
        pytest.raises(OutputError, match=f"got {os.strerror(number)}; the work is done and saved"),
        checked_output(),
    ):
        click.echo("result")
    assert sys.stdout is failing
    with pytest.raises(OSError, match="another"), checked_output():
        raise OSError(number, "another file")


def test_a_reader_that_has_gone_is_no_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Failing(errno.EPIPE))
    with pytest.raises(BrokenPipeError), checked_output():
        click.echo("result")
