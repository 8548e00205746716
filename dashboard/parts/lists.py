# SPDX-License-Identifier: AGPL-3.0-only
"""How long lists are searched, filtered, ordered, paged and opened; all of it stands in the link."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from dashboard.components import refusal
from dashboard.drawing import st, went_back
from dashboard.i18n import _
from dashboard.page_state import choose, chosen, kept, reset

Row = TypeVar("Row")
Key = TypeVar("Key")
Choice = tuple[str, Collection[str], Callable[[str], str]]


def filters(name: str, *, searched: str, orders: Mapping[str, str], **choices: Choice) -> dict[str, Any]:
    """Widgets for a text, for choices of several and for the order; a change returns to the first page.

    Args:
        name: of the list, before each query parameter: `jobs.text`, `jobs.order`, `jobs.page`, `jobs.states`.
        searched: the fields that are searched, in the session's language.
        orders: order → its marked text; the first is the default.
        choices: label, options and an option's text, both in the session's language.

    Returns:
        `text`, `order`, and a tuple of options for each of `choices`.
    """
    first, *others, last = st.columns([3] + [2] * (len(choices) + 1), vertical_alignment="bottom")
    text = first.text_input(
        _("Search"), placeholder=searched, icon=":material/search:", **kept(f"{name}.text", "")
    )
    chosen = {
        key: tuple(
            column.multiselect(
                label,
                list(options),
                format_func=wording,
                placeholder=_("All"),
                **_several(f"{name}.{key}", options),
            )
        )
        for column, (key, (label, options, wording)) in zip(others, choices.items(), strict=True)
    }
    order = last.selectbox(
        _("Order"),
        list(orders),
        format_func=lambda each: _(orders[each]),
        **kept(f"{name}.order", next(iter(orders)), allowed=orders),
    )
    wanted = chosen | {"text": text.strip(), "order": order}
    if went_back():  # the link has the page of these filters
        st.session_state[f"{name}.filters"] = wanted
    if st.session_state.setdefault(f"{name}.filters", wanted) != wanted:
        st.session_state[f"{name}.filters"] = wanted
        reset(f"{name}.page")
    return wanted


def page_number(parameter: str, pages: int) -> int:
    """The page to show, from 1, with a widget for it where there are several pages."""
    if pages <= 1:
        return 1
    return st.pagination(pages, **kept(parameter, 1, allowed=range(1, pages + 1), parse=int))


def opener(label: str, names: Mapping[Key, str], *, key: str) -> Key | None:
    """A box that opens a line by its number or name: a table's cells are reached by a mouse alone.

    Args:
        label: what it opens, such as "Open a job".
        names: the lines of the table.
        key: unique on the page.

    Returns:
        The line that was chosen just now.
    """
    return st.selectbox(
        label,
        list(names),
        index=None,
        format_func=names.__getitem__,
        placeholder=label,
        label_visibility="collapsed",
        key=key,
        width=280,
    )


def linked(parameter: str, get: Callable[[int], Row], missing: type[Exception]) -> Row | None:
    """The entry whose number the link holds; None without a number, or if there is none, which is shown.

    Unlike other choices it is not kept in the session: a page's name in the sidebar leads to its list.

    Args:
        parameter: of the link.
        get: the entry of a number.
        missing: what `get` raises if there is none.
    """
    number = chosen(parameter, parse=int) if parameter in st.query_params else None
    if number is None:
        return None
    try:
        found = get(number)
    except missing as error:
        choose(parameter, None)
        refusal(str(error), error)
        return None
    choose(parameter, number)
    return found


def _several(parameter: str, options: Collection[str]) -> dict[str, Any]:
    """`kept` for a choice of several: a link's unknown options are left out."""
    return kept(
        parameter,
        [],
        parse=lambda text: [part for part in text.split(",") if part in options],
        write=",".join,
    )
