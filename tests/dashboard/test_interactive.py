# SPDX-License-Identifier: AGPL-3.0-only
"""Pieces that move in the browser: what they are given, and that they load nothing."""

from __future__ import annotations

import json
import re

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.interactive import WEB, data_uri


def page() -> None:
    from dashboard.interactive import Curve, Picture, Slide, film, slides, wipe

    film(
        [("data:a", "first"), ("data:b", "second")],
        [Curve(name="Loss", colour="#123456", values=[None, 1.0])],
        alt="It forms",
        key="f",
    )
    wipe(b"one", b"two", words=("Clean", "Patched"), caption="a.png", alt="A street", key="w")
    slides(
        [Slide(title="One", lines=["<b>"], pictures=[Picture(alt="p", source="data:p", sharp=True)])], key="s"
    )


def test_each_is_given_all_that_it_shows() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    film, wipe, slides = (json.loads(each.proto.json) for each in app.get("bidi_component"))
    assert [moment["said"] for moment in film["moments"]] == ["first", "second"]
    assert film["curves"] == [{"name": "Loss", "colour": "#123456", "values": [None, 1.0]}]
    assert wipe["before"] == data_uri(b"one", "jpeg") == "data:image/jpeg;base64,b25l"
    assert (wipe["words"]["before"], wipe["caption"]) == ("Clean", "a.png")
    picture = {"alt": "p", "source": "data:p", "caption": "", "sharp": True}
    assert slides["slides"] == [{"title": "One", "lines": ["<b>"], "pictures": [picture], "bars": []}]


@pytest.mark.parametrize("name", ["film", "wipe", "slides"])
def test_it_loads_nothing_and_draws_texts_as_they_are(name: str) -> None:
    script = (WEB / f"{name}.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|fetch\(|import\(", script)
    for kind in ("html", "css", "js"):
        text = (WEB / f"{name}.{kind}").read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|url\(|@import", text)
