# SPDX-License-Identifier: AGPL-3.0-only
"""Marks on pictures what a patch changed: by colour, kind of line and sign, never by one alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cache
from typing import Any

from PIL import Image, ImageDraw, ImageFont

Box = tuple[float, float, float, float]
# Mark → colour (Okabe and Ito), length of dashes in pixels (0: one line), sign: its lines in a square of 1.
MARKS: dict[str, tuple[str, int, tuple[Box, ...]]] = {
    "found": ("#56B4E9", 0, ()),
    "missed": ("#FFFFFF", 3, ()),
    "vanished": ("#E69F00", 10, ((0, 0, 1, 1), (0, 1, 1, 0))),
    "appeared": ("#CC79A7", 5, ((0, 0.5, 1, 0.5), (0.5, 0, 0.5, 1))),
}
HALO = "#000000"
MOST_OF_IT = 0.6
TEXT_PX = 15
SIGN_PX = 10  # the side of a sign: below the box's lower right corner, as patches lie above its middle


def marks_of(image: dict[str, Any], side: str) -> list[tuple[str, Box]]:
    """What to draw on one side, in the order of drawing.

    Args:
        image: one of the answer of `engine.previews.requests.before_after`.
        side: `before` or `after`.

    Returns:
        A mark and the box that it is for, in pixels of the picture.
    """
    objects = image["objects"]
    lost = [("missed", each["box"]) for each in objects if not each["before"] and not each[side]]
    if side == "after":
        lost += [("vanished", each["box"]) for each in objects if each["vanished"]]
    found = [
        ("appeared" if side == "after" and each["appeared"] else "found", each["box"])
        for each in image[side]["found"]
        if each.get("matched", True) or each["hallucination"]  # of several on one object, the one that counts
    ]
    return [(mark, tuple(box)) for mark, box in [*lost, *found]]


def scores_of(image: dict[str, Any], side: str) -> list[tuple[str, Box]]:
    """What is to be written on one side: the score of each detection that `marks_of` draws, and its box.

    Args:
        image, side: as of `marks_of`.
    """
    return [
        (f"{each['score']:.2f}", tuple(each["box"]))
        for each in image[side]["found"]
        if "score" in each and (each.get("matched", True) or each["hallucination"])
    ]


def changes(images: list[dict[str, Any]]) -> tuple[int, int, int]:
    """Objects found on the clean images, those of them that vanished, and detections that appeared."""
    objects = [each for image in images for each in image["objects"]]
    return (
        sum(each["before"] for each in objects),
        sum(each["vanished"] for each in objects),
        sum(each["appeared"] for image in images for each in image["after"]["found"]),
    )


def focus(image: dict[str, Any]) -> Box | None:
    """The part of a picture around what vanished, else around all objects; None where that is most of it.

    It has the picture's shape, so that pictures beside each other are equally high.

    Args:
        image: as of `marks_of`.
    """
    objects = image["objects"]
    boxes = [each["box"] for each in objects if each["vanished"]] or [each["box"] for each in objects]
    if not boxes:
        return None
    x1, y1, x2, y2 = (pick(box[side] for box in boxes) for side, pick in enumerate((min, min, max, max)))
    width, height = image["width"], image["height"]
    margin = max(x2 - x1, y2 - y1) / 2
    x1, x2 = max(x1 - margin, 0), min(x2 + margin, width)
    y1, y2 = max(y1 - margin, 0), min(y2 + margin, height)
    share = max((x2 - x1) / width, (y2 - y1) / height)
    if share**2 >= MOST_OF_IT:
        return None
    left = _within(0.5 * (x1 + x2 - share * width), (1 - share) * width)
    top = _within(0.5 * (y1 + y2 - share * height), (1 - share) * height)
    return left, top, left + share * width, top + share * height


def _within(wanted: float, most: float) -> float:
    return min(max(wanted, 0.0), most)


def marked(
    picture: bytes,
    marks: list[tuple[str, Box]],
    part: Box | None = None,
    scores: list[tuple[str, Box]] | None = None,
) -> bytes:
    """A picture with marks drawn on it, as JPEG.

    Args:
        picture: JPEG or PNG.
        marks: as `marks_of` gives them.
        part: to be enlarged; None for the whole.
        scores: as `scores_of` gives them; written above the boxes, as patches lie within.
    """
    scores = scores or []
    with Image.open(io.BytesIO(picture)) as image:
        canvas = image.convert("RGB")
    if part is not None:
        whole = canvas
        canvas, marks = _enlarged(whole, marks, part)
        scores = _enlarged(whole, scores, part)[1]
    pen = ImageDraw.Draw(canvas)
    for mark, box in marks:
        colour, dash, sign = MARKS[mark]
        for width, ink in ((5, HALO), (3, colour)):  # a dark edge, to be seen on any picture
            for line in _lines(box, dash):
                pen.line(line, fill=ink, width=width)
        for width, ink in ((6, HALO), (3, colour)):
            for line in _placed(sign, box, canvas.size):
                pen.line(line, fill=ink, width=width)
    for text, box in scores:
        at = (max(box[0], 1), max(box[1] - TEXT_PX - 4, 1))
        pen.text(at, text, fill="#FFFFFF", stroke_width=2, stroke_fill=HALO, font=_font())
    drawn = io.BytesIO()
    canvas.save(drawn, format="JPEG", quality=90)
    return drawn.getvalue()


def faded(picture: bytes, found: list[tuple[float, Box]]) -> bytes:
    """A picture with the frames of detections, the fainter the lower their scores, as JPEG.

    Args:
        picture: JPEG or PNG.
        found: score, 0 to 1, and box in pixels of the picture.
    """
    with Image.open(io.BytesIO(picture)) as image:
        canvas = image.convert("RGBA")
    for score, box in found:
        layer = Image.new("RGBA", canvas.size)
        pen, opacity = ImageDraw.Draw(layer), f"{round(255 * score):02X}"
        for width, ink in ((6, HALO), (3, MARKS["found"][0])):
            for line in _lines(box, 0):
                pen.line(line, fill=ink + opacity, width=width)
        at = (max(box[0], 1), max(box[1] - TEXT_PX - 4, 1))
        pen.text(
            at,
            f"{score:.2f}",
            fill="#FFFFFF" + opacity,
            stroke_width=2,
            stroke_fill=HALO + opacity,
            font=_font(),
        )
        canvas = Image.alpha_composite(canvas, layer)
    drawn = io.BytesIO()
    canvas.convert("RGB").save(drawn, format="JPEG", quality=90)
    return drawn.getvalue()


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(TEXT_PX)


def _enlarged(
    canvas: Image.Image, marks: list[tuple[str, Box]], part: Box
) -> tuple[Image.Image, list[tuple[str, Box]]]:
    """A part of a picture, as wide as the whole, and where the marks are in it."""
    left, top, right, bottom = map(round, part)
    scale = canvas.width / (right - left)
    size = (canvas.width, round((bottom - top) * scale))
    moved = [
        (mark, tuple((side - (left, top)[place % 2]) * scale for place, side in enumerate(box)))
        for mark, box in marks
    ]
    return canvas.crop((left, top, right, bottom)).resize(size), moved  # type: ignore[return-value]


def _placed(sign: tuple[Box, ...], box: Box, size: tuple[int, int]) -> list[Box]:
    """A sign's lines below a box's lower right corner, or as near to it as the picture allows."""
    x = max(min(box[2], size[0] - 3) - SIGN_PX, 3)
    y = max(min(box[3] + 6, size[1] - SIGN_PX - 3), 3)
    return [
        (x + x1 * SIGN_PX, y + y1 * SIGN_PX, x + x2 * SIGN_PX, y + y2 * SIGN_PX) for x1, y1, x2, y2 in sign
    ]


def _lines(box: Box, dash: float) -> Iterator[Box]:
    """The four sides of a box, in dashes with gaps as long, or whole."""
    x1, y1, x2, y2 = box
    for a, b, c, d in ((x1, y1, x2, y1), (x2, y1, x2, y2), (x2, y2, x1, y2), (x1, y2, x1, y1)):
        length = max(abs(c - a), abs(d - b))
        pieces = max(int(length // (2 * dash)), 1) if dash else 1
        drawn = 0.5 if dash else 1.0
        for piece in range(pieces):
            start, end = piece / pieces, (piece + drawn) / pieces
            yield (a + (c - a) * start, b + (d - b) * start, a + (c - a) * end, b + (d - b) * end)
