# SPDX-License-Identifier: AGPL-3.0-only
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import PatchFileError, StorageError
from engine.jobs.patch_records import delete_patch, import_patch, patches_folder, record_run, record_scores
from engine.patch.arrays import read_patch_array, write_patch_array
from engine.records import Job
from engine.store.repository import Repository

PATCH = np.random.default_rng(0).random((3, 16, 20), dtype=np.float32)
EVALUATION = {
    "patch": {"asr": 0.5, "ap50": 0.25},
    "settings": {"dataset": "blocks", "detector": "tiny", "class": "person"},
}


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository(":memory:") as opened:
        yield opened


@pytest.fixture
def job(repository: Repository) -> Job:
    return repository.jobs.add(kind="generate", label="a run", request={})


def finished(folder: Path, mask: np.ndarray | None = None, **facts: object) -> dict:
    """What a run leaves: its files, and what its run.json holds."""
    folder.mkdir()
    write_patch_array(folder, PATCH, mask)
    return {
        "patch": str(folder / "patch.npy"),
        "config": {"circular": mask is not None, "class_name": "person", "weights": "tiny.pt"},
        "dataset": {"name": "blocks"},
        "detector": {"name": "tiny"},
        **facts,
    }


def test_a_run_without_a_score(repository: Repository, job: Job, tmp_path: Path) -> None:
    summary = finished(tmp_path / "run")
    patch = record_run(repository, job, summary)
    assert (patch.name, patch.job_id, patch.height, patch.width) == ("a run", job.id, 16, 20)
    assert (patch.dataset, patch.detector, patch.class_name) == ("blocks", "tiny", "person")
    assert patch.score is None
    assert np.array_equal(read_patch_array(patch.path)[0], PATCH)
    assert json.loads((Path(patch.image).parent / "run.json").read_text()) == summary == patch.summary


@pytest.mark.parametrize("checksum", [None, "c0"])
def test_the_weights_of_a_run_are_recorded_once_where_it_names_their_checksum(
    repository: Repository, job: Job, tmp_path: Path, checksum: str | None
) -> None:
    summary = finished(tmp_path / "run")
    summary["config"]["weights"] = "/weights/tiny.pt"
    summary["detector"]["family"] = "yolo"
    if checksum:
        summary["weights_sha256"] = checksum
    for _ in range(2):
        record_run(repository, job, summary)
    found = [(each.name, each.path, each.family, each.origin) for each in repository.weights.all()]
    assert found == ([("tiny", "/weights/tiny.pt", "yolo", {})] if checksum else [])


def test_what_was_mapped_stands_with_the_patch_and_its_scores(
    repository: Repository, job: Job, tmp_path: Path
) -> None:
    classes = {"dataset": ["man", "woman"], "detector": "person"}
    settings = EVALUATION["settings"] | {"classes": classes}
    scored = EVALUATION | {"settings": settings, "on": "held-out images"}
    patch = record_run(repository, job, finished(tmp_path / "run", classes=classes, evaluation=scored))
    again = record_scores(repository, None, patch.path, scored)
    assert patch.score is not None
    assert patch.class_name == patch.score.class_name == again.class_name == "man, woman → person"
    assert patch.summary["classes"] == classes
    assert repository.patches.find(text="woman") == [patch]


@pytest.mark.parametrize(
    ("on", "held_out"), [("held-out images", True), ("the images that the patch was made on", False)]
)
def test_a_runs_own_score(repository: Repository, job: Job, tmp_path: Path, on: str, held_out: bool) -> None:
    patch = record_run(repository, job, finished(tmp_path / "run", evaluation=EVALUATION | {"on": on}))
    assert patch.score is not None
    assert (patch.score.asr, patch.score.held_out, patch.score.job_id) == (0.5, held_out, job.id)
    assert "evaluation" not in patch.summary


def test_a_patch_against_several_detectors_has_a_score_on_each(
    repository: Repository, job: Job, tmp_path: Path
) -> None:
    other = {"name": "other", "family": "yolov8", "weights": "other.pt", "weights_sha256": "c1"}
    summary = finished(
        tmp_path / "run",
        detector={"name": "tiny", "family": "yolov8"},
        weights_sha256="c0",
        further_detectors=[other],
        evaluation=EVALUATION | {"on": "held-out images"},
        further_evaluations=[EVALUATION | {"on": "held-out images", "patch": {"asr": 0.1, "ap50": 0.9}}],
    )
    summary["config"]["weights"] = "tiny.pt"
    for _ in range(2):
        patch = record_run(repository, job, summary)
        assert patch.detector == "tiny + other"
        found = [(score.detector, score.asr) for score in repository.patches.scores(patch.id)]
        assert found == [("tiny", 0.5), ("other", 0.1)]
    assert [(each.name, each.path) for each in repository.weights.all()] == [
        ("tiny", "tiny.pt"),
        ("other", "other.pt"),
    ]


def test_recording_a_run_twice_doubles_nothing(repository: Repository, job: Job, tmp_path: Path) -> None:
    summary = finished(tmp_path / "run", evaluation=EVALUATION | {"on": "held-out images"})
    first = record_run(repository, job, summary)
    assert record_run(repository, job, summary).id == first.id
    assert len(repository.patches.scores(first.id)) == 1


