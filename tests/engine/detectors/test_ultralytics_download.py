# SPDX-License-Identifier: AGPL-3.0-only
"""Downloads happen when named, are announced, land in our home, and fail in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from engine.detectors import ultralytics_download
from engine.detectors.ultralytics_download import (
    DETECTION_DATASETS,
    download_dataset,
    download_weights,
    published_datasets,
    published_weights,
)
from engine.errors import DatasetError, DetectorError


@pytest.fixture
def archive(monkeypatch):
    """Stands for the network: unpacks a folder with one image; counts its calls."""
    calls = []

    def fetch(url: str, *, dir: str, unzip: bool, delete: bool) -> None:
        calls.append(url)
        print("a progress bar")
        folder = Path(dir) / Path(url).stem / "images" / "train2017"
        folder.mkdir(parents=True)
        (folder / "1.jpg").touch()

    monkeypatch.setattr(ultralytics_download, "safe_download", fetch)
    return calls


def test_what_is_published():
    assert set(published_datasets()) == set(DETECTION_DATASETS)
    assert {"yolov8n.pt", "yolo11n.pt", "yolo26n.pt"} <= published_weights()


@pytest.mark.parametrize("name", ["coco8", "coco8.yaml"])
def test_a_dataset_is_fetched_once_into_our_home(name, archive, own_home, caplog, capsys):
    data_file = download_dataset(name)
    assert data_file == own_home / "datasets" / "coco8.yaml"
    data = yaml.safe_load(data_file.read_text())
    assert Path(data["path"]) == own_home / "datasets" / "coco8"
    assert (Path(data["path"]) / "images/train2017/1.jpg").exists()
    assert data["names"][0] == "person"
    assert download_dataset(name) == data_file
    assert len(archive) == 1
    assert archive[0].startswith("https://")
    assert "Downloading coco8 to" in caplog.text
    assert capsys.readouterr().out == ""  # standard output is for results


@pytest.mark.parametrize("name", ["", "coco", "coco8-seg", "../coco8"])
def test_unknown_datasets_name_the_known(name):
    with pytest.raises(DatasetError, match="coco128"):
        download_dataset(name)


def no_network(*arguments, **options):
    raise ConnectionError("cannot reach\nthe server")


def test_without_network_a_dataset_is_one_line_and_leaves_nothing(own_home, monkeypatch):
    monkeypatch.setattr(ultralytics_download, "safe_download", no_network)
    with pytest.raises(
        DatasetError, match="ConnectionError: cannot reach the server; connect to the network"
    ) as caught:
        download_dataset("coco8")
    assert len(str(caught.value).splitlines()) == 1
    assert not list((own_home / "datasets").iterdir())


def test_without_network_weights_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(ultralytics_download, "attempt_download_asset", no_network)
    with pytest.raises(DetectorError, match=r"expected to download yolo11n\.pt"):
        download_weights("yolo11n.pt", tmp_path / "yolo11n.pt")
