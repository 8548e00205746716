# SPDX-License-Identifier: AGPL-3.0-only
"""`worker`: carries out the jobs of the queue."""

from __future__ import annotations

import click

__all__ = ["worker_command"]


@click.command("worker")
@click.option("--device", help="cpu, cuda:1 …; cpu:0, cpu:1 … share the CPU. [default: cuda:0, else cpu]")
@click.option("--once", is_flag=True, help="End after one job.")
@click.option("--until-idle", is_flag=True, help="End when no job is left that may run.")
def worker_command(device: str | None, once: bool, until_idle: bool) -> None:
    """Carry out queued jobs one after the other, each in a process of its own.

    SIGTERM or Ctrl-C ends it; the running job keeps a checkpoint and can be resumed.
    """
    from engine.jobs.worker import run_worker

    run_worker(device, once=once, until_idle=until_idle)
