# SPDX-License-Identifier: AGPL-3.0-only
"""What `patch generate` and `patch evaluate` refuse: one line, and nothing is left."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.detectors.demo_weights import embedded_detectors

EMBEDDED = ", ".join(embedded_detectors())


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--dataset", "none", "dataset 'none': expected a data file"),
        (
            "--class",
            "dog",
            "there is no class 'dog' in the dataset; blocks has: person, car; choose one with",
        ),
        ("--class", "", "class: expected the name of a class, got none; name one with --class"),
        ("--detector-class", "persn", "there is no class 'persn' in the detector; did you mean 'person'?"),
        ("--detector-class", "2", "there is no class '2' in the detector; tiny has: person, car; choose one"),
        ("--weights", "none.pt", f"expected a weight file, {EMBEDDED}, a name that Ultralytics knows"),
        ("--weights", "torchvision/none", f"{EMBEDDED}, torchvision/fasterrcnn_resnet50_fpn, "),
        ("--architecture", "none", "'none' is not one of "),
        ("--architecture", "ssd300_vgg16", "expected a state dict, "),
        ("--detector-classes", "none.txt", "detector classes: expected a file with one name per line, "),
        ("--initial", "none.png", "none.png: expected a patch file (.npy or .png), found none"),
        ("--device", "cuda:7", "device: expected one of auto, "),
        ("--image-size", "100", "image size: expected a multiple of 32, got 100; use 96"),
        ("--image-size", "0", "image size: expected 32 to 4096, got 0"),
        ("--iterations", "0", "iterations: expected 1 to 1000000, got 0"),
        ("--iterations", "-1", "iterations: expected 1 to 1000000, got -1"),
        ("--iterations", "ten", "'ten' is not a valid integer"),
        ("--batch-size", "0", "expected auto, or a number of 1 or more, got '0'"),
        ("--batch-size", "5000", "batch size: expected 0 to 4096, got 5000"),
        ("--batch-start", "4", "initial batch size: expected at most the batch size"),
        ("--batching", "all", "'all' is not one of 'sequential', 'grouped', 'ragged'"),
        ("--max-images", "-1", "max images: expected 0 to 10000000, got -1"),
        ("--patch-size", "8", "patch height: expected 16 to 512, got 8"),
        ("--patch-size", "1024", "patch height: expected 16 to 512, got 1024"),
        ("--learning-rate", "0", "learning rate: expected 1e-06 to 1, got 0"),
        ("--learning-rate", "nan", "learning rate: expected 1e-06 to 1, got nan"),
        ("--optimizer", "sgd", "'sgd' is not one of "),
        ("--schedule-gamma", "2", "schedule gamma: expected 0.001 to 1, got 2"),
        (
            "--precision",
            "fp16",
            "precision: expected fp32 or bf16 on the CPU, got fp16; choose auto, or a GPU",
        ),
        ("--loss", "colour=1", "loss: expected one of bbox, box, "),
        ("--loss", "tv=1", "losses: expected a nonzero weight for a term other than tv, got none"),
        ("--loss", "object=inf", "weight of the loss object: expected -10000 to 10000, got inf"),
        ("--placement-scale", "0", "placement scale: expected 0.01 to 1, got 0"),
        ("--rotation", "181", "augmentation rotation: expected 0 to 180, got 181"),
        ("--seed", "-1", "seed: expected 0 to 4294967295, got -1"),
        ("--time-limit", "-1", "time limit: expected 0 to 10000000, got -1"),
        ("--validation-share", "1", "validation share: expected 0 to 0.9, got 1"),
        ("--early-stop", "2", "early stop: expected a validation share above 0, got none; set both"),
        ("--checkpoint-every", "0", "checkpoint every: expected 1 to 1000000, got 0"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    run, small, tmp_path: Path, option: str, value: str, message: str
) -> None:
    out = tmp_path / "out" / "run"
    told = run("--quiet", "patch", "generate", *small, "--out", out, option, value)
    assert told.code == 1
    assert message in told.error
    assert not out.exists()


def test_out_of_the_way_files_are_left_alone(run, small, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for out, message in (
        ("taken", "expected a new or empty folder, got one with files; choose another --out"),
        ("file", "expected a writable folder, got"),
        ("file/run", "expected a writable folder, got"),
    ):
        told = run("--quiet", "patch", "generate", *small, "--out", tmp_path / out)
        assert told.code == 1
        assert message in told.error
    assert (tmp_path / "taken" / "mine.txt").read_text() == (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "corrupt.pt: an empty file, so download it again"),
        (b"PK\x03\x04 and nothing more", "which is damaged (a truncated zip archive)"),
        (None, "which is damaged"),
    ],
)
def test_corrupt_weights(
    run, small, tiny_weights: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    weights = tmp_path / "corrupt.pt"
    weights.write_bytes(tiny_weights.read_bytes()[:-1000] if content is None else content)
    told = run("--quiet", "patch", "generate", *small, "--weights", weights, "--out", tmp_path / "run")
    assert told.code == 1
    assert message in told.error
    assert not (tmp_path / "run").exists()


def test_a_dataset_without_objects_of_the_class(run, small, blocks: Path, tmp_path: Path) -> None:
    empty = shutil.copytree(blocks, tmp_path / "empty")
    for label in (empty / "labels").iterdir():
        label.write_text("")
    told = run("--quiet", "patch", "generate", *small, "--dataset", empty, "--out", tmp_path / "run")
    assert told.code == 1
    assert "expected objects of class 'person', got none in 6 images; choose another --class" in told.error


def test_an_image_that_was_moved_is_named(run, small, blocks: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(blocks, tmp_path / "moved")
    run("dataset", "import", moved)
    (moved / "images" / "0.png").unlink()
    told = run("--quiet", "patch", "generate", *small, "--dataset", "moved", "--out", tmp_path / "run")
    assert told.code == 1
    assert f"{moved / 'images' / '0.png'}: expected a whole image file, got no file (" in told.error


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("none.npy", None, "expected a patch file (.npy or .png), found none; check the path"),
        (
            "patch.txt",
            lambda path: path.write_text("0.5"),
            "expected a patch as .npy, .png, .jpg, .jpeg, got .txt",
        ),
        ("patch.npy", lambda path: path.write_bytes(b""), "expected a NumPy array, got an unreadable file"),
        ("patch.npy", lambda path: np.save(path, np.zeros((16, 16))), "expected a patch of 3xheightxwidth"),
        ("patch.npy", lambda path: np.save(path, np.full((3, 16, 16), 255.0)), "expected values of 0 to 1"),
        (
            "patch.png",
            lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"),
            "expected an image, got an unreadable",
        ),
    ],
)
def test_patches_of_the_wrong_form(run, subject, tmp_path: Path, name: str, write, message: str) -> None:
    path = tmp_path / name
    if write is not None:
        write(path)
    told = run("--quiet", "patch", "evaluate", "--patch", path, *subject)
    assert told.code == 1
    assert f"{path}: {message}" in told.error


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--min-score", "2", "minimum score: expected 0 to 1, got 2"),
        ("--iou", "0", "IoU: expected 0.01 to 1, got 0"),
        ("--batch-size", "0", "evaluation batch size: expected 1 to 1024, got 0"),
        ("--resamples", "-1", "resamples: expected 0 to 100000, got -1"),
    ],
)
def test_impossible_evaluation_settings(run, subject, option: str, value: str, message: str) -> None:
    told = run("patch", "evaluate", "--patch", "any.npy", *subject, option, value)
    assert (told.code, told.error) == (1, f"Error: {message}")
