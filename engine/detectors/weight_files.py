# SPDX-License-Identifier: AGPL-3.0-only
"""Detects the kind of a weight file by its first bytes and its name. No torch.

PatchBench needs gradients through the detector, which exported formats do not support.
"""

from __future__ import annotations

import re
from pathlib import Path

MAX_BYTES = 4 * 2**30
"""The maximum size of a weight file; the largest published detector has a tenth."""

TORCH_ZIP = b"PK\x03\x04"
"""The first bytes of a file written by `torch.save`."""

_HEAD_BYTES = 4096
_EXPORTED = "an export without gradients, which an attack needs; use the .pt file that it was exported from"
_KINDS: tuple[tuple[str, re.Pattern[bytes], str], ...] = (
    ("an empty file", re.compile(rb"\Z"), "so download it again"),
    (
        "a pointer of Git LFS",
        re.compile(rb"version https://git-lfs"),
        "so download the file itself with git lfs pull",
    ),
    (
        "a web page",
        re.compile(rb"\s*<(!doctype html|html|head|body)", re.I),
        "so download the file itself, not the page about it",
    ),
    ("an OpenVINO model", re.compile(rb"\s*(<\?xml[^>]*>\s*)?<net\b"), _EXPORTED),
    ("a TensorFlow Lite model", re.compile(rb".{4}TFL3", re.S), _EXPORTED),
    ("a TensorRT engine", re.compile(rb"(.{4}\{\"description\"|ftrt|ptrt)", re.S), _EXPORTED),
    ("an NCNN model", re.compile(rb"7767517\s"), _EXPORTED),
    ("a Keras model", re.compile(rb"\x89HDF\r\n"), "so use the .pt file of an Ultralytics detector"),
    ("an ONNX model", re.compile(rb"\x08[\x01-\x20](\x12.[a-zA-Z]|\x1a|\x22|\x2a|\x3a)", re.S), _EXPORTED),
)
_SAFETENSORS = re.compile(rb".{4}\0{4}\{\s*\"", re.S)  # the length of a JSON text, and the text
_SUFFIXES = {
    ".onnx": "an ONNX model",
    ".engine": "a TensorRT engine",
    ".mlmodel": "a CoreML model",
    ".mlpackage": "a CoreML model",
    ".tflite": "a TensorFlow Lite model",
    ".pb": "a TensorFlow model",
    ".torchscript": "a TorchScript model",
    ".mnn": "an MNN model",
    ".pdmodel": "a PaddlePaddle model",
    ".rknn": "an RKNN model",
}
_FOLDERS = {  # glob pattern of an exported folder → its kind
    "*.xml": "an OpenVINO model",
    "Manifest.json": "a CoreML model",
    "saved_model.pb": "a TensorFlow model",
    "*.ncnn.param": "an NCNN model",
    "*.pdmodel": "a PaddlePaddle model",
}


def other_kind(path: Path, head: bytes = b"") -> str | None:
    """The kind of a file that `torch.save` cannot have written, with advice; None if it can.

    Args:
        path: the file or folder; its suffix is used if the content is inconclusive.
        head: the file's first bytes; 4 KiB suffice.

    Returns:
        For example "an ONNX model, an export without gradients …", for use after "got".
    """
    if path.is_dir():
        kind = next((kind for pattern, kind in _FOLDERS.items() if any(path.glob(pattern))), None)
        return f"{kind}, {_EXPORTED}" if kind else None
    for kind, pattern, advice in _KINDS:
        if pattern.match(head[:_HEAD_BYTES]):
            return f"{kind}, {advice}"
    kind = _SUFFIXES.get(path.suffix.lower())
    return f"{kind}, {_EXPORTED}" if kind and not head.startswith(TORCH_ZIP) else None


def is_safetensors(head: bytes) -> bool:
    """Whether these first bytes are of a safetensors file."""
    return _SAFETENSORS.match(head) is not None
