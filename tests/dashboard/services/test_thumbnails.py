# SPDX-License-Identifier: AGPL-3.0-only
"""Thumbnails: upright, small, with boxes in their place; None for what cannot be shown."""

import io

import numpy as np
import pytest
from PIL import Image

from dashboard.services.thumbnails import cut_out, drawn, thumbnail
from engine.records import Dataset, ImageRecord
from engine.store.repository import Repository


def picture(path, size=(1000, 500), **how):
    Image.new("RGB", size, (90, 90, 90)).save(path, **how)
    return str(path)


def opened(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def test_without_boxes_it_is_the_small_picture(tmp_path):
    small = opened(drawn(picture(tmp_path / "a.png"), 1000, [], []))
    assert small.size == (480, 240)
    assert small.getextrema() == ((90, 90),) * 3


def test_a_box_is_scaled_with_the_picture(tmp_path):
    small = np.asarray(
        opened(drawn(picture(tmp_path / "a.png"), 1000, [[500, 0, 1000, 500]], [0])), dtype=int
    )
    touched = np.abs(small - 90).max(axis=2) > 60
    assert touched[120, 238:244].any()
    assert not touched[:, :230].any()


def test_a_turned_photograph_is_upright(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    path = picture(tmp_path / "a.jpg", (400, 200), exif=exif)
    assert opened(drawn(path, 200, [], [])).size == (200, 400)


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_what_cannot_be_read_has_none(tmp_path, content):
    path = tmp_path / "a.jpg"
    if content is not None:
        path.write_bytes(content)
    record = ImageRecord(
        path=str(path),
        width=10,
        height=10,
        boxes_xyxy_px=np.zeros((0, 4), dtype=np.float32),
        class_ids=np.zeros(0, dtype=np.int64),
    )
    with Repository() as repository:
        repository.datasets.save(Dataset(name="d", source="s", class_names=("a",), images=(record,)))
        imported_at = repository.datasets.imported_at("d")
    assert thumbnail("d", imported_at, 0, None) is None


def test_an_object_is_cut_out_with_what_is_around_it(tmp_path):
    content = Image.new("RGB", (100, 80), (90, 90, 90))
    content.paste((200, 0, 0), (0, 40, 20, 80))
    content.save(tmp_path / "a.png")
    record = ImageRecord(
        path=str(tmp_path / "a.png"),
        width=100,
        height=80,
        boxes_xyxy_px=np.array([[0, 40, 20, 80]], dtype=np.float32),
        class_ids=np.zeros(1, dtype=np.int64),
    )
    with Repository() as repository:
        repository.datasets.save(Dataset(name="cut", source="s", class_names=("a",), images=(record,)))
        imported_at = repository.datasets.imported_at("cut")
    shown = np.asarray(opened(cut_out("cut", imported_at, 0, (0.0, 40.0, 20.0, 80.0))), dtype=int)
    assert shown.shape == (240, 240, 3)
    assert shown[120, 120, 0] > 150  # the object is in the middle
    assert shown[10, 180].tolist() == pytest.approx([90, 90, 90], abs=6)
    assert shown[120, 10].max() < 6  # beyond the image's edge
    (tmp_path / "a.png").unlink()
    assert cut_out("cut", imported_at, 0, (0.0, 0.0, 9.0, 9.0)) is None
