# SPDX-License-Identifier: AGPL-3.0-only
"""Pages come with the scripts that mend history and keyboard; nothing else is touched."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dashboard.page_scripts import SCRIPTS, WithScripts

PAGE = (b"text/html", b"<!DOCTYPE html><html><head><title>x</title></head></html>")


def answer(
    accept: bytes, kind: bytes, body: bytes
) -> tuple[dict[bytes, bytes], bytes, list[tuple[bytes, bytes]]]:
    """Headers and body of an answer in two parts, and the headers that the application was asked by."""
    asked: list[tuple[bytes, bytes]] = []
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.extend(scope["headers"])
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"etag", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body[:20], "more_body": True})
        await send({"type": "http.response.body", "body": body[20:]})

    async def send(message: Any) -> None:
        sent.append(message)

    given = [(b"accept", accept), (b"accept-encoding", b"gzip"), (b"host", b"a")]
    answering = WithScripts(app)({"type": "http", "headers": given}, None, send)
    with ThreadPoolExecutor(1) as other:  # tests in a browser leave a loop running in this thread
        other.submit(asyncio.run, answering).result()
    return dict(sent[0]["headers"]), b"".join(each.get("body", b"") for each in sent), asked


def test_a_page_begins_with_the_scripts() -> None:
    headers, body, asked = answer(b"text/html,*/*", *PAGE)
    assert body == PAGE[1].replace(b"<head>", b"<head>" + SCRIPTS)
    assert headers[b"content-length"] == str(len(body)).encode()
    assert b"etag" not in headers
    assert asked == [(b"accept", b"text/html,*/*"), (b"host", b"a")]


@pytest.mark.parametrize(
    ("accept", "kind", "body"),
    [
        (b"*/*", *PAGE),
        (b"text/html", b"application/json", b"{}"),
        (b"text/html", b"image/png", b"<head>" * 9),
    ],
)
def test_anything_else_stays_as_it_is(accept: bytes, kind: bytes, body: bytes) -> None:
    headers, found, _asked = answer(accept, kind, body)
    assert found == body
    assert headers[b"etag"] == b"1"
