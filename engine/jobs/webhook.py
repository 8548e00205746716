# SPDX-License-Identifier: AGPL-3.0-only
"""Tells a web address of your own how a job ended; whatever goes wrong with that, no job notices."""

from __future__ import annotations

import http.client
import logging
import os
import threading
import urllib.request
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from engine.errors import SettingsError
from engine.jobs.kinds import kind_of
from engine.json_text import json_text
from engine.records import Job

log = logging.getLogger(__name__)

VARIABLE = "PATCHBENCH_WEBHOOK"
TOLD = ("succeeded", "failed", "interrupted")
TIMEOUT_S = 5.0
WAITING = 20  # messages under way at most: an address that hangs must not pile up threads


class Webhook:
    """An address that is told of jobs' ends, each in a thread of its own.

    Args:
        address: http or https; empty: nobody is told.

    Raises:
        SettingsError: it is no such address.
    """

    def __init__(self, address: str = "") -> None:
        self._address, self._host = address, ""
        if address:
            self._host = _host(address)
        self._under_way: list[threading.Thread] = []

    def tell(self, job: Job) -> None:
        """Send a message if the job ended in a way that is told, without waiting for an answer."""
        if not self._address or job.state not in TOLD:
            return
        self._under_way = [thread for thread in self._under_way if thread.is_alive()]
        if len(self._under_way) >= WAITING:
            log.warning("The webhook at %s is too slow: the end of job %d was not sent", self._host, job.id)
            return
        body = json_text(message(job)).encode()
        thread = threading.Thread(target=self._send, args=(body, job.id), daemon=True)
        self._under_way.append(thread)
        thread.start()

    def wait(self) -> None:
        """Give messages under way the time that each has anyway, before the process ends."""
        for thread in self._under_way:
            thread.join(TIMEOUT_S)

    def _send(self, body: bytes, job_id: int) -> None:
        request = urllib.request.Request(
            self._address, data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.build_opener(_NoRedirects).open(request, timeout=TIMEOUT_S):
                pass
        except (OSError, http.client.HTTPException, ValueError) as error:
            # The address may hold a secret, and so may the error's own text.
            reason = getattr(error, "code", None) or type(getattr(error, "reason", error)).__name__
            log.warning(
                "The end of job %d could not be sent to the webhook at %s: %s", job_id, self._host, reason
            )


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What is sent goes to the address that was given and nowhere else."""

    def redirect_request(self, *_answer: Any) -> None:
        """Follow none: the answer counts as an error."""


def of_environment() -> Webhook:
    """The webhook of `PATCHBENCH_WEBHOOK`; one that cannot be used is logged, and nobody is told."""
    try:
        return Webhook(os.environ.get(VARIABLE, "").strip())
    except SettingsError as error:
        log.warning("%s", error)
        return Webhook()


def message(job: Job) -> dict[str, Any]:
    """What is sent of a job that has ended; `text` is what chats show."""
    scores = (kind_of(job.kind).scores(job.result) if job.result else None) or {}
    patch = scores.get("patch", {})
    name = f"Job {job.id}" + (f" ({job.label})" if job.label else "")
    end = {"succeeded": "succeeded", "failed": "failed", "interrupted": "was interrupted"}[job.state]
    facts = [f"ASR {patch['asr']:.0%}"] if patch.get("asr") is not None else []
    facts += [job.error] if job.error else []
    started, finished = job.started_at, job.finished_at
    return {
        "text": f"{name} {end}" + "".join(f": {fact}" for fact in facts),
        "event": f"job.{job.state}",
        "job": job.id,
        "kind": job.kind,
        "label": job.label,
        "state": job.state,
        "error": job.error,
        "started_at": started,
        "finished_at": finished,
        "elapsed_s": None if started is None or finished is None else finished - started,
        "scores": {name: patch.get(name) for name in ("asr", "confidence_retained", "ap50")}
        if patch
        else None,
    }


def _host(address: str) -> str:
    """The host of an address, which may be logged.

    Raises:
        SettingsError: it is no http or https address.
    """
    with suppress(ValueError):
        parts = urlsplit(address)
        if parts.scheme in ("http", "https") and parts.hostname and address.isascii() and " " not in address:
            return parts.hostname
    raise SettingsError(
        f"{VARIABLE}: expected an address that starts with http:// or https://, got another; "
        "nothing will be sent"
    )
