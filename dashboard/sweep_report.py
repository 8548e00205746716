# SPDX-License-Identifier: AGPL-3.0-only
"""The HTML report of a sweep: one file that loads nothing from anywhere."""

from __future__ import annotations

from pathlib import Path

from dashboard import formats
from dashboard.i18n import _, speaking
from dashboard.parts.setting_names import choice_name, setting_name, setting_value
from dashboard.parts.sweeps import view
from dashboard.parts.sweeps.names import (
    SWEEP_STATES,
    dimension_names,
    figure_text,
    settings_text,
    sweep_name,
)
from dashboard.report import PICTURE_BYTES, PRINTED, Section, html_of, picture, rendered
from dashboard.services import sweeps
from dashboard.services.sweeps import Sweep
from engine.settings import flat


def sweep_report_html(sweep_id: int, *, code: str = "en") -> str:
    """The report of a sweep, as text of an HTML file.

    Args:
        sweep_id: its number.
        code: the report's language, a key of `i18n.LANGUAGES`.

    Raises:
        JobError: there is no such sweep.
        StorageError: the database cannot be used.
    """
    with speaking(code):
        sweep = sweeps.get(sweep_id)
        sections = [_about(sweep), *_charts(sweep), _trials(sweep), _patches(sweep)]
        return rendered(
            title=_("Report of sweep {number}").format(number=sweep.id),
            lead=_("Which settings make the strongest patch on held-out images."),
            sections=sections,
        )


def _about(sweep: Sweep) -> Section:
    asked = sweeps.request_of(sweep)
    state = _(SWEEP_STATES[sweep.state]).format(ended=sweep.ended, total=asked.total)
    settings = flat(asked.config.to_json())
    rows = [
        {_("Setting"): setting_name(name), _("Value"): setting_value(value)}
        for name, value in settings.items()
        if name not in dimension_names(sweep)
    ]
    facts = {
        _("Sweep"): f"{sweep.id} {sweep_name(sweep)}",
        _("State"): state,
        _("Objective"): choice_name("objective", asked.objective),
        _("Started"): formats.moment(sweep.created_at),
    } | {_("Varied: {number}").format(number=place): text for place, text in enumerate(asked.vary, 1)}
    table = [{_("Setting"): name, _("Value"): value} for name, value in facts.items()]
    best = sweeps.best_trial(sweep)
    notes = (
        ()
        if best is None
        else (
            _("Best: trial {number}, {value}: {settings}").format(
                number=best.number, value=figure_text(sweep, best.value), settings=settings_text(best)
            ),
        )
    )
    return Section(
        title=_("Trials so far"),
        tables=(("", table), (_("Settings shared by all trials"), rows)),
        notes=notes,
    )


def _charts(sweep: Sweep) -> list[Section]:
    titles = {
        "trials": _("Objective by trial"),
        "parallel": _("Settings and objective"),
        "importance": _("Importance of settings"),
    }
    return [
        Section(title=titles[name], figure=html_of(figure), alt=alt)
        for name, (figure, alt) in view.figures(sweep, **PRINTED).items()
    ]


def _trials(sweep: Sweep) -> Section:
    errors = tuple(dict.fromkeys(trial.error for trial in sweep.trials if trial.error))
    return Section(title=_("Trials"), tables=(("", view.trial_rows(sweep)),), notes=errors)


def _patches(sweep: Sweep) -> Section:
    found = sweeps.best_patches(sweep.id)
    budget = PICTURE_BYTES // max(len(found), 1)
    pictures = tuple(
        {
            "source": picture(Path(patch.image), budget),
            "name": _("Trial {number}: {value}").format(
                number=trial.number, value=figure_text(sweep, trial.value)
            ),
            "size": settings_text(trial),
        }
        for trial, _job, patch in found
    )
    notes = () if found else (_("This sweep has no stored patches."),)
    return Section(title=_("Best patches"), pictures=pictures, notes=notes)
