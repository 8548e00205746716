# SPDX-License-Identifier: AGPL-3.0-only
"""The names of jobs and patches to show; those that PatchBench gave are in the session's language."""

from __future__ import annotations

from dashboard.drawing import st
from dashboard.i18n import _
from dashboard.parts.setting_names import choice_name, dimension_name, named_value
from dashboard.services.jobs import read_name
from dashboard.services.runs import Run
from dashboard.services.sweeps import read_trial_name


def run_name(stored: str) -> str:
    """The name to show: one that a sweep or a kind of job gave in the session's language, any other as it is.

    Args:
        stored: the label of a job, or the name of a patch.
    """
    trial = read_trial_name(stored)
    if trial is None:
        return _sentence(stored)
    text = _("Sweep {sweep}, trial {trial}: {settings}")
    if trial.seed is not None:
        text = _("Sweep {sweep}, trial {trial}, seed {seed}: {settings}")
    settings = ", ".join(
        f"{dimension_name(name)} {named_value(name, value)}" for name, value in trial.settings.items()
    )
    return text.format(sweep=trial.sweep, trial=trial.trial, seed=trial.seed, settings=settings)


def numbered_name(run: Run) -> str:
    """A run's number and name, which together are unique."""
    return f"{run.job.id} {run_name(run.job.label)}".strip()


def name_field(stored: str, *, key: str | None = None) -> str:
    """The field of a name; returns what to store, which is unchanged until the user edits the name.

    Args:
        stored: the label of a job, or the name of a patch.
        key: of the field; None where a page has one alone, which then follows a change made elsewhere.
    """
    shown = st.text_input(_("Name"), run_name(stored), max_chars=200, key=key)
    return stored if shown == run_name(stored) else shown


def _sentence(stored: str) -> str:
    """A name that a kind of job gave, in the session's language; any other as it is."""
    read = read_name(stored)
    if read is None:
        return stored
    form, words = read
    return _(form).format(**{name: _within(choice_name(name, word), word) for name, word in words.items()})


def _within(choice: str, stored: str) -> str:
    """A choice in the middle of a sentence; what is no choice keeps its capitals."""
    return choice if choice == stored else choice[:1].lower() + choice[1:]
