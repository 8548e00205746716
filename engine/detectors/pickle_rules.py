# SPDX-License-Identifier: AGPL-3.0-only
"""The allowlist of what a detector's checkpoint may name, and the unpickler that holds to it.

The rules: classes of modules are rebuilt but never called (a DetectionModel that is called evaluates text of
its configuration); few functions may be called, some of them narrowed here; nothing is imported; only
instances are given a state; and what comes out holds no function or class that a later call could reach.
"""

from __future__ import annotations

import pickle
import re
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, ClassVar, NoReturn

import numpy as np
import torch
from torch import nn

from engine.detectors.ultralytics_quiet import IterableSimpleNamespace
from engine.errors import UntrustedWeightsError
from engine.excerpts import short_repr

__all__ = ["ALIASES", "RestrictedUnpickler", "allowed", "refuse_planted_code"]

ALIASES = {  # as Ultralytics' own loader maps them (ultralytics.nn.tasks.torch_safe_load)
    ("ultralytics.nn.modules.block", "Silence"): ("torch.nn.modules.linear", "Identity"),
    ("ultralytics.nn.tasks", "YOLOv10DetectionModel"): ("ultralytics.nn.tasks", "DetectionModel"),
    ("ultralytics.utils.loss", "v10DetectLoss"): ("ultralytics.utils.loss", "E2EDetectLoss"),
    ("ultralytics.yolo.utils", "IterableSimpleNamespace"): ("ultralytics.utils", "IterableSimpleNamespace"),
}
CLASS_MODULES = re.compile(r"torch\.nn\.modules(\.\w+)?|ultralytics\.nn\.(modules(\.\w+)?|tasks)")
LOSS_MODULES = ("ultralytics.utils.loss", "ultralytics.utils.tal")  # trained models carry their criterion
STORAGE_NAMES = {storage.__name__ for storage in torch._storage_classes}
SIMPLE_KINDS = "biuf"  # numpy's booleans, integers and floats: no objects, no fields


def _plain_dtype(code: str, *_: Any) -> np.dtype:
    """numpy's dtype of a boolean, integer or float."""
    dtype = np.dtype(code if isinstance(code, str) else "O")
    return dtype if dtype.kind in SIMPLE_KINDS else _refuse(f"numpy.dtype of kind {dtype.kind}")


def _plain_array(cls: Any, _shape: Any, _code: Any) -> np.ndarray:
    """The empty array that numpy's pickles start from."""
    return np.empty(0) if cls is np.ndarray else _refuse(f"numpy array of type {short_repr(cls)}")


def _encode(text: str, encoding: str) -> bytes:
    """How protocol 2 writes bytes."""
    return (
        text.encode("latin-1")
        if encoding == "latin1"
        else _refuse(f"_codecs.encode to {short_repr(encoding)}")
    )


def _plain_defaultdict(factory: Any = None, *items: Any) -> defaultdict:
    """A defaultdict of plain values."""
    plain = factory is None or factory in (dict, list, set)
    return (
        defaultdict(factory, *items)
        if plain
        else _refuse(f"collections.defaultdict of {short_repr(factory)}")
    )


def _own_forward(owner: Any, name: str) -> Any:
    """The forward methods that segmentation heads and fused layers keep among their attributes."""
    cls = owner if isinstance(owner, type) else type(owner)
    if name not in ("forward", "forward_fuse") or not issubclass(cls, nn.Module):
        _refuse(f"builtins.getattr of {short_repr(name)}")
    return getattr(cls, name) if owner is cls else MethodType(getattr(cls, name), owner)


CALLABLE: dict[tuple[str, str], Any] = {
    ("_codecs", "encode"): _encode,
    ("builtins", "getattr"): _own_forward,
    ("collections", "defaultdict"): _plain_defaultdict,
    ("numpy", "dtype"): _plain_dtype,
    ("ultralytics.utils", "IterableSimpleNamespace"): IterableSimpleNamespace,
    **{("builtins", kind.__name__): kind for kind in (bytearray, complex, dict, frozenset, list, set, tuple)},
    **{("collections", kind.__name__): kind for kind in (Counter, OrderedDict, deque)},
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _plain_array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): np.float64(0).__reduce__()[0] for core in ("core", "_core")},
    **{
        (m, f"{p}Path"): PurePath for m in ("pathlib", "pathlib._local") for p in ("Posix", "Windows", "Pure")
    },
    **{("torch", kind.__name__): kind for kind in (torch.Size, torch.device)},
    **{
        ("torch._utils", name): getattr(torch._utils, name)
        for name in (
            "_rebuild_tensor",
            "_rebuild_tensor_v2",
            "_rebuild_parameter",
        )
    },
}
MAY_BE_CALLED = {id(function) for function in CALLABLE.values()}
BUILDABLE = (nn.Module, OrderedDict, IterableSimpleNamespace)


