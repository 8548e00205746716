# SPDX-License-Identifier: AGPL-3.0-only
"""Writes a picture of each page over real results: `python -m tests.measure.screenshots HOME [PAGE …]`."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import click
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from dashboard.navigation import PAGES
from engine.records import Job
from engine.store.repository import Repository
from tests.dashboard.browser.serving import ROOT, SIZES, THEMES, browsing, page_at, serving, settle
from tests.measure import real_home

OUT = ROOT / "docs" / "screenshots"
LARGEST_BYTES = 120_000
COLOURS = (256, 192, 128, 96, 64, 32)  # of a palette: as many as the largest file allows
ANSWER_MS = 120_000  # the first look of a detector loads it
LOAD_MS = 20_000  # of the machine's load, for its chart


def write(shot: bytes, path: Path) -> None:
    """Keep a picture small: a palette instead of full colours."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    for colours in COLOURS:
        picture.quantize(colours, method=Image.Quantize.MEDIANCUT).save(path, optimize=True)
        if path.stat().st_size <= LARGEST_BYTES:
            return
    raise RuntimeError(f"{path}: expected at most {LARGEST_BYTES:,} bytes, got {path.stat().st_size:,}")


def addresses(running: Job) -> dict[str, str]:
    """The view of each page that shows the most."""
    with Repository() as repository:
        runs = repository.jobs.find(kinds=["generate"], states=["succeeded"], order="oldest")
        strongest = repository.patches.find(order="asr", limit=1)[0]
    return {
        "overview": "",
        "datasets": "datasets?dataset=demo",
        "detectors": "detectors",
        "hardware": "hardware",
        "generate": "generate?dataset=demo&g.preset=quick&g.image_size=320&g.preview=True",
        "jobs": f"jobs?job={running.id}",
        "patches": f"patches?patch={strongest.id}",
        "transfer": "transfer",
        "sweeps": "sweeps",
        "defend": "defend?dataset=demo&f.defence=jpeg:quality=50",
        "benchmarks": "benchmarks",
        "compare": f"compare?runs={','.join(str(run.id) for run in runs)}",
    }


def answered(tab: Page) -> None:
    """Wait until no preview is outstanding, and all that it drew is there."""
    expect(tab.get_by_text("hourglass")).to_have_count(0, timeout=ANSWER_MS)
    expect(tab.get_by_text("Running the detector on the images")).to_have_count(0, timeout=ANSWER_MS)
    settle(tab)


def pictures(
    browser: Browser, url: str, wanted: list[str], *, more: str = "", whole: bool = False
) -> Iterator[tuple[str, bytes]]:
    """A page's name, size and theme, and its picture.

    Args:
        wanted: addresses.
        more: query parameters, such as `lang=ko`.
        whole: all of the page instead of what is seen first.
    """
    for address in wanted:
        for size in SIZES:
            for theme in THEMES:
                joint = "&" if "?" in address else "?"
                with page_at(browser, f"{url}/{address}{joint}{more}", size, theme) as (tab, _errors):
                    answered(tab)
                    name = address.partition("?")[0] or "overview"
                    if name == "hardware":
                        tab.wait_for_timeout(LOAD_MS)
                    if whole:
                        height = tab.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
                        tab.set_viewport_size({"width": SIZES[size][0], "height": int(height)})
                        settle(tab)
                    yield f"{name}-{size}-{theme}", tab.screenshot()


@click.command()
@click.argument("home", type=click.Path(file_okay=False, path_type=Path))
@click.argument("pages", nargs=-1, type=click.Choice(list(PAGES)))
@click.option("--fill", is_flag=True, help="Fill the home first: 15 to 30 minutes on two cores.")
@click.option("--more", default="", help="Query parameters for all pages, such as lang=ko or present=True.")
@click.option("--whole", is_flag=True, help="The whole page, not what is seen first; of any size.")
@click.option("--out", default=OUT, type=click.Path(file_okay=False, path_type=Path), show_default=True)
def main(home: Path, pages: tuple[str, ...], fill: bool, more: str, whole: bool, out: Path) -> None:
    """Write `<page>-<desktop|phone>-<light|dark>.png` of the home's results, while a run is at work."""
    os.environ["PATCHBENCH_HOME"] = str(home.resolve())
    if fill:
        for job in real_home.fill():
            click.echo(f"job {job.id}, {job.kind}: {job.state} {job.error or ''}")
    if not (home / "patchbench.db").exists():
        raise click.UsageError(f"HOME: expected a home with real results, got {home}; add --fill")
    out.mkdir(parents=True, exist_ok=True)
    with real_home.running() as running, serving(home.resolve()) as url, browsing() as browser:
        shown = addresses(running)
        wanted = [shown[page] for page in pages or PAGES]
        for name, shot in pictures(browser, url, wanted, more=more, whole=whole):
            if whole:
                (out / f"{name}.png").write_bytes(shot)
            else:
                write(shot, out / f"{name}.png")
            click.echo(name)


if __name__ == "__main__":
    main()
