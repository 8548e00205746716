# SPDX-License-Identifier: AGPL-3.0-only
"""Small widgets that pages share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

import plotly.graph_objects as go

from dashboard import formats
from dashboard.charts.theme import CONFIG, columns, revision
from dashboard.drawing import Markdown, st
from dashboard.i18n import N_, _, ngettext
from dashboard.notices import tab_title
from dashboard.page_state import page_shown, presenting, reference
from dashboard.services import datasets, jobs
from dashboard.services.failures import for_pages, logged, way_out
from engine.errors import EngineError
from engine.records import Job, Progress, ScoreRecord

STATES = {  # state → its name, colour and icon: never the colour alone
    "queued": (N_("Queued"), "gray", ":material/schedule:"),
    "running": (N_("Running"), "blue", ":material/play_arrow:"),
    "paused": (N_("Paused"), "orange", ":material/pause:"),
    "succeeded": (N_("Succeeded"), "green", ":material/check:"),
    "failed": (N_("Failed"), "red", ":material/error:"),
    "cancelled": (N_("Cancelled"), "gray", ":material/cancel:"),
    "interrupted": (N_("Interrupted"), "orange", ":material/power_off:"),
}
CONDITIONS = {
    "patch": N_("Patch"),
    "clean": N_("No patch"),
    "grey": N_("Grey patch"),
    "noise": N_("Noise patch"),
}
SCORES = {
    "asr": N_("ASR"),
    "confidence_retained": N_("Confidence"),
    "ap50": N_("AP50"),
    "ap50_95": N_("AP50-95"),
    "relative_ap50": N_("Relative AP50"),
    "disappearance": N_("Disappearance"),
    "hallucinations_per_image": N_("Hallucinations per image"),
}
EXPLAINED = {
    "asr": N_(
        "Attack success rate: of the objects detected without a patch, the percentage no longer "
        "detected. Higher is stronger."
    ),
    "confidence_retained": N_(
        "How much of these objects' detection scores remains, from 0 (hidden) to 1 (unaffected). "
        "Lower is stronger."
    ),
    "ap50": N_("Average precision at an overlap (IoU) of 0.5. Lower is stronger."),
    "ap50_95": N_("Average precision, averaged over overlaps (IoU) of 0.5 to 0.95. Lower is stronger."),
    "relative_ap50": N_(
        "AP50 against the detector's own detections without a patch instead of the labels. Lower is stronger."
    ),
    "disappearance": N_("Percentage of all objects that no detection overlaps. Higher is stronger."),
    "hallucinations_per_image": N_(
        "Detections per image that overlap no object. A patch that hides objects should not raise it."
    ),
}
_MEASURED_ROWS = 10  # by which the browser sizes a table's columns
MEANINGS = N_(
    "ASR: of the objects detected without a patch, the percentage no longer detected. Confidence: "
    "how much of their detection scores remains, from 0 (hidden) to 1 (unaffected). "
    "Disappearance: percentage of all objects that no detection overlaps. AP50, AP50-95: average "
    "precision; a strong patch lowers it."
)


@contextmanager
def guarded() -> Iterator[None]:
    """Show what goes wrong within as one sentence: an engine's error as it is, others by an id in the log."""
    try:
        yield
    except EngineError as error:
        refusal(str(error), error)
    except Exception as error:
        text = _("Something went wrong. Reload the page. The details are in the log under {id}.")
        st.error(text.format(id=logged(error)), icon=":material/error:")


def refusal(message: str, error: Exception | None = None) -> None:
    """An engine's message, and a link to the page where one can go on, unless that is the one shown.

    Args:
        error: what was raised; None for a message that was kept, such as that of a job.
    """
    st.error(for_pages(message), icon=":material/error:")
    page = way_out(message, error)
    if page is not None and page != page_shown():
        go_to(page)


def live(function: Callable[..., None], every_s: float | None = 2.0) -> Callable[..., None]:
    """A part of a page that draws itself anew every few seconds, guarded; None: only when used."""

    @wraps(function)
    def safely(*args: Any, **kwargs: Any) -> None:
        with guarded():
            function(*args, **kwargs)

    return st.fragment(safely, run_every=every_s)


