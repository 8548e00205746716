# SPDX-License-Identifier: AGPL-3.0-only
"""Hostile weight files are refused before anything in them runs; those that Ultralytics writes open."""

from __future__ import annotations

import codecs
import functools
import io
import os
import pickle
import struct
import time
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.detectors import checkpoints
from engine.detectors.checkpoints import is_trusted, load_checkpoint
from engine.detectors.ultralytics_quiet import DetectionModel, IterableSimpleNamespace
from engine.errors import DetectorError, UntrustedWeightsError
from tests.engine.detectors.families import FAMILIES, random_model
from tests.engine.detectors.pickles import (
    archive,
    canary,
    entry,
    hostile,
    instance,
    named,
    number,
    tensor,
    text,
)

MARK = "PATCHBENCH_TEST_PICKLE_RAN"
HOW_TO_TRUST = "--trust-weights or put it into a folder"
IDENTITY = ("torch.nn.modules.linear", "Identity")
MODEL = ("ultralytics.nn.tasks", "DetectionModel")


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def plant() -> None:
    """What no pickle of these tests may reach."""
    os.environ[MARK] = "yes"


SHELL = f"import os; os.environ['{MARK}'] = 'yes'"
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


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@functools.cache
def warm() -> None:
    """Let whatever is imported on first use be imported outside the canary."""
    for codec in ("ascii", "cp437", "latin-1", "raw_unicode_escape"):
        codecs.lookup(codec)
    data = io.BytesIO()
    torch.save({"model": random_model("yolov8n")}, data)
    checkpoints._parsed(data.getvalue())


@pytest.fixture(autouse=True)
def nothing_ran(monkeypatch: pytest.MonkeyPatch):
    warm()
    monkeypatch.delenv(MARK, raising=False)
    monkeypatch.delenv("PATCHBENCH_TRUSTED", raising=False)
    yield
    assert MARK not in os.environ


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
        (named("models.yolo", "DetectionModel") + b")\x81}b", "got one of the YOLOv5 or YOLOv7 repository"),
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
            "got one of rotated boxes",
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


def nested(depth: int) -> bytes:
    """A list in a list in a list …"""
    return pickle.dumps([], 2)[:-1] + b"]" * depth + b"a" * depth + b"."


def doubled(times: int) -> bytes:
    """Tuples that hold the former one twice: small in the file, 2 ** times values when unfolded."""
    return hostile(b"N" + b"2\x86" * times)


def of_sizes(size: tuple[int, ...], strides: tuple[int, ...], **more: object) -> bytes:
    """A model with one tensor on a storage of four numbers."""
    return model_with(stride=tensor(size, strides, **more))


def model_with(storage_bytes: int = 16, **fields: bytes) -> bytes:
    """A model with these attributes and a storage called 0."""
    content = b"}" + entry("model", instance(*MODEL, **fields))
    return archive(hostile(content), data___0=bytes(storage_bytes))


def huge_directory() -> bytes:
    content = archive(pickle.dumps({}, 2))
    end = content.rfind(b"PK\x05\x06")
    return content[: end + 12] + struct.pack("<I", 2**31) + content[end + 16 :]


def overlapping() -> bytes:
    """Members that all say they are as large as the file."""
    content = bytearray(archive(pickle.dumps({}, 2), data___0=bytes(2**16)))
    directory = content.find(b"PK\x01\x02")
    while directory >= 0:
        content[directory + 20 : directory + 28] = struct.pack("<II", 2**16, 2**16)
        directory = content.find(b"PK\x01\x02", directory + 4)
    return bytes(content)


