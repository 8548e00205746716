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
        ({"category_id": "bus"}, [], "malformed_line"),
        ({"iscrowd": 1}, [], "crowd_annotation"),
        ({"iscrowd": "1"}, [], "crowd_annotation"),
        ({"iscrowd": "maybe"}, [], "malformed_line"),
        ({"bbox": [10, 10, 0.5, 30]}, [], "tiny_box"),
        ({"image_id": 8}, [], "unknown_image"),
    ],
)
def test_annotations_are_repaired(tmp_path, change, boxes, kind):
    dataset = read_coco(write(tmp_path, annotations=[BOX | change]), name="d")
    assert dataset.images[0].boxes_xyxy_px.tolist() == boxes
    assert [each for each in kinds(dataset) if each[0] != "image_without_label"] == [(kind, 5)]


@pytest.mark.parametrize(
    "change", [{"image_id": "7"}, {"image_id": 7.0}, {"category_id": "1"}, {"iscrowd": "0"}]
)
@pytest.mark.parametrize("own", [7, "7", 7.0])
@pytest.mark.parametrize("category", [1, "1", 1.0])
def test_ids_are_compared_as_what_they_mean(tmp_path, change, own, category):
    source = write(tmp_path, [IMAGE | {"id": own}], [BOX | change], [{"id": category, "name": "person"}])
    dataset = read_coco(source, name="d")
    assert dataset.images[0].boxes_xyxy_px.tolist() == [[10, 10, 30, 40]]
    assert dataset.class_names == ("", "person")
    assert dataset.repairs == ()


def test_numbers_of_boxes_may_be_text(tmp_path):
    dataset = read_coco(write(tmp_path, annotations=[BOX | {"bbox": ["10", "10.0", 20, "30"]}]), name="d")
    assert dataset.images[0].boxes_xyxy_px.tolist() == [[10, 10, 30, 40]]


def test_images_of_one_id_are_both_left_out(tmp_path):
    write_picture(tmp_path / "images/b.jpg")
    write_picture(tmp_path / "images/c.jpg")
    images = [IMAGE, IMAGE | {"file_name": "b.jpg"}, IMAGE | {"id": 8, "file_name": "c.jpg"}]
    dataset = read_coco(write(tmp_path, images, [BOX, BOX | {"id": 6, "image_id": 8}]), name="d")
    assert [(image.path[-5:], len(image.class_ids)) for image in dataset.images] == [("c.jpg", 1)]
    assert dataset.repair_counts() == {"ambiguous_image": 2}


def test_a_file_under_two_ids_has_the_boxes_of_both(tmp_path):
    annotations = [BOX, BOX | {"id": 6, "image_id": 8, "bbox": [1, 1, 5, 5]}, BOX | {"id": 9, "image_id": 8}]
    dataset = read_coco(write(tmp_path, [IMAGE, IMAGE | {"id": 8}], annotations), name="d")
    assert dataset.images[0].boxes_xyxy_px.tolist() == [[10, 10, 30, 40], [1, 1, 6, 6]]
    assert dataset.repair_counts() == {"duplicate_image": 1, "duplicate_label": 1}


@pytest.mark.parametrize(
    ("categories", "names", "kinds"),
    [
        ([{"id": 1, "name": None}], ("", "class_1"), ["unnamed_class"]),
        ([{"id": 1}], ("", "class_1"), ["unnamed_class"]),
        ([{"id": 1, "name": " "}], ("", "class_1"), ["unnamed_class"]),
        ([{"id": 1, "name": 5}], ("", "5"), []),
        ([PERSON, PERSON], ("", "person"), []),
        ([PERSON, {"id": 2, "name": "person"}], ("", "person", "person (2)"), ["repeated_name"]),
    ],
)
def test_categories_are_named(tmp_path, categories, names, kinds):
    dataset = read_coco(write(tmp_path, categories=categories), name="d")
    assert dataset.class_names == names
    assert list(dataset.repair_counts()) == kinds


def test_boxes_given_as_shares_are_scaled(tmp_path):
    annotations = [BOX | {"bbox": [0.25, 0.25, 0.5, 0.5]}, BOX | {"id": 6, "bbox": [0, 0, 0.5, 1]}]
    dataset = read_coco(write(tmp_path, annotations=annotations), name="d")
    assert dataset.images[0].boxes_xyxy_px.tolist() == [[16, 12, 48, 36], [0, 0, 32, 48]]
    (repair,) = dataset.repairs
    assert (repair.kind, repair.times) == ("normalised_box", 2)


def test_shares_that_do_not_start_top_left_are_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"got normalised boxes, 0 to 1, that reach 1.2 from"):
        read_coco(write(tmp_path, annotations=[BOX | {"bbox": [0.7, 0.5, 0.5, 0.5]}]), name="d")


def test_one_box_in_pixels_makes_all_pixels(tmp_path):
    dataset = read_coco(write(tmp_path, annotations=[BOX, BOX | {"bbox": [0.2, 0.2, 0.5, 0.5]}]), name="d")
    assert len(dataset.images[0].class_ids) == 1
    assert dataset.repair_counts() == {"tiny_box": 1}


@pytest.mark.parametrize(
    "file_name",
    ["C:\\data\\a.jpg", "/home/other/images/a.jpg", "../../upload/a.jpg", "gone/a.jpg", "%61.jpg"],
)
def test_names_of_other_machines_are_found(tmp_path, file_name):
    dataset = read_coco(write(tmp_path, [IMAGE | {"file_name": file_name}]), name="d")
    assert dataset.images[0].path == str(tmp_path / "images/a.jpg")
    assert len(dataset.images[0].class_ids) == 1
    assert dataset.repair_counts() == {"moved_image": 1}


@pytest.mark.parametrize("size", [(128.0, 96.0), ("128", "96"), (128, "96.0")])
def test_sizes_scale_boxes_however_they_are_written(tmp_path, size):
    dataset = read_coco(
        write(tmp_path, [IMAGE | dict(zip(("width", "height"), size, strict=True))]), name="d"
    )
    assert dataset.images[0].boxes_xyxy_px.tolist() == [[5, 5, 15, 20]]


def test_a_category_id_for_two_names_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="expected one category per ID, got 1 for 'person' and 'bus'"):
        read_coco(write(tmp_path, categories=[PERSON, {"id": 1, "name": "bus"}]), name="d")


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
    assert kinds(dataset) == [("missing_image", None), ("image_without_label", None)]


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
    with pytest.raises(DatasetError, match=r"expected the image 'a.jpg' in one of .*, found none; name the"):
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
    source = write(folder, [IMAGE, extra], annotations)
    try:
        dataset = read_coco(source, name="d", images=folder / "images")
    except DatasetError:  # all boxes normalised, but not from the top left corner
        return
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
        (json.dumps(LONG), "got a different format"),
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
