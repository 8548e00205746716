# SPDX-License-Identifier: AGPL-3.0-only
"""Where the dashboard listens, and under which names it answers."""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import psutil

from engine.errors import SettingsError
from engine.excerpts import short_repr

Message = MutableMapping[str, Any]
App = Callable[[Message, Any, Any], Awaitable[None]]

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_TRIED = 100  # ports after one that is taken
_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9._-]*[a-z0-9])?\.?", re.IGNORECASE)


def require_free(address: str, port: int) -> None:
    """Make sure that the dashboard can listen, before anything is started for it.

    Raises:
        SettingsError: the port is taken or needs rights, or this machine has no such address.
    """
    error = _refusal(address, port)
    if error is None:
        return
    if error.errno == errno.EADDRINUSE:
        raise SettingsError(
            f"--port: expected a free port, got {port}, which {_holder(port)} is using; "
            f"{_advice(address, port)}"
        )
    if error.errno == errno.EACCES:
        raise SettingsError(
            f"--port: expected a port that you may listen on, got {port}; choose one from 1024 to 65535"
        )
    raise SettingsError(
        f"--address: expected an address of this machine, such as 127.0.0.1, got {short_repr(address)} "
        f"({error.strerror or error}); choose another"
    )


def answered_hosts(address: str, named: Iterable[str] = ()) -> list[str]:
    """The names that requests may call this dashboard by: its own and those of a proxy before it.

    A page of another site that has its name resolve to this machine calls it by that name and is refused.

    Args:
        address: that it listens on; one that stands for all is answered under all of this machine's.
        named: further names, `*.example.com` for all below one.

    Raises:
        SettingsError: one of the further names is none.
    """
    hosts = [*LOOPBACK, address, *(_own_names() if _is_any(address) else []), *map(_checked, named)]
    return list(dict.fromkeys(hosts))


class HostCheck:
    """Refuses requests that call the dashboard by another name than its own, and WebSockets of other sites.

    Streamlit would refuse these too, but first asks a service on the internet for this machine's address.

    Args:
        app: the ASGI application behind it.
        hosts: as `answered_hosts` returns them.
    """

    def __init__(self, app: App, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = [host.lower().rstrip(".") for host in hosts]

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Hand on what calls it by a known name."""
        headers = {name: value.decode("latin-1") for name, value in scope.get("headers", ())}
        host = _host_of(headers.get(b"host", ""))
        known = self._knows(host)
        if scope["type"] == "websocket" and b"origin" in headers:  # the site that a browser asks for
            known &= self._knows(_host_of(headers[b"origin"].partition("://")[2]))
        if scope["type"] not in ("http", "websocket") or known:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            text = (
                f"Host: expected a host name of this dashboard, got {short_repr(host)}; "
                "open it at its own address, or start it with --allow-host NAME\n"
            )
            kind = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": kind})
            await send({"type": "http.response.body", "body": text.encode()})

    def _knows(self, host: str) -> bool:
        return any(
            host == known or (known.startswith("*.") and host.endswith(known[1:])) for known in self._hosts
        )


def _host_of(written: str) -> str:
    """The name in a Host header, without its port; empty if it is none."""
    try:
        parts = urlsplit(f"//{written}")
        port = parts.port  # raises if it is no number
    except ValueError:
        return ""
    plain = not (parts.username or parts.password or parts.path or parts.query or parts.fragment)
    return (parts.hostname or "").rstrip(".") if plain and port != 0 else ""


def shown_address(address: str, port: int) -> str:
    """The address for a browser."""
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def _refusal(address: str, port: int) -> OSError | None:
    """Why nothing can listen there, tried in the way in which Streamlit will; None if it can."""
    if not address.strip():
        return OSError(errno.EADDRNOTAVAIL, "no address given")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            if os.name != "nt":  # there it would let two listen on one port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            probe.bind((address, port))
            probe.listen(1)
    except (OSError, UnicodeError) as error:
        return error if isinstance(error, OSError) else OSError(errno.EADDRNOTAVAIL, "it is not a valid name")
    return None


def _holder(port: int) -> str:
    """The process that listens on a port, as far as this user may see."""
    try:
        for each in psutil.net_connections(kind="tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr.port == port and each.pid:
                return f"{psutil.Process(each.pid).name()} (process {each.pid})"
    except psutil.Error:
        pass
    return "another process"


def _advice(address: str, port: int) -> str:
    tried = range(port + 1, min(port + 1 + _TRIED, 65536))
    free = next((each for each in tried if _refusal(address, each) is None), None)
    return "stop it or choose another" if free is None else f"stop it, or use --port {free}"


def _checked(name: str) -> str:
    if not _HOST.fullmatch(name) and not _is_ip(name):
        raise SettingsError(
            f"--allow-host: expected a host name without scheme and port, such as patchbench.example.com, "
            f"got {short_repr(name)}; correct it"
        )
    return name


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_any(address: str) -> bool:
    return _is_ip(address) and ipaddress.ip_address(address).is_unspecified


def _own_names() -> list[str]:
    """This machine's name and addresses."""
    families = (socket.AF_INET, socket.AF_INET6)
    found = [each for addresses in psutil.net_if_addrs().values() for each in addresses]
    return [
        socket.gethostname(),
        *(each.address.partition("%")[0] for each in found if each.family in families),
    ]
