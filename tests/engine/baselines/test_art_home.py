# SPDX-License-Identifier: AGPL-3.0-only
"""ART is imported with another home, which is put back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.baselines.art_home import home_elsewhere


@pytest.mark.parametrize("name", ["HOME", "USERPROFILE"])
@pytest.mark.parametrize("value", [None, "/somewhere"])
def test_the_home_is_another_inside_and_itself_again_outside(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    monkeypatch.delenv(name, raising=False)
    if value is not None:
        monkeypatch.setenv(name, value)
    with home_elsewhere():
        inside = os.environ[name]
        assert inside != value
        assert Path(inside).is_dir()
    assert os.environ.get(name) == value
    assert not Path(inside).exists()
