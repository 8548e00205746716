# SPDX-License-Identifier: AGPL-3.0-only
"""What happened to a job, latest first, as a table."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dashboard import formats
from dashboard.components import STATES, state_name
from dashboard.drawing import st
from dashboard.i18n import N_, _
from dashboard.services.failures import for_pages
from engine.records import JobEvent

EVENTS = {  # what the database calls it → what pages do; an event that is a state has its name
    "started": N_("Started"),
    "cancel asked": N_("Cancellation requested"),
    "pause asked": N_("Pause requested"),
}
DETAILS = {  # likewise; others are the device of an attempt, or the message of an error
    "in the foreground": N_("Run from the command line, without the queue"),
    "to resume": N_("To resume from the checkpoint"),
}
ATTEMPT = re.compile(r"attempt (?P<number>\d+) on (?P<device>.+)")


def events_table(events: Sequence[JobEvent]) -> None:
    """All events of a job.

    Args:
        events: oldest first.
    """
    st.dataframe(
        [
            {_("Time"): formats.moment(event.at), _("Event"): _name(event), _("Details"): _detail(event)}
            for event in reversed(events)
        ],
        hide_index=True,
    )


def _name(event: JobEvent) -> str:
    """What happened, in a word or two; what only another version knows is shown as it is stored."""
    if event.event in STATES:
        return state_name(event.event)
    return _(EVENTS[event.event]) if event.event in EVENTS else event.event


def _detail(event: JobEvent) -> str:
    """More about it: an attempt and its device, or an error as pages word it."""
    if attempt := ATTEMPT.fullmatch(event.detail):
        return _("Attempt {number} on {device}").format(**attempt.groupdict())
    return _(DETAILS[event.detail]) if event.detail in DETAILS else for_pages(event.detail)
