# SPDX-License-Identifier: AGPL-3.0-only
"""Where the dashboard listens, and under which names it answers, at the socket."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dashboard.listening import HostCheck, answered_hosts, require_free, shown_address
from engine.errors import SettingsError
from tests.dashboard.browser.serving import ROOT, free_port, serving, start

LOOPBACK = ["localhost", "127.0.0.1", "::1"]
PROXY = "patchbench.example.com"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that this process holds."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen(1)
        yield holder.getsockname()[1]


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_free_port_is_left_free(address: str) -> None:
    port = free_port()
    for _time in range(2):
        require_free(address, port)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_who_holds_a_port_is_named_and_a_free_one_too(taken: int, address: str) -> None:
    expected = rf"got {taken}, which \S+ \(process {os.getpid()}\) is using; stop it, or use --port (\d+)"
    with pytest.raises(SettingsError, match=expected) as refused:
        require_free(address, taken)
    require_free(address, int(str(refused.value).rpartition(" ")[2]))


def test_a_holder_that_cannot_be_seen_is_another_process(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.listening.psutil.net_connections", lambda kind: [])
    with pytest.raises(SettingsError, match="which another process is using"):
        require_free("127.0.0.1", taken)


@pytest.mark.parametrize("address", ["", " ", "192.0.2.7", "no-such-host.invalid", "2001:db8::7", "a" * 300])
def test_an_address_that_this_machine_has_not_is_told(address: str) -> None:
    with pytest.raises(SettingsError, match="--address: expected an address of this machine"):
        require_free(address, free_port())


@pytest.mark.parametrize(
    ("address", "named", "hosts"),
    [
        ("127.0.0.1", [], LOOPBACK),
        ("::1", [PROXY], [*LOOPBACK, PROXY]),
        ("192.0.2.7", ["*.example.com", "10.0.0.1"], [*LOOPBACK, "192.0.2.7", "*.example.com", "10.0.0.1"]),
    ],
)
def test_it_answers_to_itself_and_to_what_is_named(address: str, named: list[str], hosts: list[str]) -> None:
    assert answered_hosts(address, named) == hosts


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_on_all_addresses_it_answers_to_each_and_to_the_machine_s_name(address: str) -> None:
    assert {*LOOPBACK, address, socket.gethostname()} <= set(answered_hosts(address))
    assert "evil.test" not in answered_hosts(address)


@pytest.mark.parametrize("name", ["", "https://a.test", "a.test:80", "a b", "a.*", "*", "-a", "a/b"])
def test_what_is_no_host_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="--allow-host: expected a host name without scheme and port"):
        answered_hosts("127.0.0.1", [name])


@pytest.mark.parametrize(
    ("address", "shown"), [("127.0.0.1", "http://127.0.0.1:80"), ("::1", "http://[::1]:80")]
)
def test_the_address_can_be_opened(address: str, shown: str) -> None:
    assert shown_address(address, 80) == shown


def answer(
    host: bytes | None, hosts: list[str], kind: str = "http", origin: bytes | None = None
) -> list[dict[str, Any]]:
    """What is sent back to a request; `passed` if it is handed on."""
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "passed"})

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    given = {b"host": host, b"origin": origin}
    scope = {"type": kind, "headers": [(name, value) for name, value in given.items() if value is not None]}
    # In a thread of its own: tests that drive a browser leave a running loop in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, HostCheck(app, hosts)(scope, receive, send)).result()
    return sent


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        (None, False),
        (b"", False),
        (b"localhost", True),
        (b"LocalHost.:8501", True),
        (b"[::1]:8501", True),
        (b"a.example.com", True),
        (b"example.com", False),
        (b"evilexample.com", False),
        (b"localhost.evil.test", False),
        (b"evil.test", False),
        (b"localhost:x", False),
        (b"evil@localhost", False),
        (b"localhost/evil.test", False),
        (b"[::1", False),
        (b"\xff", False),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_only_known_names_are_answered(host: bytes | None, passes: bool, kind: str) -> None:
    sent = answer(host, ["localhost", "::1", "*.Example.com"], kind)
    assert (sent == [{"type": "passed"}]) is passes
    if not passes and kind == "http":
        assert sent[0]["status"] == 403
        assert b"start it with --allow-host NAME" in sent[1]["body"]
    elif not passes:
        assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        (None, True),
        (b"http://localhost:8501", True),
        (b"https://a.example.com", True),
        (b"http://[::1]:8501", True),
        (b"http://evil.test", False),
        (b"http://localhost.evil.test", False),
        (b"null", False),
        (b"", False),
        (b"localhost", False),
    ],
)
def test_a_websocket_of_another_site_is_refused(origin: bytes | None, passes: bool) -> None:
    hosts = ["localhost", "::1", "*.example.com"]
    assert (answer(b"localhost", hosts, "websocket", origin) == [{"type": "passed"}]) is passes
    assert answer(b"localhost", hosts, "http", origin) == [{"type": "passed"}]


def test_what_is_no_request_is_handed_on() -> None:
    assert answer(None, [], "lifespan") == [{"type": "passed"}]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A served dashboard that also answers to a proxy's name."""
    with serving(tmp_path_factory.mktemp("hosts"), options=("--allow-host", PROXY)) as url:
        yield int(url.rpartition(":")[2])


