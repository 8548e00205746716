# SPDX-License-Identifier: AGPL-3.0-only
"""Weights on record: each once, by its checksum."""

from __future__ import annotations

from engine.store.repository import Repository

FACTS = {"name": "yolov8n", "path": "/weights/yolov8n.pt", "checksum": "c0", "family": "yolov8"}


def test_without_weights_none_are_found(repository: Repository) -> None:
    assert repository.weights.all() == []
    assert repository.weights.find("c0") is None


def test_weights_come_back_as_they_were_stored(repository: Repository) -> None:
    origin = {"job_id": 3, "parent": "c0"}
    first = repository.weights.put(**FACTS)
    made = repository.weights.put(**FACTS | {"checksum": "c1"}, classes=["person", ""], origin=origin)
    assert (first.classes, first.origin) == ((), {})
    assert (made.classes, made.origin) == (("person", ""), origin)
    assert repository.weights.find("c1") == made
    assert repository.weights.all() == [first, made]


def test_known_weights_are_one_record_that_learns(repository: Repository) -> None:
    origin = {"job_id": 3, "parent": "c0"}
    first = repository.weights.put(**FACTS)
    repository.weights.put(**FACTS, classes=["person"], origin=origin)
    moved = repository.weights.put(**FACTS | {"path": "/elsewhere.pt"})
    assert repository.weights.all() == [moved]
    assert (moved.id, moved.created_at) == (first.id, first.created_at)
    assert (moved.path, moved.classes, moved.origin) == ("/elsewhere.pt", ("person",), origin)
