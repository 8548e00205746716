# SPDX-License-Identifier: AGPL-3.0-only
"""Image files: sizes agree with decoded pixels, damage is told apart without decoding what is whole."""

import pytest
from PIL import Image, ImageFile

from engine.datasets.images import BadImageError, probe_size, read_rgb
from tests.engine.datasets.pictures import picture_bytes, write_picture

FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "JPEG2000"]


@pytest.mark.parametrize("image_format", FORMATS)
def test_size_is_that_of_the_pixels(tmp_path, image_format):
    path = write_picture(tmp_path / "a", width=40, height=24, image_format=image_format)
    assert probe_size(path) == (40, 24)
    assert read_rgb(path).shape == (24, 40, 3)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_size_and_pixels_alike(tmp_path, image_format, orientation):
    path = write_picture(
        tmp_path / "a", width=40, height=24, image_format=image_format, orientation=orientation
    )
    width, height = probe_size(path)
    assert (width, height) == ((24, 40) if orientation >= 5 else (40, 24))
    assert read_rgb(path).shape == (height, width, 3)


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


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "BMP"])
def test_a_whole_file_is_not_decoded(tmp_path, monkeypatch, image_format):
    def decoded(self):
        raise AssertionError("decoded")

    path = write_picture(tmp_path / "a", image_format=image_format)
    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    assert probe_size(path) == (64, 48)
