# SPDX-License-Identifier: AGPL-3.0-only
"""COCO JSON: what is read, what is repaired, what is refused."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.datasets.annotations import REPAIR_KINDS
from engine.datasets.coco import read_coco
from engine.errors import DatasetError
from tests.engine.datasets.pictures import write_picture

PERSON = {"id": 1, "name": "person"}
IMAGE = {"id": 7, "file_name": "a.jpg", "width": 64, "height": 48}
BOX = {"id": 5, "image_id": 7, "category_id": 1, "bbox": [10, 10, 20, 30], "iscrowd": 0}


def write(folder, images=(IMAGE,), annotations=(BOX,), categories=(PERSON,), *, picture="images/a.jpg"):
    folder.mkdir(parents=True, exist_ok=True)
    if picture:
        write_picture(folder / picture)
    file = folder / "instances_val.json"
    content = {"images": images, "annotations": annotations, "categories": categories}
    file.write_text(json.dumps({key: list(value) for key, value in content.items()}))
    return file


def kinds(dataset):
    return [(each.kind, each.line) for each in dataset.repairs]


def test_no_images_give_an_empty_dataset(tmp_path):
    dataset = read_coco(write(tmp_path, [], [], []), name="empty")
    assert (dataset.images, dataset.class_names, dataset.repairs) == ((), (), ())


def test_boxes_and_names_are_read_and_gaps_kept(tmp_path):
    bus = {"id": 3, "name": "bus"}
    second = {**BOX, "id": 6, "category_id": 3}
    dataset = read_coco(write(tmp_path, annotations=[BOX, second], categories=[bus, PERSON]), name="d")
    assert dataset.class_names == ("", "person", "", "bus")
    (image,) = dataset.images
    assert (image.path, image.width, image.height) == (str(tmp_path / "images/a.jpg"), 64, 48)
    assert image.boxes_xyxy_px.tolist() == [[10, 10, 30, 40]] * 2
    assert image.class_ids.tolist() == [1, 3]
    assert dataset.repairs == ()


@pytest.mark.parametrize(
    ("change", "boxes", "kind"),
    [
        ({"bbox": [30, 40, -20, -30]}, [[10, 10, 30, 40]], "swapped_corners"),
        ({"bbox": [50, 10, 20, 30]}, [[50, 10, 64, 40]], "clipped_box"),
        ({"bbox": [10, 10, 0, 30]}, [], "empty_box"),
        ({"bbox": [10, 10, float("nan"), 30]}, [], "non_finite"),
        ({"bbox": [10, 10, "wide", 30]}, [], "malformed_line"),
        ({"bbox": [10, 10, 10**400, 30]}, [], "malformed_line"),
        ({"bbox": [10, 10, 20]}, [], "malformed_line"),
        ({"bbox": None}, [], "malformed_line"),
        ({"category_id": None}, [], "malformed_line"),
        ({"category_id": 2}, [], "unknown_class"),
        ({"category_id": 0}, [], "unknown_class"),
        ({"iscrowd": 1}, [], "crowd_annotation"),
        ({"image_id": 8}, [], "label_without_image"),
    ],
)
def test_annotations_are_repaired(tmp_path, change, boxes, kind):
    dataset = read_coco(write(tmp_path, annotations=[BOX | change]), name="d")
    assert dataset.images[0].boxes_xyxy_px.tolist() == boxes
    assert [each for each in kinds(dataset) if each[0] != "image_without_label"] == [(kind, 5)]


def test_duplicates_and_strangers_in_the_lists_are_left_out(tmp_path):
    images = [IMAGE, IMAGE, IMAGE | {"id": 8}, {"id": 9}, "image"]
    dataset = read_coco(write(tmp_path, images, [BOX, BOX | {"id": 6}, 3]), name="d")
    assert len(dataset.images) == len(dataset.images[0].class_ids) == 1
    assert sorted(kinds(dataset), key=str) == [
        ("duplicate_image", None),
        ("duplicate_image", None),
        ("duplicate_label", 6),
        ("malformed_line", None),
        ("malformed_line", None),
        ("malformed_line", None),
    ]


def test_images_without_annotations_or_files_are_noted(tmp_path):
    images = [IMAGE, {"id": 8, "file_name": "gone.jpg"}]
    dataset = read_coco(write(tmp_path, images, []), name="d")
    assert [len(each.class_ids) for each in dataset.images] == [0]
    assert kinds(dataset) == [("image_without_label", None), ("missing_image", None)]


@pytest.mark.parametrize(
    ("stated", "boxes"), [((128, 96), [[[5, 5, 15, 20]]]), ((48, 64), []), ((64, 480), [])]
)
def test_a_size_that_differs_scales_the_boxes_or_drops_the_image(tmp_path, stated, boxes):
    width, height = stated
    dataset = read_coco(write(tmp_path, [IMAGE | {"width": width, "height": height}]), name="d")
    assert [each.boxes_xyxy_px.tolist() for each in dataset.images] == boxes
    assert kinds(dataset) == [("wrong_size", None)]


@pytest.mark.parametrize(
    "place", ["a.jpg", "images/a.jpg", "../images/a.jpg", "../val/a.jpg", "../images/val/a.jpg"]
)
def test_images_are_found_in_the_usual_places(tmp_path, place):
    dataset = read_coco(write(tmp_path / "annotations", picture=place), name="d")
    assert len(dataset.images) == 1


def test_image_folder_may_be_named(tmp_path):
    file = write(tmp_path, picture="elsewhere/a.jpg")
    assert len(read_coco(file, name="d", images=tmp_path / "elsewhere").images) == 1
    with pytest.raises(
        DatasetError, match=r"expected the image 'a.jpg' in one of .*, got none there; name the"
    ):
        read_coco(file, name="d")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected COCO JSON, got an unreadable file"),
        ("{", "expected COCO JSON, got an unreadable file"),
        ("[" * 100_000, "expected COCO JSON, got an unreadable file"),
        ("[]", "with the lists images, annotations and categories"),
        ('{"images": [], "annotations": {}, "categories": []}', "with the lists images"),
        (
            '{"images": [], "annotations": [], "categories": [{"id": -1, "name": "x"}]}',
            "got .*-1.*number them",
        ),
        ('{"images": [], "annotations": [], "categories": ["person"]}', "expected categories with a name"),
    ],
)
def test_other_forms_are_refused_in_one_line(tmp_path, content, message):
    file = tmp_path / "a.json"
    file.write_text(content)
    with pytest.raises(DatasetError, match=message) as raised:
        read_coco(file, name="d")
    assert str(raised.value).startswith(f"{file}: ")
    assert "\n" not in str(raised.value)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just("a.jpg"), st.just(1)
)
ANNOTATIONS = st.fixed_dictionaries(
    {},
    optional={
        "id": VALUES,
        "image_id": st.one_of(VALUES, st.just(7)),
        "category_id": st.one_of(VALUES, st.just(1)),
        "bbox": st.one_of(VALUES, st.lists(VALUES, min_size=4, max_size=4), st.just([1, 1, 9, 9])),
        "iscrowd": VALUES,
    },
)


@given(annotations=st.lists(st.one_of(VALUES, ANNOTATIONS), max_size=4), extra=st.one_of(VALUES, ANNOTATIONS))
@settings(deadline=None, max_examples=100)
def test_any_annotations_give_boxes_inside_the_image(annotations, extra, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "coco"
    dataset = read_coco(write(folder, [IMAGE, extra], annotations), name="d", images=folder / "images")
    assert {kind for kind, _ in kinds(dataset)} <= set(REPAIR_KINDS)
    for x1, y1, x2, y2 in dataset.images[0].boxes_xyxy_px.tolist():
        assert 0 <= x1 < x2 <= 64
        assert 0 <= y1 < y2 <= 48


LONG = "x" * 10**6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "got an unreadable file (maximum recursion depth exceeded"),
        ('{"a":' * 100_000, "got an unreadable file (maximum recursion depth exceeded"),
        ("9" * 100_000, "got an unreadable file (Exceeds the limit"),
        (json.dumps(LONG), "got another form"),
        (json.dumps({"images": [], "annotations": [], "categories": [{"id": LONG}]}), "got {'id': 'xxx"),
        (json.dumps({"images": [IMAGE | {"file_name": LONG}], "annotations": [], "categories": []}), "'xxx"),
        (
            json.dumps({"images": [IMAGE | {"file_name": "\ud800"}], "annotations": [], "categories": []}),
            "'\\ud8",
        ),
    ],
    ids=["lists", "objects", "number", "text", "category", "file name", "surrogate"],
)
def test_large_and_nested_json_is_refused_in_short(tmp_path, text, message):
    file = tmp_path / "a.json"
    file.write_text(text)
    started_s = time.process_time()
    with pytest.raises(DatasetError) as raised:
        read_coco(file, name="d")
    assert time.process_time() - started_s < 5
    assert message in str(raised.value)
    assert len(str(raised.value)) < 8 * len(str(tmp_path)) + 400
    assert "\n" not in str(raised.value)


def test_a_file_that_no_memory_holds_is_not_read(tmp_path):
    file = tmp_path / "a.json"
    with open(file, "wb") as sparse:
        sparse.truncate(2**40)
    with pytest.raises(DatasetError, match="it is larger than 2048 MiB"):
        read_coco(file, name="d")


def test_repairs_show_long_values_in_short(tmp_path):
    nested = json.loads("[" * 300 + "]" * 300)
    images = [
        IMAGE,
        IMAGE,
        IMAGE | {"id": 8, "file_name": "../" * 10_000 + "a.jpg"},
        {"id": nested, "description": LONG},
        [nested, LONG],
    ]
    annotations = [BOX, BOX | {"image_id": LONG}, BOX | {"category_id": 10**1000, "id": 3}]
    dataset = read_coco(write(tmp_path, images, annotations), name="d")
    assert len(dataset.repairs) == 6
    assert all(len(repair.action) <= 200 and len(repair.file) <= 4096 for repair in dataset.repairs)