def test_a_circular_patch_is_scored_from_what_knows_its_mask(
    repository: Repository, job: Job, tmp_path: Path
) -> None:
    mask = np.ones((16, 20), dtype=bool)
    mask[0] = False
    patch = record_run(repository, job, finished(tmp_path / "run", mask))
    assert patch.circular
    _, drawn = read_patch_array(patch.path)
    assert drawn is not None
    assert np.array_equal(drawn, mask)
    assert np.array_equal(read_patch_array(Path(patch.path).with_suffix(".npy"))[0], PATCH)
    assert record_scores(repository, None, patch.path, EVALUATION).patch_id == patch.id


def test_a_patch_outlives_the_files_of_its_run(repository: Repository, job: Job, tmp_path: Path) -> None:
    patch = record_run(repository, job, finished(tmp_path / "run"))
    for file in (tmp_path / "run").iterdir():
        file.unlink()
    assert np.array_equal(read_patch_array(patch.path)[0], PATCH)


@pytest.mark.parametrize(("dataset", "held_out"), [("blocks", False), ("others", True)])
def test_a_score_finds_its_patch(
    repository: Repository, job: Job, tmp_path: Path, dataset: str, held_out: bool
) -> None:
    summary = finished(tmp_path / "run")
    patch = record_run(repository, job, summary)
    evaluation = EVALUATION | {"settings": EVALUATION["settings"] | {"dataset": dataset}}
    score = record_scores(repository, None, summary["patch"], evaluation)
    assert (score.patch_id, score.dataset, score.held_out) == (patch.id, dataset, held_out)


def test_a_score_of_an_unknown_patch_imports_it(repository: Repository, tmp_path: Path) -> None:
    finished(tmp_path / "elsewhere")
    job = repository.jobs.add(kind="evaluate", label="", request={})
    score = record_scores(repository, job, tmp_path / "elsewhere/patch.png", EVALUATION, name="theirs")
    patch = repository.patches.get(score.patch_id)
    assert (patch.name, patch.job_id, patch.summary) == ("theirs", None, {})
    assert (score.job_id, score.held_out) == (job.id, None)


def test_importing_copies_the_texels(repository: Repository, tmp_path: Path) -> None:
    Image.new("RGBA", (30, 20), (255, 0, 51, 255)).save(tmp_path / "red.png")
    np.save(tmp_path / "same.npy", read_patch_array(tmp_path / "red.png")[0])
    red, same = (import_patch(repository, tmp_path / name) for name in ("red.png", "same.npy"))
    assert (red.name, red.width, red.height, red.circular) == ("red", 30, 20, False)
    assert red.sha256 == same.sha256
    assert Path(red.image).read_bytes() == Path(same.image).read_bytes()
    assert Path(red.image).is_relative_to(patches_folder())
    assert import_patch(repository, tmp_path / "red.png", " warm ").name == "warm"


def test_what_is_no_patch_leaves_nothing(repository: Repository, tmp_path: Path) -> None:
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(PatchFileError, match="expected a NumPy array"):
        import_patch(repository, tmp_path / "pickled.npy")
    assert repository.patches.count() == 0
    assert not patches_folder().exists()


def test_a_patch_that_cannot_be_stored_leaves_no_files(repository: Repository, tmp_path: Path) -> None:
    finished(tmp_path / "run")
    repository.connection.sqlite.execute("PRAGMA query_only = ON")
    with pytest.raises(StorageError, match="readonly"):
        import_patch(repository, tmp_path / "run/patch.npy")
    assert list(patches_folder().iterdir()) == []


def test_deleting_removes_the_copies_alone(repository: Repository, job: Job, tmp_path: Path) -> None:
    patch = record_run(repository, job, finished(tmp_path / "run"))
    assert delete_patch(repository, patch.id).id == patch.id
    assert list(patches_folder().iterdir()) == []
    assert (tmp_path / "run/patch.npy").exists()
    elsewhere = repository.patches.add(
        name="by hand",
        path=str(tmp_path / "run/patch.npy"),
        image=str(tmp_path / "run/patch.png"),
        height=16,
        width=20,
        circular=False,
        sha256="",
    )
    delete_patch(repository, elsewhere.id)
    assert (tmp_path / "run/patch.png").exists()


@pytest.mark.parametrize(
    ("defences", "name"),
    [(None, "blocks-tiny"), ((), "blocks-tiny"), (("jpeg",), "blocks-tiny through jpeg")],
)
def test_a_patch_says_through_what_it_was_made(
    repository: Repository, tmp_path: Path, defences: tuple[str, ...] | None, name: str
) -> None:
    job = repository.jobs.add(kind="generate", label="", request={})
    summary = finished(tmp_path / "run", evaluation=EVALUATION | {"on": "held-out images"})
    if defences is not None:
        summary["config"]["defences"] = defences
        summary["evaluation"] = EVALUATION | {
            "on": "held-out images",
            "settings": EVALUATION["settings"] | {"defences": list(defences)},
        }
    patch = record_run(repository, job, summary)
    assert patch.name == name
    assert patch.score is not None
    assert patch.score.defences == (defences or ())


def test_scores_say_behind_what(repository: Repository, tmp_path: Path) -> None:
    write_patch_array(tmp_path, PATCH)
    settings = EVALUATION["settings"] | {"defences": ["lgs", "jpeg"]}
    score = record_scores(repository, None, tmp_path / "patch.npy", EVALUATION | {"settings": settings})
    assert score.defences == ("lgs", "jpeg")
