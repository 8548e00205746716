# SPDX-License-Identifier: AGPL-3.0-only
"""The page Defend from the entry file: empty, a weakness, a defence with its pictures, the table."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.store.repository import Repository
from tests.dashboard import reading
from tests.dashboard.homes import DATASET, add_matrix, fill
from tests.dashboard.stories import add_hardening

opened = partial(reading.opened, "defend")


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Nobody is started who answers previews."""
    calls: list[object] = []
    monkeypatch.setattr("engine.previews.requests.ensure_previewer", calls.append)
    return calls


@pytest.fixture
def filled() -> None:
    with Repository() as repository:
        add_matrix(repository, fill(repository, runs=2), ("demo",), defences=("none", "bit-depth"))


def test_without_a_dataset_it_leads_to_the_import(app: AppTest) -> None:
    opened(app)
    assert "No datasets yet." in reading.texts(app)


def test_without_patches_it_leads_to_their_making(app: AppTest) -> None:
    with Repository() as repository:
        for patch in fill(repository, runs=1):
            repository.patches.delete(patch.id)
    opened(app)
    shown = reading.texts(app)
    assert "No patch has been scored on this detector and dataset yet" in shown
    assert "No scores yet." in shown
    assert "Choose a defence above to generate a patch through it." in shown


def test_the_weakness_and_the_table_by_attacker_are_shown(app: AppTest, filled: None) -> None:
    opened(app)
    shown = reading.texts(app)
    assert "The strongest known patch is **Run" in shown
    table = app.dataframe[1].value
    assert list(table["Defence"]) == ["none", "bit-depth"]
    assert list(table["ms per image"]) == ["20.0", "26.5 (+6.5)"]
    assert table["Adaptive attacker"][1].endswith(" · Run 1")


def test_a_defence_is_looked_at_and_attacked(
    app: AppTest, filled: None, no_worker_is_started: list[str]
) -> None:
    opened(app, **{"f.defence": "bit-depth"})
    with Repository() as repository:
        previews = [repository.previews.claim() for _ in range(3)]
    wanted = [each.request.get("defences") for each in previews if each]
    assert sorted(map(str, wanted)) == ["['bit-depth']", "['bit-depth']", "[]"]
    assert "Reduce each colour channel to a few levels. Xu et al. 2018" in reading.texts(app)
    app.button(key="defend-attack").click().run()
    assert not app.exception
    with Repository() as repository:
        (job, *_) = repository.jobs.find(kinds=["generate"], limit=1)
    config = reading.config_of(job)
    assert (config.defences, config.dataset) == (("bit-depth",), DATASET)
    assert no_worker_is_started == ["worker"]
    assert f"Job {job.id} is queued." in reading.texts(app)


def test_a_hardening_is_told_in_its_place_and_led_to(app: AppTest, filled: None) -> None:
    with Repository() as repository:
        add_hardening(repository)
    opened(app)
    with Repository() as repository:
        previews = [repository.previews.claim() for _ in range(3)]
    wanted = sorted(Path(each.request["weights"][0]).name for each in previews if each)
    assert wanted == ["demo", "demo-hardened.pt", "demo-hardened.pt"]


def test_a_defence_that_there_is_not_is_told_at_once(app: AppTest, filled: None) -> None:
    opened(app, failing=True, **{"f.defence": "fog"})
    assert "defence: expected one of" in app.error[0].value


def test_a_dataset_is_chosen_by_the_link(app: AppTest, filled: None) -> None:
    opened(app, dataset=DATASET, **{"f.weights": "yolo11n"})
    assert "No patch has been scored on this detector and dataset yet" in reading.texts(app)
