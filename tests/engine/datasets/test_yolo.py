# SPDX-License-Identifier: AGPL-3.0-only
"""YOLO labels: forms, faults of lines and files, strays, and whatever bytes a label file may hold."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.datasets.annotations import REPAIR_KINDS, RepairLog
from engine.datasets.label_forms import KeypointShape
from engine.datasets.yolo import number_names, parse_labels, read_records
from engine.errors import DatasetError
from tests.engine.datasets.pictures import picture_bytes, record, write_picture


def read(tmp_path, label, *, class_count=2, image=None):
    """The record and repairs of one 100 × 50 image with a label."""
    path = tmp_path / "images" / "a.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture_bytes(100, 50) if image is None else image)
    file = tmp_path / "labels" / "a.txt"
    file.parent.mkdir(exist_ok=True)
    if label is not None:
        file.write_bytes(label)
    log = RepairLog()
    records = read_records([str(path)], class_count=class_count, log=log)
    return records, [(each.kind, each.line) for each in log.repairs]


LATER = ("ignored_numbers", None)


def noted(kind, *lines):
    return [(kind, line) for line in lines]


def test_no_images_give_no_records():
    assert read_records([], class_count=1, log=RepairLog()) == ()


@pytest.mark.parametrize(
    ("label", "boxes", "repairs"),
    [
        (b"", [], []),
        (b"\n \n", [], []),
        (None, [], [("image_without_label", None)]),
        (b"0 0.5 0.5 0.2 0.4\n", [[40, 15, 60, 35]], []),
        (b"\xef\xbb\xbf0 0.5 0.5 0.2 0.4\r\n", [[40, 15, 60, 35]], []),
        (b"1.0 0.1 0.2 0.3 0.2 0.3 0.8", [[10, 10, 30, 40]], []),
        (b"0 .5 .5 .2 .4\n0 .5 .5 .2 .4", [[40, 15, 60, 35]], [("duplicate_label", 2)]),
        (b"0 .5 .5 .2 .4\n0 0.50 0.5 0.2 4e-1", [[40, 15, 60, 35]], [("duplicate_label", 2)]),
        (b"0 0.5 0.5 -0.2 0.4", [[40, 15, 60, 35]], [("swapped_corners", 1)]),
        (b"0 0.0 0.5 0.2 0.4", [[0, 15, 10, 35]], [("clipped_box", 1)]),
        (b"0 0.5 0.5 0 0.4", [], [("empty_box", 1)]),
        (
            b"0 nan 0.5 0.2 0.4\n0 0.5 inf 0.2 0.4\nnan .5 .5 .1 .1",
            [],
            noted("non_finite", 1, 2, 3),
        ),
        (b"2 .5 .5 .2 .4\n-1 .5 .5 .2 .4\n1e300 .5 .5 .2 .4", [], noted("unknown_class", 1, 2, 3)),
        (b"0.5 .5 .5 .2 .4", [], [("malformed_line", 1)]),
        (b"person .5 .5 .2 .4", [], [("malformed_line", 1)]),
        (
            b"0 .5 .5 .2\n0\n0 1 1 1 1 1 1 1",
            [],
            noted("malformed_line", 1, 2, 3),
        ),
        (b"0 .5 .5 .2 .4 .9", [[40, 15, 60, 35]], [("ignored_numbers", None)]),
        (b"0 .5 .5 .2 .4 .9 3", [[40, 15, 60, 35]], [("ignored_numbers", None)]),
        (b"0 .5 .5 .2 .4 .9\n0 .5 .5 .2 .4 .8", [[40, 15, 60, 35]], [LATER, ("duplicate_label", 2)]),
        (b"0 .5 .5 .2 .4 .45 .5 2 .55 .6 0 0 0 0", [[40, 15, 60, 35]], [("ignored_keypoints", None)]),
        (b"0 0,5 0,5 0,2 0,4", [[40, 15, 60, 35]], [("comma_numbers", None)]),
        (b"0,0.5,0.5,0.2,0.4", [[40, 15, 60, 35]], [("comma_numbers", None)]),
        (b"0 .5 .5 .2 .4\n0 50 50 20 40", [[40, 15, 60, 35]], [("not_normalised", 2)]),
        (b"0 .5 .5 .005 .4", [], [("tiny_box", 1)]),
        (b"\n\n0 .5 .5 .2 x\n0 .5 .5 .2 .4", [[40, 15, 60, 35]], [("malformed_line", 3)]),
    ],
)
def test_lines_are_read_or_left_out(tmp_path, label, boxes, repairs):
    (found,), found_repairs = read(tmp_path, label)
    assert (found.width, found.height) == (100, 50)
    assert found.boxes_xyxy_px.reshape(-1, 4) == pytest.approx(np.array(boxes).reshape(-1, 4), abs=1e-4)
    assert found_repairs == repairs


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (b"", "empty_image"),
        (picture_bytes(100, 50)[:-9], "truncated_image"),
        (b"<html>not found</html>", "unreadable_image"),
    ],
)
def test_damaged_images_are_left_out(tmp_path, image, kind):
    assert read(tmp_path, b"0 .5 .5 .2 .4", image=image) == ((), [(kind, None)])


def test_an_image_whose_label_cannot_be_read_is_left_out(tmp_path):
    assert read(tmp_path, b"\xff\xfe0\x00") == ((), [("unreadable_label", None)])


def test_missing_and_repeated_images_are_left_out(tmp_path):
    path = str(write_picture(tmp_path / "a.png", image_format="PNG"))
    log = RepairLog()
    records = read_records([path, path, str(tmp_path / "b.png"), "a\0b", "\udcff"], class_count=None, log=log)
    assert [each.path for each in records] == [path]
    assert [each.kind for each in log.repairs] == [
        "image_without_label",
        "duplicate_image",
        "missing_image",
        "unreadable_image",
        "unreadable_image",
    ]


def dataset(tmp_path, labels, **options):
    """Records and log of images that have these labels."""
    paths = []
    for number, text in enumerate(labels):
        paths.append(str(write_picture(tmp_path / f"images/{number}.jpg", width=100, height=50)))
        label = tmp_path / f"labels/{number}.txt"
        label.parent.mkdir(exist_ok=True)
        label.write_text(text)
    log = RepairLog()
    return read_records(paths, class_count=None, log=log, **options), log.repairs


BOX, POINT = "0 .5 .5 .2 .4", ".45 .6"


def test_what_follows_boxes_all_over_a_dataset_is_said_once(tmp_path):
    records, repairs = dataset(tmp_path, [f"{BOX} .9\n{BOX[:-2]}.2 .8", f"{BOX} .7"])
    assert [len(each.class_ids) for each in records] == [2, 1]
    (repair,) = repairs
    assert (repair.kind, repair.line, repair.times) == ("ignored_numbers", None, 3)
    assert repair.file == str(tmp_path / "labels/0.txt")
    assert repair.action == "read the box, ignored 1 number after it"


@pytest.mark.parametrize("shape", [KeypointShape(1, 2), None])
def test_keypoints_are_ignored_by_kpt_shape_and_never_guessed(tmp_path, shape):
    labels = [f"{BOX} {POINT}"] * 3
    if shape is None:
        with pytest.raises(DatasetError, match=r"0.txt:1: expected labels that are either outlines or boxes"):
            dataset(tmp_path, labels)
        return
    records, repairs = dataset(tmp_path, labels, keypoints=shape)
    assert [each.boxes_xyxy_px.tolist() for each in records] == [[pytest.approx([40, 15, 60, 35])]] * 3
    assert [(each.kind, each.times) for each in repairs] == [("ignored_keypoints", 3)]


def test_labels_in_pixels_are_refused(tmp_path):
    with pytest.raises(
        DatasetError, match=r"0.txt:1: expected coordinates normalised .* \(percent or pixels\)"
    ):
        dataset(tmp_path, ["0 50 25 20 20", "0 30 20 10 10"])


def test_lines_that_cannot_be_read_are_shown(tmp_path):
    _, repairs = dataset(tmp_path, ["0 1 1 1 1 1 1 1", BOX])
    assert repairs[0].action.startswith(
        "skipped, 8 numbers that are neither a box (`class x y width height`)"
    )
    assert repairs[0].action.endswith(": '0 1 1 1 1 1 1 1'")


def test_an_image_too_large_to_decode_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.datasets.images.MOST_PIXELS", 4999)
    records, repairs = dataset(tmp_path, [BOX])
    assert records == ()
    assert repairs[0].kind == "huge_image"
    assert "100x50 pixels, more than the limit" in repairs[0].action


def test_boxes_follow_the_image_as_exif_turns_it(tmp_path):
    turned = picture_bytes(50, 100, orientation=6)
    (found,), _ = read(tmp_path, b"0 0.5 0.5 0.2 0.4", image=turned)
    assert (found.width, found.height) == (100, 50)
    assert found.boxes_xyxy_px.tolist() == [pytest.approx([40, 15, 60, 35])]


@pytest.mark.parametrize(
    ("classes", "names"), [([], ()), ([[]], ()), ([[1], [0, 2]], ("class_0", "class_1", "class_2"))]
)
def test_datasets_without_names_number_their_classes(tmp_path, classes, names):
    records = [record(tmp_path, boxes=[(0, 0, 9, 9)] * len(ids), classes=ids) for ids in classes]
    assert number_names(records) == names


NUMBERS = st.one_of(
    st.floats(width=32).map(repr),
    st.integers(-(10**30), 10**30).map(str),
    st.sampled_from(["nan", "-inf", "1e999", "1_0", "0x1", "٣", "--1"]),
    st.text(max_size=4),
)
LINES = st.lists(st.lists(NUMBERS, max_size=9).map(" ".join), max_size=6).map("\n".join)


@given(
    content=st.one_of(LINES.map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary(max_size=60))
)
@settings(deadline=None, max_examples=150)
def test_any_label_file_gives_boxes_inside_the_image(content, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "yolo"
    try:
        records, repairs = read(folder, content)
    except DatasetError:  # pixels, or lines that read both ways
        return
    assert {kind for kind, _ in repairs} <= set(REPAIR_KINDS)
    for found in records:
        x1, y1, x2, y2 = found.boxes_xyxy_px.T
        assert np.isfinite(found.boxes_xyxy_px).all()
        assert ((x1 >= 0) & (x1 < x2) & (x2 <= 100) & (y1 >= 0) & (y1 < y2) & (y2 <= 50)).all()
        assert set(found.class_ids.tolist()) <= {0, 1}
        lines = content.decode("utf-8-sig").splitlines()
        assert len(found.class_ids) <= len(lines)


@given(
    boxes=st.lists(
        st.tuples(st.integers(0, 1), *[st.floats(0.26, 0.74)] * 2, *[st.floats(0.01, 0.5)] * 2),
        max_size=5,
        unique=True,
    )
)
@settings(deadline=None, max_examples=100)
def test_sound_labels_are_kept_as_they_are(boxes):
    log = RepairLog()
    text = "\n".join(" ".join(map(repr, box)) for box in boxes)
    raw = parse_labels(text, width=100, height=50, file="a", log=log)
    assert log.repairs == []
    for (class_id, x, y, w, h), found in zip(boxes, raw, strict=True):
        x1, y1, x2, y2 = found.corners_xyxy_px
        assert found.class_id == class_id
        assert ((x1 + x2) / 200, (y1 + y2) / 100) == pytest.approx((x, y))
        assert ((x2 - x1) / 100, (y2 - y1) / 50) == pytest.approx((w, h))


@pytest.mark.parametrize("kind", ["too large", "a pipe"])
def test_a_label_that_cannot_be_read_at_once_leaves_its_image_out(tmp_path, kind):
    write_picture(tmp_path / "images/a.jpg")
    label = tmp_path / "labels/a.txt"
    label.parent.mkdir()
    if kind == "a pipe":
        os.mkfifo(label)
    else:
        with open(label, "wb") as sparse:
            sparse.truncate(2**30)
    log = RepairLog()
    assert read_records([str(tmp_path / "images/a.jpg")], class_count=1, log=log) == ()
    assert [(repair.kind, repair.file) for repair in log.repairs] == [("unreadable_label", str(label))]
