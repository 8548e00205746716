# SPDX-License-Identifier: AGPL-3.0-only
"""Zip archives: what is unpacked of good ones, and that hostile ones leave nothing behind."""

import io
import stat
import zipfile
from pathlib import Path
from unicodedata import normalize

import pytest

from engine.datasets import uploads
from engine.datasets.sources import read_dataset
from engine.datasets.uploads import (
    archive_splits,
    check_zip,
    own_folder,
    source_key,
    store_upload,
    unpack_zip,
    upload_of,
    uploads_folder,
)
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


class Unflagged(zipfile.ZipInfo):
    """A member whose name is written in another encoding than UTF-8 or without the flag that says so."""

    def __init__(self, name, encoding):
        super().__init__(name)
        self.encoding = encoding

    def _encodeFilenameFlags(self):
        return self.filename.encode(self.encoding), 0


def unflagged(path: Path, encoding: str) -> Path:
    """The same archive, its names in another encoding and without the flag of UTF-8."""
    with zipfile.ZipFile(path) as archive:
        members = [(each.filename, archive.read(each)) for each in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            archive.writestr(Unflagged(name, encoding), content)
    return path


def left_behind():
    return sorted(path.name for path in uploads_folder().iterdir()) if uploads_folder().exists() else []


@pytest.mark.parametrize("top", ["", "streets/"])
def test_an_archive_is_read_like_its_folder(tmp_path, top):
    dataset = read_dataset(yolo(tmp_path, top))
    assert (dataset.name, len(dataset.images), dataset.class_names) == ("streets", 1, ("person",))
    assert dataset.object_counts() == [1]
    assert Path(dataset.images[0].path).is_relative_to(uploads_folder())


@pytest.mark.parametrize("suffix", ["jfif", "gif", "mpo"])
def test_images_of_any_known_suffix_are_unpacked(tmp_path, suffix):
    members = [(f"images/a.{suffix}", picture(tmp_path)), ("labels/a.txt", LABEL)]
    dataset = read_dataset(packed(tmp_path / "streets.zip", members))
    assert (len(dataset.images), sum(dataset.object_counts())) == (1, 1)


@pytest.mark.parametrize(("split", "objects"), [("train", [1]), ("val", [0]), ("all", [1, 0])])
def test_splits_of_an_archive(tmp_path, split, objects):
    members = [
        ("top/p/train/images/a.jpg", picture(tmp_path)),
        ("top/p/train/labels/a.txt", LABEL),
        ("top/p/valid/images/b.jpg", picture(tmp_path)),
        ("top/p/valid/labels/b.txt", ""),
        ("__MACOSX/top/p/train/images/._a.jpg", "x"),
        ("top/p/@eaDir/train/images/c.jpg", "x"),
    ]
    dataset = read_dataset(packed(tmp_path / "streets.zip", members), split=split)
    assert dataset.object_counts() == objects
    assert dataset.name == ("streets" if split == "train" else f"streets-{split}")
    assert dataset.notes[-1] == f"splits: train (1 image), val (1 image); read: {split}"


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (["a.jpg"], {"train": 1}),
        (
            ["top/train/images/a.jpg", "top\\valid\\images\\b.jpg", "__MACOSX/top/._a.jpg"],
            {"train": 1, "val": 1},
        ),
        (["train/a.jpg", "train/_annotations.coco.json"], {}),
        (["one/train/a.jpg", "two/train/a.jpg"], {}),
    ],
)
def test_splits_are_told_by_the_list_of_an_archive(tmp_path, names, counts):
    assert archive_splits(packed(tmp_path / "a.zip", [(name, b"x") for name in names])) == counts


@pytest.mark.parametrize(("split", "objects"), [("train", [1]), ("val", [1]), ("all", [1, 1])])
def test_coco_splits_of_an_archive(tmp_path, split, objects):
    members = [
        member
        for folder in ("train", "valid")
        for member in ((f"{folder}/a.jpg", picture(tmp_path)), (f"{folder}/_annotations.coco.json", COCO))
    ]
    assert read_dataset(packed(tmp_path / "c.zip", members), split=split).object_counts() == objects


