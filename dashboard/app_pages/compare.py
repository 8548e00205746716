# SPDX-License-Identifier: AGPL-3.0-only
"""Compare: finished runs side by side, by what differs in settings, scores, losses, costs and patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dashboard.components import (
    MEANINGS,
    chart,
    controls,
    empty_state,
    go_to,
    look,
    page_title,
    score_helps,
    table,
)
from dashboard.drawing import Markdown, st
from dashboard.i18n import _, ngettext
from dashboard.page_state import choose, kept, reset
from dashboard.parts.compare import courses
from dashboard.parts.compare import views as parts
from dashboard.parts.report_button import report_button
from dashboard.parts.run_names import numbered_name, run_name
from dashboard.services import runs as service
from dashboard.services.runs import Run

PICTURE = 220  # pixels, of a patch side by side


def numbers(text: str) -> list[int]:
    """Job numbers of a link, such as `1,2`.

    Raises:
        ValueError: a part is no number.
    """
    return list(dict.fromkeys(int(part) for part in text.split(",")))[: service.LIMIT]


def written(ids: Sequence[int]) -> str:
    """Job numbers as a link has them."""
    return ",".join(map(str, ids))


def linked() -> list[int]:
    """The runs that the link names; none if it cannot be read."""
    try:
        return numbers(st.query_params.get("runs", ""))
    except ValueError:
        return []


def choose_runs() -> tuple[int, ...]:
    """The runs to compare."""
    asked = linked()
    offered = service.candidates(tuple(asked))
    gone = [job_id for job_id in asked if job_id not in offered]
    if gone:
        text = ngettext(
            "Run {numbers} from the link no longer exists or did not succeed.",
            "Runs {numbers} from the link no longer exist or did not succeed.",
            len(gone),
        )
        st.warning(text.format(numbers=written(gone)), icon=":material/warning:")
    if len(offered) < 2:
        empty_state(
            _("You need two finished runs to compare. Generate another patch with different settings."),
            page="generate",
            label=_("Generate a patch"),
        )
        if not offered:
            return ()
    with controls("compare-runs"):
        ids = st.multiselect(
            _("Runs"),
            list(offered),
            format_func=lambda each: f"{each} {run_name(offered.get(each, ''))}",
            max_selections=service.LIMIT,
            placeholder=_("Choose two or more runs"),
            help=_("Finished patch generations. Type to search by number or label."),
            **kept(
                "runs",
                [] if asked else service.first_choice(list(offered)),
                allowed=offered,
                parse=lambda text: [each for each in numbers(text) if each in offered],
                write=written,
            ),
        )
        if len(ids) < 2 <= len(offered):
            latest = list(offered)[:2]
            st.button(_("Compare the latest two"), key="latest-two", on_click=take, args=(latest,))
    return tuple(ids)


def take(ids: list[int]) -> None:
    """Choose these runs in place of those chosen."""
    reset("runs")
    choose("runs", ids, write=written)


def settings(runs: list[Run]) -> None:
    """Only what differs."""
    st.subheader(_("Settings that differ"), anchor=False)
    values = service.differing(runs)
    same = len(runs[0].settings) - len(values)
    if values:
        table(parts.setting_rows(runs, values))
        text = ngettext("{number} other setting is the same.", "{number} other settings are the same.", same)
        st.caption(text.format(number=same))
    else:
        st.caption(_("All settings are the same, including the seed, so the patches should be identical."))


def scores(runs: list[Run]) -> None:
    """Chart and table of scores, beside the controls."""
    st.subheader(_("Scores"), anchor=False)
    unscored = [numbered_name(run) for run in runs if not run.evaluation]
    if unscored:
        st.info(_("Not scored: {runs}.").format(runs=", ".join(unscored)))
    if len(unscored) == len(runs):
        return
    if not service.scored_alike(runs):
        st.warning(
            _(
                "These runs were scored on different datasets, detectors, classes or images. Do "
                "not compare their scores directly."
            ),
            icon=":material/warning:",
        )
    figure = parts.scores_figure(runs, **look())
    chart(figure, alt=parts.scores_alt(runs), key="scores")
    st.caption(_("↑ Higher is stronger; ↓ lower is stronger."))
    table(parts.score_rows(runs), score_helps())
    if mapped := parts.mapped_classes(runs):
        text = _("Classes whose names differ between dataset and detector: {runs}.")
        st.caption(text.format(runs="; ".join(mapped)))
    st.caption(
        _(
            "In brackets: 95% bootstrap interval over images. A patch that is no stronger than "
            "grey shows occlusion, not an attack."
        )
    )
    st.caption(_(MEANINGS))


def course(runs: list[Run]) -> None:
    """Loss or scores over each other."""
    st.subheader(_("Curves"), anchor=False)
    with controls("compare-losses"), st.container(horizontal=True, vertical_alignment="bottom"):
        what = _choice(
            _("Items"), "what", courses.WHAT, _("Scores are measured on each run's held-out images.")
        )
        over = _choice(
            _("X axis"),
            "over",
            courses.OVER,
            _("Steps show progress per update, seconds show progress per time."),
        )
        strength = st.slider(
            _("Smoothing"),
            min_value=0.0,
            max_value=0.98,
            step=0.02,
            width=280,
            help=_("Strength of the running average (thick line). The thin line is the raw loss."),
            **kept("smoothing", 0.9, parse=share),
        )
        logs = {f"log_{axis}": _log(axis) for axis in ("x", "y")}
    smoothing = strength if what == "loss" else 0.0
    figure = courses.figure(runs, what=what, over=over, strength=smoothing, **logs, **look())
    if figure is None:
        none = _("No steps are stored for these runs.")
        st.caption(none if what == "loss" else _("These runs have no held-out images."))
        return
    alt = _("Loss curves of {runs}.") if what == "loss" else _("Scores of {runs} over time.")
    chart(figure, alt=alt.format(runs=", ".join(numbered_name(run) for run in runs)), key="loss")
    if what == "loss" and "losses" in service.differing(runs):
        st.caption(
            _("These runs minimise different losses. Compare the shapes of the curves, not their heights.")
        )


def _choice(label: str, name: str, names: Mapping[str, str], meaning: str) -> str:
    found: str = st.segmented_control(
        label,
        list(names),
        format_func=lambda each: _(names[each]),
        required=True,
        help=meaning,
        **kept(name, next(iter(names)), allowed=names),
    )
    return found


def _log(axis: str) -> bool:
    label = _("Logarithmic x axis") if axis == "x" else _("Logarithmic y axis")
    return bool(st.toggle(label, **kept(f"log{axis}", False, parse=lambda text: text == "True")))


def share(text: str) -> float:
    """The smoothing of a link.

    Raises:
        ValueError: it is no number from 0 to 0.98.
    """
    value = float(text)
    if not 0 <= value <= 0.98:
        raise ValueError(f"expected 0 to 0.98, got {text}")
    return value


def patches(runs: list[Run]) -> None:
    """The patches in a row, texels unsmoothed."""
    st.subheader(_("Patches"), anchor=False)
    st.html("<style>.st-key-compare-patches img {image-rendering: pixelated}</style>")
    with st.container(horizontal=True, key="compare-patches"):
        for run in runs:
            with st.container(width=PICTURE):
                if run.patch is None:
                    st.caption(_("{run}: its patch was deleted.").format(run=numbered_name(run)))
                    continue
                if Path(run.patch.image).is_file():
                    st.image(run.patch.image, width=PICTURE, alt=numbered_name(run))
                else:
                    st.caption(_("The patch file is missing."))
                size = _("{width} × {height} texels").format(width=run.patch.width, height=run.patch.height)  # noqa: RUF001
                st.markdown(Markdown("**{name}**").format(name=numbered_name(run)))
                st.caption(size)
                go_to("patches", _("Open"), patch=run.patch.id)


def page() -> None:
    """The whole page."""
    page_title(
        _("Compare"),
        _("Compare finished runs: which settings differ, and how the results compare."),
    )
    ids = choose_runs()
    if len(ids) < 2:
        return
    runs = service.compared(ids)
    with controls("compare-report"):
        report_button(ids)
    settings(runs)
    scores(runs)
    course(runs)
    st.subheader(_("Cost"), anchor=False)
    table(parts.cost_rows(runs))
    patches(runs)
    figure = parts.parallel_figure(runs, **look())
    if figure is not None:
        st.subheader(_("Settings and scores together"), anchor=False)
        alt = _("One line per run across its scores and the settings that differ.")
        chart(figure, alt=alt, key="parallel")


page()
