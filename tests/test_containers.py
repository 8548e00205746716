# SPDX-License-Identifier: AGPL-3.0-only
"""Dockerfile and compose.yaml, as far as they can be checked without a container engine."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.jobs.workers import alive_workers
from engine.store.repository import Repository
from tests import reference

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
COMMANDS = {
    entry.call: entry.command
    for call, program in reference.PROGRAMS.items()
    for entry in reference.entries(call, program)
}


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)$", DOCKERFILE, flags=re.MULTILINE)


def test_the_image_copies_what_is_there_and_what_the_context_lets_in() -> None:
    sources = [word for line in instructions("COPY") for word in line.split()[:-1]]
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert {"dashboard", "engine", ".streamlit", "requirements*.txt"} <= set(sources)
    for source in sources:
        assert list(ROOT.glob(source)), source
        assert any(fnmatch(source, pattern) for pattern in let_in), source


def test_the_image_runs_as_an_ordinary_user_who_owns_the_home() -> None:
    (user,) = instructions("USER")
    assert user != "root"
    assert re.search(rf"useradd .*\b{user}\b.* install -d -m 0700 -o {user} .* /data\b", DOCKERFILE)
    assert instructions("VOLUME") == ["/data"]
    assert any("PATCHBENCH_HOME=/data" in line for line in instructions("ENV"))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_a_command_of_ours(name: str) -> None:
    words = SERVICES[name]["command"]
    call = max((call for call in COMMANDS if words[: len(call.split())] == call.split()), key=len)
    arguments = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", word) for word in words[len(call.split()) :]]
    COMMANDS[call].make_context(call, arguments)  # parses its options


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_rights_and_starts_none_of_the_others(name: str) -> None:
    service = SERVICES[name]
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert service["environment"]["PATCHBENCH_AUTOSTART"] == "no"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert "data:/data" in service["volumes"]
    assert "data" in COMPOSE["volumes"]


def is_healthy(name: str) -> bool:
    kind, program, *arguments = SERVICES[name]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False).returncode == 0


def test_a_worker_is_healthy_while_one_of_its_own_container_is_alive(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SERVICES["worker"]["healthcheck"] == SERVICES["worker-cuda"]["healthcheck"]
    assert not is_healthy("worker")
    worker = subprocess.Popen([sys.executable, "-m", "engine", "worker", "--device", "cpu"], cwd=ROOT)
    try:
        with Repository() as repository:
            while not alive_workers(repository):
                assert worker.poll() is None
                time.sleep(0.1)
        assert is_healthy("worker")
    finally:
        worker.terminate()
        worker.wait()
    assert not is_healthy("worker")


def test_a_previewer_is_healthy_while_it_holds_its_lock(own_home: Path) -> None:
    from engine.previews.requests import only_previewer

    assert not is_healthy("previewer")
    with only_previewer():
        assert is_healthy("previewer")


def test_the_dashboard_is_asked_at_its_own_address() -> None:
    address = SERVICES["dashboard"]["healthcheck"]["test"][-1]
    (port,) = SERVICES["dashboard"]["ports"]
    assert f'"http://127.0.0.1:{port.rsplit(":")[-1]}/_stcore/health"' in address
