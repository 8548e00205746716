# SPDX-License-Identifier: AGPL-3.0-only
"""Ultralytics data files: names, splits and paths as Ultralytics reads them."""

import time

import pytest

from engine.datasets.datafile import DataFile, lone_data_file, read_data_file
from engine.errors import DatasetError


def write(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "data.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("train: a", None),
        ("names: []", ()),
        ("names: [cat, dog]", ("cat", "dog")),
        ("names: {0: cat, 1: dog}", ("cat", "dog")),
        ("names: {'2': cat, 0: dog}", ("dog", "", "cat")),
        ("names: [cat, 7]\nnc: 2", ("cat", "7")),
        ("nc: 2", ("class_0", "class_1")),
    ],
)
def test_names_are_a_list_a_mapping_or_a_count(tmp_path, text, names):
    assert read_data_file(write(tmp_path, text)).class_names == names


@pytest.mark.parametrize(
    ("text", "there", "split", "entries"),
    [
        ("train: images", ["images"], "train", ["images"]),
        ("train: [one, two]", ["one", "two"], "train", ["one", "two"]),
        ("path: sub\nval: images", ["sub/images"], "val", ["sub/images"]),
        ("path: elsewhere\nval: images", ["images"], "val", ["images"]),
        ("validation: v", ["v"], "val", ["v"]),
        ("train: ../train/images", ["train/images"], "train", ["train/images"]),
    ],
)
def test_entries_are_found(tmp_path, text, there, split, entries):
    for folder in there:
        (tmp_path / folder).mkdir(parents=True)
    assert read_data_file(write(tmp_path, text)).entries(split) == [tmp_path / entry for entry in entries]


def test_path_may_be_absolute_or_relative_to_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "work/set/images").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    for root in ("set", tmp_path / "work/set"):
        data = read_data_file(write(tmp_path / "files", f"path: {root}\ntrain: images"))
        assert data.entries("train") == [tmp_path / "work/set/images"]


@pytest.mark.parametrize(
    ("text", "shape"),
    [("nc: 1", None), ("kpt_shape:", None), ("kpt_shape: [17, 3]", (17, 3)), ("kpt_shape: [0, 2]", (0, 2))],
)
def test_the_shape_of_keypoints_is_read(tmp_path, text, shape):
    assert read_data_file(write(tmp_path, text)).keypoints == shape


def test_missing_folders_are_named(tmp_path):
    data = read_data_file(write(tmp_path, "path: set\ntrain: images\ntest: t"))
    assert list(data.splits) == ["train", "test"]
    with pytest.raises(DatasetError, match=f"expected 'images' at {tmp_path}/set/images, .*found nothing"):
        data.entries("train")


@pytest.mark.parametrize(
    ("text", "there", "moved", "entries"),
    [
        ("train: images", ["images"], False, ["images"]),
        ("path: sub\ntrain: images", ["sub/images"], False, ["sub/images"]),
        ("path: /gone\ntrain: images", ["images"], True, ["images"]),
        ("path: /gone/set\ntrain: images", ["set/images"], True, ["set/images"]),
        ("path: C:\\x\ntrain: train\\images", ["train/images"], True, ["train/images"]),
        ("train: /gone/one/images\nval: /gone/two/images", ["one/images"], True, ["one/images"]),
        ("train: /gone/images\nval: /gone/images", ["images"], True, ["images"]),
        # An end that two splits share could be either.
        ("train: /gone/one/images\nval: /gone/two/images", ["images"], True, None),
        ("train: [/gone/one/images, /gone/two/images]", ["images"], True, None),
        # A file of which an entry is there is none from another machine.
        ("train: images/train\nval: images/val", ["train", "images/val"], False, None),
    ],
)
def test_paths_of_other_machines_are_looked_for_by_their_ends(tmp_path, text, there, moved, entries):
    for folder in there:
        (tmp_path / folder).mkdir(parents=True)
    data = read_data_file(write(tmp_path, text))
    assert data.moved is moved
    if entries is None:
        with pytest.raises(DatasetError, match="found nothing; correct `path`"):
            data.entries("train")
    else:
        assert data.entries("train") == [tmp_path / entry for entry in entries]


def test_links_stay_as_they_are_written(tmp_path):
    (tmp_path / "store/deep/images").mkdir(parents=True)
    (tmp_path / "set").mkdir()
    (tmp_path / "set/images").symlink_to(tmp_path / "store/deep/images")
    (tmp_path / "store/deep/more").mkdir()
    data = read_data_file(write(tmp_path / "set", "train: ./../set/images\nval: images/../more"))
    assert data.entries("train") == [tmp_path / "set/images"]
    assert data.entries("val") == [tmp_path / "store/deep/more"]  # `..` of a link is the real folder's


@pytest.mark.parametrize("entry", ["é" * 5000, "a\0b", "~nobody/x", "x/" * 3000, "é/" * 3000])
def test_entries_that_no_system_opens_are_not_there(tmp_path, entry):
    (tmp_path / "data.yaml").write_text("")
    data = DataFile(class_names=None, splits={"train": (entry,)}, source=tmp_path / "data.yaml", root=entry)
    with pytest.raises(DatasetError, match="found nothing"):
        data.entries("train")


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({}, None),
        ({"a.yaml": "train: x"}, None),
        ({"a.yaml": "names: [cat]", "b.yml": "train: x"}, ("cat",)),
        ({"a.yaml": "names: [cat]", "b.yml": "- x", "._a.yaml": "\0"}, ("cat",)),
        ({"a.yaml": "names: [cat]", "b.yaml": "names: [dog]"}, None),
    ],
)
def test_the_lone_data_file_of_a_folder(tmp_path, files, names):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = lone_data_file(tmp_path)
    assert (found and found.class_names) == names