def status(port: int, path: str, host: str, origin: str | None, *headers: str) -> int:
    """The status of what a request is answered with."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", *headers, *([f"Origin: {origin}"] if origin else [])]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        return int(connection.recv(100).split()[1])


@pytest.mark.parametrize(
    ("host", "origin", "known"),
    [
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}", True),
        ("localhost:{port}", "http://localhost:{port}", True),
        ("[::1]:{port}", "http://[::1]:{port}", True),
        (PROXY, f"https://{PROXY}", True),
        ("127.0.0.1:{port}", None, True),
        ("evil.test", "http://evil.test", False),
        ("evil.test:{port}", "http://evil.test:{port}", False),
        ("evil.test", None, False),
        ("evil.test", "http://127.0.0.1:{port}", False),
        (f"evil.{PROXY}", f"https://evil.{PROXY}", False),
    ],
)
def test_another_site_that_resolves_to_this_machine_gets_nothing(
    port: int, host: str, origin: str | None, known: bool
) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}")
    upgrade = (*upgrade, "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: streamlit")
    host, origin = host.format(port=port), origin and origin.format(port=port)
    assert status(port, "/_stcore/stream", host, origin, *upgrade) == (101 if known else 403)
    assert status(port, "/", host, origin) == (200 if known else 403)
    assert status(port, "/_stcore/host-config", host, origin) == (200 if known else 403)


def test_ctrl_c_ends_it_well(tmp_path: Path) -> None:
    port = free_port()
    served = start(tmp_path, port, "--no-worker", "--address", "0.0.0.0")
    served.send_signal(signal.SIGINT)
    assert served.wait(timeout=20) == 0
    (line,) = (tmp_path / "served.log").read_text().splitlines()
    assert line.startswith(f"PatchBench: http://0.0.0.0:{port} ")


def test_a_known_host_does_not_open_it_to_other_origins(port: int) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}")
    upgrade = (*upgrade, "Sec-WebSocket-Version: 13")
    assert status(port, "/_stcore/stream", f"127.0.0.1:{port}", "http://evil.test", *upgrade) == 403


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--port", "{taken}"], "which"),
        (["--port", "0"], "0 is not in the range 1<=x<=65535"),
        (["--port", "65536"], "65536 is not in the range 1<=x<=65535"),
        (["--port", "x"], "'x' is not a valid integer"),
        (["--address", "192.0.2.7"], "expected an address of this machine"),
        (["--allow-host", "https://a.test"], "expected a host name"),
    ],
)
def test_where_it_cannot_listen_it_says_so_in_a_line_and_starts_nothing(
    options: list[str], told: str, taken: int, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    ran = subprocess.run(
        [sys.executable, "-m", "dashboard", *(option.format(taken=taken) for option in options)],
        cwd=ROOT,
        env={**os.environ, "PATCHBENCH_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    (line,) = ran.stderr.splitlines()
    assert line.startswith("Error: ")
    assert told in line
    assert not home.exists()  # no database, no worker, no log
