# SPDX-License-Identifier: AGPL-3.0-only
"""How much faster several processes compute a run than one: `python -m tests.measure.scaling`.

Runs alternate between one process on one core and torchrun with one process a core, each on the same images
with the same global batch. Printed are the medians, their ratio, and how far the patches differ.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def speed_of(processes: int, folder: Path, run: list[str]) -> float:
    """Image-iterations a second of a run by so many processes of one core each, left in a folder."""
    python = ["taskset", "-c", "0", sys.executable]
    if processes > 1:
        python = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    command = [*python, "-m", "engine", "--quiet", "patch", "generate", *run, "--out", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return float(json.loads((folder / "run.json").read_text(encoding="utf-8"))["image_iterations_per_s"])


@click.command()
@click.option("--processes", default=2, help="Of the other side.")
@click.option("--rounds", default=5, help="Runs of each side, alternated.")
@click.option("--batch-size", default=8, help="Images in a batch of all processes together.")
@click.option("--iterations", default=4)
@click.option("--images", default=32)
def main(processes: int, rounds: int, batch_size: int, iterations: int, images: int) -> None:
    """Measure and print."""
    run = ["--dataset", "demo", "--weights", "demo", "--image-size", "384", "--no-evaluate"]
    run += ["--max-images", str(images), "--iterations", str(iterations), "--batch-size", str(batch_size)]
    speeds: dict[int, list[float]] = {1: [], processes: []}
    with TemporaryDirectory() as folder:
        for number in range(rounds):
            for side, found in speeds.items():
                found.append(speed_of(side, Path(folder) / f"{number}-{side}", run))
        patches = [np.load(Path(folder) / f"0-{side}" / "patch.npy") for side in speeds]
    one, several = (median(found) for found in speeds.values())
    click.echo(f"1 process: {one:.2f} image-iterations/s; {processes}: {several:.2f}")
    click.echo(f"efficiency {several / one / processes:.3f} (medians of {rounds} runs a side, alternated)")
    click.echo(f"patches differ by at most {np.abs(patches[0] - patches[1]).max():.1e}")


if __name__ == "__main__":
    main()
