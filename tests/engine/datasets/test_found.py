# SPDX-License-Identifier: AGPL-3.0-only
"""Datasets as they lie about: which files are read of a folder or a data file, and what is said of it."""

import json
from unicodedata import normalize

import pytest

from engine.datasets.found import find_in_data_file, find_in_folder
from engine.errors import DatasetError
from tests.engine.datasets.pictures import write_picture
from tests.engine.datasets.test_coco_splits import write_coco

LABEL = "0 0.5 0.5 0.5 0.5\n"


def lay(root, *files, **texts):
    """Pictures and, by any other suffix, labels; further files by keyword, `__` standing for a dot."""
    for name in files:
        if name.endswith(".jpg"):
            write_picture(root / name)
        else:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(LABEL)
    for name, text in texts.items():
        (root / name.replace("__", ".")).write_text(text)
    return root


def pairs(*names):
    """Pictures below `images` with their labels."""
    return [file for name in names for file in (f"{name}.jpg", name.replace("images", "labels") + ".txt")]


def read(path, split="train", images=None):
    found = find_in_folder(path) if path.is_dir() else find_in_data_file(path)
    return found.read(split, images=images, report=lambda done, total: None)


@pytest.mark.parametrize(
    ("files", "split", "counts", "objects"),
    [
        (pairs("images/a"), "train", {"train": 1}, [1]),
        (pairs("images/a"), "all", {"train": 1}, [1]),
        (pairs("images/train/a", "images/val/b", "images/val/c"), "val", {"train": 1, "val": 2}, [1, 1]),
        (pairs("train/images/a", "valid/images/b"), "all", {"train": 1, "val": 1}, [1, 1]),
        (pairs("train/images/a", "train_backup/images/b"), "train", {"train": 1}, [1]),
        (["train/a.jpg", "train/a.txt", "test/b.jpg"], "train", {"train": 1, "test": 1}, [1]),
    ],
)
def test_splits_of_a_folder(tmp_path, files, split, counts, objects):
    root = lay(tmp_path / "set", *files)
    assert find_in_folder(root).counts() == counts
    dataset = read(root, split)
    assert dataset.object_counts() == objects
    assert dataset.name == ("set" if split == "train" else f"set-{split}")


def test_the_splits_there_are_are_said(tmp_path):
    root = lay(tmp_path / "set", *pairs("train/images/a", "valid/images/b"))
    assert read(root).notes == ("splits: train (1 image), val (1 image); read: train",)
    with pytest.raises(DatasetError, match=r"'test', got the splits train \(1 image\), val \(1 image\)"):
        read(root, "test")


def test_a_project_further_down_is_read_as_if_it_had_been_named(tmp_path):
    files = [f"project/{name}" for name in pairs("train/images/a", "valid/images/b")]
    root = lay(tmp_path / "export", *files)
    (root / "project/data.yaml").write_text("names: [person]")
    dataset, named = read(root), read(root / "project")
    assert dataset.notes == ("the dataset was found in project", *named.notes)
    assert (dataset.name, dataset.class_names) == (named.name, named.class_names) == ("project", ("person",))
    assert [each.path for each in dataset.images] == [each.path for each in named.images]
    assert dataset.source == named.source == str(root / "project")


def test_several_projects_are_refused(tmp_path):
    root = lay(tmp_path, *(f"{name}/train/images/a.jpg" for name in ("one", "two")))
    with pytest.raises(DatasetError, match=r"expected one dataset, got several \(one, two\); name one"):
        find_in_folder(root)


def test_a_data_file_may_join_several_folders(tmp_path):
    root = lay(tmp_path, *pairs("one/train/images/a", "two/train/images/b", "two/val/images/c"))
    (root / "data.yaml").write_text("train: [one/train, two/train]\nnames: [person]\n")
    assert find_in_folder(root).counts() == {"train": 2}


@pytest.mark.parametrize(
    ("files", "names", "said"),
    [
        ({}, ("class_0",), None),
        ({"classes__txt": "cat"}, ("cat",), "classes.txt"),
        ({"labels__txt": "cat"}, ("cat",), "labels.txt"),
        ({"obj__names": "cat"}, ("cat",), "obj.names"),
        ({"coco__names": "cat"}, ("cat",), "coco.names"),
        ({"obj__data": "names = data/c.txt", "c__txt": "cat"}, ("cat",), "obj.data"),
        ({"data__yaml": "names: [dog]", "classes__txt": "cat"}, ("dog",), None),
        ({"data__yaml": "nc: 2", "classes__txt": "cat\ndog"}, ("cat", "dog"), "classes.txt"),
        ({"data__yaml": "nc: 2"}, ("class_0", "class_1"), None),
        ({"data__yaml": "names: [dog]", "notes__yaml": "- a"}, ("dog",), None),
        ({"data__yaml": "names: [dog]", "___data__yaml": "\0"}, ("dog",), None),
    ],
)
def test_class_names(tmp_path, files, names, said):
    dataset = read(lay(tmp_path, *pairs("images/a"), **files))
    assert dataset.class_names == names
    assert dataset.notes == ((f"class names from {said}",) if said else ())
    assert dataset.repairs == ()