def page_title(title: str, lead: str) -> None:
    """A page's heading, also its tab's, and its purpose in a sentence."""
    tab_title(title)
    st.title(title, anchor=False)
    st.markdown(lead)


def controls(name: str) -> Any:
    """A container for what is used, not looked at: the presentation mode hides it, its values stay."""
    return st.container(key=f"controls-{name}")


def folded(title: str, icon: str, *, key: str, expanded: bool = False) -> Any | None:
    """A box whose content is drawn once it is opened: a closed form costs as much to draw as an open one.

    Args:
        key: unique on the page.
        expanded: whether it is open at first.

    Returns:
        The box to draw into; None while it is closed.
    """
    box = st.expander(title, icon=icon, key=key, expanded=expanded, on_change="rerun")
    return box if box.open else None


def look() -> dict[str, bool]:
    """Arguments `dark` and `large` of every chart, as the session has them."""
    return {"dark": st.context.theme.type == "dark", "large": presenting()}


def chart(figure: go.Figure, *, alt: str, key: str, **options: Any) -> Any:
    """Show a figure; `alt` says in a sentence what can be read from it. Returns the selection, if any."""
    figure.layout.datarevision = revision(figure)
    return st.plotly_chart(figure, theme=None, config=CONFIG, alt=alt, key=key, **options)


def line_chart(rows: Mapping[str, Sequence[Any]], spec: dict[str, Any], *, alt: str) -> None:
    """Show lines of `charts.lines`; `alt` says in a sentence what can be read from them.

    New rows are drawn into the chart that is there as long as `spec` and `alt` stay the same: while something
    runs, `alt` must not say how far it is.

    Args:
        rows: column → values, as `spec` names them.
    """
    st.vega_lite_chart(rows, spec, theme=None, alt=alt)


def state_name(state: str) -> str:
    """A job's state in the session's language."""
    return _(STATES[state][0])


def kind_name(kind: str) -> str:
    """A job's kind in the session's language."""
    return _(jobs.kind_of(kind).title)


def state_badge(state: str) -> None:
    """A job's state as a word, an icon and a colour."""
    name, colour, icon = STATES[state]
    st.badge(_(name), icon=icon, color=colour)  # type: ignore[arg-type]


def fact(place: Any, label: str, value: object, note: str = "") -> None:
    """A figure in a frame, with a note below it.

    Args:
        place: a column or container, or `st`.
    """
    place.metric(label, value, note or None, delta_color="off", delta_arrow="off", border=True)


def empty_state(text: str, *, page: str | None = None, label: str = "") -> None:
    """What to show where there is nothing yet, and one link to what changes that.

    Where even a dataset lacks, the link leads to the demo on the Overview, not to Generate.

    Args:
        page: a script in `app_pages`, such as `datasets`.
        label: of the link.
    """
    if page == "generate" and not datasets.summaries():  # it would only send people on
        page, label = "overview", _("Start with the demo")
    with st.container(border=True):
        st.markdown(text)
        if page:
            go_to(page, label)


def go_to(page: str, label: str = "", **parameters: object) -> None:
    """A link to a page with query parameters, by default called as the page is; nothing without that page."""
    from dashboard.navigation import PAGES, page_of

    if page in PAGES:
        st.page_link(
            page_of(page),
            label=label or _(PAGES[page][0]),
            icon=":material/arrow_forward:",
            query_params=reference(**parameters),
        )


def progress_line(progress: Progress) -> None:
    """How far a job is, its rate and the time that remains; with a bar once the whole is known."""
    facts = [_(jobs.progress_word(progress.phase)) if progress.phase else ""]
    unit = _(jobs.progress_word(progress.unit)) if progress.unit else ""
    if progress.total:
        facts.append(f"{progress.done:,} / {progress.total:,} {unit}".strip())
    elif progress.done:
        facts.append(f"{progress.done:,} {unit}".strip())
    if progress.rate and progress.unit in ("images", "steps"):  # of steps it is given in images
        facts.append(_("{rate} images/s").format(rate=formats.number(progress.rate, 1)))
    if progress.remaining_s is not None:
        facts.append(_("{time} left").format(time=formats.duration(progress.remaining_s)))
    text = " · ".join(fact for fact in facts if fact) or _("Starting")
    if progress.share is None:  # an empty bar would look as if nothing went on
        st.caption(Markdown(":material/hourglass_top: {text}").format(text=text))
    else:
        st.progress(progress.share, text=text)


