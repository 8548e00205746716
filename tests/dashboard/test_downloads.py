# SPDX-License-Identifier: AGPL-3.0-only
"""Buttons that save a file; that a slow browser gets it is tested in `browser/test_jobs_and_patches.py`."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def page() -> None:
    from dashboard.downloads import save_button

    def fail() -> str:
        raise AssertionError("made before it was asked for")

    save_button("JSON of *all*", fail, "all.json", "application/json", key="all", help="All of _it_.")


def test_a_file_is_made_when_it_is_asked_for() -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    (button,) = app.get("download_button")
    assert button.proto.label == r"JSON of \*all\*"
    assert button.proto.help == r"All of \_it\_."
