# SPDX-License-Identifier: AGPL-3.0-only
"""Detectors that can be chosen, and weight files from elsewhere."""

import io
import shutil
from pathlib import Path

import pytest

from dashboard.services import detectors
from engine.config import home_folder
from engine.detectors.demo_weights import embedded_detectors
from engine.detectors.weight_classes import PACKAGED_WEIGHTS
from engine.errors import DetectorError, SettingsError


@pytest.fixture(autouse=True)
def fresh():
    detectors.detectors.clear()


def test_at_first_there_are_the_demo_and_known_names():
    assert detectors.detectors() == [*embedded_detectors(), *detectors.KNOWN]
    assert detectors.detectors()[0] == "demo"


def test_an_upload_can_be_chosen_but_is_not_trusted():
    path = detectors.store_weights(io.BytesIO(b"PK\x03\x04rest"), "../My net!.pt")
    assert Path(path).read_bytes() == b"PK\x03\x04rest"
    assert Path(path).name.startswith("My-net-")
    assert not Path(path).is_relative_to(home_folder() / "weights")
    assert path in detectors.detectors()


@pytest.mark.parametrize(
    ("name", "stored"), [("net.pth", ".pth"), ("net.SAFETENSORS", ".safetensors"), ("net.bin", ".pt")]
)
@pytest.mark.parametrize("content", [b"PK\x03\x04rest", b"\x09\0\0\0\0\0\0\0" + b'{"a":{}}'])
def test_uploads_keep_the_suffixes_of_weights(name, stored, content):
    path = detectors.store_weights(io.BytesIO(content), name)
    assert Path(path).suffix == stored
    assert path in detectors.detectors()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got 'a.pt': an empty file"),
        (b"#!/bin/sh", r"written by torch\.save, got 'a.pt'$"),
        (b"<html>", "got 'a.pt': a web page, so download the file itself"),
        (b"\x08\x09\x12\x07pytorch", "got 'a.pt': an ONNX model, an export without gradients"),
    ],
)
def test_what_torch_never_writes_is_refused(content, message):
    with pytest.raises(DetectorError, match=message):
        detectors.store_weights(io.BytesIO(content), "a.pt")


def test_names_and_what_is_offered_can_be_used(own_home):
    kept = own_home / "weights" / "mine.pt"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"x")
    detectors.detectors.clear()
    for each in ("demo", "yolov9c", "torchvision/ssd300_vgg16", str(kept)):
        assert detectors.usable(each) == each


def test_a_path_that_a_link_names_must_be_allowed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATCHBENCH_ROOTS", str(tmp_path / "allowed"))
    inside, outside = tmp_path / "allowed" / "net.pt", tmp_path / "net.pt"
    for file in (inside, outside):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x")
    assert detectors.usable(str(inside)) == str(inside)
    monkeypatch.chdir(tmp_path)
    for written in (str(outside), "net.pt", "../net.pt", f"{inside.parent}/../net.pt"):
        with pytest.raises(SettingsError, match="expected a path below"):
            detectors.usable(written)


def test_a_folder_of_transformers_is_a_detector_if_all_in_it_is_allowed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATCHBENCH_ROOTS", str(tmp_path / "allowed"))
    folder = tmp_path / "allowed" / "detr"
    folder.mkdir(parents=True)
    with pytest.raises(SettingsError, match="expected a file"):
        detectors.usable(str(folder))
    (folder / "config.json").write_text('{"id2label": {"0": "person", "1": "car"}}')
    assert detectors.usable(str(folder)) == str(folder)
    assert detectors.class_names(str(folder)) == ("person", "car")
    (tmp_path / "elsewhere.safetensors").touch()
    (folder / "model.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    with pytest.raises(SettingsError, match="expected a path below"):
        detectors.usable(str(folder))


def test_folders_from_the_hub_are_kept_and_others_can_be_named(own_home):
    folder = own_home / "weights" / "org" / "detr"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"id2label": {"0": "person"}}')
    assert str(folder) in detectors.detectors()
    assert detectors.usable("org/detr") == "org/detr"
    assert detectors.class_names("org/detr") == ("person",)
    assert detectors.class_names("org/other") == ()


def test_a_path_must_be_an_allowed_file(own_home, tmp_path, monkeypatch):
    monkeypatch.setenv("PATCHBENCH_ROOTS", str(tmp_path))
    file = tmp_path / "net.pt"
    file.write_bytes(b"x")
    assert detectors.weight_file(str(file)) == str(file)
    with pytest.raises(SettingsError, match=r"weights: expected a file, got .*, which is not a file"):
        detectors.weight_file(str(tmp_path))
    with pytest.raises(SettingsError, match="expected a path below"):
        detectors.weight_file("/etc/passwd")


def test_the_classes_of_detectors_that_are_here_are_known(own_home, tmp_path, monkeypatch):
    assert detectors.class_names("demo") == ("person",)
    assert detectors.class_names("yolo11n") == ()
    kept = own_home / "weights" / "yolo11n.pt"
    kept.parent.mkdir(parents=True)
    shutil.copy(PACKAGED_WEIGHTS / "demo.pt", kept)
    assert detectors.class_names("yolo11n") == detectors.class_names("yolo11n.pt") == ("person",)
    kept.write_bytes(b"another")
    assert detectors.class_names("yolo11n") == ()


def test_the_classes_of_published_weights_that_are_not_here_are_known_if_all_have_the_same(own_home):
    assert detectors.class_names("torchvision/ssd300_vgg16")[:3] == ("person", "bicycle", "car")


def test_detectors_with_a_trainer_can_be_trained(own_home):
    folder = own_home / "weights" / "org" / "detr"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    names = ("demo", "demo-rcnn", "yolo11n", "torchvision/ssd300_vgg16", "org/detr", "org/other")
    assert [detectors.can_be_trained(each) for each in names] == [True] * 4 + [False] * 2


@pytest.mark.parametrize("name", ["", "classes.txt"])
def test_a_file_of_classes_must_be_allowed(tmp_path, monkeypatch, name):
    monkeypatch.setenv("PATCHBENCH_ROOTS", str(tmp_path / "allowed"))
    file = tmp_path / "allowed" / "classes.txt"
    file.parent.mkdir()
    file.touch()
    assert detectors.usable_classes(str(file) if name else "") == (str(file) if name else "")
    with pytest.raises(SettingsError, match="expected a path below"):
        detectors.usable_classes("/etc/passwd")


def test_the_classes_of_a_file_out_of_bounds_are_not_read(outside):
    with pytest.raises(SettingsError, match="expected a path below"):
        detectors.class_names(outside)


@pytest.mark.parametrize(
    ("names", "classes", "found"),
    [
        ((), [], None),
        ((), ["person"], None),
        (("car", "Person"), ["person"], "Person"),
        (("car", "person"), ["0"], None),
        (("car", "person"), ["car", "person"], None),
        (("person", "person"), ["person"], None),
    ],
)
def test_a_namesake_is_found(names, classes, found):
    assert detectors.namesake(names, classes) == found
