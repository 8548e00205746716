# SPDX-License-Identifier: AGPL-3.0-only
"""A node keeps what it was sent, takes nothing twice, and tells what a job's process does in its order."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest

from engine.cluster.node import Entry, Keeper, Post, node_home


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATCHBENCH_NODE_HOME", str(tmp_path / "node"))
    return tmp_path / "node"


def entry(path: str, data: bytes, *, hashed: bool = False) -> Entry:
    return path, len(data), 1_000_000_000, hashlib.sha256(data).hexdigest() if hashed else ""


def test_without_a_name_the_home_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATCHBENCH_NODE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert node_home() == tmp_path / ".cache/patchbench-node"
    assert node_home().stat().st_mode & 0o077 == 0


def test_code_is_unpacked_once(home: Path) -> None:
    keeper = Keeper("h", "abc")
    assert not keeper.has_code()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("engine/x.py", "1")
    for _ in range(2):  # two heads of one version may be as fast
        keeper.unpack(target.getvalue())
    assert keeper.has_code()
    assert [path.name for path in (home / "code").iterdir()] == ["abc"]


def test_what_is_kept_is_not_sent_again(home: Path) -> None:
    keeper = Keeper("h", "abc")
    assert keeper.lacking([]) == []
    image, weights = entry("/d/a.png", b"image"), entry("/w/a.pt", b"weights", hashed=True)
    assert keeper.lacking([image, weights]) == [0, 1]
    keeper.take([(*image, 0, b"im")])
    assert keeper.lacking([image]) == [0]  # not whole
    keeper.take([(*image, 2, b"age"), (*weights, 0, b"weights")])
    assert keeper.lacking([image, weights]) == []
    assert Path(keeper.root() + "/d/a.png").read_bytes() == b"image"
    assert keeper.lacking([entry("/d/a.png", b"image2")]) == [0]
    assert keeper.lacking([("/d/a.png", 5, 2_000_000_000, "")]) == [0]
    elsewhere = Keeper("another head", "abc")
    assert elsewhere.lacking([("/other/b.pt", *weights[1:])]) == []  # by its checksum
    assert Path(elsewhere.root() + "/other/b.pt").read_bytes() == b"weights"


def test_what_is_not_as_announced_is_refused() -> None:
    keeper = Keeper("h", "abc")
    path, size, changed_ns, sha256 = entry("/w/a.pt", b"weights", hashed=True)
    with pytest.raises(ValueError, match=r"/w/a\.pt: expected the checksum"):
        keeper.take([(path, size, changed_ns, sha256, 0, b"weightz")])
    assert not Path(keeper.root() + "/w/a.pt").exists()


def test_what_killed_posts_left_is_removed(home: Path) -> None:
    (home / "work/999999999-dead/jobs").mkdir(parents=True)
    (home / f"work/{os.getpid()}-alive").mkdir()
    Keeper("h", "abc")
    assert [path.name for path in (home / "work").iterdir()] == [f"{os.getpid()}-alive"]


def test_load_is_told_by_the_engine() -> None:
    assert {"cpu_percent", "gpus", "memory_total_bytes"} <= set(Keeper("h", "abc").snapshot())


PROGRAM = """
import os, sys, time
from multiprocessing.connection import Connection
from pathlib import Path
line = Connection(int(os.environ["OUTPOST_LINE"]))
folder = Path(os.environ["PATCHBENCH_HOME"], "jobs", "7")
print("begun", os.environ["OMP_NUM_THREADS"], os.environ["CUDA_VISIBLE_DEVICES"] or "none", flush=True)
kept = (folder / "kept").read_bytes()
(folder / "kept").unlink()
(folder / ".draft").write_bytes(b"1" * 20_000_000)
os.utime(folder / ".draft", (1, 1))
(folder / ".draft").rename(folder / "first")
(folder / ".half").write_bytes(b"")
(folder / "sub").mkdir()
(folder / "sub" / "second").write_bytes(kept)
line.send_bytes(b"question")
print("answered", line.recv_bytes().decode(), flush=True)
(folder / "third").write_bytes(b"")
os._exit(3)
"""


def test_a_post_tells_files_before_calls_and_the_end_last(home: Path) -> None:
    code = home / "code/c/engine/cluster"
    code.mkdir(parents=True)
    (code.parent / "__init__.py").touch()
    (code / "child.py").write_text(PROGRAM)
    post = Post()
    post.put(7, [("kept", 4, 5_000_000_000, "", 0, b"ab"), ("kept", 4, 5_000_000_000, "", 2, b"cd")])
    post.start(7, "c", str(home / "copies/w"), 3, False)
    told = []
    reply = b""
    while not told or told[-1]["code"] is None:
        told.append(post.turn(reply, "", 5.0))
        reply = b"well" if told[-1]["call"] else b""
    names = [piece[0] for each in told for piece in each["pieces"]]
    assert list(dict.fromkeys(names)) == ["first", "sub/second", "third"]
    assert sum(len(piece[5]) for each in told for piece in each["pieces"]) == 20_000_004
    assert [name for each in told for name in each["gone"]] == ["kept"]
    assert b"".join(each["log"] for each in told) == b"begun 3 none\nanswered well\n"
    assert [each["call"] for each in told if each["call"]] == [b"question"]
    asked = next(index for index, each in enumerate(told) if each["call"])
    assert {piece[0] for each in told[: asked + 1] for piece in each["pieces"]} == {"first", "sub/second"}
    assert told[-1]["code"] == 3
    assert list((home / "work").iterdir()) == []


def test_a_process_that_hangs_is_killed(home: Path) -> None:
    code = home / "code/c/engine/cluster"
    code.mkdir(parents=True)
    (code.parent / "__init__.py").touch()
    (code / "child.py").write_text("import time\ntime.sleep(60)\n")
    post = Post()
    post.start(7, "c", str(home / "copies/w"), 1, True)
    assert post.turn(b"", "", 0.0)["code"] is None
    assert post.turn(b"", "kill", 5.0)["code"] == -9
