# SPDX-License-Identifier: AGPL-3.0-only
"""List files: relative lines, other normal forms, paths of other machines."""

from unicodedata import normalize

import pytest

from engine.datasets.lists import read_list
from engine.errors import DatasetError
from tests.engine.datasets.test_files import lay


def listing(tmp_path, *lines, encoding="utf-8"):
    file = tmp_path / "set" / "train.txt"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes("\r\n".join(lines).encode(encoding))
    return file


@pytest.mark.parametrize(
    ("lines", "there", "found", "moved"),
    [
        ([], [], [], False),
        (["", " ./images/a.jpg "], ["images/a.jpg"], ["images/a.jpg"], False),
        (["/gone/set/images/a.jpg"], ["images/a.jpg"], ["images/a.jpg"], True),
        (["D:\\gone\\images\\a.jpg"], ["images/a.jpg"], ["images/a.jpg"], True),
        (["data/obj_train_data/a.jpg"], ["obj_train_data/a.jpg"], ["obj_train_data/a.jpg"], True),
        # One number of folders is dropped from all lines.
        (["/x/one/a.jpg", "/x/two/a.jpg"], ["one/a.jpg", "a.jpg"], ["one/a.jpg", "/x/two/a.jpg"], True),
        # A list of which a line leads somewhere is none from another machine.
        (
            ["images/a.jpg", "images/b.jpg"],
            ["images/a.jpg", "b.jpg"],
            ["images/a.jpg", "images/b.jpg"],
            False,
        ),
        (["/gone/a.jpg"], [], ["/gone/a.jpg"], False),
    ],
)
def test_lists(tmp_path, lines, there, found, moved):
    file = listing(tmp_path, *lines)
    lay(file.parent, *there)
    assert read_list(file) == ([str(file.parent / name) for name in found], moved)


@pytest.mark.parametrize(("there", "written"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_lines_are_found_in_any_normal_form(tmp_path, there, written):
    file = listing(tmp_path, normalize(written, "사진/é.jpg"))
    lay(file.parent, normalize(there, "사진/é.jpg"))
    assert read_list(file) == ([str(file.parent / normalize(there, "사진/é.jpg"))], False)


def test_lists_of_korean_windows(tmp_path):
    file = listing(tmp_path, "사진\\가.jpg", encoding="cp949")
    lay(file.parent, "사진/가.jpg")
    assert read_list(file) == ([str(file.parent / "사진/가.jpg")], True)


def test_what_is_no_text_is_named(tmp_path):
    file = tmp_path / "train.txt"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="expected a text file of image paths, got an unreadable file"):
        read_list(file)
