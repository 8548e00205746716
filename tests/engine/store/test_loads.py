# SPDX-License-Identifier: AGPL-3.0-only
"""Samples of the load: none, one each ten seconds, fewer of long ago."""

from __future__ import annotations

from engine.store.loads import KEPT_S, SLOT_S
from engine.store.repository import Repository

LOAD = {"cpu": 50.0, "memory": 20.0, "gpus": [[90, None]]}
NOW = 1_800_000_000.0  # a multiple of ten minutes


def test_nothing_is_read_where_nothing_is():
    with Repository(":memory:") as repository:
        assert repository.loads.read("here", 0, NOW) == []


def test_of_ten_seconds_the_first_sample_stays_and_machines_are_told_apart():
    with Repository(":memory:") as repository:
        loads = repository.loads
        for at, cpu in ((NOW + 10, 1), (NOW + 19, 2), (NOW + 20, 3)):
            loads.add("here", LOAD | {"cpu": cpu}, at=at)
        loads.add("there", LOAD, at=NOW + 30)
        assert [(at - NOW, load["cpu"]) for at, load in loads.read("here", NOW, NOW + 60)] == [
            (10, 1),
            (20, 3),
        ]
        assert loads.read("there", NOW, NOW + 60) == [(NOW + 30, LOAD)]


def test_a_long_series_is_thinned_and_so_is_what_is_long_ago():
    with Repository(":memory:") as repository:
        loads = repository.loads
        rows = [(NOW - 7200 + SLOT_S * number) for number in range(1, 720)]
        old = [NOW - KEPT_S - 60, NOW - 40 * 86400, NOW - 40 * 86400 + 60]
        repository.connection.insert(
            "loads (host, slot, load)", [("here", int(at // SLOT_S), "{}") for at in (*old, *rows)]
        )
        assert len(loads.read("here", NOW - 3600, NOW, at_most=100)) == 60
        loads.add("here", LOAD, at=NOW)  # whose turn it is to thin
        kept = [at - NOW for at, _load in loads.read("here", 0, NOW, at_most=10**9)]
        assert kept[0] == -40 * 86400
        assert [at for at in kept if -3600 > at > -7200] == [-7200 + 60 * number for number in range(1, 60)]
        assert len([at for at in kept if at >= -3600]) == 361
