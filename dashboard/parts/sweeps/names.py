# SPDX-License-Identifier: AGPL-3.0-only
"""What a sweep's settings, objectives and states are called."""

from __future__ import annotations

from dashboard.components import STATES
from dashboard.formats import DASH
from dashboard.i18n import N_, _
from dashboard.parts.setting_names import dimension_name, named_value
from dashboard.services import sweeps
from dashboard.services.sweeps import Sweep, Trial

SHORT = {
    "asr": N_("ASR"),
    "smooth": N_("Confidence"),
    "ap50": N_("AP50"),
    "images_per_s": N_("images/s"),
}
SWEEP_STATES = {
    "running": N_("Running: {ended} of {total} trials finished."),
    "finished": N_("{ended} of {total} trials."),
    "failed": N_("Stopped: {ended} of {total} trials finished."),
    "cancelled": N_("Cancelled: {ended} of {total} trials finished."),
}


def sweep_name(sweep: Sweep) -> str:
    """A sweep's name; one that it was not given says in the session's language what is sought by what."""
    names, objective = dimension_names(sweep), sweep.request["objective"]
    if sweep.name != f"{objective} by {', '.join(names)}":  # as the engine names it
        return sweep.name
    return f"{_(SHORT[objective])}: {', '.join(map(dimension_name, names))}"


def trial_state(state: str) -> str:
    """A trial's state in the session's language."""
    return _("Pruned") if state == "pruned" else _(STATES[state][0])


def figure_text(sweep: Sweep, value: float | None) -> str:
    """A value of the objective as text."""
    if value is None:
        return DASH
    return f"{value:,.2f}" if sweep.request["objective"] == "images_per_s" else f"{value:.3f}"


def settings_text(trial: Trial) -> str:
    """What a trial tried, in a line."""
    return " · ".join(
        f"{dimension_name(name)} {named_value(name, value)}" for name, value in trial.settings.items()
    )


def dimension_names(sweep: Sweep) -> list[str]:
    """The names of what is varied, as trials have them."""
    return [each.name for each in sweeps.request_of(sweep).space.dimensions]
