# SPDX-License-Identifier: AGPL-3.0-only
"""The page Transfer from the entry file: empty, starting a matrix, one with all there is, a cell's images."""

from __future__ import annotations

from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from engine.jobs.kinds.matrix import MatrixRequest
from engine.records import Job
from engine.store.matrices import Matrix
from engine.store.repository import Repository
from tests.dashboard import reading
from tests.dashboard.homes import DATASET, add_matrix, fill

opened = partial(reading.opened, "transfer")


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Nobody is started who answers previews."""
    calls: list[object] = []
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", calls.append)
    return calls


def filled(*, missing: int = 0) -> Matrix:
    with Repository() as repository:
        return add_matrix(repository, fill(repository, runs=2), missing=missing)


def jobs() -> list[Job]:
    with Repository() as repository:
        return repository.jobs.find(kinds=["matrix"])


def test_without_patches_it_leads_to_their_making(app: AppTest) -> None:
    opened(app)
    assert "No patches yet." in reading.texts(app)
    assert "No matrices yet. Start one above, or with: python -m engine matrix run" in reading.texts(app)


def test_a_matrix_is_started(app: AppTest, no_worker_is_started: list[str]) -> None:
    with Repository() as repository:
        numbers = [patch.id for patch in fill(repository, runs=2)]
    opened(app)
    assert "Choose at least one patch, detector and dataset." in reading.texts(app)
    app.button(key="latest-five").click().run()
    assert app.multiselect(key="widget.t.patches").value == numbers[::-1]
    assert app.number_input(key="widget.t.image_size").value == 320  # as the patches were made
    app.multiselect(key="widget.t.detectors").set_value(["demo", "yolo11n"]).run()
    app.multiselect(key="widget.t.defences").set_value(["none", "bit-depth"]).run()
    assert "8 cells, each with clean images" in reading.texts(app)
    app.multiselect(key="widget.t.defences").set_value(["none"]).run()
    assert "4 cells, each with clean images, a grey patch and noise as controls." in reading.texts(app)
    app.button(key="start-matrix").click().run()
    assert not app.exception
    (job,) = jobs()
    request = MatrixRequest.from_json(job.request)
    assert (request.patches, request.detectors) == (tuple(map(str, numbers[::-1])), ("demo", "yolo11n"))
    assert (request.datasets, request.class_name, request.image_size) == ((DATASET,), "person", 320)
    assert no_worker_is_started == ["worker"]
    assert app.toast[0].value == f"The matrix is queued as job {job.id}."


def test_a_matrix_is_shown_with_its_controls_and_failures(app: AppTest) -> None:
    filled()
    opened(app)
    drawn = reading.figure(app)
    assert drawn["layout"]["yaxis"]["ticktext"] == ["No patch", "Grey patch", "Noise patch", "Run 0", "Run 1"]
    assert drawn["layout"]["xaxis"]["ticktext"] == ["demo", "yolo11n", "broken"]
    assert drawn["layout"]["title"]["text"] == f"ASR on {DATASET}"
    assert [shape["type"] for shape in drawn["layout"]["shapes"]] == ["rect", "rect", "line"]
    shown = reading.texts(app)
    assert "6 of 6 cells. person, images of 320 px, started" in shown
    assert "broken**: weights: expected a weight file, got none; check the path" in shown
    alt = app.get("plotly_chart")[0].proto.alt
    assert alt.startswith(
        f"Heat map of ASR on {DATASET}: 2 patches and their controls on 3 detectors. The str"
    )
    rows = app.dataframe[0].value
    assert list(rows["Patch"]) == ["No patch", "Grey patch", "Noise patch", "Run 0", "Run 1"]
    assert list(rows["broken"]) == ["failed"] * 5
    assert rows["demo"][3].endswith(") ◆")


def test_defences_are_columns_sorted_by_the_adaptive_attacker(app: AppTest) -> None:
    with Repository() as repository:
        add_matrix(repository, fill(repository, runs=2), ("demo",), defences=("none", "bit-depth"))
    opened(app)
    drawn = reading.figure(app)
    assert drawn["layout"]["xaxis"]["ticktext"] == ["none", "bit-depth"]
    assert drawn["layout"]["title"]["text"] == f"ASR on {DATASET}: demo"
    assert "◈ and a border: the patch was made on this detector through this defence." in reading.texts(app)
    summary = app.dataframe[1].value
    assert list(summary["Defence"]) == ["none", "bit-depth"]
    assert list(summary["ms per image"]) == ["20.0", "26.5 (+6.5)"]
    assert [text.rpartition(" · ")[2] for text in summary["Adaptive attacker"]] == ["Run 0", "Run 1"]


def test_another_score_is_chosen_and_stands_in_the_link(app: AppTest) -> None:
    filled()
    opened(app, **{"transfer.metric": "ap50"})
    drawn = reading.figure(app)
    assert drawn["layout"]["title"]["text"] == f"AP50 on {DATASET}"
    assert drawn["data"][0]["reversescale"]
    app.selectbox(key="widget.transfer.metric").set_value("hallucinations_per_image").run()
    assert app.query_params["transfer.metric"] == "hallucinations_per_image"
    assert not reading.figure(app)["data"][0]["reversescale"]


def test_what_is_not_there_yet_is_said(app: AppTest) -> None:
    filled(missing=3)
    opened(app)
    assert "Running or stopped early: 3 of 6 cells are available." in reading.texts(app)
    assert list(app.dataframe[0].value["yolo11n"])[3:] != ["not yet"] * 2
    assert list(app.dataframe[0].value["broken"]) == ["not yet"] * 5


def test_the_images_of_a_cell_are_asked_for(app: AppTest, asked: list[object]) -> None:
    matrix = filled()
    second = matrix.request["patches"][1]
    opened(app, **{"transfer.patch": second, "transfer.detector": "yolo11n"})
    assert asked
    with Repository() as repository:
        preview = repository.previews.claim()
        assert preview is not None
        wanted = preview.request
        assert (wanted["kind"], wanted["weights"], wanted["class_name"]) == (
            "before_after",
            ["yolo11n", 0],
            "person",
        )
        assert wanted["patch"][0] == matrix.facts["patches"][second]["path"]
        assert (wanted["dataset"][0], wanted["image_size"], wanted["trust"]) == (DATASET, 320, False)


def test_a_dataset_that_is_gone_is_said(app: AppTest) -> None:
    filled()
    with Repository() as repository:
        repository.datasets.delete(DATASET)
    opened(app)
    assert f"The dataset {DATASET} is no longer imported." in reading.texts(app)


def test_a_matrix_is_deleted(app: AppTest) -> None:
    filled()
    opened(app)
    app.button(key="matrix-delete").click().run()
    assert not app.exception
    with Repository() as repository:
        assert repository.matrices.find() == []


def test_a_job_under_way_is_shown(app: AppTest) -> None:
    filled(missing=1)
    with Repository() as repository:
        repository.jobs.add(kind="matrix", label="Matrix at work", request={})
    opened(app)
    assert "Matrix at work" in reading.texts(app)
