# SPDX-License-Identifier: AGPL-3.0-only
"""The loader: geometry as Ultralytics', a bounded cache, order, errors at the consumer, threads that end."""

import threading
import time

import numpy as np
import pytest
import torch
from PIL import features

from engine.boxes import Letterbox
from engine.datasets import loader as module
from engine.datasets.images import probe_size, read_rgb
from engine.datasets.loader import PADDING, ImageLoader
from engine.datasets.views import visible_share
from engine.errors import DatasetError, SettingsError
from tests.engine.datasets.pictures import record, write_picture

CPU = torch.device("cpu")


@pytest.fixture
def records(tmp_path):
    sizes = [(64, 48), (64, 64), (48, 64), (128, 32), (20, 20)]
    return [
        record(
            write_picture(tmp_path / f"{i}.png", width=w, height=h, image_format="PNG", seed=i),
            width=w,
            height=h,
            boxes=[(0, 0, w, h)] * i,
            classes=range(i),
        )
        for i, (w, h) in enumerate(sizes)
    ]


def background_threads():
    names = ("decode", "assemble")
    return [thread for thread in threading.enumerate() if thread.name.startswith(names)]


@pytest.mark.parametrize("prefetch", [0, 2])
def test_an_empty_plan_gives_no_batches(records, prefetch):
    assert list(ImageLoader(records, image_size=64, prefetch=prefetch, device=CPU).batches([])) == []


@pytest.mark.parametrize("prefetch", [0, 1, 3])
def test_order_is_kept(records, prefetch):
    plan = [[4], [0, 1], [3, 2], [1], [0, 4]]
    batches = list(ImageLoader(records, image_size=64, prefetch=prefetch, device=CPU).batches(plan))
    assert [list(batch.indices) for batch in batches] == plan
    assert all(batch.images_nchw.dtype == torch.uint8 for batch in batches)


@pytest.mark.parametrize("image_format", ["GIF", "AVIF", "JPEG2000", "MPO"])
def test_what_import_accepts_is_decoded(tmp_path, image_format):
    if image_format == "AVIF" and not features.check("avif"):
        pytest.skip("no AVIF in Pillow")
    path = write_picture(tmp_path / "a", width=64, height=48, image_format=image_format)
    width, height = probe_size(path)
    loader = ImageLoader([record(path, width=width, height=height)], image_size=64, device=CPU)
    (batch,) = loader.batches([[0]])
    assert (batch.images_nchw[0, :, 8:56] != PADDING).any()


def test_whole_images_are_centred_in_a_square_canvas(records):
    loader = ImageLoader(records, image_size=64, device=CPU)
    (batch,) = loader.batches([[3, 0]])
    flat, tall = batch.letterboxes
    assert batch.images_nchw.shape == (2, 3, 64, 64)
    assert batch.images_nchw.is_contiguous(memory_format=torch.channels_last)
    assert (flat.scale, flat.top, flat.height) == (0.5, 24, 16)
    assert (tall.scale, tall.top, tall.height) == (1.0, 8, 48)
    assert (batch.images_nchw[0, :, :24] == PADDING).all()
    assert (batch.images_nchw[1, :, :8] == PADDING).all()
    pixels = batch.images_nchw[1, :, 8:56].permute(1, 2, 0).numpy()
    assert np.array_equal(pixels, read_rgb(records[0].path))


def test_a_view_shows_its_window_with_the_boxes_in_place(records):
    def view(index, record, scale, turn):
        return Letterbox(scale=scale, left=-8, top=-4, width=record.width, height=record.height)

    view.side_px = 32
    loader = ImageLoader(records, image_size=64, device=CPU)
    (batch,) = loader.batches([[0]], view)
    pixels = batch.images_nchw[0].permute(1, 2, 0).numpy()
    assert np.array_equal(pixels, read_rgb(records[0].path)[4:36, 8:40])
    expected = records[0].boxes_xyxy_px - [8, 4, 8, 4]
    kept = visible_share(expected, 32, 32) >= 0.3
    assert np.allclose(batch.targets.boxes_xyxy_px.numpy(), expected[kept])


@pytest.mark.parametrize("prefetch", [0, 2])
def test_an_image_drawn_again_shows_another_view(records, prefetch):
    turns = []

    def view(index, record, scale, turn):
        turns.append((index, turn))
        return Letterbox(scale=scale, left=0, top=0, width=record.width, height=record.height)

    view.side_px = 32
    loader = ImageLoader(records, image_size=64, prefetch=prefetch, device=CPU)
    list(loader.batches([[0, 3], [0], [0, 3]], view, drawn=[3]))
    assert turns == [(0, 0), (3, 1), (0, 1), (0, 2), (3, 2)]