def table(rows: list[dict[str, Any]], helps: Mapping[str, str] | None = None) -> None:
    """Results in columns; in presentation mode all are seen without scrolling, as long cells are folded.

    Args:
        rows: column → cell.
        helps: column → what it means, shown on its head.
    """
    if presenting():
        st.table([{name: _folding(value) for name, value in row.items()} for row in rows], hide_index=True)
    else:
        st.dataframe(rows, hide_index=True, height="content", column_config=_columns(rows, helps or {}))


def _columns(rows: Sequence[Mapping[str, Any]], helps: Mapping[str, str]) -> dict[str, Any]:
    """Columns with a help, and those whose longest cell the browser does not measure, with their widths."""
    wide = {name: st.column_config.Column(help=text) for name, text in helps.items()}
    for name in rows[0] if rows else ():
        measured, others = (
            max((columns(str(row[name])) for row in part), default=0)
            for part in (rows[:_MEASURED_ROWS], rows[_MEASURED_ROWS:])
        )
        if others > max(measured, columns(name)):
            wide[name] = st.column_config.Column(width=20 + round(6.6 * others), help=helps.get(name))
    return wide


def _folding(value: object) -> str:
    """A cell that is folded before a bracket, not within it."""
    return re.sub(
        r"\([^()]*\)|\[[^\[\]]*\]", lambda bracket: bracket[0].replace(" ", "\N{NO-BREAK SPACE}"), str(value)
    )


def score_table(evaluation: Mapping[str, Any]) -> None:
    """A patch's scores beside its controls, each with its 95% interval.

    Args:
        evaluation: what `Evaluation.to_json` gives.
    """
    table(score_rows(evaluation), score_helps())
    st.caption(_("In brackets: 95% bootstrap interval over images."))
    st.caption(_(MEANINGS))


def score_helps() -> dict[str, str]:
    """What each column of scores means."""
    return {_(SCORES[key]): _(text) for key, text in EXPLAINED.items()}


def score_rows(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of `score_table`, the patch first."""
    conditions = {"patch": evaluation["patch"], **evaluation["controls"]}
    return [
        {_("Condition"): _(CONDITIONS.get(name, name))}
        | {_(title): formats.score(scores, key) for key, title in SCORES.items()}
        for name, scores in conditions.items()
    ]


def score_line(score: ScoreRecord) -> str:
    """A patch's score in a few words, with the number of images that it rests on."""
    words = _("ASR {asr} · AP50 {ap50} on {dataset}, {detector}").format(
        asr=formats.percent(score.asr),
        ap50=formats.number(score.ap50),
        dataset=score.dataset,
        detector=behind(score.detector, score.defences),
    )
    images = score.evaluation.get("settings", {}).get("images")
    if not images:
        return words
    return f"{words} · {ngettext('{number} image', '{number} images', images).format(number=f'{images:,}')}"


def behind(detector: str, defences: Sequence[str]) -> str:
    """A detector's name with the defences in front of it."""
    if not defences:
        return detector
    return _("{detector} with {defences}").format(detector=detector, defences=" + ".join(defences))


def goes_on(key: str) -> bool:
    """Whether a job about to be queued goes on by itself after a crash; `key` is of the widget."""
    return st.toggle(
        _("Resume after a crash"),
        value=True,
        help=_("Resume automatically from the last checkpoint if the machine or the worker fails."),
        key=key,
    )


def launch_button(label: str, key: str, submit: Callable[[], Job], **look: Any) -> int | None:
    """A button that queues a job, and below it which one it was.

    Args:
        label: of the button.
        key: of the button.
        submit: queues the job.
        look: arguments of the button besides.

    Returns:
        The number of the job that this session has queued last with the button, if any.
    """
    if st.button(label, key=key, **{"type": "primary", "icon": ":material/play_arrow:"} | look):
        with guarded():
            st.session_state[f"{key}.job"] = submit().id
    number: int | None = st.session_state.get(f"{key}.job")
    if number:
        st.success(_("Job {job} is queued.").format(job=number), icon=":material/check:")
        go_to("jobs", _("View progress"), job=number)
    return number
