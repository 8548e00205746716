# SPDX-License-Identifier: AGPL-3.0-only
"""Checkpoints: whole, atomic, and harmless whatever the file holds."""

from __future__ import annotations

import contextlib
import os
import pickle
from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import StorageError
from engine.patch.state import CHECKPOINT, RunState, load_checkpoint, save_checkpoint
from engine.records import StepRecord
from engine.registries import OPTIMIZERS
from tests.engine.patch.factories import random_patch

IDENTITY = {"config": {"seed": 3, "losses": {"object": 1.0}}, "batch_size": 4, "weights_sha256": "ab"}


def full_state() -> RunState:
    patch = random_patch(6, 5).requires_grad_(True)
    optimizer = OPTIMIZERS["adam"].make(patch, 0.1)
    patch.square().sum().backward()
    optimizer.step()
    record = StepRecord(
        step=1, iteration=1, loss=0.1, terms={"object": 0.1}, learning_rate=0.03, images=4, elapsed_s=1.5
    )
    return RunState(
        patch_chw=patch.detach(),
        iterations=7,
        optimizer=optimizer.state_dict(),
        scaler={"scale": 65536.0, "_growth_tracker": 1},
        plateau={"scheduler": {"best": float("inf")}, "rate": 0.5},
        iteration=3,
        steps_in_iteration=2,
        step=8,
        batch_limit=4,
        best_patch_chw=random_patch(6, 5, seed=1),
        best_score=0.25,
        best_iteration=2,
        stale_validations=1,
        image_iterations=32,
        elapsed_s=1.5,
        events=[{"event": "out of memory", "step": 2, "batch_size": 4}],
        history=[record],
    )


def assert_same(first: object, second: object) -> None:
    assert type(first) is type(second)
    if isinstance(first, torch.Tensor):
        assert first.dtype == second.dtype
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_same(first[key], second[key])
    elif isinstance(first, list):
        for one, other in zip(first, second, strict=True):
            assert_same(one, other)
    else:
        assert first == second


@pytest.mark.parametrize("state", [RunState(patch_chw=random_patch(4, 4), iterations=1), full_state()])
def test_what_is_saved_is_loaded_to_the_bit(state, tmp_path):
    save_checkpoint(tmp_path, state, IDENTITY)
    loaded, identity = load_checkpoint(tmp_path)
    assert os.listdir(tmp_path) == [CHECKPOINT]
    assert identity == IDENTITY
    for item in fields(RunState):
        assert_same(getattr(loaded, item.name), getattr(state, item.name))


def test_a_later_checkpoint_takes_the_earlier_ones_place(tmp_path):
    state = full_state()
    save_checkpoint(tmp_path, state, IDENTITY)
    state.step = 9
    save_checkpoint(tmp_path, state, IDENTITY)
    assert load_checkpoint(tmp_path)[0].step == 9
    assert os.listdir(tmp_path) == [CHECKPOINT]


@pytest.mark.parametrize("room", [0, 100, 2000])
def test_a_failed_write_leaves_the_earlier_checkpoint(room, tmp_path):
    resource = pytest.importorskip("resource")  # not on Windows
    save_checkpoint(tmp_path, full_state(), IDENTITY)
    before = (tmp_path / CHECKPOINT).read_bytes()
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, usual[1]))
    try:
        with pytest.raises(StorageError, match=r"checkpoint\.pt: cannot be written, File too large; "):
            save_checkpoint(tmp_path, RunState(patch_chw=random_patch(64, 64), iterations=1), IDENTITY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert os.listdir(tmp_path) == [CHECKPOINT]


def test_no_such_folder(tmp_path):
    with pytest.raises(StorageError, match="cannot be written, No such file or directory"):
        save_checkpoint(tmp_path / "none", full_state(), IDENTITY)


def test_no_checkpoint(tmp_path):
    with pytest.raises(
        StorageError, match=r"expected a run with a checkpoint\.pt, found none; start a new run"
    ):
        load_checkpoint(tmp_path)


class Malicious:
    """Creates a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def refusal(folder) -> str:
    with pytest.raises(StorageError) as caught:
        load_checkpoint(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith("got a damaged file or one of another version; start a new run")
    return message


@pytest.mark.parametrize("write", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
@pytest.mark.parametrize(
    "wrap", [lambda evil: evil, lambda evil: {"state": {"patch_chw": evil}, "identity": {}}]
)
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_nothing_in_a_checkpoint_is_executed(write, wrap, tmp_path):
    target = tmp_path / "executed"
    write(wrap(Malicious(str(target))), tmp_path / CHECKPOINT)
    refusal(tmp_path)
    assert not target.exists()


@pytest.mark.parametrize(
    "content", [b"", b"junk", b"PK\x03\x04", b"\x80\x02", b"\x89PNG\r\n\x1a\n" + bytes(99)]
)
def test_files_of_another_kind(content, tmp_path):
    (tmp_path / CHECKPOINT).write_bytes(content)
    refusal(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        7,
        [1],
        torch.zeros(3, 4),
        {},
        {"state": 3, "identity": {}},
        {"state": {}, "identity": {}},
        {"state": {"patch_chw": torch.zeros(3, 4, 4), "iterations": 1, "history": [{}]}, "identity": {}},
        {"state": {"patch_chw": torch.zeros(3, 4, 4), "iterations": 1, "history": []}},
        {
            "state": {"patch_chw": torch.zeros(3, 4, 4), "iterations": 1, "history": [], "newer": 1},
            "identity": {},
        },
    ],
)
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
def test_checkpoints_of_another_form(content, tmp_path):
    torch.save(content, tmp_path / CHECKPOINT)
    refusal(tmp_path)


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("intact")
    save_checkpoint(folder, full_state(), IDENTITY)
    return folder, (folder / CHECKPOINT).read_bytes()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_files_are_refused_or_loaded(intact, data):
    folder, content = intact
    damaged = bytearray(content[: data.draw(st.integers(0, len(content)))])
    for _ in range(data.draw(st.integers(0, 8)) if damaged else 0):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    (folder / CHECKPOINT).write_bytes(damaged)
    with contextlib.suppress(StorageError):
        state, identity = load_checkpoint(folder)
        assert isinstance(state, RunState)
        assert isinstance(identity, dict)
