# SPDX-License-Identifier: AGPL-3.0-only
"""torchvision's detectors are loaded from their own and from users' files, and downloaded when named."""

from __future__ import annotations

import io
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import get_model

from engine.detectors import torchvision
from engine.detectors.loading import find_weights, load_detector
from engine.detectors.torchvision import download_weights
from engine.detectors.torchvision_names import COCO_CLASSES
from engine.errors import DetectorError
from engine.json_text import json_text
from engine.registries import DETECTORS

SSDLITE = "ssdlite320_mobilenet_v3_large"


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """The state dict of a detector with three classes."""
    torch.manual_seed(0)
    return get_model(SSDLITE, weights=None, weights_backbone=None, num_classes=4).state_dict()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stands for published weights: of 91 labels, in the form of torch before 1.6."""
    path = tmp_path_factory.mktemp("published") / "file.pth"
    model = get_model(SSDLITE, weights=None, weights_backbone=None)
    torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)
    return path


def test_a_state_dict_is_loaded_with_what_its_file_says(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    path, classes = tmp_path / "net.safetensors", ["a", "b", "c"]
    save_file(weights, path, {"architecture": SSDLITE, "classes": json_text(classes)})
    detector = load_detector(path, device="cpu")
    assert (detector.name, detector.class_names) == ("net", ("a", "b", "c"))
    assert find_weights(path)[1] is DETECTORS["torchvision"]


def test_a_state_dict_is_loaded_with_what_is_said(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    torch.save({"model": weights, "classes": ["x", "y", "z"]}, tmp_path / "net.pth")
    (tmp_path / "classes.txt").write_text("a\nb\nc\n")
    detector = load_detector(
        tmp_path / "net.pth", device="cpu", architecture=SSDLITE, detector_classes=tmp_path / "classes.txt"
    )
    assert detector.class_names == ("a", "b", "c")


def spoilt(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    name, value = next(iter(weights.items()))
    return weights | {name: torch.full_like(value, torch.nan)}


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda weights: {"a": torch.ones(1)}, {"architecture": SSDLITE}, "of ssdlite320.* got .* missing"),
        (lambda weights: weights, {"architecture": "ssd300_vgg16"}, f"it fits --architecture {SSDLITE}$"),
        (
            lambda weights: weights,
            {"architecture": "resnet"},
            "architecture: expected one of .*'resnet'",
        ),
        (spoilt, {}, r"got infinite or NaN values in backbone"),
        (
            lambda weights: {"model": weights, "classes": ["a"]},
            {},
            "expected 3 classes .* got a list of 1",
        ),
        (lambda weights: {"epoch": 1}, {"architecture": SSDLITE}, "expected a state dict"),
    ],
)
def test_what_does_not_fit_is_one_line(
    tmp_path: Path, weights: dict[str, Tensor], change: Any, options: dict[str, str], message: str
) -> None:
    torch.save(change(weights), tmp_path / "net.pth")
    with pytest.raises(DetectorError, match=message) as caught:
        load_detector(tmp_path / "net.pth", device="cpu", **options)
    assert len(str(caught.value).splitlines()) == 1


def test_a_whole_model_is_refused_with_what_to_save(tmp_path: Path) -> None:
    with torch.device("meta"):
        model = get_model(SSDLITE, weights=None, weights_backbone=None)
    torch.save(model.to_empty(device="cpu"), tmp_path / "net.pth")
    with pytest.raises(DetectorError, match=r"got a whole model; save only its weights"):
        load_detector(tmp_path / "net.pth", device="cpu")


def test_a_model_of_another_family_is_refused(tiny_weights: Path) -> None:
    with pytest.raises(DetectorError, match="expected a state dict"):
        load_detector(tiny_weights, device="cpu", architecture=SSDLITE)


def test_published_weights_are_downloaded_once_and_said(
    own_home: Path, published: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    def download(url: str, target: str, *, hash_prefix: str) -> None:
        asked.append((url.rpartition("/")[2], hash_prefix))
        Path(target).write_bytes(published.read_bytes())

    monkeypatch.setattr(torchvision, "download_url_to_file", download)
    place = own_home / "weights" / "torchvision" / f"{SSDLITE}.pth"
    for _ in range(2):
        detector = load_detector(f"torchvision/{SSDLITE}", device="cpu")
        assert (detector.name, detector.class_names) == (SSDLITE, COCO_CLASSES)
    assert asked == [("ssdlite320_mobilenet_v3_large_coco-a79551df.pth", "a79551df")]
    assert f"Downloading torchvision/{SSDLITE}.pth to {place}" in caplog.text


def no_network(*arguments: Any, **options: Any) -> None:
    raise OSError("Name or service\nnot known")


def another_file(url: str, *arguments: Any, **options: Any) -> Any:
    file: Any = io.BytesIO(b"a page that says: please pay for the network")
    file.info = Message
    return file


@pytest.mark.parametrize(
    ("answer", "message"),
    [(no_network, "OSError: Name or service not known; connect"), (another_file, "invalid hash value")],
)
def test_a_download_that_fails_is_one_line_and_leaves_nothing(
    own_home: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, message: str
) -> None:
    monkeypatch.setattr("torch.hub.urlopen", answer)
    target = own_home / "weights" / "torchvision" / f"{SSDLITE}.pth"
    with pytest.raises(DetectorError, match=message) as caught:
        download_weights(f"torchvision/{SSDLITE}.pth", target)
    assert len(str(caught.value).splitlines()) == 1
    assert list(target.parent.iterdir()) == []
