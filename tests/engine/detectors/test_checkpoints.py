# SPDX-License-Identifier: AGPL-3.0-only
"""Weight files that Ultralytics writes open without trust; others are named, or need it."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.detectors import checkpoints
from engine.detectors.checkpoints import is_trusted, load_checkpoint
from engine.detectors.ultralytics_quiet import DetectionModel, IterableSimpleNamespace
from engine.detectors.weight_classes import PACKAGED_WEIGHTS
from engine.errors import DetectorError, UntrustedWeightsError
from tests.engine.detectors.families import FAMILIES, random_model
from tests.engine.detectors.pickles import Calls, canary

pytestmark = pytest.mark.usefixtures("nothing_ran")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DetectorError, match="No such file"):
        load_checkpoint(tmp_path / "missing.pt")


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_opens_untrusted(tmp_path, name):
    path, model = tmp_path / f"{name}.pt", random_model(name)
    torch.save({"model": model.half(), "ema": None, "train_args": {"box": 7.5}, "epoch": -1}, path)
    checkpoint = load_checkpoint(path)
    loaded = checkpoint.model
    assert isinstance(loaded, DetectionModel)
    assert checkpoint.train_args == {"box": 7.5}
    assert not is_trusted(path)
    for (key, ours), (other, theirs) in zip(
        loaded.state_dict().items(), model.state_dict().items(), strict=True
    ):
        assert key == other
        assert torch.equal(ours, theirs)
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(flat(loaded.float()(images)), flat(model.float()(images)))


def flat(output):
    """An Ultralytics output's first tensor."""
    return flat(output[0]) if isinstance(output, tuple) else output


def test_fused_models_and_their_criterion_open_untrusted(tmp_path):
    model = random_model("yolo26n")
    model.args = IterableSimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    model.criterion = model.init_criterion()
    model.fuse(verbose=False)
    path = tmp_path / "fused.pt"
    torch.save({"model": model}, path)
    loaded = load_checkpoint(path).model
    with torch.no_grad():
        images = torch.rand(1, 3, 64, 64)
        torch.testing.assert_close(loaded(images)[0], model(images)[0])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_what_trainers_write_beside_the_model_is_left_aside(tmp_path, protocol):
    path = tmp_path / "extras.pt"
    torch.save(
        {
            "model": random_model("yolov8n"),
            "fitness": np.float64(0.5),
            "step": np.int64(3),
            "array": np.arange(6, dtype=np.float32).reshape(2, 3),
            "ordered": OrderedDict(a=1),
            "containers": [{1, 2}, frozenset({3}), (1, None), b"bytes", 1 + 2j, {"deep": [True]}],
            "torch": [torch.float16, torch.device("cpu"), torch.Size([1, 2])],
            "parameter": torch.nn.Parameter(torch.ones(2)),
            "optimizer": torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1).state_dict(),
            "path": Path("somewhere"),
            "train_args": IterableSimpleNamespace(
                box=np.float64(7.5), cls=1, epochs=np.int64(3), size=torch.Size([2])
            ),
        },
        path,
        pickle_protocol=protocol,
    )
    train_args = load_checkpoint(path).train_args
    assert train_args == {"box": 7.5, "cls": 1, "epochs": 3, "size": torch.Size([2])}
    assert type(train_args["box"]) is float


def test_the_averaged_weights_come_first(tmp_path):
    averaged = random_model("yolov8n")
    averaged.names = {0: "averaged"}
    torch.save({"model": random_model("yolov8n"), "ema": averaged}, tmp_path / "last.pt")
    assert load_checkpoint(tmp_path / "last.pt").model.names == {0: "averaged"}
    torch.save(averaged, tmp_path / "bare.pt")
    assert load_checkpoint(tmp_path / "bare.pt").model.names == {0: "averaged"}


def test_trusted_folders_open_anything(tmp_path, own_home, monkeypatch):
    elsewhere, listed, home_weights = tmp_path / "a", tmp_path / "b", own_home / "weights"
    for folder in (elsewhere, listed, home_weights):
        folder.mkdir(parents=True)
        content = {"model": random_model("yolov8n"), "train_args": Calls(dict, [("from", os.getpid)])}
        torch.save(content, folder / "x.pt")
    monkeypatch.setenv("PATCHBENCH_TRUSTED", os.pathsep.join(["", str(listed)]))
    for path, trust in ((listed, False), (home_weights, False), (elsewhere, True)):
        assert load_checkpoint(path / "x.pt", trust=trust).train_args == {"from": os.getpid}
    with pytest.raises(UntrustedWeightsError, match="getpid"):
        load_checkpoint(elsewhere / "x.pt")


def test_a_trusted_file_runs_only_if_it_must(own_home):
    """Most weights need nothing that our own reader does not build, wherever they lie."""
    path = own_home / "weights" / "plain.pt"
    path.parent.mkdir(parents=True)
    torch.save({"model": random_model("yolov8n")}, path)
    load_checkpoint(path)
    with canary() as ran:
        load_checkpoint(path, trust=True)
    assert not [event for event in ran if event.startswith("pickle.find_class")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "a state dict without a model"),
        ({"model": None}, "a state dict without a model"),
        ({"model": {"weight": torch.zeros(1)}}, "a state dict without a model"),
        (OrderedDict(weight=torch.zeros(1)), "a state dict without a model"),
        ([1], "got list"),
        (torch.zeros(3), r"got (Tensor|torch\._utils\._rebuild_tensor_v2)"),
    ],
)
@pytest.mark.parametrize("trust", [False, True])
def test_files_without_a_model_are_named(tmp_path, content, message, trust):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(DetectorError, match=message):
        load_checkpoint(tmp_path / "other.pt", trust=trust)


def test_a_link_in_a_trusted_folder_does_not_lend_its_trust(tmp_path, own_home):
    (own_home / "weights").mkdir(parents=True)
    outside = tmp_path / "outside.pt"
    outside.touch()
    link = own_home / "weights" / "link.pt"
    link.symlink_to(outside)
    assert not is_trusted(link)
    assert is_trusted(own_home / "weights" / "inside.pt")
    assert not is_trusted(own_home / "weights" / ".." / ".." / "outside.pt")
    assert is_trusted(PACKAGED_WEIGHTS / "demo.pt")


@pytest.mark.real
def test_the_real_weights_open_untrusted_with_the_bits_that_torch_reads(yolov8n_weights):
    assert not is_trusted(yolov8n_weights)
    ours = load_checkpoint(yolov8n_weights)
    theirs = checkpoints._of_content(checkpoints._unpickled(yolov8n_weights.read_bytes(), yolov8n_weights))
    assert ours.model.names == theirs.model.names
    assert ours.train_args == theirs.train_args
    values = zip(ours.model.state_dict().items(), theirs.model.state_dict().items(), strict=True)
    for (key, value), (other, expected) in values:
        assert key == other
        assert value.dtype == expected.dtype
        assert torch.equal(value, expected)
