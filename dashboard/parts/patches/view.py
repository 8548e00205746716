# SPDX-License-Identifier: AGPL-3.0-only
"""One patch on its page: its picture, downloads, scores, settings, history, name and notes."""

from __future__ import annotations

from functools import partial
from typing import Any

from dashboard import formats
from dashboard.charts.compare import score_bars, score_of
from dashboard.components import (
    CONDITIONS,
    SCORES,
    behind,
    chart,
    controls,
    go_to,
    guarded,
    look,
    score_table,
)
from dashboard.downloads import save_button
from dashboard.drawing import Markdown, notes, st
from dashboard.i18n import _
from dashboard.page_state import choose, kept
from dashboard.parts.jobs.controls import NOTES, asked_twice
from dashboard.parts.jobs.view import loss_chart, score_chart
from dashboard.parts.outcome import headline
from dashboard.parts.patches.hidden import who_is_hidden
from dashboard.parts.report_button import report_button
from dashboard.parts.run_names import name_field, run_name
from dashboard.parts.setting_names import decided_value, setting_name
from dashboard.pictures import texels
from dashboard.services import datasets, jobs, patches
from engine.records import PatchRecord, ScoreRecord
from engine.settings import flat

RATES = ("asr", "confidence_retained", "disappearance", "ap50", "ap50_95")


def portrait(patch: PatchRecord) -> None:
    """The picture at whole factors, its facts and the downloads."""
    picture, facts = st.columns([1, 1], gap="large")
    png = patches.file_bytes(patch.image)
    with picture:
        texels(png, alt=_("The patch {name}.").format(name=run_name(patch.name)), key="patch", at_most_px=384)
    with facts:
        for name, value in _facts(patch).items():
            st.markdown(Markdown("**{name}**  \n{value}").format(name=name, value=value))
        if patch.job_id is not None:
            go_to("jobs", _("Source run"), job=patch.job_id)
        if patch.notes:
            st.markdown(notes(patch.notes))
        with controls("patch-downloads"), st.container(horizontal=True):
            _downloads(patch, png)


def _facts(patch: PatchRecord) -> dict[str, str]:
    size = _("{width} × {height} texels").format(width=patch.width, height=patch.height)  # noqa: RUF001
    detector = behind(patch.detector, patch.summary.get("config", {}).get("defences", ()))
    made_on = f"{patch.dataset}, {detector}, {patch.class_name}" if patch.dataset else _("another detector")
    return {
        _("Size"): f"{size}, {_('circular')}" if patch.circular else size,
        _("Made on"): made_on,
        _("Created"): formats.moment(patch.created_at),
    }


def _downloads(patch: PatchRecord, png: bytes) -> None:
    name = f"patch-{patch.id}"
    array = patch.image.removesuffix(".png") + ".npy"
    save_button(
        _("PNG"),
        lambda: png,
        f"{name}.png",
        "image/png",
        key="download-png",
        help=_("The patch as an 8-bit image."),
    )
    save_button(
        _("NPY"),
        partial(patches.file_bytes, array),
        f"{name}.npy",
        "application/octet-stream",
        key="download-npy",
        help=_("The exact texels as a NumPy array, 3 × height × width, 0 to 1."),  # noqa: RUF001
    )
    save_button(
        _("JSON"),
        partial(patches.as_json, patch.id),
        f"{name}.json",
        "application/json",
        key="download-json",
        help=_("Settings, history and all scores."),
    )
    if patch.job_id is not None and patch.summary:
        report_button([patch.job_id])


