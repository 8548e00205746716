# SPDX-License-Identifier: AGPL-3.0-only
"""What files may hold is tested by test_files.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.patch.arrays import fingerprint, read_patch_array, write_patch_array

PATCH = np.random.default_rng(0).random((3, 8, 6), dtype=np.float32)
MASK = np.eye(8, 6, dtype=bool)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_patch_array(tmp_path, PATCH, MASK, stem="mine")
    exact, none = read_patch_array(tmp_path / "mine.npy")
    rounded, mask = read_patch_array(tmp_path / "mine.png")
    assert np.array_equal(exact, PATCH)
    assert none is None
    assert np.abs(rounded - PATCH).max() <= 0.5 / 255 + 1e-6
    assert mask is not None
    assert np.array_equal(mask, MASK)


def test_a_fingerprint_is_of_the_texels_and_what_is_drawn() -> None:
    same = fingerprint(np.asfortranarray(PATCH))
    others = (PATCH[:, ::-1], PATCH.reshape(3, 6, 8), np.nextafter(PATCH, 1))
    prints = [fingerprint(PATCH, MASK), fingerprint(PATCH, ~MASK), *map(fingerprint, others)]
    assert fingerprint(PATCH) == same
    assert len({same, *prints}) == 6
