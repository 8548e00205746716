# SPDX-License-Identifier: AGPL-3.0-only
"""The folder that everything is kept in."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import home_folder


@pytest.mark.parametrize(
    ("value", "folder"),
    [
        (None, Path.cwd() / "data"),
        ("", Path.cwd() / "data"),
        ("/tmp/bench", Path("/tmp/bench")),
        ("~", Path.home()),
    ],
)
def test_where_things_are_kept(monkeypatch: pytest.MonkeyPatch, value: str | None, folder: Path) -> None:
    if value is None:
        monkeypatch.delenv("PATCHBENCH_HOME")
    else:
        monkeypatch.setenv("PATCHBENCH_HOME", value)
    assert home_folder() == folder.resolve()
