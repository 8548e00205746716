# SPDX-License-Identifier: AGPL-3.0-only
"""Groups of jobs: none, filled, taken apart."""

from __future__ import annotations

import pytest

from engine.errors import JobError
from engine.store.repository import Repository


def test_without_groups_there_is_nothing_to_get(repository: Repository) -> None:
    assert repository.groups.jobs(1) == []
    for ask in (repository.groups.get, repository.groups.delete):
        with pytest.raises(JobError, match="group 1: expected an existing group of jobs, found none"):
            ask(1)


def test_a_group_comes_back_with_its_jobs(repository: Repository) -> None:
    group = repository.groups.add(kind="sweep", name="rates", request={"learning_rate": [0.01, 0.1]})
    assert group == repository.groups.get(group.id)
    assert (group.kind, group.name, group.request) == ("sweep", "rates", {"learning_rate": [0.01, 0.1]})
    jobs = [
        repository.jobs.add(kind="generate", label=label, request={}, group_id=group_id)
        for label, group_id in (("a", group.id), ("alone", None), ("b", group.id))
    ]
    assert [job.group_id for job in jobs] == [group.id, None, group.id]
    assert repository.groups.jobs(group.id) == [jobs[0], jobs[2]]


def test_jobs_outlive_their_group_and_its_number_is_not_used_again(repository: Repository) -> None:
    group = repository.groups.add(kind="merge", name="counts", request={})
    job = repository.jobs.add(kind="generate", label="a", request={}, group_id=group.id)
    assert repository.groups.delete(group.id) == group
    assert repository.jobs.get(job.id).group_id is None
    assert repository.groups.add(kind="merge", name="counts", request={}).id > group.id
