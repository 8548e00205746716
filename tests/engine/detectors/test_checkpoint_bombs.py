# SPDX-License-Identifier: AGPL-3.0-only
"""Weight files that would take too much memory or time, and damaged ones, are refused at once."""

from __future__ import annotations

import pickle
import struct
import time
import tracemalloc
import zipfile

import pytest
import torch

from engine.detectors.checkpoints import load_checkpoint
from engine.errors import DetectorError, UntrustedWeightsError
from tests.engine.detectors.families import random_model
from tests.engine.detectors.pickles import (
    IDENTITY,
    MODEL,
    archive,
    entry,
    hostile,
    instance,
    named,
    tensor,
    written,
)

pytestmark = pytest.mark.usefixtures("nothing_ran")


def nested(depth: int) -> bytes:
    """A list in a list in a list …"""
    return pickle.dumps([], 2)[:-1] + b"]" * depth + b"a" * depth + b"."


def doubled(times: int) -> bytes:
    """Tuples that hold the former one twice: small in the file, 2 ** times values when unfolded."""
    return hostile(b"N" + b"2\x86" * times)


def of_sizes(size: tuple[int, ...], strides: tuple[int, ...], **more: object) -> bytes:
    """A model with one tensor on a storage of four numbers."""
    return model_with(stride=tensor(size, strides, **more))


def model_with(storage_bytes: int = 16, **fields: bytes) -> bytes:
    """A model with these attributes and a storage called 0."""
    content = b"}" + entry("model", instance(*MODEL, **fields))
    return archive(hostile(content), data___0=bytes(storage_bytes))


def huge_directory() -> bytes:
    content = archive(pickle.dumps({}, 2))
    end = content.rfind(b"PK\x05\x06")
    return content[: end + 12] + struct.pack("<I", 2**31) + content[end + 16 :]


def overlapping() -> bytes:
    """Members that all say they are as large as the file."""
    content = bytearray(archive(pickle.dumps({}, 2), data___0=bytes(2**16)))
    directory = content.find(b"PK\x01\x02")
    while directory >= 0:
        content[directory + 20 : directory + 28] = struct.pack("<II", 2**16, 2**16)
        directory = content.find(b"PK\x01\x02", directory + 4)
    return bytes(content)


BOMBS = {
    "compressed members": (
        lambda: archive(pickle.dumps({}, 2), compression=zipfile.ZIP_DEFLATED, data___0=bytes(2**28)),
        "compressed members",
    ),
    "members larger than the file": (overlapping, "members that are larger than the file"),
    "a huge table of contents": (huge_directory, "a table of contents of 2147483648 bytes"),
    "nesting": (lambda: archive(nested(100_000)), "nested deeper than"),
    "tuples of tuples": (lambda: archive(doubled(60)), "got tuple; save it"),
    "tuples of tuples in a model": (lambda: model_with(names=doubled(60)[2:-1]), "more than 200000 values"),
    "sizes beyond the storage": (lambda: of_sizes((10**9,), (1,)), "do not fit its storage"),
    "strides beyond the storage": (
        lambda: model_with(stride=tensor((2, 2), (10**9, 1))),
        "do not fit its storage",
    ),
    "an offset beyond the storage": (
        lambda: model_with(stride=tensor((2,), (1,), offset=3)),
        "do not fit its storage",
    ),
    "one number as many": (lambda: of_sizes((10**9,), (0,)), "do not fit its storage"),
    "a storage longer than its bytes": (
        lambda: model_with(stride=tensor((8,), (1,), length=8)),
        "do not fit its storage",
    ),
    "negative sizes": (lambda: of_sizes((-1,), (1,)), "not whole numbers of 0 or more"),
    "sizes without strides": (lambda: of_sizes((2, 2), (1,)), "too few strides"),
    "no such storage": (lambda: of_sizes((2,), (1,), key="9"), "no member data/9"),
    "many tensors on one storage": (
        lambda: model_with(
            2**16, **{f"a{index}": tensor((2**14,), (1,), length=2**14) for index in range(20)}
        ),
        "larger than the whole file",
    ),
    "a layer that contains itself": (
        lambda: archive(
            hostile(named(*IDENTITY) + b")\x81q\x00}" + entry("_modules", b"}" + entry("a", b"h\x00")) + b"b")
        ),
        "a layer that contains itself",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_answered_at_once_and_in_little_memory(tmp_path, name):
    make, message = BOMBS[name]
    path = written(tmp_path / "bomb.pt", make())
    tracemalloc.start()
    before = time.process_time()
    try:
        with pytest.raises(DetectorError, match=message) as caught:
            load_checkpoint(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not isinstance(caught.value, UntrustedWeightsError)
    assert len(str(caught.value).splitlines()) == 1
    assert time.process_time() - before < 15  # tracing makes it some times slower
    assert peak < 400 * 2**20


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "sparse.pt"
    with open(path, "wb") as file:
        file.truncate(5 * 2**30)
    with pytest.raises(DetectorError, match=r"expected at most 4 GiB, got .*sparse\.pt of 5\.0 GiB"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"not a weight file", b"\x80\x02", b"PK\x03\x04" + b"x" * 99]
)
def test_damaged_files_are_named(tmp_path, content):
    path = tmp_path / "damaged.pt"
    path.write_bytes(content)
    with pytest.raises(DetectorError, match=r"damaged\.pt") as caught:
        load_checkpoint(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_truncated_checkpoint_is_named(tmp_path):
    path = tmp_path / "whole.pt"
    torch.save({"model": random_model("yolov8n")}, path)
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(DetectorError, match=r"whole\.pt"):
            load_checkpoint(path)
