# SPDX-License-Identifier: AGPL-3.0-only
"""`worker` and `previewer`: the processes that carry out jobs and answer previews."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("worker")
@click.option("--device", help="cpu, cuda:1 …; cpu:0, cpu:1 … share the CPU. [default: cuda:0, else cpu]")
@click.option("--once", is_flag=True, help="End after one job.")
@click.option("--until-idle", is_flag=True, help="End when no job is left that may run.")
@click.option(
    "--ray",
    "address",
    metavar="ADDRESS",
    help="Carry them out on a Ray cluster, as many at once as it holds: auto, HOST:PORT, ray://HOST:10001, "
    "or local, which starts one on this machine.",
)
def worker_command(device: str | None, once: bool, until_idle: bool, address: str | None) -> None:
    """Carry out queued jobs one after the other, each in a process of its own.

    SIGTERM or Ctrl-C ends it; the running job keeps a checkpoint and can be resumed.
    """
    if address is not None:
        if device is not None or once:
            raise click.UsageError("expected --ray without --device and --once, got both; leave one out")
        from engine.cluster.worker import run_cluster_worker

        run_cluster_worker(address, until_idle=until_idle)
        return
    from engine.jobs.worker import run_worker

    run_worker(device, once=once, until_idle=until_idle)


@click.command("previewer")
@click.option("--device", default="cpu", help="What detectors compute on.")
@click.option("--idle", "idle_s", default=900.0, help="End after this many seconds without a request.")
@click.option(
    "--database", type=click.Path(path_type=Path), help="The database; by default the one in PATCHBENCH_HOME."
)
@click.option("--lock", type=int, hidden=True, help="Descriptor of the lock, from who starts it.")
def previewer_command(device: str, idle_s: float, database: Path | None, lock: int | None) -> None:
    """Answer the dashboard's requests for previews; one process does, and any further one ends at once."""
    from engine.previews.previewer import run_previewer

    run_previewer(database, device=device, idle_s=idle_s, locked=lock is not None)
