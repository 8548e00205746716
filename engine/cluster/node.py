# SPDX-License-Identifier: AGPL-3.0-only
"""What runs on a node: its keeper of files, and the post of a job.

This module is sent there as it is, so it imports the standard library alone; values are plain.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

Entry = tuple[str, int, int, str]
"""Path on the head, size in bytes, time of change in ns, SHA-256 (empty: not computed)."""

Piece = tuple[str, int, int, str, int, bytes]
"""An entry, from where on, and the bytes."""

PIECES_BYTES = 16 * 2**20  # of files that a turn brings
SCAN_S, LOOK_S = 0.5, 0.05
LINE = "OUTPOST_LINE"


def node_home() -> Path:
    """Where a node keeps what it was sent: `PATCHBENCH_NODE_HOME`, by default `~/.cache/patchbench-node`."""
    given = os.environ.get("PATCHBENCH_NODE_HOME")
    folder = Path(given).expanduser() if given else Path.home() / ".cache" / "patchbench-node"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder.resolve()


class Keeper:
    """Keeps a head's code and copies of its files on a node; one for each node and head.

    Args:
        head: names the head among others.
        code: names its code by its content.
    """

    def __init__(self, head: str, code: str) -> None:
        self._home = node_home()
        self._code, self._copies = self._home / "code" / code, self._home / "copies" / head
        self._blobs = self._home / "blobs"
        for folder in (self._copies, self._blobs):
            folder.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(self._home)

    def has_code(self) -> bool:
        """Whether the head's code is here already."""
        return self._code.is_dir()

    def unpack(self, archive: bytes) -> None:
        """Unpack the head's code."""
        draft = self._code.with_name(f".{secrets.token_hex(6)}")
        with zipfile.ZipFile(io.BytesIO(archive)) as file:
            file.extractall(draft)
        try:
            draft.rename(self._code)
        except OSError:  # another keeper on this machine was first
            shutil.rmtree(draft, ignore_errors=True)

    def lacking(self, entries: list[Entry]) -> list[int]:
        """Which of the head's files have to be sent, by index; those known by checksum are linked."""
        return [index for index, entry in enumerate(entries) if not self._has(entry)]

    def take(self, pieces: list[Piece]) -> None:
        """Write pieces of files, which come in order; a file appears once it is whole."""
        for path, size, changed_ns, sha256, offset, data in pieces:
            draft = self._place(path).with_name(f".{hashlib.sha256(path.encode()).hexdigest()[:16]}")
            draft.parent.mkdir(parents=True, exist_ok=True)
            with open(draft, "r+b" if offset else "wb") as file:
                file.seek(offset)
                file.write(data)
            if offset + len(data) == size:
                self._keep(draft, path, changed_ns, sha256)

    def root(self) -> str:
        """The folder that the head's paths are below."""
        return str(self._copies)

    def snapshot(self) -> dict[str, Any]:
        """The machine's load and GPUs, as `engine.hardware` tells them."""
        if str(self._code) not in sys.path:
            sys.path.insert(0, str(self._code))
        from engine import hardware

        return hardware.snapshot().to_json()

    def _place(self, path: str) -> Path:
        return self._copies / path.lstrip("/")

    def _has(self, entry: Entry) -> bool:
        path, size, changed_ns, sha256 = entry
        place = self._place(path)
        try:
            facts = place.stat()
            if (facts.st_size, facts.st_mtime_ns) == (size, changed_ns):
                return True
        except OSError:
            pass
        blob = self._blobs / sha256
        if not sha256 or not blob.is_file():
            return False
        draft = place.with_name(f".{secrets.token_hex(6)}")
        draft.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(blob, draft)
        os.utime(draft, ns=(changed_ns, changed_ns))
        draft.replace(place)
        return True

    def _keep(self, draft: Path, path: str, changed_ns: int, sha256: str) -> None:
        """Put a whole file in its place, if it is what the head has announced."""
        if sha256:
            with open(draft, "rb") as file:
                got = hashlib.file_digest(file, "sha256").hexdigest()
            if got != sha256:
                draft.unlink()
                raise ValueError(f"{path}: expected the checksum {sha256}, got {got}")
            blob = self._blobs / f".{secrets.token_hex(6)}"
            shutil.copyfile(draft, blob)
            blob.replace(self._blobs / sha256)
        os.utime(draft, ns=(changed_ns, changed_ns))
        draft.replace(self._place(path))


