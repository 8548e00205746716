# SPDX-License-Identifier: AGPL-3.0-only
"""One image in all scenes, with what is left in each; what fails is told and tried again."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.store.repository import Repository
from tests.dashboard.homes import fill


def drawn(folder: str, states: list[str]) -> None:
    """The part with an answer a state, as a page draws it."""
    from types import SimpleNamespace

    import streamlit

    from dashboard.i18n import speaking
    from dashboard.parts.defend.pictures import defended_images
    from dashboard.services import datasets
    from dashboard.services.stories import Scene

    found = [{"box": [1, 1, 9, 9], "before": True, "after": False, "vanished": True}]
    side = {"path": f"{folder}/picture.png", "found": []}
    image = {"index": 0, "objects": found, "before": side, "after": side}

    def ask(state: str, *, indices: list[int], again: bool = False) -> SimpleNamespace:
        streamlit.session_state.setdefault("asked", []).append((state, again))
        answer = {"images": [image]} if state == "done" else None
        return SimpleNamespace(state=state, answer=answer, error=f"{state}: no room")

    with speaking("en"):
        asks = [lambda state=state, **how: ask(state, **how) for state in states]
        scenes = [Scene(kind="clean", scores={"ap50": 0.9})]
        scenes += [Scene(kind=kind, attacker="P", chain="jpeg") for kind in ("attacked", "defended", "again")]
        defended_images(datasets.summaries()[0], ["person"], asks, scenes[: len(states) + 1])


@pytest.fixture
def folder(tmp_path: Path) -> str:
    Image.new("RGB", (16, 16)).save(tmp_path / "picture.png")
    with Repository() as repository:
        fill(repository, runs=1, steps=2)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("states", "captions"),
    [
        (["done"], ["Clean: 1 detected", "Attacked: 0 detected"]),
        (["done", "done"], ["Clean: 1 detected", "Attacked: 0 detected", "Attacked, with jpeg: 0 detected"]),
        (
            ["done"] * 3,
            [
                *("Clean: 1 detected", "Attacked: 0 detected"),
                *("Attacked, with jpeg: 0 detected", "Attacked again, with jpeg: 0 detected"),
            ],
        ),
        (["done", "running"], []),
    ],
)
def test_pictures_stand_side_by_side_once_all_are_there(
    folder: str, states: list[str], captions: list[str]
) -> None:
    page = AppTest.from_function(drawn, args=(folder, states), default_timeout=60).run()
    assert not page.exception
    shown = [each.proto.imgs[0].caption for each in page.get("image")]
    assert [each.replace("\\", "").replace("\N{WORD JOINER}", "") for each in shown] == captions
    if captions:
        assert "**AP50 0.90**  \nNo attacker" in [each.value for each in page.markdown]
    waiting = "running" in states
    assert [each.value.startswith("Running the detector") for each in page.info] == [True] * waiting


def test_what_failed_is_tried_again(folder: str) -> None:
    page = AppTest.from_function(drawn, args=(folder, ["done", "failed"]), default_timeout=60).run()
    assert "failed: no room" in page.error[0].value
    page.button(key="defend-again").click().run()
    assert ("failed", True) in page.session_state["asked"]
    assert ("done", True) not in page.session_state["asked"]
