# SPDX-License-Identifier: AGPL-3.0-only
"""Memory: pieces of a batch, and the search for the batch size that pays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.errors import MemoryExhaustedError
from engine.patch.memory import Piece, find_batch_size, peak_memory_bytes
from tests.engine.patch.factories import random_images, targets

CPU = torch.device("cpu")
ROOT = Path(__file__).resolve().parents[3]
OWNERS = [0, 0, 2, 3, 3, 4]


def piece(images: int) -> Piece:
    owners = [owner for owner in OWNERS if owner < images]
    boxes = [(index, 0, index + 1, 1) for index, _ in enumerate(owners)]
    return Piece(
        images_nchw=random_images(images, 4, 6), targets=targets(boxes, owners, images=images), part=(3, 0)
    )


@pytest.mark.parametrize(("images", "sizes"), [(2, [1, 1]), (3, [1, 2]), (4, [2, 2]), (5, [2, 3])])
def test_halves_hold_the_whole(images, sizes):
    whole = piece(images)
    first, second = halves = whole.halves()
    assert [len(half) for half in halves] == sizes
    assert [half.targets.images for half in halves] == sizes
    assert torch.equal(torch.cat([first.images_nchw, second.images_nchw]), whole.images_nchw)
    boxes = torch.cat([first.targets.boxes_xyxy_px, second.targets.boxes_xyxy_px])
    assert torch.equal(boxes, whole.targets.boxes_xyxy_px)
    owners = torch.cat([first.targets.image_index, second.targets.image_index + sizes[0]])
    assert torch.equal(owners, whole.targets.image_index)


def test_every_piece_of_a_step_has_its_own_numbers():
    pieces, whole = [piece(5)], []
    while pieces:
        each = pieces.pop()
        whole.append(each.part)
        pieces += each.halves() if len(each) > 1 else []
    assert len(set(whole)) == len(whole) == 9
    assert {batch for batch, _ in whole} == {3}


def test_one_image_has_no_halves():
    with pytest.raises(
        MemoryExhaustedError, match="expected one image of 6x4 px to fit into the memory of cpu"
    ):
        piece(1).halves()


class Machine:
    """A device whose steps take fixed + each × images seconds, a size's first one `warm_up` more."""

    def __init__(self, fixed=1.0, each=0.0, warm_up=0.0, fits=10_000, free=10**9, bytes_each=1):
        self.fixed, self.each, self.fits, self.free, self.bytes_each = fixed, each, fits, free, bytes_each
        self.now, self.used, self.tried, self.warm_up = 0.0, 500, [], warm_up
        self.error = torch.OutOfMemoryError

    def step(self, images: int) -> None:
        if images not in self.tried:
            self.tried.append(images)
            self.now += self.warm_up
        if images > self.fits:
            raise self.error("no room")
        self.now += self.fixed + self.each * images
        self.used = max(self.used, 500 + self.bytes_each * images)

    def find(self) -> tuple[int, dict[int, float]]:
        return find_batch_size(
            self.step,
            device=CPU,
            clock=lambda: self.now,
            free_bytes=lambda device: self.free,
            used_bytes=lambda device: self.used,
        )


@pytest.mark.parametrize(
    ("machine", "found", "tried"),
    [
        ({"fixed": 0, "each": 1}, 1, [1, 2]),  # images cost the same whatever the batch
        ({"fixed": 1, "each": 1}, 16, [1, 2, 4, 8, 16, 32]),  # 16 of 17 seconds against 32 of 33: + 3%
        ({}, 256, [1, 2, 4, 8, 16, 32, 64, 128, 256]),  # nothing speaks against the largest
        ({"fixed": 1, "each": 1, "warm_up": 9}, 16, [1, 2, 4, 8, 16, 32]),
        ({"fits": 20}, 16, [1, 2, 4, 8, 16, 32]),
        ({"fits": 1}, 1, [1, 2]),
        ({"free": 100, "bytes_each": 10}, 8, [1, 2, 4, 8]),  # 16 would take 160 of 80 bytes
        ({"free": 100, "bytes_each": 60}, 1, [1]),
    ],
)
def test_the_batch_size_that_pays(machine, found, tried):
    machine = Machine(**machine)
    best, speeds = machine.find()
    assert best == found
    assert machine.tried == tried
    assert list(speeds) == [size for size in tried if size <= machine.fits]


def test_not_even_one_image_fits():
    with pytest.raises(MemoryExhaustedError, match="expected one image to fit into the memory of cpu"):
        Machine(fits=0).find()


def test_other_errors_are_passed_on():
    machine = Machine(fits=4)
    machine.error = RuntimeError
    with pytest.raises(RuntimeError, match="no room"):
        machine.find()


def test_peak_memory_never_falls():
    before = peak_memory_bytes(CPU)
    block = torch.ones(16 * 2**20)  # 64 MiB
    during = peak_memory_bytes(CPU)
    del block
    # Linux counts pages by processor and adds them up now and then: its figure is right to a few MiB.
    slack = 8 * 2**20
    assert 2**20 < before <= during + slack
    assert during <= peak_memory_bytes(CPU) + slack


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands its peak on to children")
def test_a_child_does_not_inherit_the_peak_of_a_large_process():
    block = torch.ones(512 * 2**20)  # 2 GiB here
    lines = ("import torch", "from engine.patch.memory import peak_memory_bytes")
    program = "; ".join([*lines, "print(peak_memory_bytes(torch.device('cpu')))"])
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert 2**20 < int(ran.stdout) < block.nbytes