class Post:
    """Runs the process of one attempt of a job on a node, between that process and the head."""

    def __init__(self) -> None:
        self._home = node_home()
        _remove_leftovers(self._home)
        self._work = self._home / "work" / f"{os.getpid()}-{secrets.token_hex(6)}"
        self._work.mkdir(parents=True)
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._sending: tuple[Any, Entry, int] | None = None
        self._logged, self._scanned_at, self._asked, self._hung_up = 0, 0.0, b"", False

    def facts(self) -> dict[str, str]:
        """The job's home here, and the GPUs that are set apart for it."""
        return {"home": str(self._work), "gpus": os.environ.get("CUDA_VISIBLE_DEVICES") or ""}

    def put(self, job_id: int, pieces: list[Piece]) -> None:
        """Write pieces of the files that the job goes on from; their paths are relative to its folder."""
        folder = self._work / "jobs" / str(job_id)
        for path, _size, changed_ns, _sha256, offset, data in pieces:
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            with open(place, "r+b" if offset else "wb") as file:
                file.seek(offset)
                file.write(data)
            os.utime(place, ns=(changed_ns, changed_ns))
            self._seen[path] = _state(place)

    def start(self, job_id: int, code: str, weights: str, threads: int, gpu: bool) -> None:
        """Start the job's process.

        Args:
            job_id: of the job.
            code: the name of the code that its keeper has unpacked.
            weights: the copy of the head's `weights`; what jobs download is kept there for the next ones.
            threads: for computing.
            gpu: whether it may use the GPU set apart for this process.
        """
        Path(weights).mkdir(parents=True, exist_ok=True)
        (self._work / "weights").symlink_to(weights)
        self._folder, self._log = self._work / "jobs" / str(job_id), self._work / "log"
        self._folder.mkdir(parents=True, exist_ok=True)
        ours, theirs = socket.socketpair()
        environment = {
            **os.environ,
            "PATCHBENCH_HOME": str(self._work),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": str(threads),
            LINE: str(theirs.fileno()),
        }
        if not gpu:
            environment["CUDA_VISIBLE_DEVICES"] = ""
        with open(self._log, "wb") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "engine.cluster.child", "--worker-pid", str(os.getpid())],
                cwd=self._home / "code" / code,
                stdin=subprocess.PIPE,  # its end tells the process that this one is gone
                stdout=log,
                stderr=log,
                env=environment,
                pass_fds=[theirs.fileno()],
            )
        theirs.close()
        self._line = Connection(ours.detach())

    def turn(self, reply: bytes, wish: str, within_s: float) -> dict[str, Any]:
        """Hand on the head's reply and wish, and tell what has happened since, waiting for something to.

        Args:
            reply: to the last call; empty for none.
            wish: `stop`, `kill` or nothing.
            within_s: how long to wait.

        Returns:
            `log` (bytes), `pieces` of changed files, `gone` (files), then `call` (bytes), then `code`
            (of exit, None while it runs): what stands later here comes only when all before it was told.
        """
        if reply:
            self._tell(reply)
        if wish and self._child.poll() is None:
            self._child.terminate() if wish == "stop" else self._child.kill()
        until = time.monotonic() + within_s
        while True:
            code = self._child.poll()
            self._listen()
            told = self._news(all_of_it=bool(self._asked) or code is not None)
            if not told["pieces"]:
                told["call"], self._asked = self._asked, b""
                if not told["call"] and not told["log"]:
                    told["code"] = code
            if any(told.values()) or told["code"] is not None or time.monotonic() > until:
                break
            self._wait()
        if told["code"] is not None:
            shutil.rmtree(self._work, ignore_errors=True)
        return told

    def _tell(self, reply: bytes) -> None:
        try:
            self._line.send_bytes(reply)
        except OSError:
            self._hung_up = True

    def _listen(self) -> None:
        """Take the call of the process, if it has one."""
        try:
            if not self._hung_up and not self._asked and self._line.poll(0):
                self._asked = self._line.recv_bytes()
        except (EOFError, OSError):
            self._hung_up = True

    def _wait(self) -> None:
        try:
            if self._hung_up:
                time.sleep(LOOK_S)
            else:
                self._line.poll(LOOK_S)
        except OSError:
            self._hung_up = True

    def _news(self, *, all_of_it: bool) -> dict[str, Any]:
        """New lines of the log and, if due or wanted, what has changed in the job's folder."""
        with open(self._log, "rb") as file:
            file.seek(self._logged)
            log = file.read(2**20)
        self._logged += len(log)
        told: dict[str, Any] = {"log": log, "pieces": [], "gone": [], "call": b"", "code": None}
        if all_of_it or self._sending or time.monotonic() - self._scanned_at > SCAN_S:
            self._scanned_at = time.monotonic()
            told["pieces"], told["gone"] = self._changes()
        return told

    def _changes(self) -> tuple[list[Piece], list[str]]:
        """Pieces of changed files, at most so many bytes, the oldest change first; and removed files."""
        files = {str(path.relative_to(self._folder)): path for path in _files_below(self._folder)}
        gone = [] if self._sending else [name for name in self._seen if name not in files]
        for name in gone:
            del self._seen[name]
        pieces, left = [], PIECES_BYTES
        while left > 0 and (self._sending or self._open_next(files)):
            assert self._sending
            file, (name, size, changed_ns, _), offset = self._sending
            data = file.read(min(left, size - offset))
            pieces.append((name, size, changed_ns, "", offset, data))
            left -= max(len(data), 4096)
            self._sending = (file, (name, size, changed_ns, ""), offset + len(data))
            if offset + len(data) >= size or not data:
                file.close()
                self._sending = None
        return pieces, gone

    def _open_next(self, files: dict[str, Path]) -> bool:
        """Open the file that has changed first; it is replaced as a whole, so what is open stays as it is."""
        states = {}
        for name, path in files.items():
            try:
                states[name] = _state(path)
            except OSError:
                continue  # replaced or removed meanwhile
        changed = sorted((states[name][0], name) for name in states if self._seen.get(name) != states[name])
        for _, name in changed:
            try:
                file = open(files[name], "rb")  # noqa: SIM115
            except OSError:
                continue
            facts = os.fstat(file.fileno())
            self._seen[name] = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
            self._sending = (file, (name, facts.st_size, facts.st_mtime_ns, ""), 0)
            return True
        return False


def _remove_leftovers(home: Path) -> None:
    """Remove what posts have left that were killed: their folders are named by their processes."""
    for folder in (home / "work").glob("*-*"):
        if not Path("/proc", folder.name.partition("-")[0]).exists() and Path("/proc/self").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _files_below(folder: Path) -> list[Path]:
    """All files, but not those that are being written, whose names begin with a dot."""
    return [
        Path(root, name) for root, _, names in os.walk(folder) for name in names if not name.startswith(".")
    ]


def _state(path: Path) -> tuple[int, int, int]:
    facts = path.stat()
    return facts.st_mtime_ns, facts.st_size, facts.st_ino
