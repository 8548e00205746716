# SPDX-License-Identifier: AGPL-3.0-only
"""What a kind of job is: one class says how it is asked for, carried out, recorded and shown. No torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from engine.errors import JobError
from engine.excerpts import short_repr
from engine.jobs.kinds.request import Request
from engine.registry import Registry

if TYPE_CHECKING:
    from engine.jobs.ledger import Ledger
    from engine.records import Job
    from engine.store.repository import Repository

R = TypeVar("R", bound=Request)


class Kind(ABC, Generic[R]):
    """A kind of job; all but the first four attributes, `label` and `work` may be left as they are.

    Attributes:
        name: what the database, the command line and links call it.
        help: what it does, in one sentence.
        title: what pages call it; English, translated where it is shown.
        request: what it is asked for.
        makes: what comes of it: `patch` (its result is a run's summary), `scores`, `dataset`, `benchmark`,
            `weights` (its result is a training's summary), or something that pages do not show.
        has_steps: it stores its steps, of which pages draw curves.
        keeps_folder: its results lie in its folder, which must stay.
        checkpoint: the file in its folder that it goes on from; without that file it begins in an empty one.
            Housekeeping may remove the file, there and one folder below, once the job has ended.
        on_head: a cluster's worker carries it out beside itself, as it reads files there and needs no GPU.
        name_form: the default name of its jobs, with places for `str.format`, where that is a sentence: pages
            translate it.
        result_form: the name of what it makes, likewise.
        words: its phases and what it counts → what pages call them, likewise English.
    """

    name: str
    help: str
    title: str
    request: type[R]
    makes: str = ""
    has_steps: bool = False
    keeps_folder: bool = False
    checkpoint: str = ""
    on_head: bool = False
    name_form: str = ""
    result_form: str = ""
    words: ClassVar[Mapping[str, str]] = {}

    @property
    def has_config(self) -> bool:
        """Whether its requests hold the settings of a run or a training."""
        return "config" in self.request.__dataclass_fields__

    @abstractmethod
    def label(self, request: R, facts: Mapping[str, Any]) -> str:
        """What lists call a job by default; `facts` are known of it, such as the classes of its result."""

    @abstractmethod
    def work(self, request: R, folder: Path, ledger: Ledger) -> dict[str, Any]:
        """Carry a job out; loads what it needs only now.

        Args:
            request: with the worker's device.
            folder: of the job.
            ledger: takes what is reported meanwhile.

        Returns:
            The result, as JSON has it.

        Raises:
            RunInterruptedError: the ledger asked to stop.
            EngineError: whatever went wrong, in one line.
        """

    def check(self, request: R, *, waits: bool) -> None:
        """Raise an `EngineError` if a request cannot be queued; `waits`: it waits for another job."""
        return

    def device(self, request: R) -> str:
        """The device asked for."""
        return request.run_config.device if request.run_config else "auto"

    def seed(self, request: R) -> int:
        """The seed of all chance."""
        return request.run_config.seed if request.run_config else 0

    def estimate(self, repository: Repository, request: R) -> dict[str, Any] | None:
        """What it will take, as `Job.estimate` has it; None where nothing is known."""
        return None

    def record(self, repository: Repository, job: Job, result: dict[str, Any]) -> None:
        """Put on record what a job that has succeeded made; again for the same job changes nothing."""
        return

    def cancelled(self, repository: Repository, job: Job) -> None:
        """Keep what a cancelled job leaves; what goes wrong with it is only logged."""
        return

    def scores(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """The scores in a result, as `Evaluation.to_json` gives them."""
        return None

    def uploads(self, request: Mapping[str, Any]) -> list[str]:
        """The uploads that a request, as JSON of any version, reads: by name in the folder of uploads."""
        return []


KINDS: Registry[Kind[Any]] = Registry("kind of job", "engine.jobs.kinds")


class _UnknownRequest(Request):
    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Nothing of it."""
        return cls()


class UnknownKind(Kind[Request]):
    """What a job is to a version of PatchBench that does not know its kind, such as an older one."""

    help = ""
    request = _UnknownRequest

    def __init__(self, name: str) -> None:
        self.name = self.title = name

    def label(self, request: Request, facts: Mapping[str, Any]) -> str:
        """Its name."""
        return self.name

    def work(self, request: Request, folder: Path, ledger: Ledger) -> dict[str, Any]:
        """Refuse."""
        raise JobError(
            f"job {ledger.job_id}: expected a kind of job that this version knows, got "
            f"{short_repr(self.name)}; update PatchBench"
        )


def kind_of(name: str) -> Kind[Any]:
    """The kind of a stored job, which may be one that only another version knows."""
    return KINDS[name] if name in KINDS else UnknownKind(name)


def making(product: str) -> list[str]:
    """The names of the kinds that make something; see `Kind.makes`."""
    return [kind.name for kind in KINDS.things() if kind.makes == product]
