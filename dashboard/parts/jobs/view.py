# SPDX-License-Identifier: AGPL-3.0-only
"""One job on its page: what it does now, what can be asked of it, what it was asked and what came of it."""

from __future__ import annotations

from typing import Any

from dashboard import formats
from dashboard.charts.jobs import (
    loss_rows,
    loss_spec,
    rates,
    score_rows,
    score_spec,
    throughput_rows,
    throughput_spec,
)
from dashboard.components import (
    SCORES,
    fact,
    go_to,
    line_chart,
    look,
    progress_line,
    refusal,
    score_table,
    state_name,
)
from dashboard.drawing import Markdown, st
from dashboard.i18n import N_, _, ngettext
from dashboard.notices import tab_title
from dashboard.page_state import chosen, kept, presenting
from dashboard.parts.film import SCORED
from dashboard.parts.job_lines import job_title
from dashboard.parts.jobs.events import events_table
from dashboard.parts.jobs.hardenings import tried
from dashboard.parts.jobs.load import load
from dashboard.parts.jobs.log import log
from dashboard.parts.jobs.trainings import trained, trained_defence, training_curves
from dashboard.parts.outcome import ending, headline
from dashboard.parts.setting_names import decided_value, setting_name
from dashboard.pictures import texels
from dashboard.services import films, jobs
from dashboard.services.jobs import JobView
from dashboard.services.settings import settings_of
from engine.classes import recorded_words
from engine.records import Job, StepRecord
from engine.settings import flat

AXES = {"iterations": N_("Iterations"), "steps": N_("Steps"), "seconds": N_("Seconds")}
GOES_ON = ("queued", "running")
OPEN = ("queued", "running", "paused", "interrupted")
WAITS = ("queued", "paused", "interrupted")


def live_part(job_id: int, seen: tuple[Any, ...]) -> None:
    """What changes while a job runs; the whole page is drawn anew when its state changes.

    Args:
        job_id: the job.
        seen: its state and what was wanted of it when the page was drawn.
    """
    found = jobs.view(job_id)
    if (found.job.state, found.job.wanted) != seen:
        st.rerun()
    name_tab(found.job)
    situation(found)
    if found.job.state == "running":
        progress_line(found.job.progress)
    has_steps = jobs.kind_of(found.job.kind).has_steps
    steps = jobs.steps(job_id) if has_steps else []
    figures(found.job, steps)
    if steps or (has_steps and found.job.state in OPEN):
        curves(found.job, steps)
    load(found.job)
    log(job_id)


def name_tab(job: Job) -> None:
    """The tab's title: the job's number, its state and how far it is."""
    facts = [_("Job {job}").format(job=job.id), state_name(job.state)]
    if job.state == "running" and job.progress.share:
        facts[1] += f" {formats.percent(job.progress.share)}"
    tab_title(" · ".join(facts))


def situation(found: JobView) -> None:
    """Why a job is where it is, and who waits on what."""
    job = found.job
    if job.wanted:
        asked = _("Cancelling …") if job.wanted == "cancel" else _("Pausing …")
        st.info(asked, icon=":material/hourglass_top:")
    if job.error:
        refusal(job.error)
    if job.node and job.state != "queued":
        text = (
            _("Running on node {node}, {device}.")
            if job.state == "running"
            else _("Ran on node {node}, {device}.")
        )
        st.caption(text.format(node=job.node, device=job.node_device))
    if job.state == "queued":
        st.info(_turn(found), icon=":material/schedule:")
    if job.state in GOES_ON and not found.served:
        st.warning(_("No worker is running. Start one in the sidebar."), icon=":material/warning:")
    if job.state in ("paused", "interrupted"):
        st.info(_("It continues from its last checkpoint when resumed."), icon=":material/pause:")
    if found.first is not None and job.state in WAITS:
        _related(_("Waits for: {job} ({state})"), found.first)
    if found.origin is not None:
        _related(_("Duplicated from: {job} ({state})"), found.origin)
    for other in found.waiting:
        if other.state in WAITS:
            _related(_("Jobs waiting for this one: {job} ({state})"), other)


