# SPDX-License-Identifier: AGPL-3.0-only
"""How tools write zip archives: names in several encodings, separators, what is wanted."""

import zipfile
from unicodedata import normalize

import pytest

from engine.datasets.archives import is_wanted, member_path, open_archive, path_fault
from tests.engine.datasets.test_uploads import packed, unflagged


def names_read(path):
    with open_archive(path) as archive:
        return [member_path(each) for each in archive.infolist()], [
            archive.read(each) for each in archive.infolist()
        ]


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        ([], "cp949"),
        (["a.jpg"], "cp949"),
        (["사진/가.jpg", "labels/가.txt"], "cp949"),
        (["똠방각하/펲시.jpg"], "cp949"),
        (["사진/é.jpg"], "utf-8"),
        (["Müller.jpg", "café.jpg"], "cp437"),
        (["ä.jpg", "Grüße/ö.jpg"], "cp437"),
    ],
)
def test_names_are_decoded_as_they_were_meant(tmp_path, names, encoding):
    path = unflagged(packed(tmp_path / "a.zip", [(name, b"x") for name in names]), encoding)
    assert names_read(path) == (names, [b"x"] * len(names))


def test_flagged_names_stay_beside_others(tmp_path):
    path = packed(tmp_path / "a.zip", [("가.jpg", b"x"), ("b.jpg", b"y")])
    assert names_read(path) == (["가.jpg", "b.jpg"], [b"x", b"y"])


@pytest.mark.parametrize(
    ("name", "path"),
    [("a/b.jpg", "a/b.jpg"), ("a\\b.jpg", "a/b.jpg"), (normalize("NFD", "é/한.jpg"), "é/한.jpg")],
)
def test_paths(name, path):
    assert member_path(zipfile.ZipInfo(name)) == path


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        *((name, True) for name in ("a.JPG", "x/a.txt", "data.yaml", "a.json", "obj.names", "obj.data")),
        *((name, False) for name in ("a.exe", "a", "images/", "x.jpg/", "x.jpg\\", "._a.jpg", ".x/a.jpg")),
        *((name, False) for name in ("__MACOSX/a.jpg", "@eaDir\\a.jpg", ".ipynb_checkpoints/a.jpg")),
    ],
)
def test_what_is_wanted(name, wanted):
    assert is_wanted(zipfile.ZipInfo(name)) is wanted


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("images/a.jpg", None),
        (".\\images\\a.jpg", None),
        ("a..b/..c.jpg", None),
        ("../a.jpg", "outside"),
        ("a\\..\\..\\b.jpg", "outside"),
        ("\\a.jpg", "outside"),
        ("C:\\a.jpg", "outside"),
        ("a\0.jpg", "control character"),
        ("a/" * 17, "too deep"),
        ("가" * 90, "too long"),
    ],
)
def test_faults_of_paths(name, fault):
    found = path_fault(zipfile.ZipInfo(name))
    assert found is None if fault is None else fault in found
