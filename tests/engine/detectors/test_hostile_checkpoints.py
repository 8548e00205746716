# SPDX-License-Identifier: AGPL-3.0-only
"""Hostile weight files are refused before anything in them runs."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.detectors import checkpoints
from engine.detectors.checkpoints import load_checkpoint
from engine.detectors.ultralytics_quiet import DetectionModel
from engine.errors import DetectorError, UntrustedWeightsError
from tests.engine.detectors.families import random_model
from tests.engine.detectors.pickles import (
    IDENTITY,
    MARK,
    MODEL,
    SHELL,
    Calls,
    archive,
    canary,
    entry,
    hostile,
    instance,
    named,
    number,
    tensor,
    text,
    written,
)

pytestmark = pytest.mark.usefixtures("nothing_ran")

HOW_TO_TRUST = "--trust-weights or move it to a folder"


def plant() -> None:
    """What no pickle of these tests may reach."""
    os.environ[MARK] = "yes"


CALL_EXEC = text(SHELL) + b"\x85R"
PICKLES = {
    "os.system": (pickle.dumps(Calls(os.system, "true"), 2), "system"),
    "exec": (pickle.dumps(Calls(exec, SHELL), 2), "exec"),
    "eval, protocol 0": (pickle.dumps(Calls(eval, "1"), 0), "eval"),
    "exec, protocol 5": (pickle.dumps(Calls(exec, SHELL), 5), "exec"),
    "own function": (pickle.dumps(Calls(plant), 2), "plant"),
    "torch.load": (hostile(b"ctorch\nload\n" + text("x") + b"\x85R"), "torch.load"),
    "torch.hub.load": (hostile(b"ctorch.hub\nload\n" + text("x") + b"\x85R"), "torch.hub.load"),
    "torch.jit": (hostile(b"ctorch.jit\nload\n" + text("x") + b"\x85R"), "torch.jit.load"),
    "torch.utils": (hostile(b"ctorch.utils.cpp_extension\nload\n" + text("x") + b"\x85R"), "cpp_extension"),
    "numpy.load": (hostile(b"cnumpy\nload\n" + text("x") + b"\x85R"), "numpy.load"),
    "numpy runstring": (
        hostile(b"cnumpy.testing._private.utils\nrunstring\n" + text(SHELL) + b"}\x86R"),
        "runstring",
    ),
    "ultralytics helper": (
        hostile(b"cultralytics.utils.downloads\nsafe_download\n" + text("http://x") + b"\x85R"),
        "safe_download",
    ),
    "re-exported module": (hostile(b"cultralytics.nn.tasks\npickle\n"), "ultralytics.nn.tasks.pickle"),
    "function among the layers": (
        hostile(b"cultralytics.nn.tasks\nyaml_model_load\n" + text("x") + b"\x85R"),
        "yaml_model_load",
    ),
    "INST": (hostile(b"(" + text(SHELL) + b"ibuiltins\nexec\n"), "exec"),
    "OBJ": (hostile(b"(cbuiltins\nexec\n" + text(SHELL) + b"o"), "exec"),
    "memoised strings": (
        b"\x80\x04"
        + text("builtins")
        + b"q\x00"
        + text("exec")
        + b"q\x0100h\x00h\x01\x93"
        + CALL_EXEC
        + b".",
        "exec",
    ),
    "strings fetched out of order": (
        b"\x80\x04"
        + text("exec")
        + b"q\x01"
        + text("builtins")
        + b"q\x0000h\x00h\x01\x93"
        + CALL_EXEC
        + b".",
        "exec",
    ),
    "computed name": (
        b"\x80\x04" + text("builtins") + text("exec") + text("x") + b"0\x93.",
        "builtins.exec",
    ),
    "extension": (hostile(b"\x82\x01"), "copyreg.extension 1"),
    "dotted attribute": (b"\x80\x04" + text("torch") + text("hub.load") + b"\x93.", "torch.hub.load"),
    "class of a class": (hostile(b"cbuiltins\ntype\n"), "builtins.type"),
    "partial": (hostile(b"cfunctools\npartial\n"), "functools.partial"),
}

WITHIN_THE_ALLOWLIST = {
    "model that is called": b"cultralytics.nn.tasks\nDetectionModel\n}"
    + text("activation")
    + text(SHELL)
    + b"s\x85R",
    "layer that is called": b"ctorch.nn.modules.linear\nIdentity\n)R",
    "getattr of anything": b"c__builtin__\ngetattr\nctorch.nn.modules.linear\nIdentity\n"
    + text("__init__")
    + b"\x86R",
    "slots of a layer": b"ctorch.nn.modules.linear\nIdentity\n)\x81N}" + text("forward") + b"Ns\x86b",
    "defaultdict that calls": b"ccollections\ndefaultdict\nctorch.nn.modules.linear\nIdentity\n\x85R",
    "class as a hook": b"ctorch.nn.modules.linear\nIdentity\n)\x81}"
    + text("hook")
    + b"ctorch.nn.modules.linear\nLinear\nsb",
    "forward that is called": b"c__builtin__\ngetattr\nctorch.nn.modules.linear\nIdentity\n"
    + text("forward")
    + b"\x86R(NNtR",
    "storage of another kind": b"("
    + text("storage")
    + named("os", "system")
    + text("0")
    + text("cpu")
    + b"K\x01tQ",
    "constructor's arguments": named(*IDENTITY) + b"K\x01\x85\x81",
    "keyword arguments": named(*IDENTITY) + b")}\x92",
    "computed class": named(*IDENTITY) + b")\x81)\x81",
}


@pytest.mark.parametrize("name", PICKLES)
@pytest.mark.parametrize("place", ["archive", "no archive", "beside another pickle"])
def test_hostile_pickles_are_refused_by_name(tmp_path, name, place):
    code, found = PICKLES[name]
    beside = place == "beside another pickle"
    content = (
        code
        if place == "no archive"
        else archive(pickle.dumps({}), more__pkl=code)
        if beside
        else archive(code)
    )
    path = written(tmp_path / "hostile.pt", content)
    with canary() as ran, pytest.raises((DetectorError, ValueError)):
        checkpoints._parsed(content)
    assert ran == []
    with pytest.raises(DetectorError, match="two pickles" if beside else HOW_TO_TRUST) as caught:
        load_checkpoint(path)
    assert beside or found in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", WITHIN_THE_ALLOWLIST)
def test_allowed_names_cannot_be_used_otherwise(name):
    with canary() as ran, pytest.raises(UntrustedWeightsError, match="could run code"):
        checkpoints._parsed(archive(hostile(WITHIN_THE_ALLOWLIST[name])))
    assert ran == []


def test_an_instance_with_a_state_cannot_act_on_what_opcodes_append():
    """A model's constructor evaluates text of its configuration; a state that plants it used to be called."""
    configuration = b"}" + entry("activation", text(SHELL)) + entry("backbone", b"]") + entry("head", b"]")
    for planted in ("append", "extend", "add", "__setitem__", "update", "__setstate__", "forward"):
        layer = instance(*IDENTITY, **{planted: named(*MODEL)})
        for before, after in ((b"", b"a"), (b"(", b"e"), (b"(", b"\x90"), (b"N", b"s"), (b"", b"b")):
            with canary() as ran, pytest.raises(UntrustedWeightsError, match="DetectionModel"):
                checkpoints._parsed(archive(hostile(layer + before + configuration + after)))
            assert ran == []


