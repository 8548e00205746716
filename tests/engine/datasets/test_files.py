# SPDX-License-Identifier: AGPL-3.0-only
"""What counts as a file of a dataset, each once, and names that are spelled otherwise."""

import os
from unicodedata import normalize

import pytest

from engine.datasets.files import find_file, is_clutter, path_ends, read_text, walk_files


def lay(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def walked(root, **how):
    found = walk_files(root, {".jpg"}, **how)
    return sorted(os.path.relpath(path, root) for path in found)


@pytest.mark.parametrize(
    ("name", "clutter"),
    [
        ("a.jpg", False),
        ("__init__", False),
        ("._a.jpg", True),
        (".ipynb_checkpoints", True),
        (".thumbnails", True),
        ("__MACOSX", True),
        ("@eaDir", True),
        ("$RECYCLE.BIN", True),
    ],
)
def test_clutter(name, clutter):
    assert is_clutter(name) is clutter


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ([], []),
        (["a.txt"], []),
        (["b/c/a.JPG", "a.jpg", "a.txt"], ["a.jpg", "b/c/a.JPG"]),
        (["a.jpg", "._a.jpg", ".x/a.jpg", "@eaDir/a.jpg", "b/__MACOSX/a.jpg"], ["a.jpg"]),
    ],
)
def test_folders_are_walked_without_clutter(tmp_path, files, found):
    lay(tmp_path / ".root", *files)
    assert walked(tmp_path / ".root") == found


@pytest.mark.parametrize(
    ("files", "links", "found"),
    [
        (["a.jpg"], {"self": ".", "b/up": ".."}, ["a.jpg"]),
        (["a/a.jpg", "b/b.jpg"], {"a/to-b": "../b", "b/to-a": "../a"}, ["a/a.jpg", "b/b.jpg"]),
        (["z/a.jpg"], {"a": "z"}, ["z/a.jpg"]),
        (["a.jpg"], {"copy.jpg": "a.jpg", "gone.jpg": "nowhere.jpg"}, ["a.jpg", "gone.jpg"]),
        (["../store/a.jpg"], {"one": "../store", "two": "../store"}, ["one/a.jpg"]),
        (["../store/a.jpg"], {"a.jpg": "../store/a.jpg"}, ["a.jpg"]),
        (["a.jpg", "../other/b.jpg"], {"parent": ".."}, ["a.jpg"]),
    ],
)
def test_links_give_each_real_file_once(tmp_path, files, links, found):
    root = tmp_path / "root"
    root.mkdir()
    lay(root, *files)
    for name, target in links.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).symlink_to(target)
    assert walked(root) == found


def test_what_was_seen_is_not_given_again(tmp_path):
    lay(tmp_path, "a/a.jpg", "b.jpg")
    seen = set()
    assert walked(tmp_path / "a", seen=seen) == ["a.jpg"]
    assert walked(tmp_path, seen=seen) == ["b.jpg"]


@pytest.mark.parametrize(
    "name", ["a.jpg", "é/가.jpg", "가\0.jpg", "\ud800é.jpg", "é/" * 3000, "é" * 300, "", "/é"]
)
def test_what_is_not_there_is_not_found(tmp_path, name):
    assert find_file(os.path.join(tmp_path, "x", name)) is None


@pytest.mark.parametrize(("there", "asked"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_names_are_found_in_any_normal_form(tmp_path, there, asked):
    name = "사진 é/가/é.jpg"
    lay(tmp_path, normalize(there, name))
    assert find_file(str(tmp_path / normalize(asked, name))) == str(tmp_path / normalize(there, name))
    assert find_file(str(tmp_path / normalize(asked, "사진 é/나"))) is None


@pytest.mark.parametrize(
    ("written", "ends"),
    [
        ("", []),
        ("..", []),
        ("a.jpg", ["a.jpg"]),
        ("/x/./a.jpg", ["x/a.jpg", "a.jpg"]),
        ("C:\\x\\y z\\a.jpg", ["x/y z/a.jpg", "y z/a.jpg", "a.jpg"]),
        ("../../x/a.jpg", ["x/a.jpg", "a.jpg"]),
    ],
)
def test_ends_of_paths(written, ends):
    assert path_ends(written) == ends


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_text_is_utf_8_or_that_of_korean_windows(tmp_path, encoding):
    (tmp_path / "a.txt").write_bytes("사람\n".encode(encoding))
    assert read_text(tmp_path / "a.txt") == "사람\n"
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(UnicodeDecodeError):
        read_text(tmp_path / "a.txt")
