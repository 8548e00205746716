# SPDX-License-Identifier: AGPL-3.0-only
"""The network that finds patches, its file, and painting over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from engine.defences.patch_finder import (
    CELL_PX,
    MAX_BYTES,
    PaintOut,
    PatchFinder,
    as_saved,
    cells_of,
    finder_of,
    load_finder,
    save_finder,
)
from engine.errors import DetectorError
from engine.seeding import generator


@pytest.fixture
def finder() -> PatchFinder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PatchFinder().eval()


class Red(PatchFinder):
    """Takes red for a patch."""

    def forward(self, images_nchw: Tensor) -> Tensor:
        return (cells_of(images_nchw[:, :1] - images_nchw[:, 1:2]) - 0.5) * 20


def images(count: int = 2, height: int = 48, width: int = 64) -> Tensor:
    return torch.rand(count, 3, height, width, generator=generator(0, 1))


@pytest.mark.parametrize("size", [(16, 16), (48, 64), (50, 37)])
def test_images_of_any_size_get_an_answer_a_cell(finder: PatchFinder, size: tuple[int, int]) -> None:
    cells = tuple(-(-side // 16) * 16 // CELL_PX for side in size)
    picture = images(1, *size)
    assert finder(picture).shape == (1, 1, *cells)
    assert cells_of(picture[:, :1]).shape == (1, 1, *cells)
    assert PaintOut(finder)(picture).shape == picture.shape


def test_what_is_found_is_painted_over_in_the_colour_of_the_rest() -> None:
    picture = torch.full((1, 3, 64, 64), 0.6)
    picture[:, 0, 20:36, 24:40], picture[:, 1:, 20:36, 24:40] = 1.0, 0.0
    step = PaintOut(Red())
    painted, mask = step(picture), step.mask(picture)
    assert mask[0, 0, 20:36, 24:40].all()
    assert mask.sum() == 16 * 16
    torch.testing.assert_close(painted, torch.full_like(picture, 0.6), atol=1e-5, rtol=0)


def test_without_a_patch_an_image_stays_as_it_is() -> None:
    picture = torch.full((1, 3, 32, 32), 0.6)
    assert torch.equal(PaintOut(Red())(picture), picture)


def test_an_image_that_is_all_patch_is_painted_without_a_gap() -> None:
    red = torch.zeros(1, 3, 32, 32)
    red[:, 0] = 1
    painted = PaintOut(Red())(red)
    assert painted.isfinite().all()
    assert (painted.min(), painted.max()) == (0, 0)  # nothing is left to learn a colour from


def test_the_threshold_decides() -> None:
    picture = torch.full((1, 3, 32, 32), 0.25)
    picture[:, 0] = 0.8  # a logit of 1: 0.73
    assert PaintOut(Red(), threshold=0.7).mask(picture).all()
    assert not PaintOut(Red(), threshold=0.8).mask(picture).any()


def test_an_attack_sees_the_gradient_of_the_probabilities_and_of_the_filling(finder: PatchFinder) -> None:
    seen = images().requires_grad_(True)
    step = PaintOut(finder, threshold=0.5)
    step.mask(seen).sum().backward()
    mask_gradient = seen.grad
    assert mask_gradient is not None
    # As if nothing were rounded: that of the probabilities, each for its cell of pixels.
    soft = images().requires_grad_(True)
    (finder(soft).sigmoid().sum() * CELL_PX**2).backward()
    torch.testing.assert_close(mask_gradient, soft.grad)
    seen.grad = None
    step(seen).sum().backward()
    assert seen.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in finder.parameters())


def test_an_image_is_painted_the_same_in_any_batch(finder: PatchFinder) -> None:
    step, pictures = PaintOut(finder, threshold=0.4), images(3)
    torch.testing.assert_close(step(pictures), torch.cat([step(each[None]) for each in pictures]))


def test_it_computes_in_single_precision_and_answers_in_the_images(finder: PatchFinder) -> None:
    step, pictures = PaintOut(finder), images()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert step(pictures).dtype == torch.float32
    assert torch.equal(step(pictures), step(pictures))
    assert step(pictures.double()).dtype == torch.float64


def test_a_file_holds_the_network_in_two_hundred_kilobytes(finder: PatchFinder, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_finder(path, as_saved(finder), {"dataset": "blocks", "seed": 3})
    assert path.stat().st_size < 200_000 < MAX_BYTES
    (length,) = (int.from_bytes(path.read_bytes()[:8], "little"),)
    head = json.loads(path.read_bytes()[8 : 8 + length])
    assert json.loads(head["__metadata__"]["patchbench"]) == {"dataset": "blocks", "seed": 3}
    loaded, rounded = load_finder(path), finder_of(as_saved(finder))
    assert torch.equal(loaded(images()), rounded(images()))
    torch.testing.assert_close(loaded(images()), finder(images()), atol=0.05, rtol=0)
    assert not loaded.training


def test_what_is_saved_is_a_copy(finder: PatchFinder) -> None:
    saved = as_saved(finder)
    before = {name: value.clone() for name, value in saved.items()}
    with torch.no_grad():
        for parameter in finder.parameters():
            parameter.add_(1)
    assert all(torch.equal(saved[name], value) for name, value in before.items())


def _file(path: Path, **weights: Tensor) -> Path:
    path.write_bytes(safetensors.torch.save(dict(weights)))
    return path


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("missing", "No such file or directory; check the path"),
        ("folder", "Is a directory; check the path"),
        ("empty", "header too small"),
        ("pickle", "header too large"),
        ("cut", "name another file or train a new one"),
        ("other", r"weights of another network \(answer.bias\)"),
        ("shape", r"weights of another network \(answer.bias\)"),
        ("nan", "numbers that are not finite"),
        ("large", "which is larger than 2 MiB; name another file"),
    ],
)
def test_a_bad_file_is_one_line(finder: PatchFinder, tmp_path: Path, kind: str, error: str) -> None:
    path, saved = tmp_path / "w.safetensors", as_saved(finder)
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "pickle":
        torch.save(saved, path)
    elif kind == "cut":
        path.write_bytes(safetensors.torch.save(saved)[:-100])
    elif kind == "other":
        _file(path, **{"layer.weight": torch.zeros(3)})
    elif kind == "shape":
        _file(path, **saved | {"answer.bias": torch.zeros(2)})
    elif kind == "nan":
        _file(path, **saved | {"answer.bias": torch.full((1,), torch.nan)})
    elif kind == "large":
        _file(path, **saved | {"more": torch.zeros(MAX_BYTES)})
    with pytest.raises(DetectorError, match=error) as raised:
        load_finder(path)
    assert str(raised.value).startswith(
        "defence segmenter: expected weights that `defence train` wrote, got "
    )
    assert "\n" not in str(raised.value)
