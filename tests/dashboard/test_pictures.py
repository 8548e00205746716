# SPDX-License-Identifier: AGPL-3.0-only
"""Patches at whole factors."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.pictures import factor_for


@pytest.mark.parametrize(
    ("width", "height", "at_most", "factor"),
    [(16, 16, 288, 18), (96, 96, 288, 3), (100, 96, 288, 2), (512, 512, 288, 1)],
)
def test_the_factor_is_whole_and_fits(width: int, height: int, at_most: int, factor: int) -> None:
    assert factor_for(width, height, at_most) == factor


def shown() -> None:
    import io

    from PIL import Image

    from dashboard.pictures import texels

    file = io.BytesIO()
    Image.new("RGB", (20, 10)).save(file, format="PNG")
    texels(file.getvalue(), alt="A patch.", key="a", at_most_px=70)


def test_a_patch_is_shown_larger_and_not_smoothed() -> None:
    app = AppTest.from_function(shown).run()
    assert not app.exception
    (image,) = app.image
    assert image.proto.imgs[0].alt == "A patch."
    assert image.root is not None
    assert "pixelated" in app.get("html")[0].proto.body
