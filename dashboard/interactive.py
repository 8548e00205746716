# SPDX-License-Identifier: AGPL-3.0-only
"""Pieces that move in the browser without asking the page again: a film, two pictures parted, slides.

Each is HTML, CSS and JavaScript in `web/`; nothing is loaded from elsewhere, and all that data holds is
drawn as text or as a picture.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dashboard.drawing import st
from dashboard.i18n import _

WEB = Path(__file__).with_name("web")


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A line over the moments of a film: its values, 0 (below) to 1 (above), None for gaps."""

    name: str
    colour: str
    values: Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture of a slide: `source` is a data URI, or `frames` several that follow one another."""

    alt: str
    source: str = ""
    frames: Sequence[str] = ()
    caption: str = ""
    sharp: bool = False


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar of a slide: a share, 0 to 1, with the bounds of its interval if they are known."""

    name: str
    value: float
    low: float | None
    high: float | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Slide:
    """A slide: a headline, lines below it, pictures side by side, bars one below another."""

    title: str
    lines: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    bars: Sequence[Bar] = ()


def data_uri(picture: bytes, kind: str) -> str:
    """A picture as an address that holds all of it; `kind` is `png`, `jpeg` or `webp`."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def film(moments: Sequence[tuple[str, str]], curves: Sequence[Curve], *, alt: str, key: str) -> None:
    """A strip of pictures with a slider, which can be played; new moments are drawn into it in place.

    Args:
        moments: data URI and what is to be said of each, at least one.
        curves: each with a value for every moment.
        alt: what is to be seen, in a sentence.
        key: unique on the page.
    """
    _component("film")(
        key=key,
        data={
            "moments": [{"picture": picture, "said": said} for picture, said in moments],
            "curves": [{**asdict(curve), "values": list(curve.values)} for curve in curves],
            "alt": alt,
            "words": {"play": _("Play"), "pause": _("Pause"), "moment": _("Snapshot of the run")},
        },
    )


def wipe(before: bytes, after: bytes, *, words: tuple[str, str], caption: str, alt: str, key: str) -> None:
    """Two JPEGs of one size, one over the other, parted by a slider.

    Args:
        before, after: the pictures.
        words: what is written on the left one and on the right one.
        caption: below them.
        alt: what is to be seen, in a sentence.
        key: unique on the page.
    """
    _component("wipe")(
        key=key,
        data={
            "before": data_uri(before, "jpeg"),
            "after": data_uri(after, "jpeg"),
            "alt": alt,
            "caption": caption,
            "words": {
                "before": words[0],
                "after": words[1],
                "slider": _("Moves the divider between the two images"),
            },
        },
    )


def slides(shown: Sequence[Slide], *, key: str) -> None:
    """A button that puts slides on a stage over the whole page: full screen, turned by the arrow keys.

    Args:
        shown: at least one.
        key: unique on the page.
    """
    _component("slides")(
        key=key,
        data={
            "slides": [_slide(each) for each in shown],
            "words": {
                "open": _("Present as slides"),
                "next": _("Next slide (arrow key)"),
                "previous": _("Previous slide (arrow key)"),
                "close": _("Exit (Esc)"),
            },
        },
    )


def _slide(slide: Slide) -> dict[str, Any]:
    pictures = [
        {key: value for key, value in asdict(each).items() if key != "frames" or value}
        for each in slide.pictures
    ]
    bars = [asdict(each) for each in slide.bars]
    return {"title": slide.title, "lines": list(slide.lines), "pictures": pictures, "bars": bars}


@cache
def _component(name: str) -> Any:
    """Streamlit's component of a name, which mounts itself in whatever runtime draws the page."""
    kinds = ("html", "css", "js")
    parts: dict[str, Any] = {kind: (WEB / f"{name}.{kind}").read_text(encoding="utf-8") for kind in kinds}
    return st.components.v2.component(f"patchbench_{name}", **parts)
