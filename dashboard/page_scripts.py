# SPDX-License-Identifier: AGPL-3.0-only
"""Gives each HTML page the scripts that mend Streamlit's own: the browser's history, and the keyboard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]
App = Callable[[Message, Any, Any], Awaitable[None]]

WEB = Path(__file__).with_name("web")
SCRIPTS = b"".join(
    b"<script>\n" + (WEB / name).read_bytes() + b"</script>" for name in ("history.js", "keyboard.js")
)
_HEAD = b"<head>"
# By these a browser would get the page compressed, or keep the one without the scripts.
_ASKED = (b"accept-encoding", b"if-none-match", b"if-modified-since")
_ANSWERED = (b"content-length", b"etag", b"last-modified")


class WithScripts:
    """Puts `SCRIPTS` at the head of each HTML page.

    Args:
        app: the ASGI application behind it.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Hand on a request, and answer with the scripts where the answer is a page."""
        headers = dict(scope.get("headers", ()))
        if scope["type"] != "http" or b"text/html" not in headers.get(b"accept", b""):
            await self._app(scope, receive, send)
            return
        asked = [each for each in scope["headers"] if each[0] not in _ASKED]
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        await self._app({**scope, "headers": asked}, receive, keep)
        for message in _with_scripts(sent):
            await send(message)


def _with_scripts(sent: list[Message]) -> list[Message]:
    """The messages of an answer, a page with the scripts in one; anything else as it is."""
    start = sent[0]
    if not dict(start["headers"]).get(b"content-type", b"").startswith(b"text/html"):
        return sent
    body = b"".join(each.get("body", b"") for each in sent[1:])
    page = body.replace(_HEAD, _HEAD + SCRIPTS, 1)
    headers = [each for each in start["headers"] if each[0].lower() not in _ANSWERED]
    headers.append((b"content-length", str(len(page)).encode()))
    return [{**start, "headers": headers}, {"type": "http.response.body", "body": page}]
