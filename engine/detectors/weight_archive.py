# SPDX-License-Identifier: AGPL-3.0-only
"""Reads the zip archives of torch.save within bounds. No torch."""

from __future__ import annotations

import struct
import zipfile
from typing import BinaryIO

from engine.detectors.pickle_tree import Call, Global, Node, entries
from engine.errors import DetectorError
from engine.excerpts import short_line

STATE_DICTS = ("ema", "model", "state_dict", "model_state_dict")
"""Usual names of a state dict in a training's checkpoint."""

_MAX_DIRECTORY_BYTES = 4 * 2**20  # some 50,000 members; a detector has a thousand
_MAX_PICKLE_BYTES = 64 * 2**20
_END_BYTES, _LOCATOR_BYTES, _END64_BYTES = 22, 20, 56
_LONGEST_COMMENT = 65535


class WeightArchive:
    """One pickle and its storages, all uncompressed.

    Attributes:
        pickle: the archive's `data.pkl`.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Read the directory and the pickle of a file, but no storages.

        Args:
            file: open for reading; must stay open while the archive is used.

        Raises:
            DetectorError: it is an archive of something else.
            ValueError: it is damaged, or its members are larger than the file.
        """
        size = file.seek(0, 2)
        _require_small_directory(file, size)
        try:
            self._archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, NotImplementedError, struct.error) as error:
            raise ValueError(short_line(error)) from error
        pickle = _only_pickle(self._archive.infolist(), size)
        self._prefix = pickle.filename.removesuffix("data.pkl")
        if self._member("byteorder", missing=b"little") != b"little":
            raise ValueError("numbers in big-endian order")
        self.pickle = self._member("data.pkl")

    def storage(self, name: str) -> bytes:
        """The bytes of a storage.

        Raises:
            ValueError: there is no such storage, or it is damaged.
        """
        return self._member(f"data/{name}")

    def _member(self, name: str, missing: bytes | None = None) -> bytes:
        try:
            return self._archive.read(self._prefix + name)
        except KeyError as error:
            if missing is not None:
                return missing
            raise ValueError(f"no member {short_line(name)}") from error
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
            raise ValueError(short_line(error)) from error


def model_node(root: Node) -> Node:
    """The model in a checkpoint's tree: the root itself, a training's averaged `ema`, or `model`."""
    if isinstance(root, Call) and root.makes_instance:
        return root
    fields = entries(root)
    return fields.get("ema") or fields.get("model")


def state_dict_node(root: Node) -> dict[str, Node]:
    """The tensors' nodes of a file's state dict, at the top or under a usual name; empty without one."""
    named = entries(root)
    for candidate in (root, *(named.get(name) for name in STATE_DICTS)):
        tensors = entries(candidate)
        if tensors and all(_is_tensor(value) for value in tensors.values()):
            return tensors
    return {}


def tensor_shape(node: Node) -> tuple[int, ...]:
    """The sizes that a tensor's node names; empty for a scalar, and for what is no tensor."""
    while isinstance(node, Call) and isinstance(node.arguments, tuple) and node.arguments:
        if len(node.arguments) >= 4:
            size = node.arguments[2]
            size = size.arguments[0] if isinstance(size, Call) and size.arguments else size
            is_shape = isinstance(size, tuple | list) and all(isinstance(each, int) for each in size)
            return tuple(size) if is_shape else ()
        node = node.arguments[0]  # a parameter's tensor
    return ()


def _is_tensor(node: Node) -> bool:
    return isinstance(node, Call) and isinstance(node.function, Global) and "_rebuild" in node.function.name


def _only_pickle(members: list[zipfile.ZipInfo], size: int) -> zipfile.ZipInfo:
    """The archive's only pickle, after checking that torch.save can have written all members."""
    names = [member.filename.lower() for member in members]
    pickles = [member for member in members if member.filename.lower().endswith(".pkl")]
    if any(name.endswith("constants.pkl") for name in names):
        raise DetectorError(
            "expected a checkpoint of Ultralytics, got a TorchScript model, an export without gradients, "
            "which an attack needs; use the .pt file that it was exported from"
        )
    if not any(member.filename.endswith("/data.pkl") for member in pickles):
        raise DetectorError(
            "expected a checkpoint of Ultralytics, got a zip archive of something else; "
            "use the .pt file that Ultralytics' model.save() writes"
        )
    if len(pickles) > 1 or len(set(names)) < len(names):
        raise ValueError("two members of one name, or two pickles")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("compressed members, where torch.save compresses none")
    if sum(member.file_size for member in members) > size:
        raise ValueError("members that are larger than the file")
    if pickles[0].file_size > _MAX_PICKLE_BYTES:
        raise ValueError(f"a pickle of {pickles[0].file_size / 2**20:.0f} MiB")
    return pickles[0]


def _require_small_directory(file: BinaryIO, size: int) -> None:
    """Reject an archive with a huge directory before zipfile creates an object for each entry."""
    start = max(size - _LONGEST_COMMENT - _END_BYTES - _LOCATOR_BYTES - _END64_BYTES, 0)
    file.seek(start)
    data = file.read()
    end = data.rfind(b"PK\x05\x06")
    if end < 0 or end + _END_BYTES > len(data):
        raise ValueError("a truncated zip archive")
    directory_bytes = struct.unpack_from("<I", data, end + 12)[0]
    locator = end - _LOCATOR_BYTES
    record = locator - _END64_BYTES
    if record >= 0 and data[locator : locator + 4] == b"PK\x06\x07":  # the end of the larger form, zip64
        directory_bytes = struct.unpack_from("<Q", data, record + 40)[0]
        if struct.unpack_from("<Q", data, locator + 8)[0] != start + record:
            raise ValueError("a zip archive with two end records")
    if directory_bytes > _MAX_DIRECTORY_BYTES:
        raise ValueError(f"a table of contents of {directory_bytes} bytes")
