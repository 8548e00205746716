# SPDX-License-Identifier: AGPL-3.0-only
"""Builds the model described by a checked tree: our own code creates plain values, tensors and layers.

A layer is created without its constructor and gets parameters, buffers, layers and plain attributes. Methods
and properties of its class are never replaced from a file, which guarantees that a layer calls only its
class's own code and other layers.
"""

from __future__ import annotations

import inspect
import math
import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from engine.detectors.checkpoint_rules import MAX_DEPTH, STORAGES, TYPES, is_never_built, layer_class
from engine.detectors.pickle_tree import Call, Global, Node, Pairs, Persistent, Set, entries
from engine.detectors.weight_archive import state_dict_node
from engine.excerpts import short_line, short_repr

_OWN = frozenset(vars(nn.Module()))  # torch's own attributes of a layer, such as hooks, flags and parameters
_MAX_VALUES = 200_000  # limits the repeated building of shared values
_NUMPY_FORMS = {
    "f8": "<d",
    "f4": "<f",
    "f2": "<e",
    "i8": "<q",
    "i4": "<i",
    "i2": "<h",
    "u1": "<B",
    "b1": "<?",
}
_LEFT_OUT = object()
"""Marks a value that detectors do not need: a loss, a path, a namespace of paths."""


class ModelBuilder:
    """Builds models from the nodes of one file."""

    def __init__(self, storage: Callable[[str], bytes], *, most_bytes: int) -> None:
        """Prepare for one file.

        Args:
            storage: returns the bytes of a storage by its name; raises ValueError for an unknown name.
            most_bytes: maximum total size of tensors, as many may share one storage.
        """
        self._read, self._bytes_left = storage, most_bytes
        self._storages: dict[str, bytearray] = {}
        self._made: dict[int, Any] = {}
        self._in_making: set[int] = set()
        self._values_left = _MAX_VALUES

    def weights(self, node: Node) -> dict[str, Tensor] | None:
        """The file's state dict, at the top or under a usual name; None if there is none.

        Raises:
            ValueError: torch cannot have written this.
        """
        tensors = state_dict_node(node)
        return {key: self._tensor(value) for key, value in tensors.items()} or None

    def layer(self, node: Node, depth: int = 0) -> nn.Module:
        """Build a layer with all its sublayers.

        Raises:
            ValueError: it is not a layer, or torch cannot have written it.
        """
        cls = layer_class(node.function) if isinstance(node, Call) and node.makes_instance else None
        if cls is None or depth > MAX_DEPTH:
            raise ValueError(f"expected a layer, got {kind_of(node)}")
        if id(node) in self._in_making:
            raise ValueError("a layer that contains itself")
        if id(node) in self._made:
            return self._made[id(node)]
        self._in_making.add(id(node))
        layer = cls.__new__(cls)
        nn.Module.__init__(layer)
        fields = entries(node)
        layer.training = fields.get("training") is True
        self._fill(layer, fields, depth)
        self._in_making.remove(id(node))
        self._made[id(node)] = layer
        return layer

    def _fill(self, layer: nn.Module, fields: dict[str, Node], depth: int) -> None:
        """Set a layer's parameters, buffers, sublayers and plain attributes."""
        parts = {kind: entries(fields.get(kind)) for kind in ("_modules", "_parameters", "_buffers")}
        self._count(len(fields) + sum(map(len, parts.values())))
        for name, value in parts["_modules"].items():
            left_out = value is None or (isinstance(value, Call) and is_never_built(value.function))
            layer._modules[_own_name(layer, name)] = None if left_out else self.layer(value, depth + 1)
        for name, value in parts["_parameters"].items():
            layer._parameters[_own_name(layer, name)] = None if value is None else self._parameter(value)
        for name, value in parts["_buffers"].items():
            layer._buffers[_own_name(layer, name)] = None if value is None else self._tensor(value)
        hidden = self.plain(fields.get("_non_persistent_buffers_set"), depth + 1)
        layer._non_persistent_buffers_set = hidden if isinstance(hidden, set) else set()
        for name, value in fields.items():
            if name in _OWN:
                if "hook" in name and (entries(value) or getattr(value, "pairs", None)):
                    raise ValueError(f"a layer with {name}")
            elif name == "forward":
                _choose_forward(layer, value)
            elif name.isidentifier() and not name.startswith("__") and not _is_of_class(layer, name):
                plain = self.plain(value, depth + 1)
                if plain is not _LEFT_OUT:
                    layer.__dict__[name] = plain
        if isinstance(layer, nn.Upsample):
            layer.__dict__.setdefault("recompute_scale_factor", None)  # missing before torch 1.11

    def plain(self, node: Node, depth: int = 0) -> Any:
        """Build a plain value, a tensor, or a container of those; `_LEFT_OUT` for anything else."""
        self._count(1)
        if depth > MAX_DEPTH:
            raise ValueError(f"values nested deeper than {MAX_DEPTH} levels")
        if node is None or isinstance(node, bool | int | float | str | bytes):
            return node
        if isinstance(node, list | tuple):
            values = [self.plain(each, depth + 1) for each in node]
            return _LEFT_OUT if any(value is _LEFT_OUT for value in values) else type(node)(values)
        if isinstance(node, Set):
            return {each for each in node.members if _is_key(each)}
        if isinstance(node, Pairs):
            return self._dict(node.pairs, depth)
        if isinstance(node, Global):
            return TYPES.get(node.name, _LEFT_OUT) if node.module == "torch" else _LEFT_OUT
        return self._called(node, depth) if isinstance(node, Call) else _LEFT_OUT

    def _count(self, values: int) -> None:
        self._values_left -= values
        if self._values_left < 0:
            raise ValueError(f"more than {_MAX_VALUES} values")

    def _dict(self, pairs: list[tuple[Node, Node]], depth: int) -> dict[Any, Any]:
        values = {key: self.plain(value, depth + 1) for key, value in pairs if _is_key(key)}
        return {key: value for key, value in values.items() if value is not _LEFT_OUT}

    def _called(self, node: Call, depth: int) -> Any:
        """Build the result of a call."""
        if node.makes_instance:
            return self.layer(node, depth) if layer_class(node.function) else _LEFT_OUT
        name = node.function.name
        if name.startswith("_rebuild"):
            return self._tensor(node)
        if name == "OrderedDict":
            return OrderedDict(self._dict(node.pairs, depth))
        if name == "IterableSimpleNamespace":
            return {key: self.plain(value, depth + 1) for key, value in entries(node).items()}
        if name in ("list", "tuple", "set", "frozenset", "Size"):
            items = self.plain(node.arguments[0], depth + 1) if node.arguments else []
            if not isinstance(items, list | tuple) or (name.endswith("set") and not all(map(_is_key, items))):
                return _LEFT_OUT
            return _sequence_type(name)(items)
        return _scalar(node) if name == "scalar" else _LEFT_OUT

    def _parameter(self, node: Node) -> nn.Parameter:
        """Build a parameter, even from a bare tensor."""
        tensor = self._tensor(node)
        return tensor if isinstance(tensor, nn.Parameter) else nn.Parameter(tensor, requires_grad=False)

    def _tensor(self, node: Node) -> Tensor:
        """Build a tensor or parameter on its storage."""
        if id(node) in self._made:
            return self._made[id(node)]
        if not (isinstance(node, Call) and isinstance(node.arguments, tuple)):
            raise ValueError(f"expected a tensor, got {kind_of(node)}")
        if node.function.name == "_rebuild_parameter" and node.arguments:
            tensor: Tensor = nn.Parameter(self._tensor(node.arguments[0]), requires_grad=False)
        elif node.function.name in ("_rebuild_tensor", "_rebuild_tensor_v2") and len(node.arguments) >= 4:
            tensor = self._view(*node.arguments[:4])
        else:
            raise ValueError(f"expected a tensor, got {kind_of(node)}")
        self._made[id(node)] = tensor
        return tensor

    def _view(self, storage: Node, offset: Node, size: Node, strides: Node) -> Tensor:
        """Build a tensor on a storage after checking that its sizes and strides fit."""
        key = storage.key if isinstance(storage, Persistent) else None
        if not (isinstance(key, tuple) and len(key) >= 5 and isinstance(key[1], Global)):
            raise ValueError("a tensor without a storage")
        if key[5:] not in ((), (None,)):  # torch before 0.4 stored parts of storages
            raise ValueError("a tensor on part of a storage")
        kind, name, length = key[1], key[2], key[4]
        size = size.arguments[0] if isinstance(size, Call) and size.function.name == "Size" else size
        numbers = [offset, length, *_integers(size), *_integers(strides)]
        if not isinstance(name, str) or len(size) != len(strides):
            raise ValueError("a tensor without a storage name or with too few strides")
        if not all(isinstance(number, int) and 0 <= number < 2**48 for number in numbers):
            raise ValueError("a tensor whose sizes or strides are not whole numbers of 0 or more")
        dtype, count = STORAGES[kind.name], math.prod(size)
        last = offset + sum((n - 1) * stride for n, stride in zip(size, strides, strict=True))
        content = self._storage(name)
        if length * dtype.itemsize > len(content) or (count and max(last + 1, count) > length):
            raise ValueError(f"a tensor of {count} numbers whose sizes or strides do not fit its storage")
        self._bytes_left -= count * dtype.itemsize
        if self._bytes_left < 0:
            raise ValueError("tensors larger than the whole file")
        if not count:
            return torch.empty(size, dtype=dtype)
        return torch.frombuffer(content, dtype=dtype, count=length).as_strided(size, strides, offset)

    def _storage(self, name: str) -> bytearray:
        if name not in self._storages:
            self._storages[name] = bytearray(self._read(name))
        return self._storages[name]


