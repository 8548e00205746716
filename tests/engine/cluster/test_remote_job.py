# SPDX-License-Identifier: AGPL-3.0-only
"""The head's side of a job: its folder takes whole files alone, and a node that hangs holds nobody up."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine.cluster import remote_job
from engine.cluster.fleet import Base
from engine.cluster.placing import Share
from engine.cluster.remote_job import Folder, RemoteJob
from engine.errors import ClusterError
from engine.jobs.child import GONE, INTERRUPTED
from engine.runs.paths import read_log_tail
from tests.engine.cluster.test_placing import job


def test_a_folder_takes_whole_files(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "7", lambda data: data.replace(b"/node", b"/head"))
    folder.take([])
    folder.forget(["nothing"])
    folder.take([("sub/a.json", 12, 0, "", 0, b'["/no')])
    assert not (tmp_path / "7/sub/a.json").exists()
    folder.take([("sub/a.json", 12, 0, "", 5, b'de/x1"]'), ("b.npy", 5, 0, "", 0, b"/node")])
    assert (tmp_path / "7/sub/a.json").read_bytes() == b'["/head/x1"]'
    assert (tmp_path / "7/b.npy").read_bytes() == b"/node"
    folder.forget(["b.npy"])
    assert [path.name for path in (tmp_path / "7").iterdir()] == ["sub"]


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x"])
def test_a_node_names_no_file_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(ClusterError, match="expected a file in the job's folder"):
        Folder(tmp_path, bytes).take([(name, 1, 0, "", 0, b"x")])


def test_a_node_that_cannot_be_made_ready() -> None:
    def fail() -> Base:
        raise ClusterError("cluster: no such node")

    assert RemoteJob(job(7), fail, Share()).poll(10) == GONE
    assert read_log_tail(7) == ["cluster: no such node"]


def test_a_node_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_job, "ABANDON_S", 0.0)
    answers = threading.Event()

    def hang() -> Base:
        answers.wait(60)
        raise ClusterError("cluster: gone")

    launched = RemoteJob(job(7), hang, Share())
    assert launched.poll(0) is None
    launched.stop()
    assert launched.poll(0) is None
    launched.kill()
    assert launched.poll(0.1) == -9 != INTERRUPTED
    answers.set()
    assert launched.poll(10) == GONE