def allowed(module_name: str, name: str) -> bool:
    """Whether a checkpoint may name this global."""
    is_storage = module_name in ("torch", "torch.storage", "torch.cuda") and name in STORAGE_NAMES
    return is_storage or _find(module_name, name) is not None


def _find(module_name: str, name: str) -> Any:
    """The object that an allowed name stands for; None for any other. Imports nothing."""
    if module_name == "__builtin__":  # Python 2's name, which pickle protocol 2 writes
        module_name = "builtins"
    module_name, name = ALIASES.get((module_name, name), (module_name, name))
    if (module_name, name) in CALLABLE:
        return CALLABLE[module_name, name]
    if (module_name, name) == ("numpy", "ndarray"):
        return np.ndarray
    found = getattr(sys.modules.get(module_name), name, None)
    if module_name == "torch":
        return found if isinstance(found, torch.dtype) else None
    return found if _is_plain_class(module_name, found) else None


def _is_plain_class(module_name: str, found: Any) -> bool:
    """Whether it is a class that may be rebuilt (not called): a layer, a model or a loss."""
    if not isinstance(found, type):
        return False
    if module_name in LOSS_MODULES:
        return found.__module__ == module_name
    known = CLASS_MODULES.fullmatch(module_name) and CLASS_MODULES.fullmatch(found.__module__)
    return bool(known) and issubclass(found, nn.Module)


def _named(value: Any) -> str:
    """The name of a class or function, else of the value's class; its repr may fail while half built."""
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"


def _refuse(what: str) -> NoReturn:
    raise UntrustedWeightsError(f"expected only what a detector needs, got {what}, which could run code")


PythonUnpickler: Any = pickle._Unpickler  # the one in C lets no opcode be overridden


class RestrictedUnpickler(PythonUnpickler):
    """Unpickles what the allowlist names and refuses, by `UntrustedWeightsError`, all else."""

    dispatch: ClassVar[dict[int, Any]] = dict(PythonUnpickler.dispatch)
    stack: list[Any]

    def find_class(self, module_name: str, name: str) -> Any:
        """The allowed object of that name."""
        found = _find(module_name, name)
        return found if found is not None else _refuse(f"{module_name}.{name}")

    def load_reduce(self) -> None:
        """Call one of the functions that may be called."""
        if id(self.stack[-2]) not in MAY_BE_CALLED:
            _refuse(f"a call of {_named(self.stack[-2])}")
        PythonUnpickler.load_reduce(self)

    def load_newobj(self) -> None:
        """Make an instance of a layer, model or loss without calling its constructor."""
        cls = self.stack[-2]
        if not (isinstance(cls, type) and _is_plain_class(cls.__module__, cls)) or self.stack[-1] != ():
            _refuse(f"an instance of {_named(cls)}")
        PythonUnpickler.load_newobj(self)

    def load_build(self) -> None:
        """Give an instance its attributes."""
        state, instance = self.stack[-1], self.stack[-2]
        if isinstance(instance, np.dtype):
            self._check_dtype_state(instance)
        elif type(instance) is np.ndarray:
            PythonUnpickler.load_build(self)  # numpy checks the length; the type is a simple one
        elif type(state) is dict and (
            isinstance(instance, BUILDABLE) or _is_plain_class(type(instance).__module__, type(instance))
        ):
            PythonUnpickler.load_build(self)
        else:
            _refuse(f"a state for {_named(instance)}")

    def _check_dtype_state(self, instance: np.dtype) -> None:
        """Leave the type as it is if its state (version, order, no fields …) says nothing else."""
        state = self.stack.pop()
        if not isinstance(state, tuple) or state[1] not in ("<", "|", "=") or any(state[2:5]):
            _refuse(f"numpy.dtype with the state {short_repr(state)}")

    def refuse_opcode(self) -> NoReturn:
        """Answer opcodes that torch.save never writes and that would go round the checks above."""
        _refuse("a pickle opcode that torch.save does not write")

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.BUILD[0]] = load_build
    for _opcode in (
        pickle.INST,
        pickle.OBJ,
        pickle.NEWOBJ_EX,
        pickle.EXT1,
        pickle.EXT2,
        pickle.EXT4,
        pickle.PERSID,
    ):
        dispatch[_opcode[0]] = refuse_opcode


def refuse_planted_code(checkpoint: Any) -> None:
    """Raise if a class or function is among a loaded checkpoint's values, where a later call could reach it.

    Bound `forward` methods of a layer itself may stay: fused layers have them.
    """
    waiting, seen = [checkpoint], set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, MethodType) and isinstance(value.__self__, nn.Module):
            continue  # only _own_forward makes these
        if isinstance(value, type | FunctionType | BuiltinFunctionType | MethodType):
            _refuse(f"{_named(value)} among the values")
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set | frozenset | deque):
            waiting += value
        if isinstance(value, nn.Module | IterableSimpleNamespace) or _is_plain_class(
            type(value).__module__, type(value)
        ):
            waiting += vars(value).values()
