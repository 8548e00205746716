# SPDX-License-Identifier: AGPL-3.0-only
"""Screenshots are kept small, and show real homes alone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from dashboard.navigation import PAGES
from engine.store.repository import Repository
from tests.dashboard.browser.serving import SIZES, THEMES
from tests.dashboard.homes import add_running, fill
from tests.measure import screenshots


def shot(side: int) -> bytes:
    chance = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(chance).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("side", [1, 300])
def test_a_picture_is_kept_small(tmp_path: Path, side: int) -> None:
    screenshots.write(shot(side), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size <= screenshots.LARGEST_BYTES
    assert Image.open(tmp_path / "a.png").size == (side, side)


def test_one_that_cannot_be_small_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screenshots, "LARGEST_BYTES", 1200)
    with pytest.raises(RuntimeError, match="expected at most 1,200 bytes, got 1,"):
        screenshots.write(shot(45), tmp_path / "a.png")


def test_every_page_has_an_address_and_every_picture_is_kept() -> None:
    with Repository() as repository:
        fill(repository, runs=2)
        shown = screenshots.addresses(add_running(repository))
    assert set(shown) == set(PAGES)
    assert shown["compare"] == "compare?runs=1,2"
    kept = {path.stem for path in screenshots.OUT.glob("*.png")}
    assert kept == {f"{page}-{size}-{theme}" for page in PAGES for size in SIZES for theme in THEMES}


def test_a_home_without_results_is_told_in_a_line(tmp_path: Path) -> None:
    ran = CliRunner().invoke(screenshots.main, [str(tmp_path)])
    assert ran.exit_code == 2
    assert "expected a home with real results" in ran.output
