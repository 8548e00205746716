# SPDX-License-Identifier: AGPL-3.0-only
"""The list of runs and patches from the entry file, in each of its views; one patch, before and after."""

from __future__ import annotations

import io
import json
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.jobs.patch_records import import_patch
from engine.records import PatchRecord
from engine.store.repository import Repository
from tests.dashboard import reading
from tests.dashboard.homes import DATASET, add_running, fill
from tests.dashboard.reading import texts


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Nobody is started who answers previews."""
    calls: list[object] = []
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", calls.append)
    return calls


opened = partial(reading.opened, "patches")


def filled(runs: int = 1) -> list[PatchRecord]:
    with Repository() as repository:
        return fill(repository, runs=runs, steps=3)


def lines(app: AppTest) -> list[str]:
    """The names in the table of runs."""
    return list(app.dataframe[0].value["name"])


def test_an_empty_list_says_what_to_do(app: AppTest) -> None:
    assert "No patches yet." in texts(opened(app))
    assert not app.exception


def test_the_table_shows_filters_and_orders_all_runs(app: AppTest) -> None:
    filled(3)
    with Repository() as repository:
        running = add_running(repository)
        repository.jobs.edit(running.id, tags=["paper"])
    opened(app)
    assert lines(app) == ["Run in progress", "Run 2", "Run 1", "Run 0"]
    shown = app.dataframe[0].value
    assert {"asr", "learning_rate"} <= set(shown.columns)  # a score, and a setting in which they differ
    assert list(shown["state"]) == ["Running", *["Succeeded"] * 3]
    app.text_input(key="widget.runs.where").input("run 1 or state = running").run()
    assert lines(app) == ["Run in progress", "Run 1"]
    app.multiselect(key="widget.runs.state").set_value(["succeeded"]).run()
    assert lines(app) == ["Run 1"]
    assert "1 run or patch" in texts(app)
    app.text_input(key="widget.runs.where").input("asx > 1").run()
    assert [each.value for each in app.error] == ["filter: expected a column, got 'asx'; did you mean asr?"]
    app.text_input(key="widget.runs.where").input("nothing").run()
    assert "No runs match. Change the filter." in texts(app)


def test_a_link_holds_the_view(app: AppTest) -> None:
    filled(3)
    link = {
        "where": "asr > 0",
        "columns": "name,asr",
        "differing": "False",
        "order": "name",
        "falling": "False",
    }
    opened(app, **{f"runs.{name}": value for name, value in link.items()})
    assert list(app.dataframe[0].value.columns) == ["name", "asr"]
    assert lines(app) == ["Run 0", "Run 1", "Run 2"]


def test_runs_are_grouped_and_drawn(app: AppTest) -> None:
    filled(3)
    opened(app, **{"runs.view": "groups", "runs.by": "dataset"})
    groups = app.dataframe[0].value
    assert (list(groups["Dataset"]), list(groups["Runs"])) == ([DATASET], [3])
    for view in ("dots", "parallel"):
        app.session_state["widget.runs.view"] = view
        app.run()
        assert not app.exception
        assert len(app.get("plotly_chart")) == 1


def test_others_show_their_difference_to_a_pinned_run(app: AppTest) -> None:
    filled(3)
    opened(app, **{"runs.baseline": "1"})
    shown = app.dataframe[0].value.set_index("number")
    assert shown.loc[2, "asr.difference"] == pytest.approx(shown.loc[2, "asr"] - shown.loc[1, "asr"])
    assert shown.loc[1, "asr.verdict"] == "–"  # noqa: RUF001
    assert "from intervals" in shown.loc[2, "asr.verdict"]
    assert "2 runs were scored on the baseline's images. 0 of 6 differences" in texts(app)
    app.button(key="runs-unpin").click().run()
    assert "asr.difference" not in app.dataframe[0].value.columns


def test_pictures_are_filtered_and_ordered_alike(app: AppTest) -> None:
    filled(3)
    opened(app, **{"runs.view": "pictures"})
    assert [each.label for each in app.get("page_link")] == ["Run 2", "Run 1", "Run 0"]
    app.selectbox(key="widget.runs.order").select("name").run()
    app.toggle(key="widget.runs.falling").set_value(False).run()
    assert [each.label for each in app.get("page_link")] == ["Run 0", "Run 1", "Run 2"]
    app.text_input(key="widget.runs.where").input("run 1").run()
    assert [each.label for each in app.get("page_link")] == ["Run 1"]


def test_a_thousand_patches_come_a_page_at_a_time(app: AppTest) -> None:
    (first,) = filled()
    with Repository() as repository, repository.connection.transaction():
        repository.connection.rows(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
            "INSERT INTO patches (name, path, image, height, width, circular, sha256, created_at, dataset, "
            "detector, class_name, summary) SELECT 'patch ' || i, path, image, height, width, circular, i, "
            "0, dataset, detector, class_name, summary FROM n, patches WHERE id = ?",
            [first.id],
        )
    opened(app, **{"runs.view": "pictures"})
    assert "1,000 runs and patches" in texts(app)
    assert len(app.get("page_link")) == 12
    assert app.get("pagination")[0].value == 1
    assert not app.error


def test_a_patch_that_is_not_there_is_told(app: AppTest) -> None:
    filled()
    opened(app, failing=True, patch=99)
    assert [each.value for each in app.error] == ["patch 99: expected an existing patch, found none"]
    assert app.title[0].value == "Runs and patches"


def test_a_patch_is_shown_with_scores_settings_and_downloads(app: AppTest) -> None:
    (patch,) = filled()
    opened(app, patch=patch.id)
    assert not app.exception
    assert not app.error
    assert app.title[0].value == "Run 0"
    assert "96 × 96 texels" in texts(app)  # noqa: RUF001
    assert "It is stronger than a grey patch of the same size" in texts(app)
    assert "on images the run did not use" in texts(app)
    assert list(app.dataframe[0].value["Condition"]) == ["Patch", "No patch", "Grey patch", "Noise patch"]
    assert [each.label for each in app.get("download_button")] == ["PNG", "NPY", "JSON", "HTML report"]
    assert "Learning rate" in list(app.dataframe[-1].value["Setting"])


def test_a_patch_whose_picture_is_gone_is_told_and_the_rest_stays(app: AppTest) -> None:
    (patch,) = filled()
    Path(patch.image).unlink()
    opened(app, failing=True, patch=patch.id)
    assert "expected a file, got No such file or directory" in app.error[0].value
    assert len(app.dataframe) >= 2


def test_before_and_after_waits_then_draws(app: AppTest, own_home: Path, asked: list[object]) -> None:
    (patch,) = filled()
    opened(app, patch=patch.id)
    assert "Running the detector on the images." in texts(app)
    assert asked
    picture = own_home / "picture.jpg"
    Image.new("RGB", (64, 64)).save(picture)
    box = [5.0, 5.0, 30.0, 40.0]
    found = {"box": box, "score": 0.9, "class_name": "person", "hallucination": False, "appeared": False}
    image = {
        "index": 1,
        "width": 64,
        "height": 64,
        "objects": [{"box": box, "before": True, "after": False, "vanished": True}],
        "before": {"path": str(picture), "found": [found]},
        "after": {"path": str(picture), "found": []},
    }
    with Repository() as repository:
        preview = repository.previews.claim()
        assert preview is not None
        assert (preview.request["dataset"][0], preview.request["class_name"]) == (DATASET, "person")
        assert preview.request["indices"] == [1, 2]  # the first image has no objects
        repository.previews.answer(preview.key, {"images": [image]})
    app.run()
    text = "Objects detected on clean images: 1 · hidden: 1 · new detections: 0"
    assert text in texts(app)
    assert not app.error


def test_a_failed_preview_says_why_and_is_tried_again(app: AppTest) -> None:
    (patch,) = filled()
    opened(app, patch=patch.id)
    with Repository() as repository:
        preview = repository.previews.claim()
        assert preview is not None
        repository.previews.fail(preview.key, "weights: expected a file, got none; check the path")
    app.run()
    assert [each.value for each in app.error] == ["weights: expected a file, got none; check the path"]
    app.button(key="preview-again-before_after").click().run()
    assert not app.error
    assert "Running the detector on the images." in texts(app)


def test_a_patch_is_scored_elsewhere(app: AppTest, no_worker_is_started: list[str]) -> None:
    (patch,) = filled()
    app.session_state["score-form"] = True
    opened(app, patch=patch.id)
    app.multiselect(key="widget.patches.score.class").set_value(["car"]).run()
    assert not any(each.key == "patch-score" for each in app.button)
    app.selectbox(key="widget.patches.score.detector_class").select("person").run()
    app.button(key="patch-score").click().run()
    with Repository() as repository:
        job = repository.jobs.find(kinds=["evaluate"])[0]
    config = job.request["config"]
    assert (config["class_name"], config["detector_class"]) == ("car", "person")
    assert job.label == f"Run 0 · car → person · demo · {DATASET}"
    assert f"The evaluation is queued as job {job.id}." in texts(app)
    assert no_worker_is_started == ["worker"]


def test_a_patch_of_classes_called_otherwise_is_shown_on_those(app: AppTest, asked: list[object]) -> None:
    (patch,) = filled()
    classes = {"dataset": ["person", "car"], "detector": "person"}
    with Repository() as repository, repository.connection.transaction():
        repository.connection.rows(
            "UPDATE patches SET class_name = 'person, car → person', summary = ? WHERE id = ?",
            [json.dumps(patch.summary | {"classes": classes}), patch.id],
        )
    opened(app, patch=patch.id)
    assert f"**Made on**  \n{DATASET}, demo, person, car → person" in texts(app)
    with Repository() as repository:
        request = repository.previews.claim().request
    assert (request["class_name"], request["detector_class"]) == (["person", "car"], "person")


def test_an_upload_is_imported_and_opened(app: AppTest) -> None:
    opened(app)
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(file, format="PNG")
    app.get("file_uploader")[0].upload("mine.png", file.getvalue(), "image/png")
    app.button(key="import-patch-send").click().run()
    assert not app.error
    assert app.title[0].value == "mine"
    assert "Not scored yet. Score it below." in texts(app)


def test_a_file_that_is_no_patch_is_refused(app: AppTest) -> None:
    opened(app)
    app.get("file_uploader")[0].upload("mine.png", b"nonsense", "image/png")
    app.button(key="import-patch-send").click().run()
    assert [each.value for each in app.error] == [
        "mine.png: expected an image, got an unreadable file; save it again"
    ]
    app.button(key="import-patch-send").click().run()
    assert not app.exception


def test_an_imported_patch_is_edited_and_deleted(app: AppTest, tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), "red").save(tmp_path / "a.png")
    with Repository() as repository:
        patch = import_patch(repository, tmp_path / "a.png")
    opened(app, patch=patch.id)
    assert "another detector" in texts(app)
    assert "No datasets yet." in texts(app)
    app.text_input[-1].input("renamed")
    app.button(key="patch-save").click().run()
    assert app.title[0].value == "renamed"
    app.button(key="patch-delete").click().run()
    assert app.title[0].value == "Runs and patches"
    assert not Path(patch.image).exists()
