# SPDX-License-Identifier: AGPL-3.0-only
"""Hostile weight files are refused before anything in them runs; those that Ultralytics writes open."""

from __future__ import annotations

import codecs
import io
import os
import pickle
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.detectors import trust
from engine.detectors.trust import is_trusted, load_checkpoint
from engine.detectors.ultralytics_quiet import DetectionModel, IterableSimpleNamespace
from engine.errors import DetectorError, UntrustedWeightsError
from tests.engine.detectors.families import FAMILIES, random_model
from tests.engine.test_excerpts import laughs

MARK = "PATCHBENCH_TEST_PICKLE_RAN"


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def plant() -> None:
    """What no pickle of these tests may reach."""
    os.environ[MARK] = "yes"


def hostile(code: bytes) -> bytes:
    """A pickle with that body."""
    return b"\x80\x02" + code + b"."


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


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
        "cannot be told",
    ),
    "extension": (hostile(b"\x82\x01"), "cannot be told"),
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
    "state of a class": b"cultralytics.utils\nIterableSimpleNamespace\n}" + text("x") + b"K\x01sb",
    "slots of a layer": b"ctorch.nn.modules.linear\nIdentity\n)\x81N}" + text("forward") + b"Ns\x86b",
    "object array": b"cnumpy\ndtype\n" + text("O") + b"\x85R",
    "other codec": b"c_codecs\nencode\n" + text("x") + text("zip") + b"\x86R",
    "defaultdict that calls": b"ccollections\ndefaultdict\nctorch.nn.modules.linear\nIdentity\n\x85R",
    "class as a hook": b"ctorch.nn.modules.linear\nIdentity\n)\x81}"
    + text("hook")
    + b"ctorch.nn.modules.linear\nLinear\nsb",
    "forward that is called": b"c__builtin__\ngetattr\nctorch.nn.modules.linear\nIdentity\n"
    + text("forward")
    + b"\x86R(NNtR",
}


def archive(path: Path, **members: bytes) -> Path:
    """A zip archive as torch.save lays it out, with other members (dots written as __)."""
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr("archive/" + name.replace("__", "."), content)
        file.writestr("archive/version", b"3\n")
        file.writestr("archive/byteorder", b"little")
    return path


