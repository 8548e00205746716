# SPDX-License-Identifier: AGPL-3.0-only
"""Shapes and sprites."""

import numpy as np
import pytest

from engine.datasets.demo.canvas import Sprite, capsule, ellipse, fractal_noise, rectangle, scaled, smooth


def sprite(light_xy=(0.0, 0.0)):
    return Sprite(1.0, 1.0, 2.0, 0.0, 40.0, light_xy)


@pytest.mark.parametrize(
    ("shape", "area_m2"),
    [
        (rectangle(5, 5, 6, 6), 0),
        (rectangle(-0.5, 0, 0.5, 1), 1.0),
        (ellipse((0, 1), 0.5, 0.5), np.pi / 4),
        (capsule((0, 0.5), (0, 1.5), 0.2, 0.2), np.pi * 0.04 + 0.4),
        (smooth(rectangle(-0.5, 0.5, 0.5, 1.5)), 1.25),
    ],
)
def test_a_shape_covers_its_area(shape, area_m2):
    drawn = sprite()
    drawn.fill(shape, (200, 100, 50))
    covered = np.count_nonzero(drawn.mask)
    assert covered == pytest.approx(1600 * area_m2, rel=0.15)
    assert (drawn.rgb[drawn.mask > 0] == (200, 100, 50)).all()


def test_metres_become_pixels_with_y_up():
    drawn = sprite()
    assert drawn.to_px(np.array([(0, 0), (1, 2)])).tolist() == [[40, 80], [80, 0]]
    assert drawn.origin_px == (40, 80)


def test_an_image_is_cut_out():
    drawn = sprite()
    picture = np.arange(drawn.rgb.size, dtype=np.uint32).reshape(drawn.rgb.shape).astype(np.uint8)
    drawn.fill(rectangle(-0.5, 0.5, 0.5, 1.5), picture)
    inside = drawn.mask > 0
    assert (drawn.rgb[inside] == picture[inside]).all()
    assert not drawn.rgb[~inside].any()


def test_relief_is_lighter_on_the_side_of_the_light():
    lit = sprite(light_xy=(1.0, 0.0))
    lit.fill(rectangle(-0.8, 0.2, 0.8, 1.8), (100, 100, 100), relief_m=0.3)
    row = lit.rgb[40, :, 0].astype(int)
    columns = np.flatnonzero(lit.mask[40])
    assert row[columns[-1]] > 100 > row[columns[0]]


@pytest.mark.parametrize(("width", "height", "cell"), [(1, 1, 4.0), (33, 17, 3.0), (200, 90, 80.0)])
def test_noise_has_the_size_and_the_range(width, height, cell):
    noise = fractal_noise(np.random.default_rng(0), width, height, cell_px=cell)
    assert noise.shape == (height, width)
    assert np.abs(noise).max() <= 1
    assert width == 1 or noise.std() > 0.05


def test_a_scaled_colour_stays_a_colour():
    assert scaled((100, 200, 10), 2) == (200, 255, 20)
