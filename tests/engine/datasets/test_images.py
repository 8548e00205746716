# SPDX-License-Identifier: AGPL-3.0-only
"""Image files: sizes agree with decoded pixels, damage is told apart without decoding what is whole."""

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile, features

from engine.datasets import images
from engine.datasets.images import (
    IMAGE_SUFFIXES,
    BadImageError,
    exif_orientation,
    probe_size,
    read_rgb,
    read_small,
)
from tests.engine.datasets.pictures import picture_bytes, write_picture

AVIF = pytest.param("AVIF", marks=pytest.mark.skipif(not features.check("avif"), reason="no AVIF in Pillow"))
FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "JPEG2000", "GIF"]


@pytest.mark.parametrize("image_format", [*FORMATS, "MPO", AVIF])
def test_size_is_that_of_the_pixels(tmp_path, image_format):
    path = write_picture(tmp_path / "a", width=40, height=24, image_format=image_format)
    assert probe_size(path) == (40, 24)
    assert read_rgb(path).shape == (24, 40, 3)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", AVIF])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_size_and_pixels_alike(tmp_path, image_format, orientation):
    path = write_picture(
        tmp_path / "a", width=40, height=24, image_format=image_format, orientation=orientation
    )
    width, height = probe_size(path)
    assert (width, height) == ((24, 40) if orientation >= 5 else (40, 24))
    assert read_rgb(path).shape == (height, width, 3)
    assert exif_orientation(path) == orientation
    assert read_small(path, 20).size == ((12, 20) if orientation >= 5 else (20, 12))


@pytest.mark.parametrize("image_format", ["JPEG", AVIF])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_small_picture_is_turned_as_the_pixels_are(tmp_path, image_format, orientation):
    path = write_picture(
        tmp_path / "a", width=40, height=24, image_format=image_format, orientation=orientation
    )
    small, pixels = np.asarray(read_small(path, 40), dtype=int), read_rgb(path).astype(int)
    assert np.abs(small - pixels).max() < 16


@pytest.mark.parametrize("image_format", ["GIF", "MPO"])
def test_the_first_of_several_frames_is_read(tmp_path, image_format):
    frames = [Image.new("RGB", (32, 16), colour) for colour in ((250, 0, 0), (0, 250, 0))]
    frames[0].save(tmp_path / "a", image_format, save_all=True, append_images=frames[1:])
    assert probe_size(tmp_path / "a") == (32, 16)
    assert read_rgb(tmp_path / "a")[8, 8].tolist() == pytest.approx([250, 0, 0], abs=6)


@pytest.mark.parametrize("suffix", [".avif", ".gif", ".heic", ".jfif", ".mpo", ".jpg"])
def test_suffixes_of_images(suffix):
    assert suffix in IMAGE_SUFFIXES


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)


def test_heic_is_read_where_its_package_is_there_and_else_named(tmp_path, monkeypatch):
    path = tmp_path / "a.heic"
    path.write_bytes(HEIC)
    monkeypatch.setattr(images, "find_spec", lambda name: None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    with pytest.raises(BadImageError, match="a HEIC image, which needs the package pillow-heif") as raised:
        probe_size(path)
    assert raised.value.kind == "unreadable_image"

    class Package:
        @staticmethod
        def register_heif_opener():
            picture = io.BytesIO(picture_bytes(40, 24, image_format="BMP"))
            monkeypatch.setitem(Image.OPEN, "HEIF", (lambda *_: Image.OPEN["BMP"][0](picture), None))

    monkeypatch.setattr(images, "find_spec", lambda name: name == "pillow_heif")
    monkeypatch.setitem(sys.modules, "pillow_heif", Package)
    assert probe_size(path) == (40, 24)
    assert read_rgb(path).shape == (24, 40, 3)


@pytest.mark.parametrize("size", [(40_000, 40_000), (2**20 + 1, 1), (2**31 - 1, 2**31 - 1)])
@pytest.mark.parametrize("read", [probe_size, read_rgb, lambda path: read_small(path, 9)])
def test_an_image_that_cannot_be_decoded_for_its_size_is_named(tmp_path, read, size):
    def chunk(name, content):
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    )
    with pytest.raises(BadImageError, match=f"got one of {size[0]}x{size[1]} pixels, more than") as raised:
        read(path)
    assert raised.value.kind == "huge_image"


def test_channels_are_rgb(tmp_path):
    path = tmp_path / "red.png"
    Image.new("RGB", (2, 2), (255, 0, 0)).save(path)
    assert read_rgb(path)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("read", [probe_size, read_rgb])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (None, "missing_image"),
        (b"", "empty_image"),
        (b"not an image", "unreadable_image"),
        (b"\xff\xd8\xff", "truncated_image"),
        (b"\xff\xd8\xff but no segments\xff\xd9", "unreadable_image"),
        (b"\x89PNG\r\n\x1a\n", "truncated_image"),
        *[
            pytest.param(
                picture_bytes(image_format=name)[:-40], "truncated_image", id=f"{name} without its end"
            )
            for name in FORMATS
        ],
    ],
)
def test_damage_is_named(tmp_path, read, content, kind):
    path = tmp_path / "a.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadImageError) as raised:
        read(path)
    assert raised.value.kind == kind
    assert str(raised.value).startswith(f"{path}: expected a whole image file, got ")
    assert "\n" not in str(raised.value)


def test_folder_in_place_of_an_image_is_unreadable(tmp_path):
    with pytest.raises(BadImageError) as raised:
        probe_size(tmp_path)
    assert raised.value.kind == "unreadable_image"


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "BMP"])
def test_bytes_after_the_end_do_no_harm(tmp_path, image_format):
    path = tmp_path / "a"
    path.write_bytes(picture_bytes(image_format=image_format) + b"\0\0trailer")
    assert probe_size(path) == (64, 48)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
def test_a_whole_file_is_not_decoded(tmp_path, monkeypatch, image_format):
    def decoded(self):
        raise AssertionError("decoded")

    path = write_picture(tmp_path / "a", image_format=image_format)
    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    assert probe_size(path) == (64, 48)
