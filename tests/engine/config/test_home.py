# SPDX-License-Identifier: AGPL-3.0-only
"""The folder that everything is kept in."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import autostart, home_folder
from engine.errors import SettingsError


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


@pytest.mark.parametrize(("value", "starts"), [(None, True), ("", True), ("yes", True), ("no", False)])
def test_what_is_started_by_itself(monkeypatch: pytest.MonkeyPatch, value: str | None, starts: bool) -> None:
    monkeypatch.delenv("PATCHBENCH_AUTOSTART", raising=False)
    if value is not None:
        monkeypatch.setenv("PATCHBENCH_AUTOSTART", value)
    assert autostart() is starts


def test_an_unknown_way_to_start_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATCHBENCH_AUTOSTART", "maybe")
    with pytest.raises(SettingsError, match="PATCHBENCH_AUTOSTART: expected yes or no, got 'maybe'"):
        autostart()
