# SPDX-License-Identifier: AGPL-3.0-only
"""From a folder or a name of the hub to a detector of transformers, a run against it, and errors."""

from __future__ import annotations

import json
import sys

import pytest
import torch

pytest.importorskip("transformers", reason="pip install -r requirements-transformers.txt")

import huggingface_hub

from engine.cli import main
from engine.config import RunConfig, home_folder
from engine.detectors.loading import load_detector
from engine.errors import DetectorError
from engine.previews import requests
from engine.runs.commands import generate
from tests.engine.detectors.transformers_models import CLASSES, FAMILIES, random_model, write_folder


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "mine", "detr")


def change(path, **values: object) -> None:
    """Change a JSON file; None takes a value away."""
    content = json.loads(path.read_text()) | values
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))


def test_a_folder_is_loaded_with_its_normalization(folder):
    detector = load_detector(folder, device="cpu")
    assert (detector.name, detector.family, detector.class_names) == ("mine", "detr", CLASSES)
    torch.testing.assert_close(detector._mean.flatten(), torch.tensor([0.485, 0.456, 0.406]))
    change(folder / "preprocessor_config.json", do_normalize=False, do_rescale=False)
    plain = load_detector(folder, device="cpu", fuse=False)
    assert (plain._scale, plain._mean.sum(), plain._std.sum()) == (255, 0, 3)
    assert any("running_mean" in name for name in plain.model.state_dict())


def test_sizes_that_a_model_was_exported_for_do_not_bind_it(tmp_path):
    folder = write_folder(tmp_path / "mine", "rt_detr")
    change(folder / "config.json", anchor_image_size=[640, 640])
    found = load_detector(folder, device="cpu").candidates(torch.zeros(1, 3, 64, 96), 0)
    assert found.logits.shape == (1, 12)


def _weights(folder, name="model.safetensors"):
    return folder / name


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: _weights(f).unlink(), "expected model.safetensors next to config.json, got none"),
        (
            lambda f: _weights(f).rename(_weights(f, "pytorch_model.bin")),
            r"got pytorch_model\.bin, a pickle, which could run code",
        ),
        (lambda f: _weights(f).write_bytes(b"no weights"), "got SafetensorError"),
        (lambda f: (f / "config.json").write_text("{"), "expected a detector that this version"),
        (lambda f: change(f / "config.json", model_type="nothing"), "expected a detector that this version"),
        (
            lambda f: (f / "config.json").write_text(json.dumps({"model_type": "bert"})),
            "expected a model for object detection, got bert",
        ),
        (lambda f: change(f / "config.json", d_model=32), "expected a detector that this version"),
        (
            lambda f: change(f / "config.json", decoder_layers=3),
            "expected the weights of DetrFor.*got none for",
        ),
        (lambda f: change(f / "config.json", encoder_ffn_dim=10**8), "with a file of"),
        (lambda f: (f / "preprocessor_config.json").unlink(), r"expected a preprocessor_config\.json"),
        (lambda f: change(f / "preprocessor_config.json", image_std=[0, 1, 1]), "image_std"),
    ],
)
def test_folders_without_a_detector_are_named(folder, spoil, message):
    spoil(folder)
    with pytest.raises(DetectorError, match=message) as caught:
        load_detector(folder, device="cpu")
    assert str(folder) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_weights_that_are_no_numbers_are_named(tmp_path):
    model = random_model("detr")
    model.class_labels_classifier.weight.data.fill_(torch.nan)
    with pytest.raises(DetectorError, match="expected finite weights"):
        load_detector(write_folder(tmp_path / "mine", "detr", model), device="cpu")


def test_code_in_a_folder_is_not_run(folder, tmp_path):
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Model: pass\n")
    change(
        folder / "config.json",
        model_type="evil",
        auto_map={"AutoConfig": "evil.Model", "AutoModelForObjectDetection": "evil.Model"},
    )
    with pytest.raises(DetectorError, match="expected a detector that this version"):
        load_detector(folder, device="cpu")
    assert not (tmp_path / "ran").exists()


def test_without_the_library_a_line_says_what_to_install(folder, monkeypatch):
    for name in [each for each in sys.modules if each.startswith("engine.detectors.transformers_")]:
        if name != "engine.detectors.transformers_folder":
            monkeypatch.delitem(sys.modules, name)
    for name in ("transformers", "huggingface_hub"):
        monkeypatch.setitem(sys.modules, name, None)
    for weights in (folder, "nobody/nothing"):
        with pytest.raises(DetectorError, match=r"pip install -r requirements-transformers\.txt"):
            load_detector(weights, device="cpu")


def test_a_name_of_the_hub_is_downloaded_once(folder, monkeypatch):
    asked = []

    def snapshot(name, *, local_dir, allow_patterns):
        asked.append((name, "*.safetensors" in allow_patterns, any("bin" in each for each in allow_patterns)))
        local_dir.mkdir()
        for file in folder.iterdir():
            (local_dir / file.name).write_bytes(file.read_bytes())

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    for _ in range(2):
        assert load_detector("org/tiny", device="cpu").name == "tiny"
    assert asked == [("org/tiny", True, False)]
    assert [each.name for each in (home_folder() / "weights" / "org").iterdir()] == ["tiny"]


def test_a_name_without_network_leaves_nothing(monkeypatch):
    def snapshot(name, *, local_dir, allow_patterns):
        local_dir.mkdir()
        (local_dir / "config.json").write_text("half")
        raise OSError("Network is unreachable")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    with pytest.raises(
        DetectorError, match=r"expected to download org/tiny .*Network is unreachable"
    ) as caught:
        load_detector("org/tiny", device="cpu")
    assert len(str(caught.value).splitlines()) == 1
    assert list((home_folder() / "weights" / "org").iterdir()) == []


@pytest.fixture
def settings(blocks):
    """Settings of a run of one iteration against a detector."""
    small = {"image_size": 64, "view_size": 0, "batch_size": 2, "patch_height": 16, "patch_width": 16}
    return lambda weights, **losses: RunConfig(
        dataset=str(blocks), weights=str(weights), device="cpu", **small, iterations=1, losses=losses
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_attacks_and_scores_every_family(settings, tmp_path, family):
    weights = write_folder(tmp_path / "mine", family)
    losses = {"object": 1.0, "overlap": 0.1, "ce": 0.1, "bbox": 0.1, "giou": 0.1}
    summary = generate(settings(weights, **losses), tmp_path / "run")
    assert summary["detector"] == {"name": "mine", "family": family, "end_to_end": True}
    assert summary["evaluation"]["patch"]["ap50"] is not None


def test_a_class_that_it_lacks_is_one_line_and_leaves_nothing(settings, folder, blocks, tmp_path, capsys):
    change(folder / "config.json", id2label={"0": "cat", "1": "sheep", "2": "cow"}, label2id=None)
    out = tmp_path / "run"
    arguments = ["--dataset", str(blocks), "--weights", str(folder), "--image-size", "64", "--out", str(out)]
    assert main(["patch", "generate", *arguments, "--device", "cpu"]) == 1
    assert "there is no class 'person' in the detector" in capsys.readouterr().err.splitlines()[-1]
    assert not out.exists()


def test_previews_see_a_changed_folder(folder):
    path, changed = requests._file(folder)
    assert (path, changed > 0) == (str(folder), True)
