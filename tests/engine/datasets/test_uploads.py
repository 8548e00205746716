# SPDX-License-Identifier: AGPL-3.0-only
"""Zip archives: what is unpacked of good ones, and that hostile ones leave nothing behind."""

import io
import stat
import zipfile
from pathlib import Path

import pytest

from engine.datasets import uploads
from engine.datasets.sources import read_dataset
from engine.datasets.uploads import check_zip, own_folder, store_upload, unpack_zip, upload_of, uploads_folder
from engine.errors import DatasetError, StorageError
from tests.engine.datasets.pictures import write_picture

LABEL = "0 0.5 0.5 0.5 0.5\n"
COCO = (
    '{"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 0, "name": "person"}], '
    '"annotations": [{"id": 1, "image_id": 1, "category_id": 0, "bbox": [1, 1, 20, 20], "iscrowd": 0}]}'
)


def picture(tmp_path):
    return write_picture(tmp_path / "picture.jpg").read_bytes()


def packed(path: Path, members) -> Path:
    """An archive of (name or ZipInfo, content) pairs."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def yolo(tmp_path, top="", extra=()):
    members = [
        (f"{top}images/a.jpg", picture(tmp_path)),
        (f"{top}labels/a.txt", LABEL),
        (f"{top}data.yaml", "train: images\nnames: [person]\n"),
        *extra,
    ]
    return packed(tmp_path / "streets.zip", members)


def linked(name, kind=stat.S_IFLNK):
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o777) << 16
    return member


def encrypted(path):
    """The same archive with the flag of encryption in both of its headers."""
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    return path


def left_behind():
    return sorted(path.name for path in uploads_folder().iterdir()) if uploads_folder().exists() else []


@pytest.mark.parametrize("top", ["", "streets/"])
def test_an_archive_is_read_like_its_folder(tmp_path, top):
    dataset = read_dataset(yolo(tmp_path, top))
    assert (dataset.name, len(dataset.images), dataset.class_names) == ("streets", 1, ("person",))
    assert dataset.object_counts() == [1]
    assert Path(dataset.images[0].path).is_relative_to(uploads_folder())


def test_coco_json_in_an_archive_is_found(tmp_path):
    path = packed(tmp_path / "c.zip", [("images/a.jpg", picture(tmp_path)), ("instances.json", COCO)])
    assert read_dataset(path).object_counts() == [1]


def test_what_a_dataset_does_not_need_stays_in_the_archive(tmp_path):
    extra = [("run.exe", "x"), ("a.html", "x"), ("__MACOSX/images/a.jpg", "x"), (".git/a.txt", "x")]
    folder = unpack_zip(yolo(tmp_path, extra=extra))
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        "a.jpg",
        "a.txt",
        "data.yaml",
    ]


def test_an_upload_is_removed_once_unpacked_and_can_be_read_again(tmp_path):
    stored = store_upload(io.BytesIO(yolo(tmp_path).read_bytes()), "../../My streets!.zip")
    assert stored.parent == uploads_folder()
    assert stored.name.startswith("My-streets-")
    assert len(read_dataset(stored, name="mine").images) == 1
    assert left_behind() == [stored.stem]
    assert len(read_dataset(stored, name="mine").images) == 1


@pytest.mark.parametrize(
    ("entry", "upload"),
    [
        ("", None),
        ("weights", None),
        ("notes.zip", None),
        ("streets-0123456789ab", "streets-0123456789ab"),
        ("streets-0123456789ab.zip", "streets-0123456789ab"),
        (".streets-0123456789ab.89abcdef", "streets-0123456789ab"),
        (".streets-0123456789ab.zip.89abcdef", "streets-0123456789ab"),
    ],
)
def test_what_belongs_to_an_upload_is_told_by_its_name(tmp_path, entry, upload):
    assert upload_of(tmp_path / entry) == upload


def test_stored_and_unpacked_belong_together(tmp_path):
    stored = store_upload(io.BytesIO(yolo(tmp_path).read_bytes()), "streets.zip")
    unpack_zip(stored)
    assert upload_of(stored) == upload_of(stored.with_suffix("")) == stored.stem


def test_progress_is_told_and_a_stop_leaves_nothing(tmp_path):
    class Stopped(Exception):
        pass

    def stop(done, total):
        assert (done, total) == (0, 3)
        raise Stopped

    with pytest.raises(Stopped):
        unpack_zip(yolo(tmp_path), stop)
    assert left_behind() == []


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("../images/b.jpg", "a path that leads outside"),
        ("images/../../b.jpg", "a path that leads outside"),
        ("/etc/b.jpg", "a path that leads outside"),
        ("C:/b.jpg", "a path that leads outside"),
        ("images\\b.jpg", "a path with a backslash"),
        ("images/b\n.jpg", "a control character"),
        ("a/" * 20 + "b.jpg", "a path too deep"),
        ("b" * 256 + ".jpg", "or too long"),
        (linked("images/b.jpg"), "got a link"),
        (linked("images/b.jpg", stat.S_IFIFO), "got a pipe"),
        (linked("images/b.jpg", stat.S_IFBLK), "got a device"),
        ("IMAGES/A.JPG", "got two of one name"),
    ],
)
def test_harmful_members_are_refused_before_anything_is_written(tmp_path, member, message):
    path = yolo(tmp_path, extra=[(member, "x")])
    for ask in (check_zip, unpack_zip):
        with pytest.raises(DatasetError, match=message):
            ask(path)
    assert left_behind() == []


def test_encrypted_files_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="got an encrypted file"):
        check_zip(encrypted(yolo(tmp_path)))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"GIF89a" * 100])
def test_what_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="expected a zip archive"):
        check_zip(path)


def test_an_archive_without_images_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="expected images in the archive, got none"):
        check_zip(packed(tmp_path / "a.zip", [("a.txt", LABEL)]))


def test_too_many_files_or_bytes_are_refused(tmp_path, monkeypatch):
    path = yolo(tmp_path, extra=[("images/b.jpg", bytes(50_000))])
    monkeypatch.setattr(uploads, "MAX_UNPACKED_BYTES", 40_000)
    with pytest.raises(DatasetError, match="GiB unpacked"):
        check_zip(path)
    monkeypatch.setattr(uploads, "MAX_FILES", 3)
    with pytest.raises(DatasetError, match="expected at most 3 files, got 4"):
        check_zip(path)


def test_a_damaged_file_leaves_nothing(tmp_path):
    path = yolo(tmp_path)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DatasetError, match="expected a whole archive"):
        unpack_zip(path)
    assert left_behind() == []


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 0}))
    with pytest.raises(StorageError, match="free to unpack it, got 0; free some"):
        unpack_zip(yolo(tmp_path))
    assert left_behind() == []


@pytest.mark.parametrize("spelling", ["../../../private/b.jpg", "{elsewhere}"])
def test_annotations_that_name_images_elsewhere_are_refused(tmp_path, spelling):
    elsewhere = tmp_path / "private" / "b.jpg"
    write_picture(elsewhere)
    named = spelling.format(elsewhere=elsewhere)
    coco = COCO.replace('"a.jpg"}', f'"a.jpg"}}, {{"id": 2, "file_name": "{named}"}}')
    members = [("a.jpg", picture(tmp_path)), ("instances.json", coco)]
    with pytest.raises(
        DatasetError, match=r"expected only paths inside .*, got one that leads elsewhere; correct"
    ) as caught:
        read_dataset(packed(tmp_path / "a.zip", members))
    assert "private" not in str(caught.value)


def test_a_data_file_beside_images_reads_no_list_from_elsewhere(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("password\n")
    members = [
        ("images/a.jpg", picture(tmp_path)),
        ("data.yaml", f"train: [images, {secret}]\nnames: [person]\n"),
    ]
    dataset = read_dataset(packed(tmp_path / "a.zip", members))
    assert "password" not in str(dataset.repairs)


@pytest.mark.parametrize(
    ("below", "own"),
    [("", None), ("mine-0123456789ab", ""), ("mine-0123456789ab/images/a.jpg", ""), ("loose.zip", None)],
)
def test_a_path_in_an_unpacked_upload_has_its_folder(below, own):
    folder = uploads_folder() / "mine-0123456789ab"
    (folder / "images").mkdir(parents=True)
    (uploads_folder() / "loose.zip").touch()
    expected = None if own is None else folder.resolve()
    assert own_folder((uploads_folder() / below).resolve()) == expected
    assert own_folder(Path("/etc/passwd")) is None
