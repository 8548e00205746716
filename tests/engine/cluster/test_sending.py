# SPDX-License-Identifier: AGPL-3.0-only
"""Files are sent once, in pieces of bounded size, and not where nodes see them anyway."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from engine.cluster import sending
from engine.cluster.node import Keeper
from engine.cluster.sending import Sender, code_archive, folder_entries, head_name, pieces_of
from engine.runs.version import code_version


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keeper:
    monkeypatch.setenv("PATCHBENCH_NODE_HOME", str(tmp_path / "node"))
    return Keeper(head_name(), "c")


def test_files_and_folders_are_sent_once(keeper: Keeper, tmp_path: Path) -> None:
    sender = Sender(keeper)
    assert sender.send([], hashed=False) == {}
    (tmp_path / "d/inner").mkdir(parents=True)
    (tmp_path / "d/a").write_bytes(b"abc")
    (tmp_path / "d/inner/b").write_bytes(b"")
    asked = [str(tmp_path / "d"), str(tmp_path / "nothing")]
    for _ in range(2):
        found = sender.send(asked, hashed=True)
        assert list(found) == asked[:1]
    copy = Path(found[asked[0]])
    assert ((copy / "a").read_bytes(), (copy / "inner/b").read_bytes()) == (b"abc", b"")
    assert copy != tmp_path / "d"
    assert sender.sent_bytes == 3
    (tmp_path / "d/a").write_bytes(b"changed")
    sender.send(asked, hashed=False)
    assert (copy / "a").read_bytes() == b"changed"


def test_shared_paths_are_not_sent(keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATCHBENCH_SHARED", f"/nowhere:{tmp_path / 'd'}")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a").write_bytes(b"abc")
    sender, path = Sender(keeper), str(tmp_path / "d/a")
    assert sender.send([path], hashed=False) == {path: path}
    assert sender.sent_bytes == 0


def test_pieces_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PIECES_BYTES", 4000)
    (tmp_path / "large").write_bytes(bytes(9000))
    (tmp_path / "empty").touch()
    (tmp_path / ".half").touch()
    found = list(pieces_of(folder_entries(tmp_path)))
    assert max(sum(len(piece[5]) for piece in pieces) for pieces in found) <= 4000
    whole = [piece for pieces in found for piece in pieces]
    assert [piece[0] for piece in whole][:1] == ["empty"]
    assert b"".join(piece[5] for piece in whole if piece[0] == "large") == bytes(9000)


def test_the_code_carries_its_version() -> None:
    name, content = code_archive()
    assert len(name) == 24
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("VERSION").decode() == code_version()
        assert {"engine/cluster/child.py", "engine/detectors/weights/demo.pt"} <= set(archive.namelist())
        assert not [each for each in archive.namelist() if "__pycache__" in each]
