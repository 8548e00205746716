# SPDX-License-Identifier: AGPL-3.0-only
"""The entry to datasets: each kind of source, names, splits, and what a wrong source is told."""

import json
import subprocess
import sys
import types
from collections import Counter
from pathlib import Path

import pytest

from engine.datasets.sources import downloadable_names, find_dataset, read_dataset
from engine.errors import DatasetError, SettingsError
from engine.records import Dataset
from tests.engine.datasets.pictures import write_picture


@pytest.fixture
def folder(tmp_path):
    """A YOLO folder with two splits, a data file, and one faulty line."""
    root = tmp_path / "streets"
    for split, classes in (("train", (0, 1)), ("val", (2,))):
        for class_id in classes:
            write_picture(root / f"images/{split}/{class_id}.jpg")
            label = root / f"labels/{split}/{class_id}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(f"{class_id} 0.5 0.5 0.5 0.5\n")
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [person, car]\n")
    return root


def facts(dataset):
    return dataset.name, len(dataset.images), sum(dataset.object_counts()), dataset.class_names


def test_a_data_file_and_its_folder_are_the_same_dataset(folder):
    expected = ("streets", 2, 2, ("person", "car"))
    assert facts(read_dataset(folder)) == facts(read_dataset(str(folder / "data.yaml"))) == expected


def test_splits_are_named_and_faults_reported(folder):
    dataset = read_dataset(folder, split="val")
    assert facts(dataset) == ("streets-val", 1, 0, ("person", "car"))
    assert dataset.repair_counts() == {"unknown_class": 1}
    assert dataset.source == str(folder)


def test_keypoints_are_ignored_where_the_data_file_gives_their_shape(folder):
    for name in ("train/0", "train/1"):
        (folder / f"labels/{name}.txt").write_text("1 0.5 0.5 0.5 0.5 0.5 0.6")
    with pytest.raises(DatasetError, match=r"0.txt:1: .* add kpt_shape to the data file"):
        read_dataset(folder)
    with (folder / "data.yaml").open("a") as file:
        file.write("kpt_shape: [1, 2]\n")
    for source in (folder, folder / "data.yaml"):
        dataset = read_dataset(source)
        assert facts(dataset)[2] == 2
        assert dataset.repair_counts() == {"ignored_keypoints": 2}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "person 0.5 0.5 0.5 0.5",
            r"unreadable label\); first .*0.txt:1: skipped, not all words",
        ),
        ("0 0.5 0.5 0.5", r"first .*0.txt:1: skipped, 4 numbers, expected `class x y .*: '0 0.5 0.5 0.5'"),
        ("0 nan 0.5 0.5 0.5", r"got none \(2 x infinite number in a label\)"),
    ],
)
def test_a_dataset_none_of_whose_labels_can_be_read_is_refused(folder, line, message):
    for name in ("train/0", "train/1"):
        (folder / f"labels/{name}.txt").write_text(line)
    with pytest.raises(DatasetError, match=message) as raised:
        read_dataset(folder)
    assert str(raised.value).startswith(f"{folder}: expected readable labels, got none (")
    assert "\n" not in str(raised.value)


def test_coco_json_none_of_whose_annotations_can_be_read_is_refused(tmp_path):
    write_picture(tmp_path / "images/a.jpg")
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [{"id": 5, "image_id": 2, "category_id": 1, "bbox": [1, 1, 9, 9]}],
    }
    file = tmp_path / "a.json"
    file.write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=r"first .*a.json:5: skipped, no image 2"):
        read_dataset(file)


def test_a_dataset_without_images_names_the_first_reason(tmp_path):
    write_picture(tmp_path / "images/a.jpg")
    image = {"id": 1, "file_name": "a.jpg", "width": 48, "height": 64}
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"images": [image], "categories": [], "annotations": []}))
    with pytest.raises(
        DatasetError, match=r"got none \(1 x image size mismatch.* file 64x48, annotations 48x64"
    ):
        read_dataset(file)


def test_a_dataset_without_labels_is_no_fault(folder):
    for name in ("train/0", "train/1"):
        (folder / f"labels/{name}.txt").write_text("")
    assert facts(read_dataset(folder))[1:3] == (2, 0)


def test_classes_of_one_name_are_told_apart(folder):
    (folder / "data.yaml").write_text("train: images/train\nnames: [person, person]\n")
    dataset = read_dataset(folder)
    assert dataset.class_names == ("person", "person (2)")
    assert dataset.repair_counts() == {"repeated_name": 1}


@pytest.mark.parametrize("source", ["streets", "streets/data.yaml"])
def test_all_splits_can_be_read_together(folder, source):
    dataset = read_dataset(folder.parent / source, split="all")
    assert facts(dataset) == ("streets-all", 3, 2, ("person", "car"))
    assert dataset.notes == ("splits: train (2 images), val (1 image); read: all",)
    assert find_dataset(folder.parent / source).counts() == {"train": 2, "val": 1}


@pytest.mark.parametrize("source", ["streets", "streets/data.yaml"])
def test_a_split_that_is_not_there_is_answered_with_those_that_are(folder, source):
    there = r"train \(2 images\), val \(1 image\)"
    with pytest.raises(DatasetError, match=f"images of the split 'test', got the splits {there}; choose"):
        read_dataset(folder.parent / source, split="test")


def test_a_named_folder_that_is_a_link_keeps_its_labels(folder, tmp_path):
    (folder / "images").rename(tmp_path / "store")
    (folder / "images").symlink_to(tmp_path / "store")
    assert sum(read_dataset(folder / "images/train").object_counts()) == 2


def test_a_name_may_be_given(folder):
    assert read_dataset(folder, name="mine").name == "mine"