@pytest.mark.parametrize("stray", ["notes.json", "images/notes.json"])
def test_a_stray_json_does_not_hide_yolo_labels(tmp_path, stray):
    dataset = read_dataset(yolo(tmp_path, extra=[(stray, '{"version": 1}')]))
    assert (dataset.object_counts(), dataset.class_names) == ([1], ("person",))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"obj.names": "person"}, "obj.names"),
        ({"labels.txt": "person"}, "labels.txt"),
        ({"obj.data": "names = data/c.txt", "c.txt": "person"}, "obj.data"),
    ],
)
def test_class_names_in_an_archive(tmp_path, files, said):
    members = [("images/a.jpg", picture(tmp_path)), ("labels/a.txt", LABEL), *files.items()]
    dataset = read_dataset(packed(tmp_path / "a.zip", members))
    assert (dataset.class_names, dataset.notes) == (("person",), (f"class names from {said}",))


@pytest.mark.parametrize("encoding", ["cp949", "utf-8"])
@pytest.mark.parametrize("list_form", ["NFC", "NFD"])
def test_names_without_a_flag_are_decoded(tmp_path, encoding, list_form):
    members = [
        ("사진/images/가나.jpg", picture(tmp_path)),
        ("사진/labels/가나.txt", LABEL),
        ("사진/train.txt", normalize(list_form, "./images/가나.jpg")),
        ("사진/data.yaml", "train: train.txt\nnames: [person]\n"),
    ]
    dataset = read_dataset(unflagged(packed(tmp_path / "a.zip", members), encoding))
    assert dataset.object_counts() == [1]
    assert dataset.images[0].path.endswith("/images/가나.jpg")


def test_decomposed_names_are_unpacked_composed(tmp_path):
    name = normalize("NFD", "é 한글")
    members = [(f"images/{name}.jpg", picture(tmp_path)), ("labels/é 한글.txt", LABEL)]
    dataset = read_dataset(packed(tmp_path / "a.zip", members))
    assert dataset.object_counts() == [1]
    assert dataset.images[0].path.endswith("/images/é 한글.jpg")
    twice = [(f"images/{form}.jpg", picture(tmp_path)) for form in ("é", normalize("NFD", "é"))]
    with pytest.raises(DatasetError, match="got two with the same name"):
        check_zip(packed(tmp_path / "b.zip", twice))


def test_backslashes_separate_folders(tmp_path):
    members = [
        ("set\\images\\a.jpg", picture(tmp_path)),
        ("set\\labels\\a.txt", LABEL),
        ("set\\labels\\", ""),
    ]
    dataset = read_dataset(packed(tmp_path / "a.zip", members))
    assert dataset.object_counts() == [1]
    assert dataset.images[0].path.endswith("/set/images/a.jpg")


def test_states_of_one_archive_have_one_source_and_others_another(tmp_path):
    first = read_dataset(yolo(tmp_path)).source
    again = read_dataset(yolo(tmp_path, top="top/")).source
    other = read_dataset(yolo(tmp_path).rename(tmp_path / "other.zip")).source
    assert first != again
    assert source_key(first) == source_key(again) != source_key(other)
    assert source_key(str(tmp_path)) == str(tmp_path)
    assert source_key("") == ""


def test_an_upload_is_called_as_it_was_sent(tmp_path):
    stored = store_upload(io.BytesIO(yolo(tmp_path).read_bytes()), "my streets.zip")
    assert read_dataset(stored).name == "my-streets"
    assert read_dataset(stored, split="all").name == "my-streets-all"


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
        ("images\\..\\..\\b.jpg", "a path that leads outside"),
        ("..\\b.jpg", "a path that leads outside"),
        ("\\\\server\\b.jpg", "a path that leads outside"),
        ("C:\\b.jpg", "a path that leads outside"),
        ("images\\a.jpg", "got two with the same name"),
        ("images/b\n.jpg", "a control character"),
        ("a/" * 20 + "b.jpg", "a path too deep"),
        ("b" * 256 + ".jpg", "or too long"),
        (linked("images/b.jpg"), "got a link"),
        (linked("images/b.jpg", stat.S_IFIFO), "got a pipe"),
        (linked("images/b.jpg", stat.S_IFBLK), "got a device"),
        ("IMAGES/A.JPG", "got two with the same name"),
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
    with pytest.raises(StorageError, match="free to unpack it, got 0; free some space"):
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
        DatasetError, match=r"expected only paths inside .*, got one outside them; correct"
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
