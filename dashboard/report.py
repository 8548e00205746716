# SPDX-License-Identifier: AGPL-3.0-only
"""The HTML report of a run or of a comparison, and what makes any report: one file that loads nothing."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import time
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader
from PIL import Image
from plotly.offline import get_plotlyjs

from dashboard import formats
from dashboard.charts.theme import CONFIG
from dashboard.components import MEANINGS
from dashboard.i18n import _, language, speaking
from dashboard.parts.compare import courses
from dashboard.parts.compare import views as parts
from dashboard.parts.defend.story import attacker, figures, scene_rows, title
from dashboard.parts.run_names import numbered_name
from dashboard.services import marks, stories
from dashboard.services import runs as service
from dashboard.services.runs import Run

PICTURE_BYTES = 600_000  # of all patches together: with plotly.js the file stays below six million
TEMPLATES = Path(__file__).with_name("templates")
SCENE_PX = 480  # the longer side of a scene's picture
PRINTED = {"dark": False, "large": False}  # reports are printed
_SMOOTHING = 0.9


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the report: tables with their titles, one figure, notes, pictures.

    Attributes:
        title: its heading.
        figure: HTML of the chart; empty without one.
        alt: what the chart says.
        tables: caption → rows; those with a caption are folded.
        notes: sentences below.
        pictures: of patches or, if `scenes`, of a story.
    """

    title: str
    figure: str = ""
    alt: str = ""
    tables: tuple[tuple[str, parts.Rows], ...] = ()
    notes: tuple[str, ...] = ()
    pictures: tuple[Mapping[str, Any], ...] = ()
    scenes: bool = False


def report_html(job_ids: Sequence[int], *, code: str = "en") -> str:
    """The report of finished runs, as text of an HTML file.

    Args:
        job_ids: of one run, or of those to compare.
        code: the report's language, a key of `i18n.LANGUAGES`.

    Raises:
        JobError: a job is not there, or is no finished generation.
        StorageError: the database cannot be used.
    """
    with speaking(code):
        runs = service.compared(tuple(job_ids))
        makers = (_settings, _scores, _loss, _patches, _cost, _together, _machine, _versions)
        sections = [maker(runs) for maker in makers]
        sections[2:2] = _stories(runs[0]) if len(runs) == 1 else []
        return rendered(
            title=_title(runs),
            lead=_("How much a patch lowers a detector's scores, and how it was made."),
            sections=[section for section in sections if section is not None],
        )


def rendered(*, title: str, lead: str, sections: Sequence[Section]) -> str:
    """A report as text of an HTML file; title and lead in the session's language."""
    return str(
        _template().render(
            language=language(),
            title=title,
            made=_("Created on {when} by PatchBench.").format(when=formats.moment(time())),
            lead=lead,
            sections=sections,
            plotly=get_plotlyjs(),
        )
    )


def _title(runs: Sequence[Run]) -> str:
    if len(runs) == 1:
        return _("Report of run {run}").format(run=numbered_name(runs[0]))
    return _("Comparison of runs {runs}").format(runs=", ".join(str(run.job.id) for run in runs))


@cache
def _template() -> Any:
    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True).get_template("report.html")


def html_of(figure: go.Figure | None) -> str:
    """A figure as HTML for a section; empty without one."""
    if figure is None:
        return ""
    figure.update_layout(autosize=True)
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=CONFIG))


def _patches(runs: Sequence[Run]) -> Section:
    shown = [run for run in runs if run.patch is not None]
    budget = PICTURE_BYTES // max(len(shown), 1)
    pictures = []
    for run in shown:
        assert run.patch is not None
        size = _("{width} × {height} texels").format(width=run.patch.width, height=run.patch.height)  # noqa: RUF001
        pictures.append(
            {"source": picture(Path(run.patch.image), budget), "name": numbered_name(run), "size": size}
        )
    notes = () if shown else (_("The patch was deleted."),)
    return Section(title=_("Patch"), pictures=tuple(pictures), notes=notes)


def picture(path: Path, budget: int) -> str | None:
    """A patch as a data URI of at most so many bytes, halved in size until it fits; None if unreadable."""
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGBA" if "A" in opened.getbands() else "RGB")
    except OSError:
        return None
    while True:
        file = io.BytesIO()
        image.save(file, "PNG", optimize=True)
        text = base64.b64encode(file.getvalue()).decode()
        if len(text) <= budget or min(image.size) <= 16:
            return f"data:image/png;base64,{text}"
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)


def _scores(runs: Sequence[Run]) -> Section:
    if not any(run.evaluation for run in runs):
        return Section(title=_("Scores"), notes=(_("Not scored."),))
    notes = [
        _(
            "In brackets: 95% bootstrap interval over images. A patch that is no stronger than "
            "grey shows occlusion, not an attack."
        ),
        _(MEANINGS),
        *(_scored_on(run) for run in runs if run.evaluation),
    ]
    if not service.scored_alike(runs):
        notes.append(
            _(
                "These runs were scored on different datasets, detectors, classes or images. Do "
                "not compare their scores directly."
            )
        )
    return Section(
        title=_("Scores with controls"),
        figure=html_of(parts.scores_figure(runs, **PRINTED)),
        alt=parts.scores_alt(runs),
        tables=(("", parts.score_rows(runs)),),
        notes=tuple(notes),
    )


