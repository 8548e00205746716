# SPDX-License-Identifier: AGPL-3.0-only
"""Rules on the names in a detector's checkpoint, checked on the inert tree before anything is built.

A name may occur only where it is called or rebuilt, unless it is one of torch's types; callable names create
only plain values and tensors; only layers, models, their losses and a training's options may be rebuilt. The
functions are never actually called: `checkpoint_model` builds plain values, tensors and layers itself.
"""

from __future__ import annotations

import re
import sys

import torch
from torch import nn

from engine.detectors import ultralytics_quiet  # noqa: F401  # loads the classes that names are looked up in
from engine.detectors.pickle_tree import Call, Global, Node, Pairs, Persistent, children
from engine.errors import DetectorError, UntrustedWeightsError
from engine.excerpts import short_line

MAX_DEPTH = 200  # nested layers have four nodes each

TYPES = {name: value for name, value in vars(torch).items() if isinstance(value, torch.dtype)}
STORAGES = {
    "BFloat16Storage": torch.bfloat16,
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "ShortStorage": torch.int16,
}

ALIASES = {  # as in Ultralytics' own loader (ultralytics.nn.tasks.torch_safe_load)
    ("ultralytics.nn.modules.block", "Silence"): ("torch.nn.modules.linear", "Identity"),
    ("ultralytics.nn.tasks", "YOLOv10DetectionModel"): ("ultralytics.nn.tasks", "DetectionModel"),
    ("ultralytics.utils.loss", "v10DetectLoss"): ("ultralytics.utils.loss", "E2EDetectLoss"),
    ("ultralytics.yolo.utils", "IterableSimpleNamespace"): ("ultralytics.utils", "IterableSimpleNamespace"),
}
_LAYER_MODULES = re.compile(r"torch\.nn\.modules(\.\w+)?|ultralytics\.nn\.(modules(\.\w+)?|tasks)")
_LOSS_MODULES = (  # trained models contain their criterion
    *(f"ultralytics.utils.{module}" for module in ("loss", "tal")),
    *(f"ultralytics.models.utils.{module}" for module in ("loss", "ops")),
)
_OPTIONS = {("argparse", "Namespace")}  # of a training by torchvision's own scripts

_OTHER_FILES = {
    "models.": "expected a detector of the Ultralytics package, got one from the YOLOv5 or YOLOv7 "
    "repository, which needs that repository's code; use weights published by the package (yolov5nu.pt)",
    "torchvision.models.": "expected the state dict of a torchvision detector, got a whole model; "
    "save only its weights: torch.save(model.state_dict(), …)",
    "torch.nn.utils.prune": "expected finished weights, got layers with pruning masks; make them permanent "
    "with torch.nn.utils.prune.remove and save the model again",
}