@pytest.mark.parametrize("place", ["labels/train/classes.txt", "train/classes.txt", "labels/obj.names"])
def test_class_names_lie_beside_labels_too(tmp_path, place):
    root = lay(tmp_path, *pairs("images/train/a"), "train/b.jpg")
    (root / place).write_text("cat")
    layout = "train" if place.startswith("train") else "images"
    if layout == "train":
        (root / "images/train/a.jpg").unlink()
    assert read(root).class_names == ("cat",)


def test_a_data_file_without_names_takes_those_beside_it(tmp_path):
    root = lay(tmp_path, *pairs("images/a"), data__yaml="train: images", obj__names="cat")
    dataset = read(root / "data.yaml")
    assert (dataset.class_names, dataset.notes) == (("cat",), ("class names from obj.names",))


@pytest.mark.parametrize("paths", ["", "path: {root}\n"])
@pytest.mark.parametrize("labels", ["set", "store"])
def test_a_linked_image_folder_keeps_its_labels(tmp_path, paths, labels):
    lay(tmp_path, "store/images/a.jpg", f"{labels}/labels/a.txt")
    (tmp_path / "set").mkdir(exist_ok=True)
    (tmp_path / "set/images").symlink_to(tmp_path / "store/images")
    (tmp_path / "set/data.yaml").write_text(paths.format(root=tmp_path / "set") + "train: images\n")
    for path in ("set/data.yaml", "set"):
        dataset = read(tmp_path / path)
        assert (dataset.object_counts(), dataset.repairs) == ([1], ())
        assert dataset.images[0].path == str(tmp_path / "set/images/a.jpg")


def test_a_linked_data_file_leads_to_what_lies_beside_the_real_one(tmp_path):
    lay(tmp_path / "set", *pairs("images/a"), data__yaml="train: images\n")
    (tmp_path / "data.yaml").symlink_to("set/data.yaml")
    dataset = read(tmp_path / "data.yaml")
    assert (dataset.name, dataset.object_counts(), dataset.source) == (
        "set",
        [1],
        str(tmp_path / "set/data.yaml"),
    )


@pytest.mark.parametrize(
    ("text", "splits"),
    [
        ("path: /gone/set\ntrain: images/train\nval: images/val", {"train": 1, "val": 1}),
        ("path: ../datasets/set\ntrain: images/train\nval: images/val", {"train": 1, "val": 1}),
        ("train: /gone/set/images/train\nval: /gone/set/images/val", {"train": 1, "val": 1}),
        ("path: D:\\set\ntrain: D:\\set\\images\\train", {"train": 1}),
        ("path: /gone\ntrain: images/train\ntest: images/test", {"train": 1, "test": None}),
    ],
)
def test_data_files_of_other_machines(tmp_path, text, splits):
    root = lay(tmp_path, *pairs("images/train/a", "images/val/b"), data__yaml=text)
    dataset = read(root / "data.yaml")
    assert dataset.images[0].path == str(root / "images/train/a.jpg")
    assert dataset.notes[0] == "data.yaml lists paths that do not exist; the files next to it were read"
    assert find_in_data_file(root / "data.yaml").counts() == splits


def test_a_split_whose_files_are_not_there(tmp_path):
    root = lay(tmp_path, *pairs("images/a"), data__yaml="train: images\nval: gone\n")
    found = find_in_data_file(root / "data.yaml")
    assert found.counts() == {"train": 1, "val": None}
    assert read(root / "data.yaml", "all").object_counts() == [1]
    assert read(root / "data.yaml").notes == ("splits: train (1 image), val (missing); read: train",)
    with pytest.raises(DatasetError, match=r"expected 'gone' at .*, found nothing"):
        read(root / "data.yaml", "val")


def test_all_takes_what_two_splits_share_once(tmp_path):
    root = lay(tmp_path, *pairs("images/a"), data__yaml="train: images\nval: images\n")
    dataset = read(root / "data.yaml", "all")
    assert (dataset.object_counts(), dataset.repairs) == ([1], ())


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_data_files_in_any_normal_form(tmp_path, form):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    root = lay(tmp_path, *pairs(normalize(form, "사진/images/é")))
    (root / "data.yaml").write_text(normalize(other, "train: 사진/images\n"))
    assert read(root / "data.yaml").object_counts() == [1]


