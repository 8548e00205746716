# SPDX-License-Identifier: AGPL-3.0-only
"""The HTML report: what it says, and that it loads nothing."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image

from dashboard.report import picture, report_html
from dashboard.services import stories
from engine.errors import JobError
from engine.store.repository import Repository
from tests.dashboard.homes import fill
from tests.dashboard.stories import add_hardening

LARGEST = 6_000_000
LOADS = ("src", "srcset", "href", "data", "action", "poster", "background", "xlink:href")


class Reader(HTMLParser):
    """What a report's tags load, and its text outside scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.headings: list[str] = []
        self.text = ""
        self._tag = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.loaded += [value or "" for name, value in attributes if name in LOADS]

    def handle_data(self, data: str) -> None:
        if self._tag not in ("script", "style"):
            self.text += data
        if self._tag == "h2" and data.strip():
            self.headings.append(data)


@pytest.fixture(autouse=True)
def filled() -> None:
    st.cache_data.clear()
    with Repository() as repository:
        fill(repository, runs=2)
        repository.jobs.edit(1, label="<img src=http://a.example/x>")


def test_a_comparison_is_one_file_that_loads_nothing() -> None:
    html = report_html([1, 2])
    read = Reader(html)
    assert len(html.encode()) < LARGEST
    assert len(read.loaded) == 2
    assert all(each.startswith("data:image/png;base64,") for each in read.loaded)
    assert "default-src 'none'" in html
    assert "<img src=http://a.example/x>" in read.text  # the label, as text
    assert read.headings == [
        *("Settings that differ", "Scores with controls", "Loss", "Patch", "Cost"),
        *("Settings and scores together", "Machine", "Versions"),
    ]
    assert "0.15 (0.10 to 0.20)" in read.text  # the grey control's ASR
    assert "0.88 (0.83 to 0.93)" in read.text  # the confidence that it leaves
    assert "Confidence: how much of their detection scores remains" in read.text


def test_one_run_shows_all_its_settings() -> None:
    read = Reader(report_html([2]))
    assert "Report of run 2 Run 1" in read.text
    assert read.headings[0] == "Settings"
    assert "Iterations between checkpoints" in read.text
    assert "Settings and scores together" not in read.headings


def test_what_helps_is_told_by_attacker_and_in_pictures_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Repository() as repository:
        add_hardening(repository)
    read = Reader(report_html([1]))
    assert read.headings[2] == "Effect of hardening"
    assert len(read.loaded) == 1
    assert "A new patch that attacks the hardened weights (equal budget)" in read.text
    assert "0.08 (0.03 to 0.13)" in read.text
    Image.new("RGB", (64, 64)).save(tmp_path / "drawn.png")
    image = {side: {"path": str(tmp_path / "drawn.png"), "found": []} for side in ("before", "after")}
    monkeypatch.setattr(stories, "stored", lambda *_: [image | {"objects": []}] * 3)
    loaded = Reader(report_html([1])).loaded
    assert [each.partition(";")[0] for each in loaded].count("data:image/jpeg") == 4


def test_it_speaks_korean() -> None:
    html = report_html([1, 2], code="ko")
    assert '<html lang="ko">' in html
    assert "다른 설정" in Reader(html).headings


def test_classes_called_otherwise_are_named() -> None:
    with Repository() as repository, repository.connection.transaction():
        repository.connection.rows(
            "UPDATE scores SET subject = json_set(subject, '$.class_name', 'man → person') WHERE patch_id = 2"
        )
    text = Reader(report_html([1, 2])).text
    assert "2 Run 1 was scored on held-out images: streets, demo, man → person." in text
    assert "different datasets, detectors, classes or images" in text


def test_a_run_without_scores_steps_and_patch_has_a_report() -> None:
    with Repository() as repository:
        repository.patches.delete(2)
        with repository.connection.transaction():
            repository.connection.rows("DELETE FROM steps")
    text = Reader(report_html([2])).text
    assert all(each in text for each in ("Not scored.", "The patch was deleted.", "No steps are stored"))


def test_a_job_that_is_not_there_is_told() -> None:
    with pytest.raises(JobError, match="job 9: expected an existing job"):
        report_html([9])


@pytest.mark.parametrize(("budget", "side"), [(100_000, 128), (20_000, 64), (10, 16)])
def test_a_large_patch_is_made_smaller_until_it_fits(tmp_path: Path, budget: int, side: int) -> None:
    texels = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    Image.fromarray(texels).save(tmp_path / "patch.png")
    source = picture(tmp_path / "patch.png", budget)
    assert source is not None
    assert Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).size == (side, side)


def test_a_patch_whose_file_is_gone_has_no_picture(tmp_path: Path) -> None:
    assert picture(tmp_path / "patch.png", 1000) is None
