# SPDX-License-Identifier: AGPL-3.0-only
"""Forms that import datasets as jobs, and how far those jobs are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dashboard.components import go_to, guarded, live, progress_line, state_badge
from dashboard.drawing import Markdown, st
from dashboard.i18n import N_, _
from dashboard.page_state import changed, choose, kept, reset
from dashboard.parts.job_lines import job_title
from dashboard.services import datasets, jobs
from dashboard.services.paths import allowed_roots
from engine.records import Job

_AWAITED = "datasets.awaited"  # the number of this session's last import, until it is here
_IMPORTED = "datasets.imported"  # what came of it
_FIELDS = ("import-path-written", "import-coco-written", "import-coco-images")
WAYS = {
    "demo": N_("Demo"),
    "upload": N_("Upload a zip"),
    "path": N_("Folder or file"),
    "coco": N_("COCO JSON"),
    "known": N_("Published dataset"),
}


def import_forms(existing: set[str]) -> None:
    """The way to import, and its few fields.

    Args:
        existing: names of datasets, which an import of the same name replaces.
    """
    way = st.segmented_control(
        _("Import from"),
        list(WAYS),
        format_func=lambda each: _(WAYS[each]),
        required=True,
        help=_("Location of the dataset."),
        **kept("datasets.from", "demo", allowed=WAYS),
    )
    {"demo": _demo, "upload": _upload, "path": _path, "coco": _coco, "known": _known}[way](existing)


def _demo(existing: set[str]) -> None:
    st.markdown(_("Synthetic street scenes with people, generated on this machine in a few seconds."))
    if "demo" in existing:
        st.caption(_("The demo is already imported. Importing it again changes nothing."))
    if st.button(_("Import the demo"), type="primary", key="import-demo"):
        with guarded():
            _queued(datasets.import_demo())


def _upload(existing: set[str]) -> None:
    st.markdown(
        _(
            "A zip file of a YOLO folder (images and labels, data file optional) or of COCO JSON "
            "with its images. Only images, labels and descriptions are extracted."
        )
    )
    file = st.file_uploader(
        _("Zip file"),
        type="zip",
        help=_("Maximum 200 MB. Import larger datasets from a folder."),
        key="import-zip",
    )
    name, split = _naming("upload", existing, datasets.splits_in(file) if file else {})
    if st.button(_("Upload and import"), type="primary", key="import-upload", disabled=file is None) and file:
        with guarded():
            _queued(datasets.import_upload(file, file.name, name=name, split=split))


def _path(existing: set[str]) -> None:
    written = st.text_input(
        _("Path on this machine"),
        help=_(
            "A YOLO folder, a folder with COCO JSON and its images, an Ultralytics data file "
            "(.yaml) or a zip file. Allowed folders: {folders}"
        ).format(folders=", ".join(map(str, allowed_roots()))),
        key="import-path-written",
    )
    name, split = _naming("path", existing, datasets.splits_at(written) if written.strip() else {})
    if st.button(_("Import"), type="primary", key="import-path"):
        with guarded():
            _queued(datasets.import_path(written, name=name, split=split))


def _coco(existing: set[str]) -> None:
    written = st.text_input(
        _("Annotation file"),
        help=_("A COCO detection annotation file (JSON) on this machine."),
        key="import-coco-written",
    )
    images = st.text_input(
        _("Image folder"),
        help=_("The folder that the file names are relative to. Leave empty to search the usual places."),
        key="import-coco-images",
    )
    name = _name("coco", existing)
    if st.button(_("Import"), type="primary", key="import-coco"):
        with guarded():
            _queued(datasets.import_path(written, name=name, split="train", images=images))


def _known(existing: set[str]) -> None:
    known = st.selectbox(
        _("Name"),
        datasets.known_names(),
        index=None,
        placeholder=_("Choose a dataset"),
        help=_(
            "A dataset that Ultralytics can download. Requires network access; large datasets take a "
            "long time."
        ),
        key="import-known-choice",
    )
    name, split = _naming("known", existing)
    if (
        st.button(_("Download and import"), type="primary", key="import-known", disabled=known is None)
        and known
    ):
        with guarded():
            _queued(datasets.import_name(known, name=name, split=split))


def _naming(
    way: str, existing: set[str], splits: Mapping[str, int | None] = MappingProxyType({})
) -> tuple[str, str]:
    """Name and split.

    Args:
        way: one of `WAYS`.
        existing: as of `import_forms`.
        splits: the images in each split, None for one that is not there; empty where that is not known.
    """
    left, right = st.columns([3, 1])
    with left:
        name = _name(way, existing)
    with right:
        split = st.selectbox(
            _("Split"),
            datasets.SPLIT_CHOICES,
            help=_("The split to import, or all splits. A dataset without splits counts as train."),
            key=f"import-{way}-split",
        )
    if splits:
        counts = ", ".join(
            f"{each} {_('missing') if count is None else f'{count:,}'}" for each, count in splits.items()
        )
        st.caption(_("Images per split: {counts}").format(counts=counts))
    return name, split


def _name(way: str, existing: set[str]) -> str:
    name = st.text_input(
        _("Name (optional)"),
        help=_(
            "Name of the dataset. By default, it is derived from the source, with a number added "
            "if the name is taken."
        ),
        key=f"import-{way}-name",
    ).strip()
    if name in existing:
        st.warning(_("A dataset with this name exists. The import replaces it."))
    return name


def _queued(job: Job) -> None:
    st.session_state[_AWAITED] = job.id
    st.toast(_("Queued: {job}").format(job=job_title(job)))


def running_imports() -> None:
    """Imports that run, wait or failed lately, live, and what came of the last one of this session.

    The page is drawn anew when one ends.
    """
    live(_running, every_s=1.5)()
    if facts := st.session_state.get(_IMPORTED):
        text = _(
            "**{dataset}**: {images} images with {objects} objects; {repairs} labels repaired or skipped."
        )
        numbers = {"images": facts["images"], "objects": facts["objects"]}
        numbers["repairs"] = sum(facts["repairs"].values())
        shown = {name: f"{number:,}" for name, number in numbers.items()}
        st.success(Markdown(text).format(dataset=facts["dataset"], **shown), icon=":material/check:")


def _arrived() -> bool:
    """Choose the dataset that this session has imported, once it is here, and empty the form."""
    awaited = st.session_state.get(_AWAITED)
    if awaited is None:
        return False
    job = jobs.view(awaited).job
    if job.state != "succeeded" or not job.result:
        return False
    for key in (_AWAITED, *_FIELDS):
        st.session_state.pop(key, None)
    st.session_state[_IMPORTED] = job.result
    reset("dataset")
    choose("dataset", job.result["dataset"])
    return True


def _running() -> None:
    found = datasets.imports()
    if changed("datasets.imports", {job.id: job.state for job in found}) | _arrived():
        datasets.summaries.clear()
        st.rerun()
    for job in found:
        _card(job)


def _card(job: Job) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(job_title(job))
            state_badge(job.state)
        if job.state == "failed":
            st.text(job.error or "")
        elif job.state == "running":
            progress_line(job.progress)
        go_to("jobs", _("Open the job"), job=job.id)
