# SPDX-License-Identifier: AGPL-3.0-only
"""Weight files are found by name, and their classes read without opening them; nothing in them runs."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.detectors import weight_archive
from engine.detectors.ultralytics_quiet import DetectionModel
from engine.detectors.weight_classes import PACKAGED_WEIGHTS, classes_in, possible_files
from tests.engine.tiny import CLASSES


class Model:
    """Pickled as a model is: an object with its attributes."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


def archive(folder: Path, content: bytes, name: str = "net/data.pkl") -> Path:
    path = folder / "net.pt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("checkpoint", "names"),
    [
        ({"model": Model(names={})}, ()),
        ({"model": Model(names={0: "person", 1: "car"})}, ("person", "car")),
        ({"model": Model(names=["person", "car"])}, ("person", "car")),
        ({"model": Model(names={0: "person", 2: "car"})}, ("person", "1", "car")),
        ({"model": Model(names={"0": "person"}, yaml={"nc": 2})}, ("person", "1")),
        ({"model": Model(names=["old"]), "ema": Model(names=["new"])}, ("new",)),
        ({"model": Model(names=["only"]), "ema": None}, ("only",)),
        ({"model": Model(names={0: "a"}, kept={1, 2}, hooks={Model(): [Model()]})}, ("a",)),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_names_are_read(tmp_path: Path, checkpoint: dict, names: tuple, protocol: int) -> None:
    assert classes_in(archive(tmp_path, pickle.dumps(checkpoint, protocol))) == names


def test_what_torch_and_ultralytics_write_is_read(tiny_weights: Path) -> None:
    assert classes_in(tiny_weights) == CLASSES
    assert classes_in(PACKAGED_WEIGHTS / "demo.pt") == ("person",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        pickle.dumps([]),
        pickle.dumps({"model": None}),
        pickle.dumps({"model": Model()}),
        pickle.dumps({"model": Model(names={"person": 0})}),
        pickle.dumps({"model": Model(names={0: "person"})})[:-9],
        b"\x80\x02\x82\x01.",  # a global by its number in copyreg's registry
        b"\x80\x02r\xff\xff\xff\xff.",  # a place in the memory of an unpickler that would take gigabytes
        b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b".",  # likewise a bytearray
    ],
)
def test_what_cannot_be_read_has_no_names(tmp_path: Path, content: bytes) -> None:
    assert classes_in(archive(tmp_path, content)) == ()


def test_files_of_another_kind_have_no_names(tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("PK not an archive")
    for path in (tmp_path / "text.pt", tmp_path / "none.pt", tmp_path):
        assert classes_in(path) == ()
    assert classes_in(archive(tmp_path, pickle.dumps({}), "net/other.pkl")) == ()


def test_a_pickle_that_is_too_large_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path, pickle.dumps({"model": Model(names=["person"])}))
    monkeypatch.setattr(weight_archive, "_MAX_PICKLE_BYTES", 10)
    assert classes_in(path) == ()


def test_nothing_in_a_file_runs(tmp_path: Path) -> None:
    class Planted:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "planted"),)

    path = archive(tmp_path, pickle.dumps({"model": Model(names=["person"]), "other": Planted()}))
    assert classes_in(path) == ("person",)
    assert not (tmp_path / "planted").exists()


def test_classes_that_were_set_later_are_counted_at_the_head(tmp_path: Path) -> None:
    saved = DetectionModel("yolov8n.yaml", nc=5, verbose=False)
    saved.names, saved.model[-1].nc = {0: "cat", 1: "dog"}, 2  # as YOLOE's set_classes does
    torch.save({"model": saved}, tmp_path / "set.pt")
    assert saved.yaml["nc"] == 5
    assert classes_in(tmp_path / "set.pt") == ("cat", "dog")


@pytest.mark.parametrize("name", ["mine", "mine.pt"])
def test_a_bare_name_is_looked_for_here_then_in_the_package_then_at_home(name: str, own_home: Path) -> None:
    kept = [PACKAGED_WEIGHTS / "mine.pt", own_home / "weights" / "mine.pt"]
    assert possible_files(name) == [Path(name), *kept]


def test_a_published_name_with_its_familys_has_a_folder_at_home(own_home: Path) -> None:
    name = "torchvision/fcos_resnet50_fpn"
    assert possible_files(name) == [Path(name), own_home / "weights" / f"{name}.pth"]


def test_a_name_of_a_hub_has_a_folder_at_home(own_home: Path) -> None:
    assert possible_files("org/model") == [Path("org/model"), own_home / "weights" / "org" / "model"]


@pytest.mark.parametrize(
    "path", ["./mine.pt", "models/mine.pt", "/models/mine.pt", "models/a/b", "torchvision/other"]
)
def test_a_path_is_looked_for_only_where_it_says(path: str) -> None:
    assert possible_files(path) == [Path(path)]