def _turn(found: JobView) -> str:
    if found.first is not None and found.first.state != "succeeded":
        return _("It starts after job {job} succeeds.").format(job=found.first.id)
    ahead = len(found.ahead)
    if not ahead:
        return _("It is next in the queue.")
    return ngettext("{number} job is ahead of it.", "{number} jobs are ahead of it.", ahead).format(
        number=ahead
    )


def _related(text: str, job: Job) -> None:
    label = text.format(job=f"{job.id} · {job_title(job)}", state=state_name(job.state))
    go_to("jobs", label, job=job.id)


def figures(job: Job, steps: list[StepRecord]) -> None:
    """Time, rate, memory and loss, with the estimate beside each where there is one."""
    going = job.state == "running" and not job.finished_at
    time_title = _("Elapsed time") if going else _("Duration")
    shown = [
        (time_title, formats.duration(jobs.spent_s(job)), _estimated_time(job.estimate)),
        (_memory_title(job), formats.bytes_text(_memory(job)), _estimated_memory(job.estimate)),
    ]
    if jobs.kind_of(job.kind).has_steps:
        shown.append((_("Throughput (images/s)"), formats.number(_throughput(job, steps), 1), ""))
        shown.append((_("Loss"), formats.number(steps[-1].loss if steps else None, 3), ""))
    wide = 2 if presenting() else len(shown)  # larger type needs more room
    columns = [column for _row in range(0, len(shown), wide) for column in st.columns(wide)]
    for column, (title, value, estimated) in zip(columns, shown, strict=True):
        fact(column, title, value, estimated)


def _memory_title(job: Job) -> str:
    """Whose memory it is, once that is known."""
    device = str((job.result or {}).get("device", ""))
    if not device:
        return _("Memory")
    return _("Process memory") if device.startswith("cpu") else _("Device memory")


def _memory(job: Job) -> int | None:
    """The most that was needed; until that is known, and where a job did not come that far, the latest."""
    peak = None if job.state == "running" else (job.result or {}).get("peak_memory_bytes")
    latest = None if job.state == "queued" else job.progress.memory_bytes
    return latest if peak is None else int(peak)


def _throughput(job: Job, steps: list[StepRecord]) -> float | None:
    """Images a second of the steps, whatever else is counted in images since, such as those scored."""
    if job.state == "running" and job.progress.unit == "steps":
        return job.progress.rate
    whole: float | None = (job.result or {}).get("image_iterations_per_s")
    return whole if whole is not None else next(reversed(rates(steps)[1]), None)


def _estimated_time(estimate: dict[str, Any]) -> str:
    if "elapsed_s" not in estimate:
        return ""
    text = _("Estimated: {time} ({low} to {high})")
    low, high = (estimate.get(name, estimate["elapsed_s"]) for name in ("low_s", "high_s"))
    return text.format(
        time=formats.duration(estimate["elapsed_s"]), low=formats.duration(low), high=formats.duration(high)
    )


def _estimated_memory(estimate: dict[str, Any]) -> str:
    if "peak_memory_bytes" not in estimate:
        return ""
    return _("Estimated: up to {memory}").format(memory=formats.bytes_text(estimate["peak_memory_bytes"]))


def curves(job: Job, found: list[StepRecord]) -> None:
    """The patch as it forms, and beside it the loss and the throughput; of a training its epochs."""
    if jobs.kind_of(job.kind).makes in ("weights", "defence"):
        training_curves(job, found)
        return
    picture, charts = st.columns([1, 2], gap="medium")
    png = jobs.live_image(job.id)
    with picture:
        if png is None and job.state in OPEN:
            st.caption(_("The patch appears here after the first steps."))
        elif png is not None:
            texels(png, alt=_("The patch of job {job}.").format(job=job.id), key="live")
    with charts:
        if found:
            loss_chart(job.id, found, goes_on=job.state in GOES_ON)
        else:
            st.caption(_("The loss appears here after the first steps."))
    score_chart(job.id)
    if len(found) > 2:
        spec = throughput_spec(title=_("Throughput (images/s)"), x_title=_("Seconds"), **look())
        line_chart(throughput_rows(found), spec, alt=_("Throughput of the run over time."))


