# SPDX-License-Identifier: AGPL-3.0-only
"""Writes a picture of each page: `python -m tests.dashboard.screenshots HOME [page …]`.

Run the demo from the overview first, so that every figure shown was measured.
"""

from __future__ import annotations

import io
import sys
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


def main(home: Path, pages: list[str]) -> None:
    """Write `docs/screenshots/<page>-<size>-<theme>.png`."""
    OUT.mkdir(parents=True, exist_ok=True)
    with serving(home) as url, browsing() as browser:
        for page in pages:
            for size in SIZES:
                for theme in THEMES:
                    address = f"{url}/{PAGES_SHOWN.get(page, page)}"
                    with page_at(browser, address, size, theme) as (tab, _errors):
                        write(tab.screenshot(), OUT / f"{page}-{size}-{theme}.png")


if __name__ == "__main__":
    if len(sys.argv) < 2 or not (Path(sys.argv[1]) / "patchbench.db").exists():
        sys.exit("expected a home with a database, got none; run the demo in it first, then name it")
    main(Path(sys.argv[1]).resolve(), sys.argv[2:] or list(PAGES))
