# SPDX-License-Identifier: AGPL-3.0-only
"""Pickles written opcode by opcode, files that hold them, and a canary for what runs while they are read."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ACTIONS = {
    "compile",
    "ctypes.dlopen",
    "exec",
    "import",
    "open",
    "os.exec",
    "os.mkdir",
    "os.posix_spawn",
    "os.remove",
    "os.system",
    "pickle.find_class",
    "shutil.rmtree",
    "socket.connect",
    "subprocess.Popen",
}
MARK = "PATCHBENCH_TEST_PICKLE_RAN"
IDENTITY = ("torch.nn.modules.linear", "Identity")
MODEL = ("ultralytics.nn.tasks", "DetectionModel")
SHELL = f"import os; os.environ['{MARK}'] = 'yes'"
_seen: list[str] | None = None


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if _seen is not None and event in ACTIONS:
        _seen.append(f"{event} {arguments!r:.200}")


sys.addaudithook(_listen)  # a hook stays for the process; outside `canary` it does nothing


@contextmanager
def canary() -> Iterator[list[str]]:
    """What was imported, compiled, executed, opened or looked up by a pickle meanwhile."""
    global _seen
    _seen = found = []
    try:
        yield found
    finally:
        _seen = None


def archive(pickle: bytes, *, compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    """A file as torch.save lays it out (https://pytorch.org/docs/main/notes/serialization.html).

    Args:
        pickle: its `data.pkl`.
        compression: of all members.
        members: others by name, dots written as `__` and slashes as `___`.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as target:
        target.writestr("archive/data.pkl", pickle)
        for name, content in members.items():
            target.writestr("archive/" + name.replace("___", "/").replace("__", "."), content)
        target.writestr("archive/version", b"3\n")
        target.writestr("archive/byteorder", b"little")
    return file.getvalue()


def hostile(code: bytes, protocol: int = 2) -> bytes:
    """A pickle with that body."""
    return bytes([0x80, protocol]) + code + b"."


def text(value: str) -> bytes:
    """Push a text."""
    content = value.encode()
    return b"X" + len(content).to_bytes(4, "little") + content


def named(module: str, name: str) -> bytes:
    """Push a class or function."""
    return b"c" + f"{module}\n{name}\n".encode()


def number(value: int) -> bytes:
    """Push an int."""
    return b"\x8a\x08" + value.to_bytes(8, "little", signed=True)


def entry(key: str, value: bytes) -> bytes:
    """Store under a key of the dict below."""
    return text(key) + value + b"s"


def instance(module: str, name: str, **state: bytes) -> bytes:
    """Push an instance of a layer with a state."""
    entries = b"".join(entry(key, value) for key, value in state.items())
    return named(module, name) + b")\x81}" + entries + b"b"


def tensor(
    size: tuple[int, ...],
    strides: tuple[int, ...],
    *,
    offset: int = 0,
    length: int = 4,
    key: str = "0",
    kind: str = "FloatStorage",
) -> bytes:
    """Push a tensor on a storage, as torch.save does."""

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    storage = b"(" + text("storage") + named("torch", kind) + text(key) + text("cpu") + number(length) + b"tQ"
    hooks = named("collections", "OrderedDict") + b")R"
    arguments = storage + number(offset) + numbers(size) + numbers(strides) + b"\x89" + hooks
    return named("torch._utils", "_rebuild_tensor_v2") + b"(" + arguments + b"tR"


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def written(path: Path, content: bytes) -> Path:
    """The path of a file with this content."""
    path.write_bytes(content)
    return path
