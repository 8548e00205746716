# SPDX-License-Identifier: AGPL-3.0-only
"""Pools of patches: what is drawn, and what is read."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.errors import PatchFileError
from engine.patch.files import write_patch
from engine.runs.patch_pool import (
    TEXELS,
    PatchPool,
    _blocks,
    _crop,
    _spectrum,
    _waves,
    patches_on_record,
    read_pool,
)
from engine.seeding import generator

PHOTO = torch.rand(3, 40, 50, generator=generator(0, 1))


@pytest.mark.parametrize("texture", [_spectrum, _blocks, _waves, lambda chance: _crop(PHOTO, chance)])
def test_textures_are_patches_and_each_draw_is_another(texture) -> None:
    first, second, again = (texture(generator(seed, 2)) for seed in (0, 1, 0))
    for each in (first, second):
        assert each.shape == (3, TEXELS, TEXELS)
        assert each.dtype == torch.float32
        assert each.min() >= 0
        assert each.max() <= 1
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_an_empty_pool_draws_textures_in_many_shapes() -> None:
    drawn = [PatchPool().draw(generator(seed, 3), PHOTO) for seed in range(30)]
    shapes = {None if mask is None else int(mask.sum()) for _, mask in drawn}
    assert None in shapes
    assert len(shapes) > 8
    assert all(mask is None or mask.any() for _, mask in drawn)


def test_given_patches_are_drawn_in_other_colours_and_turned() -> None:
    red = torch.zeros(3, 8, 12)
    red[0] = 1
    mask = torch.zeros(8, 12, dtype=torch.bool)
    mask[:2] = True
    drawn = [PatchPool(given=[(red, mask)]).draw(generator(seed, 4), PHOTO) for seed in range(40)]
    given = [(patch, shape) for patch, shape in drawn if patch.shape[1] != TEXELS]
    assert 10 < len(given) < 30
    assert {tuple(patch.mean((1, 2)).tolist()) for patch, _ in given} == {(1, 0, 0), (0, 1, 0), (0, 0, 1)}
    assert {tuple(patch.shape[1:]) for patch, _ in given} == {(8, 12), (12, 8)}
    assert all(shape.shape == patch.shape[1:] and shape.sum() == 24 for patch, shape in given)


@pytest.mark.parametrize(("count", "learned", "held_out"), [(0, 0, 0), (3, 3, 3), (4, 3, 1), (9, 7, 2)])
def test_a_fourth_of_the_given_patches_is_held_out(count: int, learned: int, held_out: int) -> None:
    given = [(torch.full((3, 4, 4), index / 10), None) for index in range(count)]
    parts = PatchPool(given=given).parted()
    assert [len(part.given) for part in parts] == [learned, held_out]


def test_files_and_folders_are_read_each_patch_once(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for stem in ("b", "a"):
        write_patch(tmp_path / "many", torch.rand(3, 6, 6), stem=stem)
    write_patch(tmp_path, torch.full((3, 5, 7), 0.5), torch.eye(5, 7, dtype=torch.bool), stem="one")
    (tmp_path / "many" / "notes.txt").write_text("no patch")
    pool = read_pool([str(tmp_path / "many"), str(tmp_path / "one.png")])
    assert [tuple(patch.shape) for patch, _ in pool.given] == [(3, 6, 6), (3, 6, 6), (3, 5, 7)]
    assert pool.given[2][1] is not None
    assert read_pool([]).given == []


def test_a_path_without_patches_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PatchFileError, match=r"expected a folder with patches \(.npy or .png\), found none"):
        read_pool([str(tmp_path)])
    with pytest.raises(PatchFileError, match="expected a patch file"):
        read_pool([str(tmp_path / "gone.npy")])
    (tmp_path / "bad.npy").write_bytes(b"no")
    with pytest.raises(PatchFileError, match=r"bad\.npy"):
        read_pool([str(tmp_path)])


def test_nothing_is_on_record_at_first() -> None:
    assert patches_on_record() == ()