def test_a_folder_whose_only_data_file_is_damaged_says_so(tmp_path):
    write(tmp_path, "a: [")
    with pytest.raises(DatasetError, match="got an unreadable one"):
        lone_data_file(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got no mapping"),
        ("- a", "got no mapping"),
        ("a: [", "got an unreadable one"),
        ("a: !!python/object/apply:os.getcwd []", "got an unreadable one"),
        ("names: cat", "expected `names` as a list"),
        ("names: {cat: 0}", "expected `names` as a list"),
        ("names: {-1: cat}", "expected `names` as a list"),
        ("names: {99999999: cat}", "expected `names` as a list"),
        ("nc: many", "expected `names` as a list"),
        ("train: 3", "expected `train` to be a path or a list of paths, got 3"),
        ("train: [3]", "expected `train` to be a path"),
        ("path: [a]", "expected `path` to be text"),
        ("kpt_shape: 17", "expected `kpt_shape` as .*, got 17"),
        ("kpt_shape: [17, 4]", "expected `kpt_shape`"),
        ("kpt_shape: [-1, 2]", "expected `kpt_shape`"),
    ],
)
def test_other_forms_are_refused_in_one_line(tmp_path, text, message):
    file = write(tmp_path, text)
    with pytest.raises(DatasetError, match=message) as raised:
        read_data_file(file)
    assert str(raised.value).startswith(f"{file}: expected")
    assert "\n" not in str(raised.value)


def laughs(key, *, merge=False, levels=60):
    """A few hundred bytes of aliases that stand for 10 to the power of `levels` values."""
    lines = ["a0: &a0 {x: 1}" if merge else "a0: &a0 [lol]"]
    for level in range(1, levels + 1):
        inner = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} " + (f"{{<<: [{inner}]}}" if merge else f"[{inner}]"))
    return "\n".join([*lines, f"{key}: *a{levels}"])


EXPANDING = "its aliases expand to too many values: write them out"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (laughs("train"), EXPANDING),
        (laughs("train", levels=8), EXPANDING),
        (laughs("names", merge=True), EXPANDING),
        ("train: &a [*a]", EXPANDING),
        ("names: &a {0: *a}", EXPANDING),
        (laughs("train", levels=3), r"got \[\[\["),
        ("path: [" + "1, " * 100_000 + "]", r"got \[1, 1, 1, 1, 1, 1, \.\.\.\]$"),
        ("train: {" + ", ".join(f"k{number}: 1" for number in range(30_000)) + "}", r"got {'k0': 1, "),
        ("a: " + "[" * 100_000, "got an unreadable one"),
        ("- " * 100_000 + "a", "got an unreadable one"),
        ("nc: " + "9" * 100_000, r"got an unreadable one \(Exceeds the limit"),
        ("nc: 0x" + "f" * 100_000, r"nc <a number of 400000…"),
        ("a: 2001-99-99", "got an unreadable one"),
        ("names: [" + "n, " * 150_000 + "]", "expected `names` as a list, or ids 0 to 9999"),
        (
            "names: {" + ", ".join(f"{number}: n" for number in range(10_001)) + "}",
            "expected `names` as a list",
        ),
        ("#" + "x" * 2**19, r"got an unreadable one \(it is larger than 0.5 MiB\)"),
    ],
    ids=lambda value: value[:24],
)
def test_large_and_nested_files_are_refused_at_once(tmp_path, text, message):
    file = write(tmp_path, text)
    started_s = time.process_time()
    with pytest.raises(DatasetError, match=message) as raised:
        read_data_file(file)
    assert time.process_time() - started_s < 5
    assert len(str(raised.value)) < len(str(file)) + 250
    assert "\n" not in str(raised.value)


def test_a_file_without_a_name_for_its_bytes_is_not_read(tmp_path):
    file = tmp_path / "data.yaml"
    with open(file, "wb") as sparse:
        sparse.truncate(2**30)
    with pytest.raises(DatasetError, match=r"it is larger than 0\.5 MiB"):
        read_data_file(file)


@pytest.mark.parametrize("unused", ["description", "download", "info"])
def test_long_texts_that_are_not_used_cost_nothing(tmp_path, unused):
    text = f"{unused}: &t {'word ' * 50_000}\ntrain: images\nval: &v images\ntest: *v\nnames: [cat]"
    data = read_data_file(write(tmp_path, text))
    assert data.splits == {"train": ("images",), "val": ("images",), "test": ("images",)}


@pytest.mark.parametrize("entry", ["x" * 100_000, "a/" * 50_000, '"\\0"', "~nobody-of-this-name/x"])
def test_entries_that_cannot_be_paths_are_named_in_short(tmp_path, entry):
    data = read_data_file(write(tmp_path, f"train: {entry}"))
    with pytest.raises(DatasetError, match="found nothing; correct `path`") as raised:
        data.entries("train")
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize("root", ["x" * 100_000, "~nobody-of-this-name"])
def test_roots_that_cannot_be_paths_are_named_in_short(tmp_path, root):
    data = read_data_file(write(tmp_path, f"path: {root}\ntrain: images"))
    with pytest.raises(DatasetError, match="found nothing; correct `path`") as raised:
        data.entries("train")
    assert len(str(raised.value)) < 1000