# What a file may build, and each opcode that could make one of these call, import or look something up.
OBJECTS = [
    b"N",
    b"]",
    b"}",
    b")",
    b"\x8f",
    number(7),
    text("append"),
    text(SHELL),
    named("builtins", "exec"),
    named("builtins", "getattr"),
    named("builtins", "set"),
    named("collections", "OrderedDict"),
    named("collections", "defaultdict"),
    named("numpy", "dtype"),
    named("pathlib", "PosixPath"),
    named("torch", "float16"),
    named("torch._utils", "_rebuild_tensor_v2"),
    named("ultralytics.utils", "IterableSimpleNamespace"),
    named(*IDENTITY),
    named(*MODEL),
    tensor((2, 2), (2, 1)),
    instance(*IDENTITY, f=number(-1)),
    instance(*IDENTITY, append=named(*MODEL)),
    instance("torch.nn.modules.container", "Sequential", _modules=b"}" + entry("0", instance(*IDENTITY))),
    instance(*MODEL, activation=text(SHELL), yaml=b"}" + entry("activation", text(SHELL))),
]
OPCODES = [
    *(bytes([code]) for code in b"Rbaeusldt\x81\x85\x86\x87\x90\x91\x92\x93\x94Q0(12o."),
    *(b"i" + f"{module}\n{name}\n".encode() for module, name in (IDENTITY, ("builtins", "exec"))),
    *(b"h" + bytes([index]) for index in range(4)),
    b"\x82\x01",
    b"\x97",
    b"\x98",
    b"P0\n",
]