BOMBS = {
    "compressed members": (
        lambda: archive(pickle.dumps({}, 2), compression=zipfile.ZIP_DEFLATED, data___0=bytes(2**28)),
        "compressed members",
    ),
    "members larger than the file": (overlapping, "members that are larger than the file"),
    "a huge table of contents": (huge_directory, "a table of contents of 2147483648 bytes"),
    "nesting": (lambda: archive(nested(100_000)), "nests deeper than"),
    "tuples of tuples": (lambda: archive(doubled(60)), "got tuple; save it"),
    "tuples of tuples in a model": (lambda: model_with(names=doubled(60)[2:-1]), "more than 200000 values"),
    "sizes beyond the storage": (lambda: of_sizes((10**9,), (1,)), "do not fit its storage"),
    "strides beyond the storage": (
        lambda: model_with(stride=tensor((2, 2), (10**9, 1))),
        "do not fit its storage",
    ),
    "an offset beyond the storage": (
        lambda: model_with(stride=tensor((2,), (1,), offset=3)),
        "do not fit its storage",
    ),
    "one number as many": (lambda: of_sizes((10**9,), (0,)), "do not fit its storage"),
    "a storage longer than its bytes": (
        lambda: model_with(stride=tensor((8,), (1,), length=8)),
        "do not fit its storage",
    ),
    "negative sizes": (lambda: of_sizes((-1,), (1,)), "no whole numbers from 0"),
    "sizes without strides": (lambda: of_sizes((2, 2), (1,)), "too few strides"),
    "no such storage": (lambda: of_sizes((2,), (1,), key="9"), "no member data/9"),
    "many tensors on one storage": (
        lambda: model_with(
            2**16, **{f"a{index}": tensor((2**14,), (1,), length=2**14) for index in range(20)}
        ),
        "take more than the whole file",
    ),
    "a layer that holds itself": (
        lambda: archive(
            hostile(named(*IDENTITY) + b")\x81q\x00}" + entry("_modules", b"}" + entry("a", b"h\x00")) + b"b")
        ),
        "a layer that holds itself",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_answered_at_once_and_in_little_memory(tmp_path, name):
    make, message = BOMBS[name]
    path = written(tmp_path / "bomb.pt", make())
    tracemalloc.start()
    before = time.process_time()
    try:
        with pytest.raises(DetectorError, match=message) as caught:
            load_checkpoint(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not isinstance(caught.value, UntrustedWeightsError)
    assert len(str(caught.value).splitlines()) == 1
    assert time.process_time() - before < 15  # tracing makes it some times slower
    assert peak < 400 * 2**20


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "sparse.pt"
    with open(path, "wb") as file:
        file.truncate(5 * 2**30)
    with pytest.raises(DetectorError, match=r"expected at most 4 GiB, got .*sparse\.pt of 5\.0 GiB"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"not a weight file", b"\x80\x02", b"PK\x03\x04" + b"x" * 99]
)
def test_damaged_files_are_named(tmp_path, content):
    path = tmp_path / "damaged.pt"
    path.write_bytes(content)
    with pytest.raises(DetectorError, match=r"damaged\.pt") as caught:
        load_checkpoint(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_truncated_checkpoint_is_named(tmp_path):
    path = tmp_path / "whole.pt"
    torch.save({"model": random_model("yolov8n")}, path)
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(DetectorError, match=r"whole\.pt"):
            load_checkpoint(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DetectorError, match="No such file"):
        load_checkpoint(tmp_path / "missing.pt")


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_opens_untrusted(tmp_path, name):
    path, model = tmp_path / f"{name}.pt", random_model(name)
    torch.save({"model": model.half(), "ema": None, "train_args": {"box": 7.5}, "epoch": -1}, path)
    checkpoint = load_checkpoint(path)
    loaded = checkpoint.model
    assert isinstance(loaded, DetectionModel)
    assert checkpoint.train_args == {"box": 7.5}
    assert not is_trusted(path)
    for (key, ours), (other, theirs) in zip(
        loaded.state_dict().items(), model.state_dict().items(), strict=True
    ):
        assert key == other
        assert torch.equal(ours, theirs)
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(flat(loaded.float()(images)), flat(model.float()(images)))


def flat(output):
    """An Ultralytics output's first tensor."""
    return flat(output[0]) if isinstance(output, tuple) else output


def test_fused_models_and_their_criterion_open_untrusted(tmp_path):
    model = random_model("yolo26n")
    model.args = IterableSimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    model.criterion = model.init_criterion()
    model.fuse(verbose=False)
    path = tmp_path / "fused.pt"
    torch.save({"model": model}, path)
    loaded = load_checkpoint(path).model
    with torch.no_grad():
        images = torch.rand(1, 3, 64, 64)
        torch.testing.assert_close(loaded(images)[0], model(images)[0])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_what_trainers_write_beside_the_model_is_left_aside(tmp_path, protocol):
    path = tmp_path / "extras.pt"
    torch.save(
        {
            "model": random_model("yolov8n"),
            "fitness": np.float64(0.5),
            "step": np.int64(3),
            "array": np.arange(6, dtype=np.float32).reshape(2, 3),
            "ordered": OrderedDict(a=1),
            "containers": [{1, 2}, frozenset({3}), (1, None), b"bytes", 1 + 2j, {"deep": [True]}],
            "torch": [torch.float16, torch.device("cpu"), torch.Size([1, 2])],
            "parameter": torch.nn.Parameter(torch.ones(2)),
            "optimizer": torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1).state_dict(),
            "path": Path("somewhere"),
            "train_args": IterableSimpleNamespace(
                box=np.float64(7.5), cls=1, epochs=np.int64(3), size=torch.Size([2])
            ),
        },
        path,
        pickle_protocol=protocol,
    )
    train_args = load_checkpoint(path).train_args
    assert train_args == {"box": 7.5, "cls": 1, "epochs": 3, "size": torch.Size([2])}
    assert type(train_args["box"]) is float


def test_the_averaged_weights_come_first(tmp_path):
    averaged = random_model("yolov8n")
    averaged.names = {0: "averaged"}
    torch.save({"model": random_model("yolov8n"), "ema": averaged}, tmp_path / "last.pt")
    assert load_checkpoint(tmp_path / "last.pt").model.names == {0: "averaged"}
    torch.save(averaged, tmp_path / "bare.pt")
    assert load_checkpoint(tmp_path / "bare.pt").model.names == {0: "averaged"}


def test_trusted_folders_open_anything(tmp_path, own_home, monkeypatch):
    elsewhere, listed, home_weights = tmp_path / "a", tmp_path / "b", own_home / "weights"
    for folder in (elsewhere, listed, home_weights):
        folder.mkdir(parents=True)
        content = {"model": random_model("yolov8n"), "train_args": Calls(dict, [("from", os.getpid)])}
        torch.save(content, folder / "x.pt")
    monkeypatch.setenv("PATCHBENCH_TRUSTED", os.pathsep.join(["", str(listed)]))
    for path, trust in ((listed, False), (home_weights, False), (elsewhere, True)):
        assert load_checkpoint(path / "x.pt", trust=trust).train_args == {"from": os.getpid}
    with pytest.raises(UntrustedWeightsError, match="getpid"):
        load_checkpoint(elsewhere / "x.pt")


def test_a_trusted_file_runs_only_if_it_must(own_home):
    """Most weights need nothing that our own reader does not build, wherever they lie."""
    path = own_home / "weights" / "plain.pt"
    path.parent.mkdir(parents=True)
    torch.save({"model": random_model("yolov8n")}, path)
    load_checkpoint(path)
    with canary() as ran:
        load_checkpoint(path, trust=True)
    assert not [event for event in ran if event.startswith("pickle.find_class")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "a state dict without a model"),
        ({"model": None}, "a state dict without a model"),
        ({"model": {"weight": torch.zeros(1)}}, "a state dict without a model"),
        (OrderedDict(weight=torch.zeros(1)), "a state dict without a model"),
        ([1], "got list"),
        (torch.zeros(3), r"got (Tensor|torch\._utils\._rebuild_tensor_v2)"),
    ],
)
@pytest.mark.parametrize("trust", [False, True])
def test_files_without_a_model_are_named(tmp_path, content, message, trust):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(DetectorError, match=message):
        load_checkpoint(tmp_path / "other.pt", trust=trust)


def test_a_link_in_a_trusted_folder_does_not_lend_its_trust(tmp_path, own_home):
    (own_home / "weights").mkdir(parents=True)
    outside = tmp_path / "outside.pt"
    outside.touch()
    link = own_home / "weights" / "link.pt"
    link.symlink_to(outside)
    assert not is_trusted(link)
    assert is_trusted(own_home / "weights" / "inside.pt")
    assert not is_trusted(own_home / "weights" / ".." / ".." / "outside.pt")
    assert is_trusted(checkpoints.PACKAGED_WEIGHTS / "demo.pt")


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


@pytest.mark.real
def test_the_real_weights_open_untrusted_with_the_bits_that_torch_reads(yolov8n_weights):
    assert not is_trusted(yolov8n_weights)
    ours = load_checkpoint(yolov8n_weights)
    theirs = checkpoints._unpickled(yolov8n_weights.read_bytes(), yolov8n_weights)
    assert ours.model.names == theirs.model.names
    assert ours.train_args == theirs.train_args
    values = zip(ours.model.state_dict().items(), theirs.model.state_dict().items(), strict=True)
    for (key, value), (other, expected) in values:
        assert key == other
        assert value.dtype == expected.dtype
        assert torch.equal(value, expected)
