# SPDX-License-Identifier: AGPL-3.0-only
"""The film of a run: its moments, its pictures, and what they are numbered by."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.runs.film import FOLDER, LONGEST_PX, Film, frames, is_moment, picture


def test_moments_are_spaced_by_the_logarithm_of_steps() -> None:
    assert [step for step in range(100) if is_moment(step)] == [
        0,
        1,
        2,
        3,
        4,
        6,
        8,
        12,
        16,
        24,
        32,
        48,
        64,
        96,
    ]
    assert sum(map(is_moment, range(1001))) == 20


@pytest.mark.parametrize(
    ("size", "mask", "shown"),
    [((8, 6), False, (6, 8)), ((8, 6), True, (6, 8)), ((512, 256), False, (LONGEST_PX // 2, LONGEST_PX))],
)
def test_a_picture_is_small_and_shows_what_is_drawn(size: tuple, mask: bool, shown: tuple) -> None:
    patch = np.random.default_rng(0).random((3, *size), dtype=np.float32)
    drawn = np.arange(size[1]) < size[1] // 2
    found = picture(patch, np.broadcast_to(drawn, size) if mask else None)
    with Image.open(io.BytesIO(found)) as image:
        assert (image.size, image.mode) == (shown, "RGBA" if mask else "RGB")
        if mask:
            assert np.asarray(image)[..., 3].mean() == 255 / 2
    assert found == picture(patch, np.broadcast_to(drawn, size) if mask else None)


def test_a_run_without_a_film_has_no_frames(tmp_path: Path) -> None:
    assert frames(tmp_path) == frames(tmp_path / "gone") == []


def test_frames_of_a_merged_run_follow_one_another(tmp_path: Path) -> None:
    for group, steps in (("group-10", (0, 2)), ("group-2", (0, 1, 3))):
        (tmp_path / group).mkdir()
        film = Film(folder=tmp_path / group)
        for step in reversed(steps):
            film.add(step, np.full((3, 4, 4), 0.5, np.float32))
    found = [(frame.step, frame.path.parent.parent.name) for frame in frames(tmp_path)]
    assert found == [(0, "group-2"), (1, "group-2"), (3, "group-2"), (5, "group-10")]


def test_one_that_is_held_is_written_at_the_end(tmp_path: Path) -> None:
    film = Film(folder=tmp_path, held=True)
    film.add(1, np.zeros((3, 4, 4), np.float32))
    assert not list(tmp_path.iterdir())
    film.write()
    assert [frame.step for frame in frames(tmp_path)] == [1]


def test_a_film_that_cannot_be_written_does_not_end_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / FOLDER).write_text("in the way")
    Film(folder=tmp_path).add(0, np.zeros((3, 4, 4), np.float32))
    assert "A snapshot of the patch could not be saved" in caplog.text
