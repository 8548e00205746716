# SPDX-License-Identifier: AGPL-3.0-only
"""Who is told of a job's end, what is sent, and what happens where nobody answers."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from engine.errors import SettingsError
from engine.jobs import webhook
from engine.jobs.webhook import Webhook, message, of_environment
from tests.engine.store.factories import make_job

RESULT = {"evaluation": {"patch": {"asr": 0.52, "ap50": 0.3, "confidence_retained": 0.4}}}
ENDED = {"kind": "generate", "label": "person", "state": "succeeded", "result": RESULT}


class Listener(BaseHTTPRequestHandler):
    """Keeps what it is sent; answers a redirect to where nothing may be sent."""

    heard: list[tuple[str, str, dict[str, Any]]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.heard.append((self.path, self.headers["Content-Type"], body))
        away = self.path.startswith("/away")
        self.send_response(302 if away else 204)
        if away:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_what: object) -> None:
        return


@pytest.fixture
def address() -> Iterator[str]:
    Listener.heard.clear()
    server = HTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "wrong",
    [
        "secret",
        "ftp://a/secret",
        "file:///secret",
        "http://",
        "https:///secret",
        "http://a secret",
        "http://[secret",
    ],
)
def test_only_web_addresses_are_taken_and_the_address_is_not_told(
    wrong: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SettingsError, match="expected an address that starts with http"):
        Webhook(wrong)
    monkeypatch.setenv(webhook.VARIABLE, wrong)
    of_environment().tell(make_job(**ENDED))
    assert "nothing will be sent" in caplog.text
    assert "secret" not in caplog.text


def test_without_an_address_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(webhook.VARIABLE, raising=False)
    silent = of_environment()
    silent.tell(make_job(**ENDED))
    silent.wait()


def test_ends_are_told_other_changes_are_not(address: str) -> None:
    hook = Webhook(f"{address}/secret")
    for state in ("queued", "running", "paused", "cancelled", "succeeded"):
        hook.tell(make_job(**ENDED | {"state": state}))
    hook.wait()
    ((path, kind, body),) = Listener.heard
    assert (path, kind) == ("/secret", "application/json")
    assert (body["event"], body["scores"]["asr"]) == ("job.succeeded", 0.52)


def test_a_redirect_is_not_followed_and_a_failure_is_one_line(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for target in (f"{address}/away?token=x", "http://127.0.0.1:9/token"):
            hook = Webhook(target)
            hook.tell(make_job(**ENDED))
            hook.wait()
    assert [path for path, _kind, _body in Listener.heard] == ["/away?token=x"]
    assert [each.getMessage().rpartition(": ")[2] for each in caplog.records] == [
        "302",
        "ConnectionRefusedError",
    ]
    assert "token" not in caplog.text


def test_an_address_that_hangs_does_not_pile_up_threads(caplog: pytest.LogCaptureFixture) -> None:
    hook, gate = Webhook("http://127.0.0.1:9/"), threading.Event()
    hook._send = lambda _body, _job: gate.wait()  # type: ignore[assignment,method-assign,return-value]
    for _job in range(webhook.WAITING + 2):
        hook.tell(make_job(**ENDED))
    gate.set()
    assert caplog.text.count("is too slow") == 2


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (ENDED, "Job 1 (person) succeeded: ASR 52%"),
        ({"kind": "import", "state": "succeeded"}, "Job 1 succeeded"),
        ({"kind": "import", "state": "failed", "error": "no space"}, "Job 1 failed: no space"),
        ({"kind": "unknown", "state": "interrupted", "result": {}}, "Job 1 was interrupted"),
    ],
)
def test_what_is_sent(facts: dict[str, Any], text: str) -> None:
    told = message(make_job(**{"label": ""} | facts, started_at=10.0, finished_at=40.0))
    assert told["text"] == text
    assert told["elapsed_s"] == 30.0
    assert (told["scores"] is None) is (facts is not ENDED)
