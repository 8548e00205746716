# SPDX-License-Identifier: AGPL-3.0-only
"""From a path or name to a file, and from the file to a detector of its family."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.detectors import ultralytics_download, weight_classes
from engine.detectors.loading import find_weights, load_detector
from engine.errors import DetectorError, DeviceError
from engine.registries import DETECTORS
from tests.engine.detectors.ragged_family import RAGGED
from tests.fakes import RaggedDetector


def test_the_device_is_checked_first(tmp_path):
    with pytest.raises(DeviceError, match="got 'toaster'"):
        load_detector(tmp_path / "missing.pt", device="toaster")


def test_a_detector_of_the_first_family_is_loaded_with_its_options(tiny_weights):
    detector, whole = (load_detector(str(tiny_weights), device="cpu", fuse=fuse) for fuse in (True, False))
    assert (detector.name, detector.family, detector.device.type) == ("tiny", "yolov8", "cpu")
    assert detector.checksum() != whole.checksum()


def test_files_of_another_family_are_loaded_by_it_and_its_names_downloaded(tmp_path, own_home):
    (tmp_path / "mine.ragged").touch()
    with DETECTORS.having(RAGGED):
        assert find_weights(tmp_path / "mine.ragged") == (tmp_path / "mine.ragged", RAGGED)
        assert isinstance(load_detector(tmp_path / "mine.ragged", device="cpu"), RaggedDetector)
        assert find_weights("ragged-small.ragged") == (own_home / "weights" / "ragged-small.ragged", RAGGED)
        with pytest.raises(
            DetectorError,
            match=r"demo.*, a name that Ultralytics knows \(yolo11n.pt\), .* or ragged-small, got",
        ):
            find_weights("nothing")


@pytest.mark.parametrize("names", ["man,lorry", "__background__,man,lorry"])
def test_names_of_classes_come_from_a_file(tmp_path, tiny_weights, names):
    file = tmp_path / "classes.txt"
    file.write_text(names.replace(",", "\n"))
    assert load_detector(tiny_weights, device="cpu", detector_classes=file).class_names == ("man", "lorry")


@pytest.mark.parametrize("names", ["man", "man,woman,lorry"])
def test_as_many_names_as_classes_are_needed(tmp_path, tiny_weights, names):
    file = tmp_path / "classes.txt"
    file.write_text(names.replace(",", "\n"))
    with pytest.raises(DetectorError, match="expected 2 names, one for each class of tiny, got") as caught:
        load_detector(tiny_weights, device="cpu", detector_classes=str(file))
    assert len(str(caught.value).splitlines()) == 1


def test_the_family_of_an_architecture_loads_the_file(tmp_path, tiny_weights):
    with DETECTORS.having(RAGGED):
        assert find_weights(tiny_weights, "ragged") == (tiny_weights, RAGGED)
        with pytest.raises(DetectorError, match=r"expected one of auto, .*ragged, got 'resnet'"):
            find_weights(tiny_weights, "resnet")


def test_names_are_looked_up_in_order(tmp_path, own_home, monkeypatch):
    packaged = tmp_path / "packaged"
    monkeypatch.setattr(weight_classes, "PACKAGED_WEIGHTS", packaged)
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, packaged, own_home / "weights"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mine.pt").touch()
    (own_home / "weights" / "yolo11n.pt").touch()

    def found(name: str) -> Path:
        return find_weights(name)[0]

    assert found("mine.pt").resolve() == tmp_path / "mine.pt"
    assert found("mine") == packaged / "mine.pt"
    assert found("yolo11n") == own_home / "weights" / "yolo11n.pt"


@pytest.mark.parametrize("name", ["", "nothing", "nothing.pt", "folder/yolo11n.pt", "yolo11n.onnx"])
def test_unknown_names_say_where_was_looked(name):
    with pytest.raises(DetectorError, match=r"looked for .*"):
        find_weights(name)


def test_an_unknown_name_of_a_family_lists_the_known():
    with pytest.raises(
        DetectorError, match=r"demo.*, torchvision/f.* or torchvision/ssd.*, got 'torchvision/yolo'"
    ):
        find_weights("torchvision/yolo")


def test_an_exported_folder_is_named(tmp_path):
    (tmp_path / "model.xml").touch()
    with pytest.raises(DetectorError, match=r"expected a .pt file, got the folder .*: an OpenVINO model"):
        find_weights(tmp_path)


def test_a_published_name_is_downloaded_and_said(own_home, monkeypatch, caplog):
    def publish(target):
        target.parent.mkdir(parents=True)
        target.touch()

    monkeypatch.setattr(ultralytics_download, "attempt_download_asset", publish)
    assert find_weights("yolo11n")[0] == own_home / "weights" / "yolo11n.pt"
    assert f"Downloading yolo11n.pt to {own_home / 'weights' / 'yolo11n.pt'}" in caplog.text
