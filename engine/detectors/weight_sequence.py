# SPDX-License-Identifier: AGPL-3.0-only
"""Opens the form of torch.save before torch 1.6, in which older weights are published. No torch.

It is a sequence: a magic number, the protocol, facts on the system, the content, the keys of the storages,
each a pickle; then the storages in the order of their keys, each as the count of its numbers and these.
"""

from __future__ import annotations

import struct

from engine.detectors.pickle_tree import Global, Node, Persistent, children, entries, read_sequence

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_PICKLES, _COUNT_BYTES = 5, 8
MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""The first bytes of such a file: the pickle of the magic number."""

_NUMBER_BYTES = {
    **dict.fromkeys(("BoolStorage", "ByteStorage", "CharStorage"), 1),
    **dict.fromkeys(("BFloat16Storage", "HalfStorage", "ShortStorage"), 2),
    **dict.fromkeys(("FloatStorage", "IntStorage"), 4),
    **dict.fromkeys(("DoubleStorage", "LongStorage"), 8),
}


class WeightSequence:
    """The content of such a file as an inert tree, and its storages.

    Attributes:
        root: the content.
    """

    def __init__(self, data: bytes) -> None:
        """Parse the pickles; the storages are sought when the first one is read.

        Args:
            data: the file, or its beginning if only `root` is needed.

        Raises:
            ValueError: it is not such a file, or it is damaged.
        """
        trees, self._end = read_sequence(data, _PICKLES)
        magic, protocol, system, self.root, self._keys = trees
        if magic != _MAGIC or protocol != _PROTOCOL:
            raise ValueError("a sequence of pickles not written by torch")
        if entries(system).get("little_endian") is False:
            raise ValueError("numbers in big-endian order")
        self._data = data
        self._places: dict[str, tuple[int, int]] | None = None

    def storage(self, name: str) -> bytes:
        """The bytes of a storage.

        Raises:
            ValueError: there is no such storage, or it is damaged.
        """
        if self._places is None:
            self._places = self._found()
        if name not in self._places:
            raise ValueError("a tensor without a storage")
        start, end = self._places[name]
        return self._data[start:end]

    def _found(self) -> dict[str, tuple[int, int]]:
        """Key → first byte and the one after the last of each storage."""
        sizes, at, places = _number_bytes(self.root), self._end, {}
        for key in self._keys if isinstance(self._keys, list) else []:
            if not isinstance(key, str) or key not in sizes or at + _COUNT_BYTES > len(self._data):
                raise ValueError("storages that end too early or belong to no tensor")
            (count,) = struct.unpack_from("<q", self._data, at)
            start = at + _COUNT_BYTES
            at = start + count * sizes[key]
            if count < 0 or at > len(self._data):
                raise ValueError("a storage that is larger than the file")
            places[key] = (start, at)
        return places


def _number_bytes(root: Node) -> dict[str, int]:
    """Key of each storage → bytes of one of its numbers."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    level = [root]
    while level:
        fresh = [node for node in {id(node): node for node in level}.values() if id(node) not in seen]
        seen.update(map(id, fresh))
        for node in fresh:
            key = node.key if isinstance(node, Persistent) else None
            if isinstance(key, tuple) and len(key) > 2 and isinstance(key[1], Global):
                found[str(key[2])] = _NUMBER_BYTES.get(key[1].name, 1)
        level = [inner for node in fresh for inner in children(node)]
    return found
