# SPDX-License-Identifier: AGPL-3.0-only
"""The pool of patches: what it draws on, how it is renewed, and that chance is a function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.config import HardeningConfig
from engine.datasets.sources import read_dataset
from engine.detectors.base import Targets
from engine.detectors.training import TrainingBatch
from engine.errors import PatchFileError
from engine.patch.files import write_patch
from engine.runs.hardening_pool import PatchPool, PoolPatch, given_patches, texture
from tests.engine.tiny import IMAGE_SIZE
from tests.fakes import FakeDetector

RED = PoolPatch(patch_chw=torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1).expand(3, 16, 16).contiguous())


@pytest.fixture
def pool(blocks: Path) -> Callable[..., PatchPool]:
    def make(state: Any = None, given: tuple[PoolPatch, ...] = (RED,), **changes: Any) -> PatchPool:
        small: dict[str, Any] = {
            "dataset": "blocks",
            "weights": "none.pt",
            "device": "cpu",
            "image_size": IMAGE_SIZE,
            "patch_size": 16,
            "patched_share": 1.0,
            "object_share": 1.0,
            "texture_share": 0.0,
            "pool_size": 2,
            "renew_every": 2,
            "renew_images": 2,
        }
        return PatchPool(
            HardeningConfig(**small | changes),
            class_id=0,
            records=read_dataset(blocks).images,
            given=given,
            state=state,
        )

    return make


def batch(number: int = 0, *, classes: tuple[int, ...] = (0, 0)) -> TrainingBatch:
    count = len(classes)
    return TrainingBatch(
        images_nchw=torch.full((2, 3, IMAGE_SIZE, IMAGE_SIZE), 0.5),
        targets=Targets(
            boxes_xyxy_px=torch.tensor([[8.0, 8.0, 56.0, 56.0]]).expand(count, 4),
            class_ids=torch.tensor(classes, dtype=torch.int64),
            image_index=torch.arange(count),
            images=2,
        ),
        epoch=0,
        number=number,
        detector=FakeDetector,
    )


@pytest.mark.parametrize(
    ("classes", "changes", "patched"),
    [
        ((), {}, [False, False]),
        ((0, 0), {}, [True, True]),
        ((0, 1), {}, [True, False]),
        ((0, 0), {"patched_share": 0.05}, [False, False]),
    ],
)
def test_objects_of_the_class_carry_patches(
    pool: Callable[..., PatchPool], classes: tuple[int, ...], changes: dict[str, Any], patched: list[bool]
) -> None:
    some = batch(classes=classes)
    altered = pool(**changes)(some)
    assert [bool((image != 0.5).any()) for image in altered] == patched
    assert bool((some.images_nchw == 0.5).all())


def test_the_oldest_made_patch_gives_way_and_the_state_goes_on(pool: Callable[..., PatchPool]) -> None:
    whole = pool()
    images = [whole(batch(number)) for number in range(6)]
    assert (whole.count, len(whole.made)) == (3, 2)
    first = pool()
    for number in range(3):
        first(batch(number))
    second = pool(first.state())
    assert torch.equal(
        torch.stack([second(batch(number)) for number in range(3, 6)]), torch.stack(images[3:])
    )
    assert all(torch.equal(*pair) for pair in zip(whole.made, second.made, strict=True))


def test_without_renewal_no_detector_is_asked(pool: Callable[..., PatchPool]) -> None:
    still = pool(renew_every=0, patches=("red",))
    still(batch())
    assert still.made == []


def test_textures_differ_and_stay_within_colours() -> None:
    chance = torch.Generator().manual_seed(0)
    found = [texture(16, chance) for _ in range(30)]
    assert {each.shape for each in found} == {(3, 16, 16)}
    assert all(0 <= float(each.min()) <= float(each.max()) <= 1 for each in found)
    plain = [float(each.flatten(1).std(dim=1).max()) < 1e-6 for each in found]
    assert set(plain) == {True, False}


def test_patches_are_given_as_files_or_folders(tmp_path: Path) -> None:
    assert given_patches(()) == []
    folder = tmp_path / "pool"
    folder.mkdir()
    for stem in ("a", "b"):
        write_patch(folder, torch.rand(3, 16, 16), stem=stem)
    assert len(given_patches((str(folder), str(folder / "a.npy")))) == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: str(folder), "expected patches in the folder, found none; name another --patches"),
        (lambda folder: str(folder / "none.npy"), "none.npy: expected"),
        (lambda folder: "17", "patch 17: expected an existing patch, found none"),
    ],
)
def test_what_is_no_patch_is_named(tmp_path: Path, make: Callable[[Path], str], message: str) -> None:
    with pytest.raises(PatchFileError, match=message):
        given_patches((make(tmp_path),))
