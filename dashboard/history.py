# SPDX-License-Identifier: AGPL-3.0-only
"""The browser's history: one entry for each thing that a user does, so that Back goes one view earlier."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
App = Callable[[Message, Any, Any], Awaitable[None]]

# Streamlit makes an entry for a page and another for each parameter that the page then puts into its link;
# Back would stop at addresses that nobody has seen. What follows on the first entry goes in its place.
SCRIPT = b"""<script>
(() => {
  const push = history.pushState.bind(history);
  let acted = false;
  for (const act of ["pointerdown", "keydown"]) addEventListener(act, () => { acted = true; }, true);
  addEventListener("popstate", () => { acted = false; }, true);
  history.pushState = (state, title, url) => {
    if (acted) push(state, title, url);
    else history.replaceState(state, title, url);
    acted = false;
  };
})();
</script>"""
_HEAD = b"<head>"
# By these a browser would get the page compressed, or keep the one without the script.
_ASKED = (b"accept-encoding", b"if-none-match", b"if-modified-since")
_ANSWERED = (b"content-length", b"etag", b"last-modified")


class OneEntryAnAction:
    """Puts `SCRIPT` at the head of each HTML page.

    Args:
        app: the ASGI application behind it.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Hand on a request, and answer with the script where the answer is a page."""
        headers = dict(scope.get("headers", ()))
        if scope["type"] != "http" or b"text/html" not in headers.get(b"accept", b""):
            await self._app(scope, receive, send)
            return
        asked = [each for each in scope["headers"] if each[0] not in _ASKED]
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        await self._app({**scope, "headers": asked}, receive, keep)
        for message in _with_script(sent):
            await send(message)


def _with_script(sent: list[Message]) -> list[Message]:
    """The messages of an answer, a page with the script in one; anything else as it is."""
    start = sent[0]
    if not dict(start["headers"]).get(b"content-type", b"").startswith(b"text/html"):
        return sent
    body = b"".join(each.get("body", b"") for each in sent[1:])
    page = body.replace(_HEAD, _HEAD + SCRIPT, 1)
    headers = [each for each in start["headers"] if each[0].lower() not in _ANSWERED]
    headers.append((b"content-length", str(len(page)).encode()))
    return [{**start, "headers": headers}, {"type": "http.response.body", "body": page}]
