# SPDX-License-Identifier: AGPL-3.0-only
"""The form of torch before 1.6 is read without torch, and damage to it is refused."""

from __future__ import annotations

import io
import pickle
from typing import Any

import pytest
import torch

from engine.detectors.weight_archive import state_dict_node, tensor_shape
from engine.detectors.weight_sequence import MAGIC, WeightSequence

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C


def saved(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def sequence(*objects: Any) -> bytes:
    return b"".join(pickle.dumps(each, 2) for each in objects)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"a": torch.arange(6.0).reshape(2, 3)},
        {"a": torch.ones(2, 3), "b": torch.ones(5, dtype=torch.float64), "c": torch.ones(1).half()},
        {"a": torch.tensor(7), "b": torch.ones(0, 4), "c": torch.tensor([True, False])},
    ],
)
def test_shapes_and_storages_are_found(content: dict[str, torch.Tensor]) -> None:
    data = saved(content)
    assert data.startswith(MAGIC)
    read = WeightSequence(data)
    nodes = state_dict_node(read.root)
    assert {name: tensor_shape(node) for name, node in nodes.items()} == {
        name: tuple(value.shape) for name, value in content.items()
    }
    for name, value in content.items():
        key = nodes[name].arguments[0].key[2]
        assert read.storage(key) == bytes(value.untyped_storage())


def test_the_beginning_suffices_for_the_tree() -> None:
    data = saved({"a": torch.ones(1000)})
    read = WeightSequence(data[:-3000])
    assert tensor_shape(state_dict_node(read.root)["a"]) == (1000,)
    with pytest.raises(ValueError, match="larger than the file"):
        read.storage(state_dict_node(read.root)["a"].arguments[0].key[2])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "pickle"),
        (MAGIC, "pickle"),
        (sequence(1, 1001, {}, {}, []), "not written by torch"),
        (sequence(MAGIC_NUMBER, 1000, {}, {}, []), "not written by torch"),
        (sequence(MAGIC_NUMBER, 1001, {"little_endian": False}, {}, []), "big-endian"),
    ],
)
def test_other_sequences_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WeightSequence(data)


@pytest.mark.parametrize("keys", [[], ["1"], [["1"]], [1], "1", None])
def test_storages_that_are_not_there_are_refused(keys: Any) -> None:
    read = WeightSequence(sequence(MAGIC_NUMBER, 1001, {"little_endian": True}, {}, keys))
    with pytest.raises(ValueError, match="storage"):
        read.storage("1")
