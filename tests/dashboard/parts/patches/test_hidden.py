# SPDX-License-Identifier: AGPL-3.0-only
"""Who is hidden, on a page of its own: bars, the objects of one, and what is not on record."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.parts.patches.hidden import BY, labels
from dashboard.services import hidden
from engine.records import Evaluation, ImageOutcome
from engine.runs.outcomes import write_outcomes
from engine.store.repository import Repository
from tests.dashboard.homes import SIDE, fill
from tests.dashboard.reading import texts


def page() -> None:
    from dashboard.parts.patches.hidden import who_is_hidden
    from dashboard.services import datasets, patches

    who_is_hidden(patches.scores(1)[0], datasets.summaries()[0])


@pytest.mark.parametrize("by", list(BY))
def test_each_bar_has_a_name_of_its_own(by: str) -> None:
    names = labels(by)
    assert len(names) == len(set(names)) == hidden.BY[by][0]


def test_sizes_are_called_as_coco_calls_them() -> None:
    assert labels("size")[1:4] == ["16 to 32 (small)", "32 to 64 (medium)", "64 to 96 (medium)"]
    assert labels("size")[0] == "below 16 px (small)"
    assert labels("size")[-1] == "192 or more (large)"
    assert labels("crowd") == ["1", "2", "3 to 4", "5 to 8", "9 or more"]


def test_a_bar_opens_its_objects(own_home: Path) -> None:
    with Repository() as repository:
        patch = fill(repository, runs=1, steps=3)[0]
        (score,) = repository.patches.scores(patch.id)
        folder = Path(repository.jobs.get(score.job_id).folder or own_home / "jobs" / str(score.job_id))
    app = AppTest.from_function(page).run()
    assert "Per-object outcomes are not available." in texts(app)
    one = ImageOutcome(
        image=1,
        clean=(0.9, 0.5),
        patched=(0.8, None),
        appeared=0,
        size=(SIDE, SIDE),
        boxes_xyxy_px=((0.0, 0.0, 40.0, 40.0), (9.0, 9.0, 45.0, 47.0)),
    )
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"detector": score.detector, "min_score": 0.25}
    nothing: dict = {"patch": None, "controls": {}}
    write_outcomes(folder, [Evaluation(settings=settings, outcomes=(one,), **nothing)])
    hidden.outcomes.clear()
    hidden.bars.clear()
    app.run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == 1
    app.selectbox(key="widget.patches.by.size").select(2).run()
    assert "2 objects, 1 hidden" in texts(app)
    assert "hidden: 0.50 → 0.00" in texts(app)
    assert len(app.get("image")) == 2
    app.segmented_control(key="widget.patches.by").set_value("place").run()
    assert not app.exception
    assert len(app.get("image")) == 0