@pytest.fixture(autouse=True)
def nothing_ran(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(MARK, raising=False)
    monkeypatch.delenv("PATCHBENCH_TRUSTED", raising=False)
    yield
    assert MARK not in os.environ


@pytest.mark.parametrize("name", PICKLES)
@pytest.mark.parametrize("place", ["data__pkl", "sub/other__pkl", "extra__PKL", "no archive"])
def test_hostile_pickles_are_refused_by_name(tmp_path, name, place):
    code, named = PICKLES[name]
    path = tmp_path / "hostile.pt"
    if place == "no archive":
        path.write_bytes(code)
    else:
        archive(path, **{"data__pkl": pickle.dumps({}, 2), place: code})
    with pytest.raises(UntrustedWeightsError, match="--trust-weights or put it into a folder") as caught:
        load_checkpoint(path)
    assert named in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", WITHIN_THE_ALLOWLIST)
def test_allowed_names_cannot_be_used_otherwise(tmp_path, name):
    path = archive(tmp_path / "hostile.pt", data__pkl=hostile(WITHIN_THE_ALLOWLIST[name]))
    with pytest.raises(UntrustedWeightsError, match="could run code"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "planted",
    [
        Calls(defaultdict, laughs()),
        Calls(codecs.encode, "x", "x" * 10**6),
        Calls(getattr, torch.nn.Identity, "x" * 10**6),
    ],
)
def test_large_and_nested_values_are_named_in_short(tmp_path, planted):
    path = archive(tmp_path / "hostile.pt", data__pkl=pickle.dumps({"description": planted}, 2))
    with pytest.raises(UntrustedWeightsError, match="could run code") as caught:
        load_checkpoint(path)
    assert len(str(caught.value)) < len(str(path)) + 500


def test_a_long_name_is_shown_in_short(tmp_path):
    path = archive(tmp_path / "hostile.pt", data__pkl=hostile(b"cos\n" + b"x" * 10**6 + b"\n"))
    with pytest.raises(UntrustedWeightsError, match=r"got os\.xxx.*…, which could run code") as caught:
        load_checkpoint(path)
    assert len(str(caught.value)) < len(str(path)) + 500


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
    torch.save({"a": torch.zeros(1)}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(DetectorError, match="expected a zip archive"):
        load_checkpoint(path)
    assert load_checkpoint(path, trust=True)["a"] == 0


@pytest.mark.parametrize("member", ["constants__pkl", "code/constants__pkl"])
def test_torchscript_is_refused(tmp_path, member):
    path = archive(tmp_path / "script.pt", data__pkl=pickle.dumps({}, 2), **{member: pickle.dumps((), 2)})
    with pytest.raises(DetectorError, match="TorchScript"):
        load_checkpoint(path)


def test_a_name_that_occurs_twice_is_refused(tmp_path):
    path = archive(tmp_path / "twice.pt", data__pkl=pickle.dumps({}, 2))
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("archive/data.pkl", pickle.dumps({"other": 1}, 2))
    with pytest.raises(DetectorError, match="damaged archive"):
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
    loaded = load_checkpoint(path)["model"]
    assert isinstance(loaded, DetectionModel)
    assert not is_trusted(path)
    for (key, ours), (other, theirs) in zip(
        loaded.state_dict().items(), model.state_dict().items(), strict=True
    ):
        assert key == other
        assert torch.equal(ours, theirs)


def test_fused_models_and_their_criterion_open_untrusted(tmp_path):
    model = random_model("yolo26n")
    model.args = IterableSimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    model.criterion = model.init_criterion()
    model.fuse(verbose=False)
    path = tmp_path / "fused.pt"
    torch.save({"model": model}, path)
    loaded = load_checkpoint(path)["model"]
    with torch.no_grad():
        images = torch.rand(1, 3, 64, 64)
        torch.testing.assert_close(loaded(images)[0], model(images)[0])


def test_what_trainers_write_beside_the_model_opens_untrusted(tmp_path):
    content = {
        "fitness": np.float64(0.5),
        "step": np.int64(3),
        "array": np.arange(6, dtype=np.float32).reshape(2, 3),
        "ordered": OrderedDict(a=1),
        "namespace": IterableSimpleNamespace(a=1),
        "containers": [{1, 2}, frozenset({3}), (1, None), b"bytes", 1 + 2j, {"deep": [True]}],
        "torch": [torch.float16, torch.device("cpu"), torch.Size([1, 2])],
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "optimizer": torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1).state_dict(),
    }
    path = tmp_path / "extras.pt"
    torch.save(content, path)
    loaded = load_checkpoint(path)
    assert np.array_equal(loaded.pop("array"), content.pop("array"))
    assert torch.equal(loaded.pop("parameter"), content.pop("parameter"))
    assert loaded == content
    torch.save(content, path, pickle_protocol=4)
    assert load_checkpoint(path) == content


def test_trusted_folders_open_anything(tmp_path, own_home, monkeypatch):
    elsewhere, listed, home_weights = tmp_path / "a", tmp_path / "b", own_home / "weights"
    for folder in (elsewhere, listed, home_weights):
        folder.mkdir(parents=True)
        torch.save({"value": Calls(os.getenv, "NO_SUCH_VARIABLE", "ran")}, folder / "x.pt")
    monkeypatch.setenv("PATCHBENCH_TRUSTED", os.pathsep.join(["", str(listed)]))
    assert load_checkpoint(listed / "x.pt") == {"value": "ran"}
    assert load_checkpoint(home_weights / "x.pt") == {"value": "ran"}
    assert load_checkpoint(elsewhere / "x.pt", trust=True) == {"value": "ran"}
    with pytest.raises(UntrustedWeightsError, match="getenv"):
        load_checkpoint(elsewhere / "x.pt")


def test_a_link_in_a_trusted_folder_does_not_lend_its_trust(tmp_path, own_home):
    (own_home / "weights").mkdir(parents=True)
    outside = tmp_path / "outside.pt"
    outside.touch()
    link = own_home / "weights" / "link.pt"
    link.symlink_to(outside)
    assert not is_trusted(link)
    assert is_trusted(own_home / "weights" / "inside.pt")
    assert not is_trusted(own_home / "weights" / ".." / ".." / "outside.pt")
    assert is_trusted(trust.PACKAGED_WEIGHTS / "demo.pt")


def test_the_file_is_read_once(tmp_path, monkeypatch):
    """A file that changes between check and use is checked and used as it was read."""
    path = archive(tmp_path / "changes.pt", data__pkl=pickle.dumps({"value": 1}, 2))
    real, reads = Path.read_bytes, []

    def read_then_replace(self: Path) -> bytes:
        reads.append(self)
        content = real(self)
        archive(path, data__pkl=PICKLES["exec"][0])
        return content

    monkeypatch.setattr(Path, "read_bytes", read_then_replace)
    assert load_checkpoint(path) == {"value": 1}
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
def test_the_real_weights_open_untrusted(yolov8n_weights):
    assert not is_trusted(yolov8n_weights)
    assert load_checkpoint(yolov8n_weights)["model"].names[0] == "person"
