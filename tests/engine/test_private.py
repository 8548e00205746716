# SPDX-License-Identifier: AGPL-3.0-only
"""Who may read what lies in PATCHBENCH_HOME, and what lies elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.private import private_home, shared_outside_home


@pytest.fixture(autouse=True)
def usual_mask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    assert os.umask(before) == 0o022


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def modes(folder: Path) -> tuple[set[int], set[int]]:
    """Those of all folders from this one on, and of all files."""
    found = [folder, *folder.rglob("*")]
    return {mode(path) for path in found if path.is_dir()}, {mode(path) for path in found if path.is_file()}


def make(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "file").touch()
    return folder


@pytest.mark.parametrize(
    ("mask", "home_mode", "inside", "outside"),
    [
        (0o022, None, (0o700, 0o600), (0o755, 0o644)),
        (0o002, None, (0o700, 0o600), (0o775, 0o664)),
        (0o077, None, (0o700, 0o600), (0o700, 0o600)),
        (0o022, 0o700, (0o700, 0o600), (0o755, 0o644)),
        (0o022, 0o755, (0o755, 0o644), (0o755, 0o644)),
        (0o002, 0o770, (0o775, 0o664), (0o775, 0o664)),
    ],
)
def test_files_are_private_where_the_home_is(
    own_home: Path,
    tmp_path: Path,
    mask: int,
    home_mode: int | None,
    inside: tuple[int, int],
    outside: tuple[int, int],
) -> None:
    if home_mode is not None:
        own_home.mkdir()
        own_home.chmod(home_mode)
    before = os.umask(mask)
    with private_home():
        with shared_outside_home(own_home / "runs/new"):
            new = make(own_home / "runs/new")
        with shared_outside_home(tmp_path / "out"):
            out = make(tmp_path / "out")
        late = make(own_home / "late")
    assert mode(own_home) == (inside[0] if home_mode is None else home_mode)
    assert os.umask(before) == mask
    for folder, expected in ((new, inside), (late, inside), (out, outside)):
        assert (mode(folder), mode(folder / "file")) == expected


def test_without_a_program_masks_stay(tmp_path: Path) -> None:
    before = os.umask(0o077)
    with shared_outside_home(tmp_path / "out"):
        out = make(tmp_path / "out")
    os.umask(before)
    assert modes(out) == ({0o700}, {0o600})


def test_a_home_behind_a_link_is_a_home(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(own_home)
    monkeypatch.setenv("PATCHBENCH_HOME", str(tmp_path / "link"))
    with private_home():
        own_home.mkdir()
        with shared_outside_home(tmp_path / "link/run"):
            make(tmp_path / "link/run")
    assert modes(own_home) == ({0o700}, {0o600})