def _own_name(layer: nn.Module, name: str) -> str:
    """Check the name of a parameter, buffer or layer by torch's own rules."""
    if not name or "." in name or name.startswith("__") or _is_of_class(layer, name):
        raise ValueError(f"a layer with a part named {short_repr(name)}")
    return name


def _is_of_class(layer: nn.Module, name: str) -> bool:
    """Whether the class has a method or property of this name, which a file must not replace."""
    attribute = inspect.getattr_static(type(layer), name, None)
    return callable(attribute) or hasattr(attribute, "__get__")


def _choose_forward(layer: nn.Module, value: Node) -> None:
    """Let a fused layer use its class's `forward_fuse`; a file can select no other method."""
    fused = getattr(type(layer), "forward_fuse", None)
    is_method = isinstance(value, Call) and isinstance(value.arguments, tuple)
    if is_method and value.arguments[1:] == ("forward_fuse",) and callable(fused):
        layer.__dict__["forward"] = layer.forward_fuse


def _integers(node: Node) -> tuple[Node, ...]:
    if not isinstance(node, tuple | list) or len(node) > 16:
        raise ValueError("a tensor without sizes or strides")
    return tuple(node)


def _is_key(node: Node) -> bool:
    """Whether a node may be a key; not tuples, as nested ones could take forever to hash."""
    return node is None or isinstance(node, bool | int | float | str | bytes)


def _sequence_type(name: str) -> Callable[[Any], Any]:
    return {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "Size": torch.Size}[name]


def _scalar(node: Call) -> Any:
    """A number pickled by NumPy as type code and bytes."""
    kind, content = node.arguments if len(node.arguments) == 2 else (None, None)
    code = kind.arguments[0] if isinstance(kind, Call) and kind.arguments else None
    if isinstance(content, Call) and content.function.name == "encode":  # bytes in protocol 2
        content = str(content.arguments[0]).encode("latin-1", "replace")
    form = _NUMPY_FORMS.get(code) if isinstance(code, str) else None
    if form is None or not isinstance(content, bytes) or len(content) != struct.calcsize(form):
        return _LEFT_OUT
    return struct.unpack(form, content)[0]


def kind_of(node: Node) -> str:
    """A word for the kind of a node, for errors."""
    return short_line(node.function) if isinstance(node, Call) else type(node).__name__
