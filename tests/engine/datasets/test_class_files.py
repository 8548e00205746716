# SPDX-License-Identifier: AGPL-3.0-only
"""Class names in text files: which files, which lines, and what is none."""

import pytest

from engine.datasets.class_files import find_class_names, is_class_file


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    ("files", "names", "source"),
    [
        ({}, None, None),
        ({"notes.txt": "a"}, None, None),
        ({"classes.txt": ""}, None, None),
        ({"classes.txt": "\ufeffcat\r\n dog \r\n\r\n"}, ("cat", "dog"), "classes.txt"),
        ({"Labels.txt": "cat"}, ("cat",), "Labels.txt"),
        ({"obj.names": "cat\ndog"}, ("cat", "dog"), "obj.names"),
        ({"_darknet.labels": "cat"}, ("cat",), "_darknet.labels"),
        ({"classes.txt": "사람".encode("cp949")}, ("사람",), "classes.txt"),
        ({"classes.txt": "1\n2"}, ("1", "2"), "classes.txt"),
        # The labels of a picture called labels.jpg.
        ({"labels.txt": "0 0.5 0.5 1e-3 .5\n"}, None, None),
        ({"labels.txt": b"\xff\xfe"}, None, None),
        ({"classes.txt": "x" * 300}, None, None),
        ({"._classes.txt": "x", "obj.names": "cat"}, ("cat",), "obj.names"),
        ({"classes.txt": "", "labels.txt": "cat", "z.names": "dog"}, ("dog",), "z.names"),
        # Darknet's data file leads to them.
        ({"obj.data": "classes = 1\nnames = lists/c.txt\n", "lists/c.txt": "cat"}, ("cat",), "obj.data"),
        ({"obj.data": "names=data/c.txt", "c.txt": "cat"}, ("cat",), "obj.data"),
        ({"obj.data": "names = /etc/c.txt", "c.txt": "cat"}, ("cat",), "obj.data"),
        ({"obj.data": "classes = 2"}, None, None),
        ({"obj.data": "names = gone.txt"}, None, None),
    ],
)
def test_names(tmp_path, files, names, source):
    write(tmp_path, files)
    found = find_class_names([tmp_path / "nowhere", tmp_path])
    assert found == (names and (names, tmp_path / source))


def test_the_first_folder_with_names_counts(tmp_path):
    write(tmp_path, {"a/x.txt": "x", "b/labels.txt": "cat", "c/classes.txt": "dog"})
    assert find_class_names([tmp_path / each for each in "abc"]) == (("cat",), tmp_path / "b/labels.txt")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.txt", False), ("CLASSES.TXT", True), ("coco.names", True), ("obj.data", True), ("train.txt", False)],
)
def test_files_of_names(name, expected):
    assert is_class_file(name) is expected