def roboflow(root):
    write_coco(root / "train/_annotations.coco.json", "a.jpg", "b.jpg")
    write_coco(root / "valid/_annotations.coco.json", "c.jpg")
    return root


@pytest.mark.parametrize(("split", "objects"), [("train", [1, 1]), ("val", [1]), ("all", [1, 1, 1])])
def test_splits_of_coco_json(tmp_path, split, objects):
    dataset = read(roboflow(tmp_path / "set"), split)
    assert dataset.object_counts() == objects
    assert dataset.notes == (f"splits: train (2 images), val (1 image); read: {split}",)
    assert dataset.name == ("set" if split == "train" else f"set-{split}")
    assert dataset.source == str(tmp_path / "set")


def test_a_split_that_coco_json_has_not(tmp_path):
    with pytest.raises(DatasetError, match=r"'test', got the splits train \(2 images\), val \(1 image\)"):
        read(roboflow(tmp_path), "test")


def test_cocos_own_layout(tmp_path):
    for split in ("train2017", "val2017"):
        file = write_coco(tmp_path / f"coco/{split}/x.json", "a.jpg")
        (tmp_path / "coco/annotations").mkdir(exist_ok=True)
        file.rename(tmp_path / f"coco/annotations/instances_{split}.json")
    dataset = read(tmp_path / "coco", "val")
    assert [each.path for each in dataset.images] == [str(tmp_path / "coco/val2017/a.jpg")]


def test_a_lone_annotation_file_is_read_whatever_its_name_says(tmp_path):
    write_coco(tmp_path / "instances_val2017.json", "a.jpg")
    assert read(tmp_path).object_counts() == [1]
    with pytest.raises(DatasetError, match=r"got the splits val \(1 image\)"):
        read(tmp_path, "test")


def test_coco_json_with_images_elsewhere(tmp_path):
    write_coco(tmp_path / "set/signs.json", "a.jpg")
    (tmp_path / "set/a.jpg").rename(tmp_path / "a.jpg")
    assert read(tmp_path / "set", images=tmp_path).object_counts() == [1]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_coco_names_in_any_normal_form(tmp_path, form):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    write_coco(tmp_path / "signs.json", normalize(form, "é 한글.jpg"))
    (tmp_path / normalize(form, "é 한글.jpg")).rename(tmp_path / normalize(other, "é 한글.jpg"))
    assert read(tmp_path).object_counts() == [1]


@pytest.mark.parametrize("text", ["{}", "[1, 2]", "no JSON", json.dumps({"images": 3})])
def test_json_that_is_no_coco_is_ignored_beside_labels_and_refused_without(tmp_path, text):
    root = lay(tmp_path, *pairs("images/a"), notes__json=text)
    assert read(root).object_counts() == [1]
    (root / "labels/a.txt").unlink()
    with pytest.raises(
        DatasetError, match=r"expected YOLO labels or COCO JSON .*a different format .notes.json"
    ):
        read(root)


def test_yolo_labels_come_before_coco_json(tmp_path):
    write_coco(tmp_path / "images/coco.json", "a.jpg", categories=("car", "person"))
    dataset = read(lay(tmp_path, "labels/a.txt"))
    assert [each.class_ids.tolist() for each in dataset.images] == [[0]]
    assert dataset.notes == ("YOLO labels were read; coco.json was ignored",)


def test_clutter_is_no_part_of_a_dataset(tmp_path):
    files = [*pairs("images/a"), "images/._a.jpg", "images/.ipynb_checkpoints/a.jpg", "images/@eaDir/a.jpg"]
    root = lay(tmp_path, *files, "__MACOSX/images/b.jpg", ".thumbnails/c.jpg")
    (root / ".hidden.json").write_text("{}")
    dataset = read(root)
    assert (len(dataset.images), dataset.repairs) == (1, ())


def test_links_into_the_folder_itself_repeat_nothing(tmp_path):
    root = lay(tmp_path / "set", *pairs("images/a"))
    for name, target in {"images/self": ".", "images/up": "..", "loop": "."}.items():
        (root / name).symlink_to(target)
    dataset = read(root)
    assert (dataset.object_counts(), dataset.repairs) == ([1], ())


@pytest.mark.parametrize("files", [[], ["notes/a.md"]])
def test_nothing_is_refused_in_a_line(tmp_path, files):
    with pytest.raises(DatasetError, match=r"expected a YOLO folder .*, found no images"):
        find_in_folder(lay(tmp_path, *files))
