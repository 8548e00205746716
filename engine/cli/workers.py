# SPDX-License-Identifier: AGPL-3.0-only
"""`worker` and `previewer`: the processes that carry out jobs and answer previews."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("worker")
@click.option("--device", help="cpu, cuda:1 …; cpu:0, cpu:1 … share the CPU. [default: cuda:0, else cpu]")
@click.option("--once", is_flag=True, help="Exit after one job.")
@click.option("--until-idle", is_flag=True, help="Exit when no runnable jobs are left.")
@click.option(
    "--ray",
    "address",
    metavar="ADDRESS",
    help="Run jobs on a Ray cluster, as many at once as fit: auto, HOST:PORT, ray://HOST:10001, "
    "or local, which starts a cluster on this machine.",
)
def worker_command(device: str | None, once: bool, until_idle: bool, address: str | None) -> None:
    """Run queued jobs one after another, each in its own process.

    SIGTERM or Ctrl-C stops it; the running job saves a checkpoint and can be resumed.
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
@click.option("--device", default="cpu", help="Device for detectors.")
@click.option("--idle", "idle_s", default=900.0, help="Exit after this many seconds without a request.")
@click.option(
    "--database",
    type=click.Path(path_type=Path),
    help="The database. By default, the one in PATCHBENCH_HOME.",
)
@click.option(
    "--lock", type=int, hidden=True, help="File descriptor of the lock, passed by the parent process."
)
def previewer_command(device: str, idle_s: float, database: Path | None, lock: int | None) -> None:
    """Serve previews for the dashboard. Only one process runs; others exit at once."""
    from engine.previews.previewer import run_previewer

    run_previewer(database, device=device, idle_s=idle_s, locked=lock is not None)
