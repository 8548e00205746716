# SPDX-License-Identifier: AGPL-3.0-only
"""The names of runs and patches to show; those of a sweep's trials are in the session's language."""

from __future__ import annotations

from dashboard.i18n import _
from dashboard.parts.setting_names import dimension_name, named_value
from dashboard.services.runs import Run
from dashboard.services.sweeps import read_trial_name


def run_name(stored: str) -> str:
    """The name to show: a trial's with the settings' labels in the session's language, any other as it is.

    Args:
        stored: the label of a job, or the name of a patch.
    """
    trial = read_trial_name(stored)
    if trial is None:
        return stored
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
