# SPDX-License-Identifier: AGPL-3.0-only
"""Which globals a pickle names, read from its opcodes without running any."""

from __future__ import annotations

import io
import pickletools

__all__ = ["UNREADABLE", "named_globals"]

UNREADABLE = "(cannot be told)"
"""Stands for a name that the pickle computes; no allowlist holds it."""

STRING_OPCODES = {
    "UNICODE",
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE8",
    "STRING",
    "BINSTRING",
    "SHORT_BINSTRING",
}
STORE_OPCODES = {"PUT", "BINPUT", "LONG_BINPUT"}
FETCH_OPCODES = {"GET", "BINGET", "LONG_BINGET"}
EXTENSION_OPCODES = {"EXT1", "EXT2", "EXT4"}  # a number in copyreg's registry instead of a name


def named_globals(data: bytes, *, many: bool = False) -> list[tuple[str, str]]:
    """Each (module, name) that the pickle would look up, in order.

    Follows what lies on top of the stack only as far as names need it: two strings pushed (or fetched from
    the memo) right before STACK_GLOBAL. Whatever computes a name otherwise gives (UNREADABLE, opcode).

    Args:
        data: a pickle of any protocol; what follows its STOP is ignored.
        many: go on with the pickles that follow it, as in torch's format before 1.6.
    """
    stream, found = io.BytesIO(data), []
    more = True
    while more:
        start = stream.tell()
        found += _one_pickle(stream)
        more = many and start < stream.tell() < len(data)
    return found


def _one_pickle(stream: io.BytesIO) -> list[tuple[str, str]]:
    """The globals of the pickle at the stream's position, up to its STOP or to where it is no pickle."""
    found: list[tuple[str, str]] = []
    top: list[str | None] = []  # what the last opcodes pushed: a string, or None for anything else
    memo: dict[int, str | None] = {}
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            name = opcode.name
            if name in ("GLOBAL", "INST"):
                found.append(_split(str(argument)))
            elif name == "STACK_GLOBAL":
                known = len(top) >= 2 and None not in top[-2:]
                found.append((str(top[-2]), str(top[-1])) if known else (UNREADABLE, name))
            elif name in EXTENSION_OPCODES:
                found.append((UNREADABLE, name))
            if name == "MEMOIZE":
                memo[len(memo)] = top[-1] if top else None
            elif name in STORE_OPCODES:
                memo[_number(argument)] = top[-1] if top else None
            elif name in FETCH_OPCODES:
                top.append(memo.get(_number(argument)))
            elif name not in ("PROTO", "FRAME"):
                top.append(_as_text(argument) if name in STRING_OPCODES else None)
    except (ValueError, UnicodeDecodeError, OverflowError, IndexError, EOFError):
        return found  # no pickle from here on, and so nothing that an unpickler would go on to run
    return found


def _split(argument: str) -> tuple[str, str]:
    """pickletools gives the two lines of GLOBAL and INST joined by a space."""
    module, _, name = argument.partition(" ")
    return module, name


def _number(argument: object) -> int:
    """The index that a memo opcode names."""
    return int(str(argument))


def _as_text(argument: object) -> str:
    return argument.decode("latin-1") if isinstance(argument, bytes) else str(argument)