@settings(max_examples=600, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    program=st.lists(st.one_of(st.sampled_from(OBJECTS), st.sampled_from(OPCODES)), min_size=1, max_size=12),
    protocol=st.integers(0, 5),
    place=st.sampled_from(["alone", "model", "ema", "train_args", "layer"]),
)
def test_no_order_of_opcodes_imports_calls_or_evaluates_anything(program, protocol, place):
    body = b"".join(program)
    if place == "layer":
        body = b"}" + entry("model", instance(*MODEL, _modules=b"}" + entry("model", body)))
    elif place != "alone":
        body = b"}" + entry(place, body)
    data = archive(hostile(body, protocol), data___0=bytes(16))
    with canary() as ran:
        try:
            found = checkpoints._parsed(data)
        except (DetectorError, ValueError):
            found = None
    assert ran == []
    if found is not None:
        for layer in found.model.modules():
            assert all(not callable(value) for name, value in vars(layer).items() if name != "forward")
            assert "forward" not in vars(layer) or layer.forward.__func__ is type(layer).forward_fuse


def test_the_canary_sings():
    """The test's own check: unpickled, the same programs do act."""
    with canary() as ran:
        pickle.loads(hostile(named("builtins", "exec") + text("import colorsys") + b"\x85R"))
    assert any(event.startswith(("exec", "pickle.find_class")) for event in ran)


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (named("models.yolo", "DetectionModel") + b")\x81}b", "got one from the YOLOv5 or YOLOv7 repository"),
        (
            instance(*IDENTITY, hook=named("torch.nn.utils.prune", "L1Unstructured") + b")\x81"),
            "got layers with pruning masks; make them permanent",
        ),
        (
            instance(
                "ultralytics.nn.tasks",
                "ClassificationModel",
                transforms=named("torchvision.transforms.transforms", "Compose") + b")\x81",
            ),
            "got a classification model",
        ),
        (
            instance("ultralytics.nn.tasks", "OBBModel", criterion=named("some.module", "Loss") + b")\x81"),
            "got one with rotated boxes",
        ),
    ],
)
def test_other_kinds_of_models_are_named_before_trust_is(tmp_path, root, message):
    path = written(tmp_path / "other.pt", archive(hostile(b"}" + entry("model", root))))
    with pytest.raises(DetectorError, match=message) as caught:
        load_checkpoint(path)
    assert "trust" not in str(caught.value)


def test_hostile_objects_beside_a_real_model_are_refused(tmp_path):
    path = tmp_path / "mixed.pt"
    torch.save({"model": random_model("yolov8n"), "more": [Calls(exec, SHELL)]}, path)
    with pytest.raises(UntrustedWeightsError, match="exec"):
        load_checkpoint(path)


def test_the_old_format_is_scanned_through_all_its_pickles(tmp_path):
    path = tmp_path / "old.pt"
    torch.save({"more": Calls(exec, SHELL)}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(UntrustedWeightsError, match="exec"):
        load_checkpoint(path)
    torch.save({"model": random_model("yolov8n")}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(DetectorError, match=r"expected a zip archive .* got the format of torch before 1\.6"):
        load_checkpoint(path)
    assert isinstance(load_checkpoint(path, trust=True).model, DetectionModel)


@pytest.mark.parametrize("member", ["constants__pkl", "code___constants__pkl"])
def test_torchscript_is_refused(tmp_path, member):
    path = written(tmp_path / "script.pt", archive(pickle.dumps({}, 2), **{member: pickle.dumps((), 2)}))
    with pytest.raises(DetectorError, match="TorchScript model, an export without gradients"):
        load_checkpoint(path)


def test_an_archive_of_something_else_is_named(tmp_path):
    path = tmp_path / "arrays.pt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("array.npy", b"x")
    with pytest.raises(DetectorError, match="got a zip archive of something else"):
        load_checkpoint(path)


def test_a_name_that_occurs_twice_is_refused(tmp_path):
    path = written(tmp_path / "twice.pt", archive(pickle.dumps({}, 2)))
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("archive/data.pkl", pickle.dumps({"other": 1}, 2))
    with pytest.raises(DetectorError, match="two members of one name"):
        load_checkpoint(path)


def test_the_file_is_read_once(tmp_path, monkeypatch):
    """A file that changes between check and use is checked and used as it was read."""
    path = tmp_path / "changes.pt"
    torch.save({"model": random_model("yolov8n")}, path)
    real, reads = Path.read_bytes, []

    def read_then_replace(self: Path) -> bytes:
        reads.append(self)
        content = real(self)
        written(path, archive(PICKLES["exec"][0]))
        return content

    monkeypatch.setattr(Path, "read_bytes", read_then_replace)
    assert isinstance(load_checkpoint(path).model, DetectionModel)
    assert reads == [path]


def test_hostile_pickles_would_run_if_they_were_trusted(tmp_path, monkeypatch):
    """The test's own check: the payload works, so that refusing it means something."""
    for name in ("exec", "memoised strings"):
        namespace: dict[str, str] = {}
        with monkeypatch.context() as patched:
            patched.setattr(os, "environ", namespace)
            pickle.load(io.BytesIO(PICKLES[name][0]))
        assert namespace == {MARK: "yes"}
