# SPDX-License-Identifier: AGPL-3.0-only
"""Files of jobs and previews are found, and settings hold from any folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.runs.paths import (
    absolute_config,
    job_folder,
    jobs_folder,
    live_image_path,
    lock_path,
    log_path,
    preview_folder,
    read_log_tail,
    weight_file,
)


def test_all_of_a_job_or_preview_lies_in_the_home_folder(own_home: Path) -> None:
    assert jobs_folder() == own_home / "jobs"
    assert job_folder(7) == own_home / "jobs" / "7"
    assert log_path(7) == own_home / "jobs" / "7.log"
    assert lock_path(7) == own_home / "jobs" / "7.lock"
    assert preview_folder("a1") == own_home / "previews" / "a1"


def test_the_finished_picture_goes_before_the_live_one() -> None:
    assert live_image_path(7) is None
    job_folder(7).mkdir(parents=True)
    (job_folder(7) / "live.png").touch()
    assert live_image_path(7) == job_folder(7) / "live.png"
    (job_folder(7) / "patch.png").touch()
    assert live_image_path(7) == job_folder(7) / "patch.png"


@pytest.mark.parametrize(
    ("content", "lines", "tail"),
    [
        (None, 5, []),
        ("", 5, []),
        ("a\nb\nc\n", 2, ["b", "c"]),
        ("a\nb", 5, ["a", "b"]),
        ("x" * 5000 + "\nlast\n", 1, ["last"]),
        ("é\udcff\n", 1, ["é�"]),
    ],
)
def test_the_end_of_a_log_is_read(content: str | None, lines: int, tail: list[str]) -> None:
    if content is not None:
        jobs_folder().mkdir(parents=True)
        log_path(7).write_bytes(content.encode(errors="surrogateescape"))
    assert read_log_tail(7, lines=lines) == tail


def test_paths_in_settings_become_absolute_and_names_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("here", "w.pt", "c.txt", "demo", "demo-rcnn", "grey"):
        (tmp_path / name).touch()
    config = absolute_config(
        RunConfig(dataset="here", weights="w.pt", detector_classes="c.txt", initial="grey")
    )
    assert (config.dataset, config.weights, config.detector_classes, config.initial) == (
        *(str(tmp_path / name) for name in ("here", "w.pt", "c.txt")),
        "grey",
    )
    several = RunConfig(
        dataset="here",
        weights="demo",
        further_weights=("w.pt",),
        own_detector_classes=("man@demo", "0@w.pt", "cat@gone"),
    )
    assert absolute_config(several).own_detector_classes == ("man@demo", f"0@{tmp_path / 'w.pt'}")
    for weights in ("yolo11n", "demo", "demo-rcnn"):
        named = RunConfig(dataset="demo", weights=weights)
        assert absolute_config(named) == named


def test_weights_are_found_where_they_are_kept(own_home: Path, tiny_weights: Path) -> None:
    kept = own_home / "weights" / "mine.pt"
    assert weight_file("mine") is None
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"")
    assert [weight_file(each) for each in ("mine", str(tiny_weights))] == [kept, tiny_weights]
