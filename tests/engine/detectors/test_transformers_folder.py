# SPDX-License-Identifier: AGPL-3.0-only
"""Which paths are folders of transformers, which names may be the hub's, and classes of configurations."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec

import pytest

from engine.detectors.families import class_names_in, family_of
from engine.detectors.transformers_folder import CONFIG, class_names, is_hub_name, names_by_index
from engine.detectors.weight_classes import possible_files


@pytest.mark.skipif(not os.environ.get("CI"), reason="elsewhere transformers need not be installed")
def test_in_ci_nothing_of_transformers_is_skipped():
    assert find_spec("transformers") is not None


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (None, ()),
        ({}, ()),
        (["person"], ()),
        ({"0": "person", "2": "car"}, ("person", "1", "car")),
        ({0: "N/A", 1: "person", 2: "N/A"}, ("0", "person", "2")),
        ({"0": 7, "x": "car"}, ("7",)),
        ({"0": "person", "999999999": "far"}, ("person",)),
    ],
)
def test_names_by_index(labels, names):
    assert names_by_index(labels) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("[1]", ()),
        ("[" * 100_000, ()),
        (json.dumps({"model_type": "detr"}), ()),
        (json.dumps({"id2label": {"0": "person", "1": "car"}}), ("person", "car")),
    ],
)
def test_classes_of_a_configuration(tmp_path, text, names):
    (tmp_path / CONFIG).write_text(text)
    assert class_names(tmp_path) == class_names_in(tmp_path) == names
    assert family_of(tmp_path).name == "transformers"


def test_a_folder_without_configuration_is_nobodys(tmp_path):
    assert family_of(tmp_path) is None
    assert class_names(tmp_path) == ()


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("", False),
        ("yolo11n", False),
        ("facebook/detr-resnet-50", True),
        ("PekingU/rtdetr_v2_r18vd", True),
        ("org/model-1.0", True),
        ("runs/best.pt", False),
        ("runs/best.safetensors", False),
        ("/abs/path", False),
        ("../path", False),
        ("a/b/c", False),
        ("here/model", False),
    ],
)
def test_names_of_the_hub(tmp_path, monkeypatch, name, is_one):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert is_hub_name(name) == is_one
    if is_one:
        assert possible_files(name)[-1].as_posix().endswith(f"/weights/{name}")
