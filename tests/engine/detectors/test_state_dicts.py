# SPDX-License-Identifier: AGPL-3.0-only
"""State dicts of all forms are opened without running anything; what is none is one line."""

from __future__ import annotations

import argparse
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine.detectors.state_dicts import load_state_dict
from engine.errors import DetectorError, UntrustedWeightsError

WEIGHTS = OrderedDict({"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4).half()})


class Planted:
    """Would make a folder if it were unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def same(path: Path, **options: Any) -> None:
    found = load_state_dict(path, **options)
    assert set(found.weights) == set(WEIGHTS)
    for name, value in WEIGHTS.items():
        assert torch.equal(found.weights[name], value)
        assert found.facts.shapes[name] == tuple(value.shape)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        WEIGHTS,
        {"model": WEIGHTS},
        {
            "model": WEIGHTS,
            "optimizer": {"state": {0: {"momentum_buffer": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]},
            "lr_scheduler": {"last_epoch": 1},
            "args": argparse.Namespace(lr=0.1, model="ssd300_vgg16", data_path="/data"),
            "epoch": 1,
        },
    ],
    ids=["alone", "named", "as torchvision's scripts"],
)
def test_files_of_torch(tmp_path: Path, zipped: bool, content: Any) -> None:
    torch.save(content, tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
    same(tmp_path / "net.pth")


def test_safetensors(tmp_path: Path) -> None:
    save_file(dict(WEIGHTS), tmp_path / "net.safetensors", {"architecture": "net"})
    same(tmp_path / "net.safetensors")
    assert load_state_dict(tmp_path / "net.safetensors").facts.architecture == "net"


@pytest.mark.parametrize("zipped", [True, False])
def test_what_could_run_code_is_run_only_if_trusted(tmp_path: Path, zipped: bool) -> None:
    content = {"model": WEIGHTS, "hook": Planted(tmp_path / "planted")}
    torch.save(content, tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(UntrustedWeightsError, match=r"mkdir, which could run code; nothing was run"):
        load_state_dict(tmp_path / "net.pth")
    assert not (tmp_path / "planted").exists()
    same(tmp_path / "net.pth", trust=True)
    assert (tmp_path / "planted").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "expected a state dict, on its own or as model"),
        ([], "expected a state dict, .* got list"),
        ({"epoch": 1}, "expected a state dict, .* got a dict without one"),
        ({"model": nn.Conv2d(1, 1, 1)}, "expected a state dict, .* got a whole model"),
        ({"model": {"a": torch.ones(1), "b": 1}}, "expected a state dict"),
        (nn.Conv2d(1, 1, 1), "expected a state dict, .* got a whole model"),
    ],
)
def test_what_is_none_is_one_line(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(DetectorError, match=rf"^weights .*net.pth: {message}") as caught:
        load_state_dict(tmp_path / "net.pth")
    assert len(str(caught.value).splitlines()) == 1


def test_a_trusted_file_without_a_state_dict(tmp_path: Path) -> None:
    torch.save({"hook": Planted(tmp_path / "planted")}, tmp_path / "net.pth")
    with pytest.raises(DetectorError, match=r"^weights .*net.pth: expected a state dict, .* got dict"):
        load_state_dict(tmp_path / "net.pth", trust=True)


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_part_of_a_file_is_refused(tmp_path: Path, zipped: bool, kept: float) -> None:
    path = tmp_path / "net.pth"
    torch.save(WEIGHTS, path, _use_new_zipfile_serialization=zipped)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept if kept > 1 else kept * len(data))])
    with pytest.raises(DetectorError, match="weights") as caught:
        load_state_dict(path)
    assert len(str(caught.value).splitlines()) == 1
