# SPDX-License-Identifier: AGPL-3.0-only
"""Patches shown at their true pixels: whole factors, no smoothing."""

from __future__ import annotations

import io

from PIL import Image

from dashboard.drawing import st

_SHARP = "<style>[class*='st-key-texels-'] img {image-rendering: pixelated; border-radius: 0}</style>"


def factor_for(width: int, height: int, at_most_px: int) -> int:
    """The largest whole factor by which a picture still fits into a square; at least 1."""
    return max(at_most_px // max(width, height), 1)


def texels(png: bytes, *, alt: str, key: str, at_most_px: int = 288, factor: int | None = None) -> None:
    """Show a patch so that each texel is a square of whole pixels.

    Args:
        png: the picture.
        alt: its content, in a sentence.
        key: unique on the page.
        at_most_px: the longer side on the screen, if the patch itself is not larger.
        factor: in place of the largest that fits.
    """
    with Image.open(io.BytesIO(png)) as picture:
        width, height = picture.size
    times = factor or factor_for(width, height, at_most_px)
    with st.container(key=f"texels-{key}", width="content"):
        st.html(_SHARP)
        st.image(png, width=width * times, alt=alt, output_format="PNG")
