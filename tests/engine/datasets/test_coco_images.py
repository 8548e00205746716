# SPDX-License-Identifier: AGPL-3.0-only
"""Entries of COCO JSON: ids, sizes, files; and boxes on photographs that EXIF turns."""

import numpy as np
import pytest

from engine.datasets.annotations import RepairLog
from engine.datasets.coco_files import ImageFolder
from engine.datasets.coco_images import (
    CocoBox,
    CocoImage,
    fit_boxes,
    leave_out_ambiguous,
    list_images,
    locate,
)
from engine.datasets.images import read_rgb
from tests.engine.datasets.pictures import write_picture


def entry(identity, name, **size):
    return {"id": identity, "file_name": name, **size}


def listed(*entries):
    log = RepairLog()
    images, owners = list_images("a.json", entries, log)
    kept = leave_out_ambiguous(images, "a.json", log)
    return [image.file_name for image in kept], owners, [(each.kind, each.action) for each in log.repairs]


def test_no_entries_are_no_images():
    assert listed() == ([], {}, [])


@pytest.mark.parametrize(
    ("entries", "kept", "kinds"),
    [
        ([entry(1, "a"), entry(2, "b")], ["a", "b"], []),
        ([entry(1, "a"), entry("1", "a")], ["a"], ["duplicate_image"]),
        ([entry(1, "a"), entry(2, "a")], ["a"], ["duplicate_image"]),
        ([entry(1, "x/a"), entry(2, "x\\a"), entry(3, "./x/a")], ["x/a"], ["duplicate_image"] * 2),
        ([entry(1, "a"), entry(1.0, "b"), entry(2, "c")], ["c"], ["ambiguous_image"] * 2),
        ([entry(1, "a"), entry(1, "b"), entry(1, "c")], [], ["ambiguous_image"] * 3),
        (
            [entry(1, "a", width=9, height=9), entry(2, "a", width=8, height=9)],
            [],
            ["ambiguous_image"],
        ),
        ([entry(1, "a", width=9, height=9), entry(2, "a")], ["a"], ["duplicate_image"]),
        ([entry(None, "a"), entry(True, "a"), entry(1, ""), entry(1, None), 3], [], ["malformed_line"] * 5),
    ],
)
def test_ids_and_files_that_come_twice(entries, kept, kinds):
    found, _, repairs = listed(*entries)
    assert found == kept
    assert [kind for kind, _ in repairs] == kinds


def test_what_an_id_stands_for_is_said():
    _, owners, repairs = listed(entry(7, "a.jpg"), entry("7", "b.jpg"))
    assert repairs[0] == (
        "ambiguous_image",
        "skipped a.jpg, ID 7 refers to a.jpg and b.jpg; annotations skipped: 0",
    )
    assert owners[7].file_name == "a.jpg"


@pytest.mark.parametrize(
    ("size", "stated", "kinds"),
    [
        ({}, None, []),
        ({"width": None, "height": None}, None, []),
        ({"width": 320, "height": 240}, (320, 240), []),
        ({"width": 320.0, "height": "240"}, (320, 240), []),
        ({"width": "320 px", "height": 240}, None, ["unclear_size"]),
        ({"width": 320}, None, ["unclear_size"]),
        ({"width": 0, "height": 0}, None, ["unclear_size"]),
        ({"width": 10**400, "height": 1}, None, ["unclear_size"]),
        ({"width": float("nan"), "height": 1}, None, ["unclear_size"]),
    ],
)
def test_stated_sizes(size, stated, kinds):
    _, owners, repairs = listed(entry(1, "a", **size))
    assert owners[1].size == stated
    assert [kind for kind, _ in repairs] == kinds


def test_files_are_located(tmp_path):
    for name in ("a.jpg", "b.jpg", "x/d.jpg", "y/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = ["a.jpg", "C:\\b.jpg", "old/a.jpg", "d.jpg", "e.jpg"]
    log = RepairLog()
    found = locate([CocoImage(name, None) for name in names], ImageFolder(tmp_path), "a.json", log)
    assert [path for _, path in found] == [str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")]
    assert sorted((each.kind, each.action) for each in log.repairs) == [
        ("missing_image", "skipped d.jpg, 2 files match"),
        ("missing_image", "skipped e.jpg, no such file"),
        ("missing_image", "skipped old/a.jpg, the matching file also matches another entry"),
        ("moved_image", "found by the end of its path"),
    ]


def fitted(path, size, *boxes, normalised=False):
    log = RepairLog()
    found = fit_boxes(
        CocoImage("a", size, [CocoBox(1, 0, *box) for box in boxes]), str(path), log, normalised=normalised
    )
    return found, [(each.kind, each.action) for each in log.repairs]


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("scale", [1, 0.5])
def test_boxes_turn_with_the_photograph(tmp_path, orientation, scale):
    """A bright rectangle is annotated on the pixels as stored and must be found on the upright ones."""
    from PIL import Image

    stored = np.zeros((48, 80, 3), dtype=np.uint8)
    stored[8:24, 16:56] = 255
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / "a.png"
    Image.fromarray(stored).save(path, exif=exif)
    box = [value * scale for value in (16, 8, 40, 16)]
    found, repairs = fitted(path, (80 * scale, 48 * scale), box)
    width, height, ((x1, y1, x2, y2),) = found
    bright = np.argwhere(read_rgb(path)[..., 0] > 128)
    assert (width, height) == (48, 80)
    assert (y1, x1) == pytest.approx(tuple(bright.min(axis=0)))
    assert (y2, x2) == pytest.approx(tuple(bright.max(axis=0) + 1))
    assert repairs[0][0] == "turned_image"
    assert "file 48x80, annotations " in repairs[0][1]


def test_boxes_that_only_fit_the_upright_photograph_stay(tmp_path):
    path = write_picture(tmp_path / "a", width=80, height=48, orientation=6)
    found, repairs = fitted(path, (80, 48), (10, 40, 20, 35))
    assert found == (48, 80, [(10, 40, 30, 75)])
    assert repairs[0][0] == "wrong_size"
    assert repairs[0][1].startswith("kept the boxes, which match the upright photograph")


def test_swapped_sizes_without_exif_are_left_out_with_both_sizes(tmp_path):
    path = write_picture(tmp_path / "a", width=80, height=48)
    found, repairs = fitted(path, (48, 80), (1, 1, 9, 9))
    assert found is None
    reason = "width and height are swapped, but the file has no EXIF orientation that swaps them"
    assert repairs == [("wrong_size", f"skipped, file 80x48, annotations 48x80: {reason}")]


@pytest.mark.parametrize("size", [None, (80, 48), (160, 96)])
def test_shares_are_of_the_image(tmp_path, size):
    path = write_picture(tmp_path / "a", width=80, height=48)
    assert fitted(path, size, (0.25, 0.5, 0.5, 0.25), normalised=True)[0] == (80, 48, [(20, 24, 60, 36)])
