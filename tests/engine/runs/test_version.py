# SPDX-License-Identifier: AGPL-3.0-only
"""The code is named by its version and its commit."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from engine import __version__
from engine.runs import version


@pytest.fixture(autouse=True)
def asked_anew() -> None:
    version.code_version.cache_clear()


def test_a_checkout_names_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    try:
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, capture_output=True)
    except OSError:
        pytest.skip("git is not installed")
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "a"], check=True)
    monkeypatch.setattr(version, "ROOT", tmp_path)
    assert re.fullmatch(re.escape(__version__) + r"\+[0-9a-f]{12}", version.code_version())


@pytest.mark.parametrize("damaged", [False, True])
def test_without_a_checkout_the_version_must_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    if damaged:
        (tmp_path / ".git").mkdir()
    monkeypatch.setattr(version, "ROOT", tmp_path)
    assert version.code_version() == __version__


def test_code_on_a_node_is_named_as_on_the_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / version.SENT).write_text("0.9+abc")
    monkeypatch.setattr(version, "ROOT", tmp_path)
    assert version.code_version() == "0.9+abc"
