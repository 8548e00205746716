# SPDX-License-Identifier: AGPL-3.0-only
"""Other kinds of files are told by what is in them, and answered by what to bring instead."""

from __future__ import annotations

import pytest

from engine.detectors.checkpoints import load_checkpoint
from engine.detectors.loading import find_weights
from engine.detectors.weight_files import other_kind
from engine.errors import DetectorError, UntrustedWeightsError

EXPORT = "an export without gradients, which an attack needs; use the .pt file that it was exported from"
HEADS = {
    "an empty file": b"",
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 6549796\n",
    "a web page": b"\n<!DOCTYPE html>\n<html><body>404</body></html>",
    "an OpenVINO model": b'<?xml version="1.0"?>\n<net name="yolov8n" version="11">',
    "a TensorFlow Lite model": b"\x1c\x00\x00\x00TFL3\x14\x00",
    "a TensorRT engine": b'\xf2\x01\x00\x00{"description": "Ultralytics YOLOv8n model"}',
    "an NCNN model": b"7767517\n188 220\n",
    "a Keras model": b"\x89HDF\r\n\x1a\n\x00",
    "an ONNX model": b"\x08\x09\x12\x07pytorch\x1a\x052.4.0:\x80",
}


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("name", ["best.pt", "best.bin"])
def test_kinds_are_told_by_content_whatever_the_name(tmp_path, kind, name):
    path = tmp_path / name
    path.write_bytes(HEADS[kind])
    found = other_kind(path, HEADS[kind])
    assert found is not None
    assert found.startswith(kind)
    with pytest.raises(DetectorError, match="got .*" + kind) as caught:
        load_checkpoint(path)
    assert not isinstance(caught.value, UntrustedWeightsError)
    assert "trust" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("best.onnx", "an ONNX model"),
        ("best.engine", "a TensorRT engine"),
        ("best.mlmodel", "a CoreML model"),
        ("best.tflite", "a TensorFlow Lite model"),
        ("best.pb", "a TensorFlow model"),
        ("best.MNN", "an MNN model"),
    ],
)
def test_the_suffix_counts_where_the_content_says_nothing(tmp_path, name, kind):
    assert other_kind(tmp_path / name, b"\x00\x01") == f"{kind}, {EXPORT}"


@pytest.mark.parametrize("head", [b"PK\x03\x04", b"\x80\x02}q\x00.", b"\x00\x01", b"PK\x03\x04<html>"])
def test_what_may_be_weights_is_left_to_their_reader(tmp_path, head):
    assert other_kind(tmp_path / "best.pt", head) is None
    assert other_kind(tmp_path / "best.onnx", b"PK\x03\x04") is None


@pytest.mark.parametrize(
    ("folder", "file", "kind"),
    [
        ("best_openvino_model", "best.xml", "an OpenVINO model"),
        ("best.mlpackage", "Manifest.json", "a CoreML model"),
        ("best_saved_model", "saved_model.pb", "a TensorFlow model"),
        ("best_ncnn_model", "model.ncnn.param", "an NCNN model"),
        ("best_paddle_model", "best.pdmodel", "a PaddlePaddle model"),
    ],
)
def test_exports_that_are_folders_are_told(tmp_path, folder, file, kind):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / file).touch()
    with pytest.raises(DetectorError, match=f"got the folder .*{folder}: {kind}, an export without"):
        find_weights(tmp_path / folder)


def test_other_folders_are_no_weights(tmp_path):
    assert other_kind(tmp_path) is None
    with pytest.raises(DetectorError, match="looked for"):
        find_weights(tmp_path)