def scored(patch: PatchRecord) -> None:
    """The scores beside clean, grey and noise."""
    st.subheader(_("Scores"), anchor=False)
    found = {score.id: score for score in patches.scores(patch.id)}
    if not found:
        st.caption(_("Not scored yet. Score it below."))
        return
    first = next(iter(found))
    if len(found) > 1:
        with controls("patch-scores"):
            first = st.selectbox(
                _("Scored on"),
                list(found),
                format_func=lambda number: _scored_on(found[number]),
                **kept("patches.scores", first, allowed=found, parse=int),
            )
    else:
        st.caption(_scored_on(found[first]))
    _score(found[first])
    known = {each.name: each for each in datasets.summaries()}
    with guarded():
        who_is_hidden(found[first], known.get(found[first].dataset))


def _scored_on(score: ScoreRecord) -> str:
    detector = behind(score.detector, score.defences)
    return f"{score.dataset}, {detector}, {score.class_name} · {formats.moment(score.created_at)}"


def _score(score: ScoreRecord) -> None:
    evaluation = score.evaluation
    headline(evaluation, score.class_name, score.held_out)
    conditions = {"patch": evaluation["patch"], **evaluation["controls"]}
    figure = score_bars(
        {
            _(CONDITIONS.get(name, name)): {_(SCORES[key]): score_of(each, key) for key in RATES}
            for name, each in conditions.items()
        },
        {},
        control="",
        title=_("Scores with 95% intervals"),
        **look(),
    )
    alt = _("Bar chart of the patch's scores compared with no patch, grey and noise; its ASR is {asr}.")
    chart(figure, alt=alt.format(asr=formats.percent(score.asr)), key="patch-scores-chart")
    score_table(evaluation)


def history(patch: PatchRecord) -> None:
    """The loss of the run, its validations and its settings."""
    steps = [] if patch.job_id is None else jobs.steps(patch.job_id)
    events = patch.summary.get("events", [])
    validated = [each for each in events if each.get("event") == "validated"]
    not_scorable = any(each.get("event") == "held-out images cannot be scored" for each in events)
    if steps or validated or not_scorable:
        with st.expander(_("History"), icon=":material/history:"):
            if steps and patch.job_id is not None:
                loss_chart(patch.job_id, steps)
                score_chart(patch.job_id)
            if validated:
                _validations(validated)
            if not_scorable:
                st.caption(
                    _(
                        "The held-out images could not be scored, because the detector finds none "
                        "of their objects even without a patch. The run continued without "
                        "validation and kept its last patch."
                    )
                )
    if settings := patch.summary.get("config"):
        with st.expander(_("Settings"), icon=":material/tune:"):
            rows = [
                {_("Setting"): setting_name(name), _("Value"): decided_value(name, value, patch.summary)}
                for name, value in flat(settings).items()
            ]
            st.dataframe(rows, hide_index=True)


def _validations(events: list[dict[str, Any]]) -> None:
    st.caption(_("Validations on held-out images:"))
    st.dataframe(
        [
            {
                _("Iteration"): each["iteration"],
                _("ASR"): formats.percent(each["asr"]),
                _("Confidence"): formats.number(each.get("confidence_retained")),
                _("AP50"): formats.number(each["ap50"]),
            }
            for each in events
        ],
        hide_index=True,
    )


def manage(patch: PatchRecord) -> None:
    """Name, notes and deletion."""
    with st.expander(_("Name and notes"), icon=":material/edit_note:"), st.form(f"patch-notes-{patch.id}"):
        name = name_field(patch.name)
        notes = st.text_area(_("Notes"), patch.notes, help=_(NOTES))
        if st.form_submit_button(_("Save"), key="patch-save"):
            with guarded():
                patches.edit(patch.id, name=name or patch.name, notes=notes)
                st.rerun()
    asked_twice(
        _("Delete"),
        _("Removes the patch with its files and scores. The run that made it stays."),
        _("Delete this patch"),
        partial(_delete, patch),
        icon=":material/delete:",
        key="patch-delete",
    )


def _delete(patch: PatchRecord) -> None:
    patches.delete(patch.id)
    choose("patch", None)
    st.toast(_("{name} was deleted.").format(name=run_name(patch.name)))
    st.rerun()