def test_names_come_from_classes_txt_or_are_numbered(folder):
    (folder / "data.yaml").unlink()
    assert read_dataset(folder).class_names == ("class_0", "class_1")
    (folder / "classes.txt").write_text("cat\ndog\n")
    assert read_dataset(folder).class_names == ("cat", "dog")


def test_class_names_of_a_gigabyte_are_not_read(folder):
    (folder / "data.yaml").unlink()
    with open(folder / "classes.txt", "wb") as sparse:
        sparse.truncate(2**30)
    with pytest.raises(DatasetError, match=r"classes\.txt: .*it is larger than 1 MiB\); correct"):
        read_dataset(folder)


def test_a_folder_with_only_a_data_file_leads_to_its_images(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "set.yaml").write_text(f"path: {folder}\ntrain: images/train\nnames: [person, car]\n")
    assert facts(read_dataset(other)) == ("other", 2, 2, ("person", "car"))


def test_coco_json(tmp_path):
    write_picture(tmp_path / "images/a.jpg")
    file = tmp_path / "signs.json"
    image = {"id": 1, "file_name": "a.jpg"}
    file.write_text(json.dumps({"images": [image], "annotations": [], "categories": []}))
    assert facts(read_dataset(file)) == facts(read_dataset(file, images=tmp_path / "images"))
    assert facts(read_dataset(file)) == ("signs", 1, 0, ())
    split = file.rename(tmp_path / "instances_val2017.json")
    assert read_dataset(split).name == f"{tmp_path.name}-val"


def test_demo_is_the_embedded_one_even_beside_a_folder_of_that_name(tmp_path, monkeypatch, folder):
    asked = []
    module = types.ModuleType("engine.datasets.demo")
    dataset = read_dataset(folder)
    module.demo_dataset = lambda split, **how: asked.append(split) or dataset
    monkeypatch.setitem(sys.modules, "engine.datasets.demo", module)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    assert read_dataset("demo", split="val") is dataset
    assert read_dataset("demo") is dataset
    assert asked == ["val", "demo"]


@pytest.mark.parametrize("source", ["coco8", "coco8.yaml"])
def test_a_known_name_is_downloaded_and_a_local_path_wins(folder, monkeypatch, source):
    asked = []
    module = types.ModuleType("engine.detectors.ultralytics_download")
    module.download_dataset = lambda name: asked.append(name) or folder / "data.yaml"
    monkeypatch.setitem(sys.modules, "engine.detectors.ultralytics_download", module)
    monkeypatch.chdir(folder.parent)
    assert len(read_dataset(source).images) == 2
    assert asked == ["coco8"]
    local = folder.rename(folder.parent / "coco8")
    if source.endswith(".yaml"):
        (local.parent / source).write_text("path: coco8\ntrain: images/train\nnames: [a, b]\n")
    assert len(read_dataset(source).images) == 2
    assert asked == ["coco8"]


def test_downloadable_names_are_known_without_importing_ultralytics():
    assert {"coco128", "coco8", "VOC"} <= set(downloadable_names())


@pytest.mark.parametrize("source", ["", "nowhere", "no/where.yaml", "coco9999"])
def test_a_source_that_is_not_there_is_told_what_is_possible(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError) as raised:
        read_dataset(source)
    for word in (".yaml", "YOLO folder", "COCO JSON", "demo", "coco128"):
        assert word in str(raised.value)


@pytest.mark.parametrize(
    ("files", "source", "message"),
    [
        ({"a.csv": b""}, "a.csv", "expected a data file .*, got a different file"),
        ({"notes/a.md": b""}, "notes", "expected a YOLO folder .*, found no images"),
        (
            {"set/images/a.jpg": b"x"},
            "set",
            r"expected usable images, got none \(1 x unreadable image file\); ",
        ),
    ],
)
def test_unusable_sources_are_named(tmp_path, files, source, message):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_dataset(tmp_path / source)


def test_a_split_of_another_name_is_refused(folder):
    with pytest.raises(SettingsError, match="split: expected one of all, test, train, val, got 'holdout'"):
        read_dataset(folder, split="holdout")


def test_reading_loads_no_torch(folder):
    code = (
        "import sys; from engine.datasets.sources import read_dataset; import engine.datasets.sampling, "
        "engine.datasets.histogram, engine.store.repository; read_dataset(sys.argv[1]); "
        "print([m for m in ('torch', 'ultralytics') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.real
def test_coco128(coco128_yaml):
    dataset = read_dataset(coco128_yaml)
    assert isinstance(dataset, Dataset)
    assert facts(dataset) == ("coco128", 128, 929, dataset.class_names)
    assert (len(dataset.class_names), dataset.class_names[0]) == (80, "person")
    people = dataset.object_counts(0)
    strays = [each.file for each in dataset.repairs if each.kind == "label_without_image"]
    lost = Counter(line.split()[0] for file in strays for line in Path(file).read_text().splitlines())["0"]
    # 62 label files hold 261 people; the photograph of one of them (7 people) is not among the images.
    assert (sum(count > 0 for count in people), sum(people), lost) == (61, 254, 7)
    assert dataset.repair_counts() == {"image_without_label": 2, "label_without_image": 2}


@pytest.mark.parametrize("source", ["blocks", "coco.json"])
def test_reading_tells_how_far_it_is(blocks: Path, tmp_path: Path, source: str) -> None:
    told: list[tuple[int, int]] = []
    path = blocks
    if source == "coco.json":
        path = tmp_path / source
        images = [
            {"id": number, "file_name": f"{number}.png", "width": 64, "height": 72} for number in range(6)
        ]
        path.write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    read_dataset(path, images=blocks / "images", report=lambda done, total: told.append((done, total)))
    assert told == [(done, 6) for done in range(6)]