def loss_chart(job_id: int, found: list[StepRecord], *, goes_on: bool = False) -> None:
    """The loss, raw and smoothed, over iterations, steps or seconds.

    Args:
        job_id: the run.
        found: its steps, at least one.
        goes_on: more will come, and be drawn into the same chart.
    """
    asked = chosen("jobs.axis", "")
    over = asked if asked in AXES else next(iter(AXES))
    title = _("Loss (smoothed and raw)")
    spec = loss_spec(
        title=title,
        x_title=_(AXES[over]),
        loss=_("Loss"),
        smooth=_("Smoothed"),
        **look(),
    )
    so_far = _("Loss of job {job}: from {first} to {last} over {steps} steps.").format(
        job=job_id,
        first=formats.number(found[0].loss, 3),
        last=formats.number(found[-1].loss, 3),
        steps=f"{found[-1].step:,}",
    )
    line_chart(loss_rows(found, over), spec, alt=title if goes_on else so_far)


def score_chart(job_id: int) -> None:
    """What the patch scored on the images held out, iteration by iteration; nothing before the first time."""
    found = [(each.iteration, each.scores, each.ci95) for each in films.validations(job_id)]
    if not found:
        return
    title = _("Scores on held-out images, with 95% intervals")
    spec = score_spec(
        {name: _(SCORES[name]) for name in SCORED}, title=title, x_title=_("Iterations"), **look()
    )
    line_chart(score_rows(found, SCORED), spec, alt=title)


def axis_choice() -> None:
    """Whether losses are drawn over iterations, steps or seconds."""
    st.segmented_control(
        _("X axis of the loss"),
        list(AXES),
        format_func=lambda each: _(AXES[each]),
        required=True,
        **kept("jobs.axis", next(iter(AXES)), allowed=AXES),
    )


def result(found: JobView) -> None:
    """What came of a job that ended well in a few words, and the way to it."""
    job, makes = found.job, jobs.kind_of(found.job.kind).makes
    if found.patch is not None:
        if score := found.patch.score:
            headline(score.evaluation, score.class_name, score.held_out)
        if ended := ending(found.patch.summary):
            st.caption(ended)
        go_to("patches", _("View the patch"), patch=found.patch.id)
    elif makes == "scores" and job.result:
        headline(job.result, recorded_words(job.request), None)
    elif makes == "dataset" and job.result:
        _imported(job.result)
    elif makes == "weights" and job.result:
        if "trial" in job.result:
            tried(job.result["trial"])
        trained(job.id, job.result)
    elif makes == "defence" and job.result:
        trained_defence(job.result)
    elif makes == "benchmark" and job.result:
        go_to("benchmarks", _("View the benchmark"), suite=job.request["suite"])
    elif makes == "matrix" and job.result:
        go_to("transfer", _("View the matrix"), matrix=job.result["matrix"])


def scores(found: JobView) -> None:
    """All figures of what a job made, beside their controls."""
    if found.patch is not None and found.patch.score is not None:
        score_table(found.patch.score.evaluation)
    elif jobs.kind_of(found.job.kind).makes == "scores" and found.job.result:
        score_table(found.job.result)


def _imported(facts: dict[str, Any]) -> None:
    text = _("**{dataset}**: {images} images with {objects} objects; {repairs} labels repaired or skipped.")
    st.markdown(
        Markdown(text).format(
            dataset=facts["dataset"],
            images=f"{facts['images']:,}",
            objects=f"{facts['objects']:,}",
            repairs=sum(facts["repairs"].values()),
        )
    )
    for note in facts.get("notes", ()):
        st.text(note)
    go_to("datasets", _("View the dataset"), dataset=facts["dataset"])


def details(found: JobView) -> None:
    """What happened to the job and what it was asked to do."""
    with st.expander(_("Events"), icon=":material/history:"):
        events_table(found.events)
    with st.expander(_("Settings"), icon=":material/tune:"):
        asked = {name: value for name, value in found.job.request.items() if name != "config"}
        known = settings_of(found.job.kind)
        settings, facts = flat(found.job.request.get("config", {})) | flat(asked), found.job.result or {}
        st.dataframe(
            [
                {_("Setting"): setting_name(name, known), _("Value"): decided_value(name, value, facts)}
                for name, value in settings.items()
            ],
            hide_index=True,
        )
        st.caption(_("PatchBench {version}").format(version=found.job.code_version or formats.DASH))
