# SPDX-License-Identifier: AGPL-3.0-only
"""The demo dataset in its folder."""

import json
import subprocess
import sys
from collections import Counter

import cv2
import numpy as np
import pytest

from engine.datasets.demo import dataset as module
from engine.datasets.demo import demo_dataset
from engine.datasets.demo.dataset import DEMO_COUNTS, SPLITS, TRAIN_COUNTS, people_counts
from engine.errors import DatasetError, SettingsError, StorageError


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_demo_has_the_histogram_it_promises():
    assert DEMO_COUNTS == {0: 10, 1: 45, 2: 20, 3: 10, 4: 8, 5: 5, 6: 1, 7: 1}
    assert dict(Counter(people_counts("demo", 100))) == DEMO_COUNTS


def test_pictures_that_no_run_sees_have_as_many_people_as_the_demo():
    assert SPLITS["test"] == 4 * SPLITS["demo"]
    assert dict(Counter(people_counts("test", 400)[:100])) == DEMO_COUNTS
    assert people_counts("test", 100) != people_counts("demo", 100)


def test_the_training_pictures_are_fuller():
    assert sum(TRAIN_COUNTS.values()) == 100
    assert dict(Counter(people_counts("train", 800)[:100])) == TRAIN_COUNTS
    assert sum(people_counts("train", 100)) > 1.5 * sum(people_counts("val", 100))


def test_every_split_has_its_own_order_and_a_start_that_does_not_depend_on_its_size():
    assert people_counts("train", 30) == people_counts("train", 800)[:30]
    assert len({tuple(people_counts(split, 100)) for split in SPLITS}) == len(SPLITS)


def test_records_labels_and_images_agree(own_home):
    drawn = demo_dataset("train", images=3)
    assert (drawn.name, drawn.class_names, drawn.synthetic) == ("demo-train", ("person",), True)
    assert "synthetic" in drawn.source
    assert drawn.object_counts() == people_counts("train", 3)
    for record in drawn.images:
        path = own_home / "demo" / "train" / "images" / record.path.rsplit("/")[-1]
        assert str(path) == record.path
        assert cv2.imread(record.path).shape == (record.height, record.width, 3)
        text = path.parents[1].joinpath("labels", f"{path.stem}.txt").read_text()
        rows = np.array([line.split() for line in text.splitlines()], dtype=float).reshape(-1, 5)
        centres, sizes = rows[:, 1:3], rows[:, 3:]
        corners = np.hstack([centres - sizes / 2, centres + sizes / 2])
        scale = [record.width, record.height] * 2
        assert (rows[:, 0] == record.class_ids).all()
        assert np.allclose(corners * scale, record.boxes_xyxy_px, atol=0.01)


def test_splits_share_no_picture(own_home):
    splits = ("train", "val", "test")  # the demo itself is always drawn whole
    for split in splits:
        demo_dataset(split, images=1)
    folders = [own_home / "demo" / split / "images" for split in splits]
    assert len({next(iter(contents(folder).values())) for folder in folders}) == len(splits)


def test_it_is_drawn_once_and_again_when_half_drawn_or_outdated(tmp_path, monkeypatch):
    folder = tmp_path / "drawn"
    calls = []
    demo_dataset("val", folder=folder, images=1, report=lambda done, total: calls.append((done, total)))
    before = contents(folder)
    demo_dataset("val", folder=folder, images=1, report=lambda *_: pytest.fail("drawn twice"))
    (folder / "complete.json").unlink()
    demo_dataset("val", folder=folder, images=1, report=lambda done, total: calls.append((done, total)))
    assert contents(folder) == before
    monkeypatch.setattr(module, "GENERATOR_VERSION", 0)
    demo_dataset("val", folder=folder, images=1, report=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 1)] * 3
    assert json.loads((folder / "complete.json").read_text())["drawn"]["synthetic"] is True


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "all"}, "split: expected one of demo, test, train, val, got 'all'"),
        ({"split": "train", "images": 0}, "images: expected 1 to 100000, got 0"),
        ({"split": "demo", "images": 5}, "images: expected 100 to 100, got 5"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(SettingsError, match=f"^{message}$"):
        demo_dataset(**settings)


@pytest.mark.parametrize("name", ["holiday.jpg", "images/holiday.jpg"])
def test_other_files_are_never_removed(tmp_path, name):
    mine = tmp_path / "mine" / name
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(DatasetError, match="expected an empty folder for the demo dataset, got other files"):
        demo_dataset("val", folder=tmp_path / "mine", images=1)
    assert mine.read_bytes() == b"mine"


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        StorageError, match=r"expected to write the demo dataset to .*/demo, got Not a directory"
    ):
        demo_dataset("val", folder=tmp_path / "file" / "demo", images=1)


def test_it_needs_no_torch():
    code = "import sys, engine.datasets.demo; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
