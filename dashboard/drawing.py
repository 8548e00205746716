# SPDX-License-Identifier: AGPL-3.0-only
"""Streamlit for pages: every text is drawn as the text that it is, unless it is marked as `Markdown`.

Streamlit draws headings, labels, captions, messages and tables as Markdown. Names of datasets, classes and
files, and errors that quote them, come from elsewhere and must not become links, pictures or formulas. Pages
therefore take `st` from here, never from Streamlit itself; a test of the architecture sees to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from inspect import Signature, signature
from typing import TYPE_CHECKING, Any

import streamlit
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

_INPUT = ("label", "help")
_INPUTS = (
    *("audio_input", "badge", "button", "camera_input", "checkbox", "color_picker", "date_input"),
    *("datetime_input", "download_button", "file_uploader", "form_submit_button", "link_button"),
    *("multiselect", "number_input", "page_link", "popover", "selectbox", "slider", "text_area"),
    *("text_input", "time_input", "toggle"),
)
# Streamlit's functions → their parameters that are drawn as Markdown; `format_func` returns such texts.
DRAWN: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_INPUTS, _INPUT),
    **dict.fromkeys(("caption", "header", "markdown", "subheader", "title"), ("body", "help")),
    **dict.fromkeys(("error", "info", "success", "warning"), ("body", "title")),
    **dict.fromkeys(("pills", "radio", "segmented_control", "select_slider"), (*_INPUT, "format_func")),
    **dict.fromkeys(("expander", "status"), ("label",)),
    **dict.fromkeys(("progress", "spinner"), ("text",)),
    "image": ("caption",),
    "metric": (*_INPUT, "value", "delta"),
    "table": ("data",),
    "tabs": ("tabs",),
    "text": ("help",),
    "toast": ("body",),
}

# Streamlit's widgets → the parameter that says what they show before they have a value of their own.
SHOWN_FIRST: dict[str, str] = {
    **dict.fromkeys(("checkbox", "number_input", "slider", "text_area", "text_input", "toggle"), "value"),
    **dict.fromkeys(("multiselect", "pills", "segmented_control"), "default"),
    **dict.fromkeys(("radio", "selectbox"), "index"),
}

_JOINER = "\N{WORD JOINER}"  # not seen; it parts what would be read as one sign
_SPECIAL = re.compile(r"[\\`*_\[\]<>$~#|&!]|:(?=\u2060?[\w+-])")
_LIST = re.compile(
    r"[-+=]|\d+(?=[.)](?:\s|$))"
)  # at the beginning: an item of a list, or a line under a heading
# Links, icons, emoji and arrows are looked for in what is left of a text after its escapes are resolved.
_LINK = re.compile(r"(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=www)(?=\.)|(?<=@)(?=[\w-])", re.IGNORECASE)
_SIGN = re.compile(r"(?<=:)(?=[A-Za-z+-]|\d+:)|(?<=[<~>-])(?=[>=-])")
_NOT_IN_NOTES = re.compile(r"[\\`\[\]<>$~#|&!]|:(?=\u2060?[\w+-])")


class Markdown(str):
    """A text of PatchBench's own that is meant as Markdown; what is filled into it is drawn as it is."""

    __slots__ = ()

    def format(self, *args: object, **values: object) -> Markdown:
        """Fill values in, each as the text that it is unless it is `Markdown` itself."""
        filled = {name: _drawable(value) for name, value in values.items()}
        return Markdown(super().format(*map(_drawable, args), **filled))


def plain(text: str) -> Markdown:
    """Somebody else's text, such as a name or a path, as Markdown that shows it as it is, in one line."""
    line = _SIGN.sub(_JOINER, _LINK.sub(_JOINER, " ".join(text.splitlines()).strip()))
    escaped = _SPECIAL.sub(r"\\\g<0>", line)
    return Markdown(_LIST.sub(_escaped_first, escaped, count=1) if _LIST.match(escaped) else escaped)


def notes(text: str) -> Markdown:
    """A user's own notes: emphasis and lists count; pictures, formulas, icons and HTML do not.

    An address becomes a link that shows where it leads; a link cannot hide behind other words.
    """
    return Markdown(_NOT_IN_NOTES.sub(r"\\\g<0>", _SIGN.sub(_JOINER, text)))


def _escaped_first(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found[0].isdecimal() else f"\\{found[0]}"


def _drawable(value: Any) -> Any:
    """A value for a parameter that Streamlit draws as Markdown; None stays None."""
    if value is None or isinstance(value, Markdown):
        return value
    if isinstance(value, list | tuple):
        return [_drawable(each) for each in value]
    if isinstance(value, Mapping):
        return {_drawable(name): _drawable(each) for name, each in value.items()}
    return plain(str(value))


def went_back() -> bool:
    """Whether this run of the page follows on the browser's Back or Forward."""
    run = get_script_run_ctx(suppress_warning=True)
    return run is not None and run.is_history_navigation


class _Place:
    """Streamlit or a container of it, whose functions take texts as they are."""

    def __init__(self, place: Any) -> None:
        self._place = place

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._place, name)
        return _safe(name, found) if callable(found) and hasattr(DeltaGenerator, name) else _placed(found)

    def __enter__(self) -> Any:
        return _placed(self._place.__enter__())

    def __exit__(self, *raised: Any) -> Any:
        return self._place.__exit__(*raised)


def _placed(result: Any) -> Any:
    """What Streamlit returned, containers in their turn as `_Place`."""
    if isinstance(result, DeltaGenerator):
        return _Place(result)
    if isinstance(result, list | tuple) and any(isinstance(each, DeltaGenerator) for each in result):
        return [_placed(each) for each in result]
    return result


def _safe(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """One of Streamlit's functions, given texts as they are."""

    @wraps(function)
    def drawn(*args: Any, **kwargs: Any) -> Any:
        if name not in DRAWN:
            return _placed(function(*args, **kwargs))
        given = _signature(name).bind(None, *args, **kwargs)
        for parameter in DRAWN[name]:
            if parameter == "format_func":
                given.arguments[parameter] = _escaping(given.arguments.get(parameter, str))
            elif parameter in given.arguments:
                given.arguments[parameter] = _drawable(given.arguments[parameter])
        if name in SHOWN_FIRST:
            _show_kept(SHOWN_FIRST[name], given.arguments)
        if name == "badge":  # Streamlit escapes these itself
            given.arguments["label"] = re.sub(r"\\([\[\]])", r"\1", given.arguments["label"])
        return _placed(function(*given.args[1:], **given.kwargs))

    return drawn


def _show_kept(parameter: str, arguments: dict[str, Any]) -> None:
    """Let a widget show the value that its key has in the session from the very first.

    Streamlit sends such a value to the browser once. If the next run begins before the browser has drawn the
    widget, as after a quick click, it would show its lowest value and send that back as the user's choice.
    """
    key = arguments.get("key")
    if key is None or key not in streamlit.session_state or arguments.get(parameter) is not None:
        return
    value = streamlit.session_state[key]
    if parameter == "value":
        arguments[parameter] = value
        return
    options = list(arguments["options"])
    if parameter == "index":
        arguments[parameter] = options.index(value) if value in options else None
    elif isinstance(value, list):
        arguments[parameter] = [each for each in value if each in options]
    elif value in options:
        arguments[parameter] = value


@lru_cache(maxsize=len(DRAWN))
def _signature(name: str) -> Signature:
    return signature(getattr(DeltaGenerator, name))


def _escaping(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda option: _drawable(write(option))


if TYPE_CHECKING:
    st = streamlit
else:
    st = _Place(streamlit)
