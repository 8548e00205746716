# SPDX-License-Identifier: AGPL-3.0-only
"""Fills a home with something for every page and every component; figures are invented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from dashboard.services import patches
from engine.config import home_folder
from engine.runs.film import Film
from engine.store.repository import Repository
from tests.dashboard.homes import DATASET, add_matrix, add_running, add_sweep, fill
from tests.dashboard.measured import add_benchmark, against, row

SIDES = ({"precision": "fp32"}, {"precision": "bf16"})


def fill_all(repository: Repository) -> None:
    """Runs with a film and with images before and after, one that goes on, and one of each study."""
    made = fill(repository)
    add_matrix(repository, made)
    add_sweep(repository)
    add_benchmark(
        repository,
        [row(SIDES[0], 10.0), row(SIDES[1], 12.0), against(SIDES[1], SIDES[0], (1.1, 1.2, 1.3))],
        suite="precision",
    )
    add_film(home_folder() / "jobs" / "1")
    add_pair(repository)
    add_running(repository)


def add_film(folder: Path) -> None:
    """Seven moments of a run."""
    film = Film(folder=folder)
    for step in (0, 1, 2, 3, 4, 6, 8):
        film.add(step, np.random.default_rng(step).random((3, 24, 24), dtype=np.float32))


def add_pair(repository: Repository) -> None:
    """Two images before and after the first patch, drawn already; no process is to be asked for them."""
    drawn = home_folder() / "drawn.jpg"
    Image.new("RGB", (320, 200), "grey").save(drawn)
    box = [40.0, 60.0, 120.0, 180.0]
    found = {"box": box, "score": 0.9, "matched": True, "hallucination": False, "appeared": False}
    thing = {"box": box, "before": True, "after": False, "vanished": True}
    sides = {side: {"path": str(drawn), "found": each} for side, each in (("before", [found]), ("after", []))}
    asked = patches.before_after(
        repository.patches.get(1), dataset=DATASET, weights="demo", class_name=("person",), indices=[1, 2]
    )
    size = {"width": 320, "height": 200}
    images = [{"index": index, **size, "objects": [thing], **sides} for index in (1, 2)]
    repository.previews.answer(asked.key, {"images": images})
