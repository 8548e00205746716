# SPDX-License-Identifier: AGPL-3.0-only
"""Fills a home and writes a picture of each page: `python -m tests.dashboard.screenshots [page …]`."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from pathlib import Path

from PIL import Image

from dashboard.navigation import PAGES
from tests.dashboard.browser.serving import ROOT, SIZES, THEMES, browsing, page_at, serving

OUT = ROOT / "docs" / "screenshots"
PAGES_SHOWN = {"overview": ""}  # page → address, where it is not the page's name
COLOURS = 128  # of a palette: a third of the bytes


def write(shot: bytes, path: Path) -> None:
    """Keep a picture small: a palette instead of full colours."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT).save(path, optimize=True)


def main(pages: list[str]) -> None:
    """Write `docs/screenshots/<page>-<size>-<theme>.png`."""
    from engine.store.repository import Repository
    from tests.dashboard.homes import add_running, fill

    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PATCHBENCH_HOME"] = folder
        with Repository() as repository:
            fill(repository, runs=5)
            add_running(repository)
        with serving(Path(folder)) as url, browsing() as browser:
            for page in pages:
                for size in SIZES:
                    for theme in THEMES:
                        address = f"{url}/{PAGES_SHOWN.get(page, page)}"
                        with page_at(browser, address, size, theme) as (tab, _errors):
                            write(tab.screenshot(), OUT / f"{page}-{size}-{theme}.png")


if __name__ == "__main__":
    main(sys.argv[1:] or list(PAGES))
