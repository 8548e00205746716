# SPDX-License-Identifier: AGPL-3.0-only
"""What a view shows, kept in the session and in its link, so that it can be left, shared and opened again."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from dashboard.drawing import st, went_back

_KEPT = "kept."
_WIDGET = "widget."
_PAGE = "page-state.page"
_NAMES = "page-state.names."  # of all that was ever chosen on a page, in this session


def presenting() -> bool:
    """Whether the presentation mode is on: larger type and charts, no controls."""
    return bool(st.session_state.get(_KEPT + "present"))


def enter(page: str) -> None:
    """Say which page is drawn from here on; empty for what all pages share.

    After the browser's Back or Forward its link alone says what it shows: what was chosen since is forgotten.
    """
    st.session_state[_PAGE] = page
    if went_back():
        for name in _names():
            for key in (_KEPT + name, _WIDGET + name, f"{_WIDGET}{name}.for"):
                st.session_state.pop(key, None)


def page_shown() -> str:
    """The script of the page that is drawn, as `navigation.PAGES` names it."""
    return st.session_state.get(_PAGE) or "overview"


def _names() -> set[str]:
    """The names of all that was chosen on the page so far."""
    names: set[str] = st.session_state.setdefault(_NAMES + st.session_state.get(_PAGE, ""), set())
    return names


def chosen(name: str, default: Any = None, *, parse: Callable[[str], Any] = str) -> Any:
    """What was chosen under a name: by the link, else earlier in this session, else the default.

    Args:
        name: of the query parameter, unique to the page, such as `patch`.
        parse: from the link's text; a ValueError counts as nothing chosen.
    """
    _names().add(name)
    if name in st.query_params:
        try:
            return parse(st.query_params[name])
        except ValueError:
            del st.query_params[name]
    return st.session_state.get(_KEPT + name, default)


def choose(name: str, value: Any, *, write: Callable[[Any], str] = str) -> None:
    """Keep a choice for this session and put it into the link; None or empty forgets it."""
    _names().add(name)
    if value in (None, "", (), []):
        st.session_state.pop(_KEPT + name, None)
        st.query_params.pop(name, None)
    else:
        st.session_state[_KEPT + name] = value
        # A link to the page that is open leaves the address to us; after Back it could be late.
        if st.query_params.get(name) != write(value) or not went_back():
            st.query_params[name] = write(value)


def kept(
    name: str,
    default: Any = None,
    *,
    allowed: Collection[Any] | None = None,
    parse: Callable[[str], Any] = str,
    write: Callable[[Any], str] = str,
) -> dict[str, Any]:
    """Arguments for a widget whose value survives leaving the page and stands in the link.

    Use as `st.selectbox(label, options, format_func=…, **kept("dataset", options[0], allowed=options))`; give
    the widget no `index`, `value`, `default`, `key` or `on_change` of its own. The link holds `write(value)`,
    not what is shown, so that it opens in any language.

    Args:
        name: of the query parameter, unique to the page.
        allowed: what the widget offers, of a list each part; anything else in a link gives the default.
        parse, write: between the link's text and the value.
    """
    key = _WIDGET + name
    value = chosen(name, default, parse=parse)
    if not _offered(value, allowed):
        value = default
    if key not in st.session_state or not _offered(st.session_state[key], allowed):
        st.session_state[key] = value
    if value != default:
        choose(name, value, write=write)  # leaving the page took it out of the link
    return {"key": key, "on_change": _keep, "args": (name, key, default, write, allowed)}


def linked(*beginnings: str) -> bool:
    """Whether the link holds something whose name begins so; the form that it belongs to is then open."""
    return any(name.startswith(beginnings) for name in st.query_params)


def reset(name: str) -> None:
    """Forget what a widget of `kept` holds, before it is drawn in this run."""
    choose(name, None)
    st.session_state.pop(_WIDGET + name, None)


def _offered(value: Any, allowed: Collection[Any] | None) -> bool:
    parts = value if isinstance(value, list) else [value]
    return allowed is None or all(part in allowed for part in parts)


def _keep(
    name: str, key: str, default: Any, write: Callable[[Any], str], allowed: Collection[Any] | None
) -> None:
    if key not in st.session_state:  # the browser went back, and the link says what it holds
        return
    value = st.session_state[key]
    if _offered(value, allowed):  # a browser may still name an option in the language before
        choose(name, None if value == default else value, write=write)


def changed(name: str, now: Any) -> bool:
    """Whether something is not as it was when this session last asked."""
    before = st.session_state.get(name)
    st.session_state[name] = now
    return before is not None and before != now


def reference(**parameters: object) -> dict[str, str]:
    """Query parameters of a link to another page, with the language and mode that the session is in."""
    shared = {name: st.query_params[name] for name in ("lang", "present") if name in st.query_params}
    return shared | {name: str(value) for name, value in parameters.items() if value is not None}