@pytest.mark.parametrize(("class_id", "classes"), [(None, [0, 1, 2, 0]), (0, [0, 0]), (9, [])])
def test_targets_are_concatenated_in_canvas_pixels(records, class_id, classes):
    loader = ImageLoader(records, image_size=64, class_id=class_id, device=CPU)
    (batch,) = loader.batches([[3, 0, 1]])
    assert batch.targets.images == 3
    assert batch.targets.class_ids.tolist() == classes
    assert batch.targets.class_ids.dtype == batch.targets.image_index.dtype == torch.int64
    assert batch.targets.boxes_xyxy_px.shape == (len(classes), 4)
    if class_id == 0:
        assert batch.targets.image_index.tolist() == [0, 2]
        assert batch.targets.boxes_xyxy_px.tolist() == [[0, 24, 64, 40], [0, 0, 64, 64]]


def test_the_cache_saves_decoding_within_its_bound(records, monkeypatch):
    decoded = []
    monkeypatch.setattr(module, "read_rgb", lambda path: decoded.append(path) or read_rgb(path))
    bound = 3 * 64 * (48 + 64)  # the first two images
    loader = ImageLoader(records, image_size=64, cache_bytes=bound, device=CPU)
    for _ in range(3):
        assert len(list(loader.batches([[0], [1], [2], [3], [4]]))) == 5
    assert [decoded.count(each.path) for each in records] == [1, 1, 3, 3, 3]


def test_cached_and_fresh_images_are_equal(records):
    loader = ImageLoader(records, image_size=96, device=CPU)
    first, second = (next(loader.batches([[0, 3]])).images_nchw for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "moved or deleted"),
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "truncated"),
        (lambda path: write_picture(path, width=9, height=9), "expected 64x48 pixels as imported, got 9x9"),
    ],
)
@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_damaged_file_is_named_at_its_own_batch(records, tmp_path, damage, message, prefetch):
    damage(tmp_path / "0.png")
    batches = ImageLoader(records, image_size=64, prefetch=prefetch, device=CPU).batches([[1], [0], [2]])
    assert next(batches).indices == (1,)
    with pytest.raises(DatasetError, match=message) as raised:
        next(batches)
    assert str(tmp_path / "0.png") in str(raised.value)
    assert not background_threads()


def test_threads_end_when_the_iterator_is_closed_early(records):
    batches = ImageLoader(records, image_size=64, device=CPU).batches([[0]] * 50)
    next(batches)
    assert background_threads()
    batches.close()
    assert not background_threads()


def test_next_batches_are_made_while_the_consumer_computes(records, monkeypatch):
    started = []
    monkeypatch.setattr(module, "read_rgb", lambda path: started.append(path) or read_rgb(path))
    batches = ImageLoader(records, image_size=64, prefetch=2, device=CPU).batches([[i] for i in range(5)])
    next(batches)
    deadline = time.monotonic() + 10
    while len(started) < 3 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert len(started) == 3  # the one in use and two ahead, not the whole plan
    batches.close()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"image_size": 650}, "expected a multiple of 32, got 650; use 640"),
        ({"image_size": 0}, "expected a multiple of 32, got 0; use 32"),
        ({"cache_bytes": -1}, "expected 0 or more, got -1 bytes"),
        ({"prefetch": -1}, "expected 0 or more, got .* and -1 batches"),
    ],
)
def test_bad_settings_are_named(setting, message):
    with pytest.raises(SettingsError, match=message):
        ImageLoader([], **{"image_size": 64, "device": CPU} | setting)


def test_an_empty_batch_is_a_caller_s_mistake(records):
    with pytest.raises(ValueError, match="expected at least one image in each batch"):
        next(ImageLoader(records, image_size=64, device=CPU).batches([[]]))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_batches_arrive_on_the_gpu(records):
    loader = ImageLoader(records, image_size=64, device=torch.device("cuda"))
    (batch,) = loader.batches([[0, 3]])
    (reference,) = ImageLoader(records, image_size=64, device=CPU).batches([[0, 3]])
    assert batch.images_nchw.is_cuda
    assert batch.targets.boxes_xyxy_px.is_cuda
    assert torch.equal(batch.images_nchw.cpu(), reference.images_nchw)
