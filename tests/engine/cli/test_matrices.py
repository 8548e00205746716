# SPDX-License-Identifier: AGPL-3.0-only
"""`matrix run`, `list` and `show`: what they print, and that the same command goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.cli.output import SCORES
from engine.jobs.matrix_tables import METRICS
from tests.engine.cli.conftest import Run
from tests.engine.tiny import IMAGE_SIZE, write_weights


@pytest.fixture
def axes(tmp_path: Path, blocks: Path, tiny_weights: Path) -> list[object]:
    """Two patches on a detector and on one that is broken."""
    for seed, name in enumerate("pq"):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(seed).random((3, 16, 16)))
    (tmp_path / "broken.pt").write_bytes(b"no weights")
    names = (f"{tmp_path / 'p.npy'},{tmp_path / 'q.npy'}", f"{tiny_weights},{tmp_path / 'broken.pt'}", blocks)
    options = [
        part for each in zip(("--patches", "--detectors", "--datasets"), names, strict=True) for part in each
    ]
    return [*options, "--image-size", IMAGE_SIZE, "--device", "cpu", "--resamples", 10]


def test_without_matrices_there_is_nothing_to_list(run: Run) -> None:
    assert run("matrix", "list", "--json").json == []
    told = run("matrix", "list")
    assert (told.out, told.err) == ("", "No matrices yet; try: matrix run\n")
    assert (
        "matrix 1: expected an existing one, found none; see: matrix list" in run("matrix", "show", 1).error
    )


def test_a_matrix_is_run_listed_shown_and_gone_on_with(run: Run, axes: list[object], tmp_path: Path) -> None:
    told = run("--quiet", "matrix", "run", *axes)
    assert told.code == 0
    title, columns, _line, *rows = told.out.splitlines()
    assert (title, columns.split()) == ("ASR on blocks", ["patch", "tiny", "broken"])
    assert [row.split()[0] for row in rows[:5]] == ["clean", "grey", "noise", "p", "q"]
    assert all(row.endswith("failed") for row in rows[:5])
    assert "0.000 [0.00, 0.00]" in rows[0]
    assert rows[-2].startswith("failed: weights ")
    assert rows[-1] == "matrix 1, finished: 4 of 4 cells"
    assert run("matrix", "show", 1).out == told.out
    shown = run("matrix", "show", 1, "--metric", "hallucinations_per_image").out
    assert shown.startswith("hallucinations/image on blocks\n")
    listed = run("matrix", "list", "--json").json
    assert [(each["id"], each["ended"], each["failed"], each["total"]) for each in listed] == [(1, 4, 2, 4)]
    assert run("matrix", "list").out.splitlines()[-1].split()[:4] == ["1", "finished", "4/4", "2"]
    before = run("matrix", "show", 1, "--json").json
    write_weights(tmp_path / "broken.pt", 2)
    after = run("matrix", "run", *axes, "--json").json
    assert (after["failed"], after["cells"][:2]) == (0, before["cells"][:2])


def test_defences_stand_beside_their_cost(run: Run, axes: list[object]) -> None:
    told = run("--quiet", "matrix", "run", *axes, "--defences", "none,bit-depth:bits=2").out
    lines = told.splitlines()
    assert lines[1].split() == [
        *("patch", "tiny", "tiny", "·", "bit-depth:bits=2", "broken", "broken", "·", "bit-depth:bits=2"),
    ]
    (title,) = [number for number, line in enumerate(lines) if line.startswith("detector and defence")]
    assert [line.split()[:2] for line in lines[title + 2 : title + 4]] == [
        ["tiny", lines[title + 2].split()[1]],
        ["tiny", "·"],
    ]
    assert all(line.endswith("not tested") for line in lines[title + 2 : title + 6])
    columns = run("matrix", "show", 1, "--json").json["columns"]
    assert [each["defence"] for each in columns] == ["none", "bit-depth:bits=2"] * 2
    assert columns[1]["ms_per_image"] > 0


def test_a_patch_made_through_the_defence_is_marked(
    run: Run, small: list[object], blocks: Path, tmp_path: Path
) -> None:
    made = run("patch", "generate", *small, "--defence", "bit-depth", "--out", tmp_path / "run")
    assert made.code == 0
    weights = small[small.index("--weights") + 1]
    axes = ("--patches", 1, "--detectors", weights, "--datasets", blocks, "--defences", "none,bit-depth")
    told = run("matrix", "run", *axes, "--image-size", IMAGE_SIZE, "--device", "cpu", "--resamples", 10)
    lines = told.out.splitlines()
    (patch,) = [line for line in lines if " *!" in line and " * " in line]
    assert patch.endswith("*!")
    assert "*! adaptive: made on this detector through this defence" in lines
    assert sum(line.endswith("not tested") for line in lines) == 1


def test_a_fresh_one_is_another(run: Run, axes: list[object]) -> None:
    numbers = [run("matrix", "run", *axes, *more, "--json").json["id"] for more in ((), (), ("--fresh",))]
    assert numbers == [1, 1, 2]


def test_a_patchs_own_detector_is_marked(run: Run, small: list[object], blocks: Path, tmp_path: Path) -> None:
    assert run("patch", "generate", *small, "--out", tmp_path / "run").code == 0
    weights = small[small.index("--weights") + 1]
    other = write_weights(tmp_path / "other.pt", 2)
    axes = ("--patches", 1, "--detectors", f"{weights},{other}", "--datasets", blocks)
    told = run("matrix", "run", *axes, "--image-size", IMAGE_SIZE, "--device", "cpu", "--resamples", 10)
    lines = told.out.splitlines()
    (patch,) = [line for line in lines if line.count(" * ") + line.endswith("*")]
    assert patch.count("*") == 1
    assert not patch.endswith("*")
    assert "* made on this detector" in lines


def test_every_score_can_be_printed() -> None:
    assert set(SCORES) <= set(METRICS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected --patches, got none; give one or more, separated by commas"),
        (("--patches", "1", "--detectors", "demo"), "expected --datasets, got none"),
        (
            ("--patches", "1", "--detectors", "demo", "--datasets", "demo"),
            "patch 1: expected an existing patch",
        ),
        (("--patches", ",", "--detectors", "demo", "--datasets", "demo"), "patches: expected one or more"),
        (
            ("--patches", "1", "--detectors", "demo", "--datasets", "demo", "--defences", "fog"),
            "defence: expected one of",
        ),
        (
            ("--patches", "1", "--detectors", "demo", "--datasets", "demo", "--iou", "2"),
            "IoU: expected 0.01 to 1, got 2",
        ),
    ],
)
def test_what_cannot_be_scored_is_told_in_a_line(run: Run, arguments: tuple[str, ...], message: str) -> None:
    assert message in run("matrix", "run", *arguments).error
