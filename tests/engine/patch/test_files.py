# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.disk import write_atomically
from engine.errors import EngineError, PatchFileError, StorageError
from engine.patch.files import read_patch, write_patch

GREY = np.full((3, 8, 6), 0.5, dtype=np.float32)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    patch = torch.rand(3, 20, 31, generator=torch.Generator().manual_seed(0))
    write_patch(tmp_path, patch)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["patch.npy", "patch.png"]
    exact, mask = read_patch(tmp_path / "patch.npy")
    assert torch.equal(exact, patch)
    assert mask is None
    rounded, mask = read_patch(tmp_path / "patch.png")
    assert (rounded - patch).abs().max() <= 0.5 / 255 + 1e-6
    assert mask is None


def test_a_mask_is_kept_as_transparency(tmp_path: Path) -> None:
    mask = torch.zeros(8, 6, dtype=torch.bool)
    mask[2:5, 1:4] = True
    write_patch(tmp_path, torch.from_numpy(GREY), mask)
    _, read = read_patch(tmp_path / "patch.png")
    assert read is not None
    assert torch.equal(read, mask)


@pytest.mark.parametrize(
    "array",
    [
        GREY,
        GREY.astype(np.float64),
        GREY.astype(np.float16),
        GREY.transpose(1, 2, 0),
        np.full((3, 8, 6), 0.5, order="F"),
        GREY + 5e-5 / 2,
    ],
)
def test_arrays_from_elsewhere(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "p.npy", array)
    patch, mask = read_patch(tmp_path / "p.npy")
    assert patch.dtype == torch.float32
    assert patch.shape == (3, 8, 6)
    assert patch.numpy() == pytest.approx(GREY, abs=1e-4)
    assert mask is None


def test_uint8_arrays_are_scaled(tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.full((3, 4, 4), 51, dtype=np.uint8))
    assert torch.allclose(read_patch(tmp_path / "p.npy")[0], torch.tensor(0.2))


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGB", (255, 0, 51), (1.0, 0.0, 0.2)),
        ("RGBA", (255, 0, 51, 255), (1.0, 0.0, 0.2)),
        ("L", 51, (0.2, 0.2, 0.2)),
        ("P", 0, (0.0, 0.0, 0.0)),
        ("1", 1, (1.0, 1.0, 1.0)),
    ],
)
def test_images_from_elsewhere(tmp_path: Path, mode: str, colour: object, expected: tuple) -> None:
    Image.new(mode, (300, 7), colour).save(tmp_path / "p.png")
    patch, mask = read_patch(tmp_path / "p.png")
    assert patch.shape == (3, 7, 300)
    assert patch[:, 3, 100].tolist() == pytest.approx(expected)
    assert mask is None


def saved(array: object, **settings: object):
    return lambda path: np.save(path, array, **settings)


def drawn(mode: str, size: tuple[int, int], colour: object = 0):
    return lambda path: Image.new(mode, size, colour).save(path)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("p.npy", lambda path: path.write_bytes(b""), "expected a NumPy array, got an unreadable file"),
        ("p.npy", lambda path: path.write_bytes(b"\x93NUMPY\x01\x00junk"), "expected a NumPy array"),
        ("p.npy", saved(np.array([{}], dtype=object), allow_pickle=True), "expected a NumPy array"),
        ("p.npy", saved(np.zeros((8, 6), np.float32)), "expected a patch of 3xheightxwidth, got 8x6"),
        ("p.npy", saved(np.zeros((1, 3, 8, 6), np.float32)), "got 1x3x8x6"),
        ("p.npy", saved(np.float32(1)), "got a single number"),
        ("p.npy", saved(np.zeros((4, 8, 6), np.float32)), "got 4x8x6"),
        ("p.npy", saved(np.zeros((3, 8, 6), np.int64)), "expected floats of 0 to 1 or uint8, got int64"),
        ("p.npy", saved(np.zeros((3, 8, 3), np.float32)), "expected sides of 4 to 4096 texels, got 3x8"),
        ("p.npy", saved(np.zeros((3, 0, 8), np.float32)), "got 8x0"),
        ("p.npy", saved(np.full((3, 8, 6), np.nan, np.float32)), "expected finite numbers, got NaN"),
        ("p.npy", saved(np.full((3, 8, 6), 127.0, np.float32)), "expected values of 0 to 1, got 127 to 127"),
        ("p.npy", saved(np.full((3, 8, 6), -0.1, np.float32)), "got -0.1 to -0.1"),
        ("p.png", lambda path: path.write_bytes(b"no image"), "expected an image, got an unreadable file"),
        ("p.png", drawn("RGB", (3, 9)), "expected sides of 4 to 4096 texels, got 3x9"),
        ("p.png", drawn("RGB", (4097, 9)), "got 4097x9"),
        ("p.png", drawn("I;16", (9, 9)), "expected 8 bits a channel"),
        ("p.png", drawn("RGBA", (9, 9), (1, 2, 3, 0)), "expected a visible patch"),
        ("p.txt", lambda path: path.write_text("0.5"), "expected a patch as .npy, .png"),
        ("p", lambda path: path.mkdir(), "expected a patch file (.npy or .png), found none"),
        ("p.npy", lambda path: None, "expected a patch file (.npy or .png), found none"),
    ],
)
def test_wrong_forms_are_told_in_one_line(tmp_path: Path, name: str, write, message: str) -> None:
    write(tmp_path / name)
    with pytest.raises(PatchFileError) as caught:
        read_patch(tmp_path / name)
    text = str(caught.value)
    assert message in text
    assert str(tmp_path / name) in text
    assert "\n" not in text


def test_an_array_that_promises_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.npy"
    np.save(path, np.zeros((3, 4000, 4000), np.uint8))
    os.truncate(path, 4096)
    with pytest.raises(PatchFileError, match="unreadable file"):
        read_patch(path)


def test_a_truncated_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(PatchFileError, match="unreadable file"):
        read_patch(path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "patch.npy"
    path.write_bytes(b"old")

    def full_disk(file) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match=r"patch\.npy: cannot be written, the disk is full"):
        write_atomically(path, full_disk)
    assert [each.name for each in tmp_path.iterdir()] == ["patch.npy"]
    assert path.read_bytes() == b"old"


def test_a_file_may_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    write_patch(tmp_path, torch.from_numpy(GREY))
    assert (tmp_path / "patch.npy").stat().st_mode == usual.stat().st_mode


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be written, No such file or directory"):
        write_patch(tmp_path / "none", torch.from_numpy(GREY))
