# SPDX-License-Identifier: AGPL-3.0-only
"""Fields for defences: names of a list, or any others with settings, each checked at once."""

from __future__ import annotations

from dashboard.drawing import st
from dashboard.i18n import N_, _
from dashboard.page_state import kept
from dashboard.services import defences
from engine.errors import SettingsError

MEANING = N_(
    "Defences applied between image and detector. You can also type one: jpeg:quality=75 with a "
    "setting, jpeg+median for a chain."
)


def chain_name(chain: str) -> str:
    """A chain of defences as it is written, or that there is none, in the session's language."""
    return _("none") if chain == defences.NONE else chain


def choose_chains(name: str) -> list[str] | None:
    """Chains of defences to compare, `none` among the first; None and a line of why if one is wrong.

    Args:
        name: of the query parameter.
    """
    given: list[str] = st.multiselect(
        _("Defences"),
        [defences.NONE, *defences.offered()],
        format_func=chain_name,
        accept_new_options=True,
        placeholder=_("Choose one or more"),
        help=_(MEANING),
        **kept(
            name,
            [defences.NONE],
            parse=lambda text: [each for each in text.split(",") if each],
            write=",".join,
        ),
    )
    found = [_checked(each) for each in given or [defences.NONE]]
    return None if None in found else [each for each in dict.fromkeys(found) if each is not None]


def choose_chain(name: str) -> str | None:
    """One chain of defences, `none` at first; None and a line of why if it is wrong."""
    given: str | None = st.selectbox(
        _("Defence"),
        [defences.NONE, *defences.offered()],
        format_func=chain_name,
        accept_new_options=True,
        help=_(MEANING),
        **kept(name, defences.NONE),
    )
    return _checked(given or defences.NONE)


def _checked(chain: str) -> str | None:
    try:
        return defences.one_form(chain)
    except SettingsError as error:
        st.error(str(error), icon=":material/error:")
        return None
