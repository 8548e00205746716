# SPDX-License-Identifier: AGPL-3.0-only
"""What `dataset import`, `list` and `show` print and refuse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.datasets.annotations import REPAIR_KINDS
from engine.records import Dataset, Repair
from engine.store.repository import Repository


@pytest.fixture
def flawed(blocks: Path, tmp_path: Path) -> Path:
    folder = shutil.copytree(blocks, tmp_path / "flawed")
    with (folder / "labels" / "0.txt").open("a") as file:
        file.write("0 0.5 0.5 0.5 0.8\n7 0.5 0.5 0.1 0.1\nnonsense\n")
    return folder


def test_nothing_is_imported_at_first(run) -> None:
    assert "No datasets yet" in run("dataset", "list").out
    assert run("dataset", "list", "--json").json == []


def test_import_then_list_and_show(run, blocks: Path) -> None:
    imported = run("dataset", "import", blocks)
    assert (imported.code, imported.err) == (0, "")
    assert imported.out.startswith("blocks: 6 images, 8 objects\n")
    assert "No repairs were needed." in imported.out
    assert run("dataset", "show", "blocks").out == imported.out
    assert run("dataset", "list").out.splitlines()[-1].split() == ["blocks", "6", "8", "0"]


def test_the_same_as_json(run, blocks: Path) -> None:
    imported = run("dataset", "import", blocks, "--name", "mine", "--json")
    facts = imported.json
    assert (facts["name"], facts["images"], facts["objects"], facts["synthetic"]) == ("mine", 6, 8, False)
    assert facts["classes"] == {"person": 7, "car": 1}
    assert run("dataset", "show", "mine", "--json").json == facts
    (listed,) = run("dataset", "list", "--json").json
    assert (listed["name"], listed["images"], listed["objects"]) == ("mine", 6, 8)


def test_importing_again_updates(run, blocks: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(blocks, tmp_path / "blocks")
    run("dataset", "import", folder)
    (folder / "labels" / "5.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    run("dataset", "import", folder)
    (listed,) = run("dataset", "list", "--json").json
    assert listed["objects"] == 9


def test_counts_of_one_class_in_buckets(run, blocks: Path) -> None:
    run("dataset", "import", blocks)
    counts = run("dataset", "show", "blocks", "--class", "person", "--bucket-limit", 2, "--json").json
    assert counts["object_counts"] == {"0": 1, "1": 3, "2 and more": 2}


def test_counts_of_several_classes_together(run, blocks: Path) -> None:
    run("dataset", "import", blocks)
    asked = ["dataset", "show", "blocks", "--class", "Car", "--class", "person", "--bucket-limit", 2]
    assert run(*asked, "--json").json["object_counts"] == {"0": 1, "1": 2, "2 and more": 3}
    assert "objects of class person, car per image" in run(*asked).out


def test_repairs_are_counted_and_listed(run, flawed: Path) -> None:
    shown = run("dataset", "import", flawed)
    report = run("dataset", "show", "flawed", "--json").json
    assert sum(report["repairs"].values()) == 3
    assert sorted(repair["line"] for repair in report["repair_report"]) == [2, 3, 4]
    label = flawed / "labels" / "0.txt"
    for repair in report["repair_report"]:
        words = REPAIR_KINDS[repair["kind"]].words
        assert f"  {label}:{repair['line']}: {words}, {repair['action']}" in shown.out
        assert f"\n{words} " in shown.out
        assert repair["kind"] not in shown.out
    assert shown.out == run("dataset", "show", "flawed").out


def test_a_repair_made_many_times_is_listed_once(run, blocks: Path) -> None:
    repair = Repair(kind="ignored_keypoints", file="a.txt", line=None, action="ignored", times=1234)
    dataset = Dataset(name="d", source="s", class_names=(), images=(), repairs=(repair,))
    with Repository() as repository:
        repository.datasets.save(dataset)
    shown = run("dataset", "show", "d").out
    assert "  a.txt: label line with keypoints, ignored (1,234 times in the dataset)\n" in shown


def test_a_long_report_is_cut_in_text_but_not_in_json(run, flawed: Path) -> None:
    (flawed / "labels" / "1.txt").write_text("nonsense\n" * 30)
    shown = run("dataset", "import", flawed)
    assert "… 13 more; use --json to list all" in shown.out
    assert len(run("dataset", "show", "flawed", "--json").json["repair_report"]) == 33


@pytest.fixture
def parted(blocks: Path, tmp_path: Path) -> Path:
    """A folder with two splits of three images each."""
    for number in range(6):
        for kind, suffix in (("images", ".png"), ("labels", ".txt")):
            folder = tmp_path / "parted" / kind / ("train", "val")[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(blocks / kind / f"{number}{suffix}", folder)
    return tmp_path / "parted"


@pytest.mark.parametrize(("split", "name", "images"), [("train", "parted", 3), ("all", "parted-all", 6)])
def test_the_splits_there_are_are_said(run, parted: Path, split: str, name: str, images: int) -> None:
    said = f"splits: train (3 images), val (3 images); read: {split}"
    imported = run("dataset", "import", parted, "--split", split)
    assert imported.out.startswith(f"{name}: {images} images")
    assert f"\n{said}\n" in imported.out
    assert run("dataset", "import", parted, "--split", split, "--json").json["notes"] == [said]


def test_a_split_that_is_not_there_is_answered_with_those_that_are(run, parted: Path) -> None:
    error = run("dataset", "import", parted, "--split", "test").error
    assert "got the splits train (3 images), val (3 images); choose one of them, or all" in error
    assert "[train|val|test|all]" in run("dataset", "import", "--help").out


def test_a_default_name_that_is_taken_gets_a_number(run, blocks: Path, tmp_path: Path) -> None:
    run("dataset", "import", blocks)
    other = shutil.copytree(blocks, tmp_path / "blocks")
    imported = run("dataset", "import", other)
    assert imported.out.startswith("blocks-2: 6 images")
    assert "named blocks-2, as the name blocks is taken" in imported.out
    assert [each["name"] for each in run("dataset", "list", "--json").json] == ["blocks", "blocks-2"]


def test_coco_json_with_its_images(run, blocks: Path, tmp_path: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "0.png", "width": 64, "height": 72}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 30]}],
    }
    source = tmp_path / "instances.json"
    source.write_text(json.dumps(content))
    facts = run("dataset", "import", source, "--images", blocks / "images", "--json").json
    assert (facts["images"], facts["objects"]) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "none"], "dataset 'none': expected a data file (.yaml), a YOLO folder"),
        (["import", ""], "dataset '': expected a data file"),
        (["import", "/dev/null"], "expected a data file (.yaml), a YOLO folder, COCO JSON (.json)"),
        (["show", "none"], "dataset 'none': expected an imported dataset (none); import it first"),
        (
            ["show", "blocks", "--class", "cars"],
            "no class 'cars' in the dataset; did you mean 'car'? blocks has",
        ),
        (["show", "blocks", "--class", "car", "--class", ""], "there is no class '' in the dataset"),
        (["show", "blocks", "--bucket-limit", "-1"], "histogram limit: expected 0 or more, got -1"),
    ],
)
def test_bad_input_is_one_line(run, blocks: Path, arguments: list[str], message: str) -> None:
    if "blocks" in arguments:
        run("dataset", "import", blocks)
    told = run("dataset", *arguments)
    assert told.code == 1
    assert message in told.error


def test_an_import_that_fails_leaves_what_was_there(run, blocks: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(blocks, tmp_path / "blocks")
    run("dataset", "import", folder)
    before = run("dataset", "list", "--json").out
    for image in (folder / "images").iterdir():
        image.write_bytes(b"")
    assert "expected usable images, got none" in run("dataset", "import", folder).error
    assert run("dataset", "list", "--json").out == before


def test_a_home_that_cannot_be_written(
    run, blocks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PATCHBENCH_HOME", str(tmp_path / "file"))
    told = run("dataset", "import", blocks)
    assert told.code == 1
    assert "expected a writable folder, got" in told.error
