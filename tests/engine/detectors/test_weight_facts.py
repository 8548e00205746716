# SPDX-License-Identifier: AGPL-3.0-only
"""What a state dict's file says is read without torch, and without running anything in it."""

from __future__ import annotations

import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engine.detectors.weight_facts import WeightFacts, contains, facts_in, facts_of_safetensors

WEIGHTS = {"a.weight": torch.ones(2, 3), "b": torch.ones(4)}
SHAPES = {"a.weight": (2, 3), "b": (4,)}


def header(value: Any, length: int | None = None) -> bytes:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("content", "architecture", "classes"),
    [
        (WEIGHTS, "", ()),
        ({"model": WEIGHTS, "epoch": 3}, "", ()),
        ({"state_dict": WEIGHTS, "architecture": "net", "classes": ["x", "y"]}, "net", ("x", "y")),
        ({"model": WEIGHTS, "architecture": 3, "classes": {1: "y", 0: "x"}}, "", ("x", "y")),
        ({"model": WEIGHTS, "classes": {"x": 1}}, "", ()),
        ({"model": WEIGHTS, "classes": ["x", 1]}, "", ()),
    ],
)
def test_files_of_torch(
    tmp_path: Path, zipped: bool, content: Any, architecture: str, classes: tuple[str, ...]
) -> None:
    path = tmp_path / "net.pth"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert facts_in(path) == WeightFacts(shapes=SHAPES, architecture=architecture, class_names=classes)


@pytest.mark.parametrize(
    ("metadata", "architecture", "classes"),
    [
        (None, "", ()),
        ({"architecture": "net", "classes": '["x", "y"]'}, "net", ("x", "y")),
        ({"classes": "x, y"}, "", ()),
        ({"classes": '{"x": 1}'}, "", ()),
    ],
)
def test_safetensors(tmp_path: Path, metadata: Any, architecture: str, classes: tuple[str, ...]) -> None:
    save_file(WEIGHTS, tmp_path / "net.safetensors", metadata)
    expected = WeightFacts(shapes=SHAPES, architecture=architecture, class_names=classes)
    assert facts_in(tmp_path / "net.safetensors") == expected


@pytest.mark.parametrize(
    "data",
    [
        header({"a": {"shape": [1]}}, 2**60),
        header(b'{"a": '),
        header([]),
        header(b'{"a": ' + b"[" * 100_000),
    ],
)
def test_damaged_headers_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"safetensors|Expecting"):
        facts_of_safetensors(data)
    (tmp_path / "net.safetensors").write_bytes(data)
    assert facts_in(tmp_path / "net.safetensors") is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"text", pickle.dumps({"a": 1})])
def test_other_files_have_no_facts(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.pth").write_bytes(content)
    for path in (tmp_path / "net.pth", tmp_path / "none.pth", tmp_path):
        assert facts_in(path) is None
        assert not contains(path, (b"a.weight",))


@pytest.mark.parametrize("kind", ["zip", "sequence", "safetensors"])
def test_names_are_found_without_parsing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "net"
    if kind == "safetensors":
        save_file(WEIGHTS, path)
    else:
        torch.save(WEIGHTS, path, _use_new_zipfile_serialization=kind == "zip")
    assert contains(path, (b"none", b"a.weight"))
    assert not contains(path, (b"none",))
    assert not contains(path, ())


def test_nothing_in_a_file_runs(tmp_path: Path) -> None:
    class Planted:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "planted"),)

    torch.save({"model": WEIGHTS, "classes": Planted()}, tmp_path / "net.pth")
    facts = facts_in(tmp_path / "net.pth")
    assert facts is not None
    assert facts.shapes == SHAPES
    assert not (tmp_path / "planted").exists()