def _stories(run: Run) -> list[Section]:
    """What helps the detector of a run, as far as it was tried: a defence, and a hardening."""
    if run.patch is None or "config" not in run.patch.summary:
        return []
    subject, told = stories.about(run.patch)
    return [_story(scenes, subject) for scenes in told]


def _story(scenes: Sequence[stories.Scene], subject: stories.DefendedSubject) -> Section:
    """A story as a table by attacker, and in pictures where pages have shown it before."""
    hardened = scenes[-1].kind == "again-hardened"
    drawn = [scene for scene in scenes if scene.kind == "clean" or scene.patch is not None]
    images = stories.stored(scenes, subject)
    sides = [(images[0], "before"), *((image, "after") for image in images)] if images else []
    pictures = [
        {
            "source": _scene_picture(image, side),
            "name": title(scene),
            "size": f"{figures(scene)} · {attacker(scene)}",
        }
        for scene, (image, side) in zip(drawn, sides, strict=False)
    ]
    notes = [_("In brackets: 95% bootstrap interval over images.")]
    if scenes[-1].kind == "defended":
        notes.append(
            _(
                "This defence has not been tested against an adaptive attacker yet, so its benefit is "
                "unproven."
            )
        )
    return Section(
        title=_("Effect of hardening") if hardened else _("Effect of the defence"),
        tables=(("", scene_rows(scenes)),),
        pictures=tuple(pictures),
        scenes=True,
        notes=tuple(notes),
    )


def _scene_picture(image: Mapping[str, Any], side: str) -> str:
    """One side of a stored preview with its marks, as a data URI."""
    whole = dict(image)
    drawn = marks.marked(
        Path(image[side]["path"]).read_bytes(),
        marks.marks_of(whole, side),
        scores=marks.scores_of(whole, side),
    )
    with Image.open(io.BytesIO(drawn)) as opened:
        opened.thumbnail((SCENE_PX, SCENE_PX))
        file = io.BytesIO()
        opened.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _scored_on(run: Run) -> str:
    dataset, detector, target = run.scored_on
    score = run.patch.score if run.patch else None
    kinds = {
        True: _("{run} was scored on held-out images: {dataset}, {detector}, {target}."),
        False: _("{run} was scored on the images it was made on: {dataset}, {detector}, {target}."),
        None: _("{run} was scored on {dataset}, {detector}, {target}."),
    }
    words = kinds[score.held_out if score else None]
    return words.format(run=numbered_name(run), dataset=dataset, detector=detector, target=target)


def _loss(runs: Sequence[Run]) -> Section:
    figure = courses.figure(runs, what="loss", over="steps", strength=_SMOOTHING, **PRINTED)
    if figure is None:
        return Section(title=_("Loss"), notes=(_("No steps are stored for these runs."),))
    alt = _("Loss curves of {runs}.").format(runs=", ".join(numbered_name(run) for run in runs))
    note = _("Thick lines are running averages; thin lines are the raw loss.")
    return Section(title=_("Loss"), figure=html_of(figure), alt=alt, notes=(note,))


def _settings(runs: Sequence[Run]) -> Section:
    names = dict.fromkeys(name for run in runs for name in run.settings)
    everything = parts.setting_rows(runs, {name: [run.settings.get(name) for run in runs] for name in names})
    values = service.differing(runs)
    if len(runs) == 1:
        return Section(title=_("Settings"), tables=(("", everything),))
    differing = (("", parts.setting_rows(runs, values)),) if values else ()
    notes = () if values else (_("All settings are the same."),)
    return Section(
        title=_("Settings that differ"), tables=(*differing, (_("All settings"), everything)), notes=notes
    )


def _cost(runs: Sequence[Run]) -> Section:
    return Section(title=_("Cost"), tables=(("", parts.cost_rows(runs)),))


def _together(runs: Sequence[Run]) -> Section | None:
    figure = parts.parallel_figure(runs, **PRINTED)
    if figure is None:
        return None
    alt = _("One line per run across its scores and the settings that differ.")
    return Section(title=_("Settings and scores together"), figure=html_of(figure), alt=alt)


def _machine(runs: Sequence[Run]) -> Section:
    rows = _rows_by_run(_("Machine"), runs, [_machine_of(run) for run in runs])
    return Section(title=_("Machine"), tables=(("", rows),))


def _machine_of(run: Run) -> dict[str, Any]:
    machine = run.facts.get("machine", {})
    return {
        _("Device"): run.facts.get("device", run.job.device),
        _("GPU"): ", ".join(machine.get("gpus", ())) or None,
        _("CPU"): machine.get("cpu_model"),
        _("Memory"): formats.bytes_text(machine["memory_total_bytes"]) if machine else None,
        _("System"): machine.get("platform"),
        _("Finished"): formats.moment(run.job.finished_at),
    }


def _versions(runs: Sequence[Run]) -> Section:
    versions = [{"PatchBench": run.job.code_version, **run.facts.get("versions", {})} for run in runs]
    return Section(title=_("Versions"), tables=(("", _rows_by_run(_("Package"), runs, versions)),))


def _rows_by_run(title: str, runs: Sequence[Run], facts: Sequence[Mapping[str, Any]]) -> parts.Rows:
    """A line for each fact that any run has, a column for each run."""
    names: Iterable[str] = dict.fromkeys(name for each in facts for name, value in each.items() if value)
    return [
        {title: name}
        | {
            numbered_name(run): str(each.get(name) or formats.DASH)
            for run, each in zip(runs, facts, strict=True)
        }
        for name in names
    ]
