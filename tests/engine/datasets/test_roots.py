# SPDX-License-Identifier: AGPL-3.0-only
"""Reading held to folders: whatever leads elsewhere is refused before it is read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.datasets import images
from engine.datasets.roots import held_to, require_files, require_tree
from engine.datasets.sources import read_dataset
from engine.errors import DatasetError
from tests.engine.datasets.pictures import write_picture

LABEL = "0 0.5 0.5 0.5 0.5\n"
COCO = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": []}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A YOLO folder with a data file, below the folder that reading is held to."""
    folder = tmp_path / "allowed" / "streets"
    write_picture(folder / "images" / "a.jpg")
    write(folder / "labels" / "a.txt", LABEL)
    write(folder / "data.yaml", "train: images\nnames: [person]\n")
    return folder


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A like folder elsewhere."""
    folder = tmp_path / "private"
    write_picture(folder / "images" / "b.jpg")
    write(folder / "labels" / "b.txt", LABEL)
    write(folder / "list.txt", f"{folder}/images/b.jpg\n")
    write(folder / "coco.json", json.dumps(COCO))
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def data_file(content: str) -> Callable[[Path, Path], str]:
    def make(root: Path, private: Path) -> str:
        write(root / "data.yaml", content.format(private=private) + "names: [person]\n")
        return "data.yaml"

    return make


def listed(root: Path, private: Path) -> str:
    write(root / "list.txt", f"images/a.jpg\n{private}/images/b.jpg\n")
    return data_file("train: list.txt\n")(root, private)


def linked(path: str, target: str, source: str = "") -> Callable[[Path, Path], str]:
    def make(root: Path, private: Path) -> str:
        link(root / path, private / target)
        return source

    return make


def labels_elsewhere(root: Path, private: Path) -> str:
    (root / "labels" / "a.txt").unlink()
    (root / "labels").rmdir()
    link(root / "labels", private / "labels")
    return "data.yaml"


def link_of_a_link(root: Path, private: Path) -> str:
    link(root.parent / "other" / "deep", private / "images")
    link(root / "images" / "other", root.parent / "other")
    return ""


def coco(name: str) -> Callable[[Path, Path], str]:
    def make(root: Path, private: Path) -> str:
        entries = [*COCO["images"], {"id": 2, "file_name": name.format(private=private)}]
        write(root / "images" / "coco.json", json.dumps(COCO | {"images": entries}))
        return "images/coco.json"

    return make


LEADING_OUT = {
    "the path of a data file": data_file("path: {private}\ntrain: images\n"),
    "a folder of a data file": data_file("train: [images, '{private}/images']\n"),
    "a folder of a data file, spelled relative": data_file("train: ../../private/images\n"),
    "a list elsewhere": data_file("train: '{private}/list.txt'\n"),
    "a line of a list": listed,
    "a linked image": linked("images/b.jpg", "images/b.jpg"),
    "a linked folder": linked("images/more", "images"),
    "a linked folder of a data file": linked("images/more", "images", "data.yaml"),
    "a link of a link": link_of_a_link,
    "a linked label": linked("labels/b.txt", "labels/b.txt"),
    "linked names of classes": linked("classes.txt", "list.txt"),
    "linked labels": labels_elsewhere,
    "a linked annotation file": linked("coco.json", "coco.json", "coco.json"),
    "an image of COCO JSON": coco("{private}/images/b.jpg"),
    "an image of COCO JSON, spelled relative": coco("../../../private/images/b.jpg"),
}


@pytest.mark.parametrize("make", LEADING_OUT.values(), ids=LEADING_OUT)
def test_what_leads_elsewhere_is_refused_before_it_is_read(
    root: Path, private: Path, make: Callable[[Path, Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = root / make(root, private)
    opened: list[str] = []
    probe = images._probe
    monkeypatch.setattr(images, "_probe", lambda path, file: (opened.append(str(path)), probe(path, file))[1])
    with pytest.raises(DatasetError, match=r"expected only paths inside .* correct its lists") as refused:
        read_dataset(source, roots=[root.parent])
    assert "b.jpg" not in str(refused.value).replace(f"{root}/images/b.jpg", "")  # a link of our own is named
    assert [path for path in opened if os.path.realpath(path).startswith(str(private))] == []


@pytest.mark.parametrize(
    "make", [make for name, make in LEADING_OUT.items() if "JSON" not in name and "annotation" not in name]
)
def test_without_roots_whatever_is_named_is_read(
    root: Path, private: Path, make: Callable[[Path, Path], str]
) -> None:
    assert read_dataset(root / make(root, private)).images


def test_the_source_and_the_folder_of_images_are_held_too(root: Path, private: Path) -> None:
    write(root / "coco.json", json.dumps(COCO))
    for source, folder in ((private, None), (root / "coco.json", private / "images")):
        with pytest.raises(DatasetError, match="expected only paths inside"):
            read_dataset(source, images=folder, roots=[root.parent])


@pytest.mark.parametrize("source", ["", "data.yaml", "images"])
def test_links_that_stay_inside_are_followed(root: Path, source: str) -> None:
    write_picture(root.parent / "more" / "images" / "c.jpg")
    link(root / "images" / "more", root.parent / "more" / "images")
    link(root.parent.parent / "short", root.parent)
    through = root.parent.parent / "short" / "streets"
    names = {Path(image.path).name for image in read_dataset(through / source, roots=[root.parent]).images}
    assert names == {"a.jpg", "c.jpg"}


def test_one_of_several_roots_is_enough_and_a_like_name_is_not(tmp_path: Path) -> None:
    for name in ("a", "ab"):
        write(tmp_path / name / "x", "")
    with held_to([tmp_path / "a", tmp_path / "c"]):
        require_tree(tmp_path / "a")
        require_files([tmp_path / "a" / "x", tmp_path / "a" / "new" / "y"])
        for outside in ("ab/x", "a/../ab/x", "", "a/.."):
            with pytest.raises(DatasetError):
                require_files([tmp_path / outside])
        with held_to(None), pytest.raises(DatasetError):
            require_tree(tmp_path / "ab")
    require_files([tmp_path / "ab"])


def test_loops_of_links_come_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    link(tmp_path / "a" / "up", tmp_path)
    link(tmp_path / "self", tmp_path / "self")
    with held_to([tmp_path]):
        require_tree(tmp_path)
