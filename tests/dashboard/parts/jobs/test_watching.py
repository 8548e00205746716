# SPDX-License-Identifier: AGPL-3.0-only
"""Two scenes of a run under way: asked for, drawn, asked for anew once the patch has changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.parts.jobs import watching
from engine.runs.paths import preview_folder
from engine.store.repository import Repository
from tests.dashboard.homes import add_running, make_dataset
from tests.dashboard.reading import texts


def page() -> None:
    from dashboard.parts.jobs.watching import scenes
    from dashboard.services import jobs

    scenes(jobs.view(1).job)


@pytest.fixture
def live(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a patch that a run shows."""
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", lambda repository: None)
    with Repository() as repository:
        repository.datasets.save(make_dataset(own_home / "pictures"))
        job = add_running(repository)
    folder = own_home / "jobs" / str(job.id)
    folder.mkdir(parents=True)
    return folder / "live.npy"


def answered() -> list[int]:
    """Answer what was asked for; returns the places of its images."""
    with Repository() as repository:
        preview = repository.previews.claim()
        assert preview is not None
        folder = preview_folder(preview.key)
        folder.mkdir(parents=True)
        Image.new("RGB", (64, 64)).save(folder / "a.jpg")
        after = {"path": str(folder / "a.jpg"), "found": [{"score": 0.4, "box": [5, 20, 30, 60]}]}
        places = preview.request["indices"]
        repository.previews.answer(preview.key, {"images": [{"after": after} for _ in places]})
        return list(places)


def test_scenes_are_drawn_anew_when_the_patch_has_changed(
    live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = AppTest.from_function(page).run()
    assert not app.exception
    assert texts(app) == ""  # there is no patch yet
    live.write_bytes(b"one")
    app.run()
    assert "Detecting objects in two scenes" in texts(app)
    assert answered() == [1, 2]  # the first image has no objects; the run sees all others
    app.run()
    assert len(app.get("image")) == 2
    with Repository() as repository:
        assert repository.previews.old() == []  # nobody would ask for it again
    assert not list((live.parents[2] / "previews").iterdir())
    live.write_bytes(b"two")
    os.utime(live, ns=(1, 1))
    app.run()  # too early
    with Repository() as repository:
        assert repository.previews.claim() is None
    monkeypatch.setattr(watching, "EVERY_S", 0.0)
    app.run()
    assert len(app.get("image")) == 2  # the former ones, until others are there
    with Repository() as repository:
        preview = repository.previews.claim()
        repository.previews.fail(preview.key, "weights: expected a file, got none; check the path")
    app.run()
    assert "The scenes cannot be rendered: weights: expected a file" in texts(app)