_BUILTINS = ("bytearray", "complex", "dict", "frozenset", "getattr", "list", "set", "slice", "tuple")
_NUMPY = (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))
_CALLS = {
    *((module, name) for module in ("builtins", "__builtin__") for name in _BUILTINS),
    *(("collections", name) for name in ("Counter", "OrderedDict", "defaultdict", "deque")),
    *((f"numpy.{core}.{module}", name) for core in ("core", "_core") for module, name in _NUMPY),
    *((m, f"{p}Path") for m in ("pathlib", "pathlib._local") for p in ("Posix", "Windows", "Pure")),
    *(("torch._utils", name) for name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter")),
    *((module, "IterableSimpleNamespace") for module in ("ultralytics.utils", "ultralytics.yolo.utils")),
    ("_codecs", "encode"),
    ("datetime", "datetime"),
    ("numpy", "dtype"),
    ("torch", "Size"),
    ("torch", "device"),
}
_ARGUMENTS = {  # function → classes that it may have as arguments
    "_reconstruct": {("numpy", "ndarray")},
    "defaultdict": {
        (m, kind) for m in ("builtins", "__builtin__") for kind in ("dict", "int", "list", "set")
    },
}


def check_tree(root: Node) -> None:
    """Check a whole tree against the rules.

    Raises:
        UntrustedWeightsError: a name is not needed by detectors, or used in another way.
        DetectorError: such a name identifies another kind of weight file.
        ValueError: the tree is nested deeper than any detector.
    """
    seen: set[int] = set()
    level: list[Node] = [root]
    for _ in range(MAX_DEPTH):
        fresh = []
        for node in level:
            if id(node) not in seen:
                seen.add(id(node))
                fresh.append(node)
        level = [inner for node in fresh for inner in _checked(node)]
        if not level:
            return
    raise ValueError(f"a pickle nested deeper than {MAX_DEPTH} levels")


def layer_class(name: Node) -> type[nn.Module] | None:
    """The class of a layer or model by its name; None for any other name. Imports nothing."""
    if not isinstance(name, Global):
        return None
    module, attribute = ALIASES.get((name.module, name.name), (name.module, name.name))
    cls = getattr(sys.modules.get(module), attribute, None) if _LAYER_MODULES.fullmatch(module) else None
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        return None
    return cls if _LAYER_MODULES.fullmatch(cls.__module__) else None


def _checked(node: Node) -> list[Node]:
    """Check a node itself, and return its nodes that are still to be checked."""
    if isinstance(node, Global):
        if node.module == "torch" and node.name in TYPES:
            return []
        raise _refusal(node)
    if isinstance(node, Persistent):
        return _checked_storage(node.key)
    if not isinstance(node, Call):
        return children(node)
    if node.makes_instance:
        _check_instance(node)
    elif not isinstance(node.function, Global) or (node.function.module, node.function.name) not in _CALLS:
        raise _refusal(node.function)
    arguments = list(node.arguments) if isinstance(node.arguments, tuple) else [node.arguments]
    open_arguments = [inner for inner in arguments if not _is_expected_class(node, inner)]
    return [*open_arguments, *node.states, *node.items, *children(Pairs(node.pairs))]


def _checked_storage(key: Node) -> list[Node]:
    """Check torch.save's reference ("storage", class, name, device, length …), and return the rest."""
    if not (isinstance(key, tuple) and len(key) in (5, 6) and isinstance(key[1], Global)):
        return [key]
    name = key[1]
    if name.module not in ("torch", "torch.cuda", "torch.storage") or name.name not in STORAGES:
        raise _refusal(name)
    return [key[0], *key[2:]]


def _check_instance(node: Call) -> None:
    """Check that an instance is a layer, model, loss or options, without arguments, with states by name."""
    name = node.function
    if isinstance(name, Persistent) and isinstance(name.key, tuple) and len(name.key) > 1:
        name = name.key[1]  # torch before 1.6 stores a layer's source code with its class
    if not (is_never_built(name) or layer_class(name)) or node.arguments != ():
        raise _refusal(name)
    for state in node.states:
        if not isinstance(state, Pairs) or not all(isinstance(key, str) for key, _ in state.pairs):
            raise _refusal(name)


def is_never_built(name: Node) -> bool:
    """Whether a class is one of those that trainings save beside their weights, which stay data."""
    if not isinstance(name, Global):
        return False
    return (name.module, name.name) in _OPTIONS or (name.module in _LOSS_MODULES and name.name.isidentifier())


def _is_expected_class(call: Call, argument: Node) -> bool:
    """Whether an argument is a class that the function needs."""
    if not (isinstance(argument, Global) and isinstance(call.arguments, tuple)):
        return False
    if call.function.name == "getattr":  # forward methods stored by old heads and fused layers
        return layer_class(argument) is not None and call.arguments[1:] in (("forward",), ("forward_fuse",))
    return (argument.module, argument.name) in _ARGUMENTS.get(call.function.name, ())


def _refusal(name: Node) -> DetectorError:
    """The error for a forbidden name: another kind of file, or a possibly hostile one."""
    if isinstance(name, Global):
        for modules, message in _OTHER_FILES.items():
            if name.module.startswith(modules):
                return DetectorError(message)
    is_name = isinstance(name, Global)
    got = short_line(name) if is_name else "a call to, or an instance of, something computed"
    return UntrustedWeightsError(
        f"expected only the names that a detector needs, got {got}, which could run code; nothing was run"
    )
