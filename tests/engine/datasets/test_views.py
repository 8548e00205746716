# SPDX-License-Identifier: AGPL-3.0-only
import numpy as np
import pytest

from engine.datasets.views import ViewChooser, visible_share
from engine.errors import SettingsError
from engine.records import ImageRecord

SETTINGS = {"side_px": 128, "zoom_low": 0.6, "zoom_high": 1.2, "seed": 0, "iteration": 0}


def record(boxes, width=640, height=480, classes=None):
    boxes = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    ids = np.zeros(len(boxes), dtype=np.int64) if classes is None else np.asarray(classes, dtype=np.int64)
    return ImageRecord(path="x.jpg", width=width, height=height, boxes_xyxy_px=boxes, class_ids=ids)


@pytest.mark.parametrize(
    ("boxes", "shares"),
    [
        ([], []),
        ([[0, 0, 10, 10]], [1]),
        ([[-10, 0, 10, 10]], [0.5]),
        ([[95, 95, 105, 105]], [0.25]),
        ([[200, 0, 210, 10]], [0]),
        ([[5, 5, 5, 9]], [0]),
    ],
)
def test_visible_share(boxes, shares):
    assert visible_share(np.array(boxes, dtype=float), 100, 100).tolist() == pytest.approx(shares)


@pytest.mark.parametrize(
    "box", [[300, 200, 340, 280], [0, 0, 30, 60], [600, 400, 640, 480], [0, 0, 640, 480], [100, 0, 140, 480]]
)
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_the_object_is_wholly_in_its_view(box, scale):
    one = record([box])
    for iteration in range(50):
        placed = ViewChooser(**SETTINGS | {"iteration": iteration})(0, one, scale)
        assert (
            visible_share(placed.to_canvas(one.boxes_xyxy_px), 128, 128)[0] > 0.93
        )  # corners are rounded to pixels


def test_views_hold_as_much_of_the_image_as_they_can():
    one = record([[0, 0, 20, 20]])
    for iteration in range(50):
        placed = ViewChooser(**SETTINGS | {"iteration": iteration})(0, one, 1.0)
        assert -1 <= placed.left <= 0
        assert -1 <= placed.top <= 0


def test_zoom_stays_in_its_range_and_uses_it():
    one = record([[300, 200, 340, 280]])
    zooms = [ViewChooser(**SETTINGS | {"iteration": i})(0, one, 0.5).scale / 0.5 for i in range(200)]
    assert 0.6 <= min(zooms) < 0.65
    assert 1.15 < max(zooms) <= 1.2


def test_a_view_depends_on_seed_iteration_image_and_turn_alone():
    one = record([[300, 200, 340, 280], [10, 10, 40, 90]])
    first = ViewChooser(**SETTINGS)(3, one, 1.0)
    assert ViewChooser(**SETTINGS)(3, one, 1.0) == first
    others = [
        ViewChooser(**SETTINGS | {"seed": 1})(3, one, 1.0),
        ViewChooser(**SETTINGS | {"iteration": 1})(3, one, 1.0),
        ViewChooser(**SETTINGS)(4, one, 1.0),
        ViewChooser(**SETTINGS)(3, one, 1.0, turn=1),
        ViewChooser(**SETTINGS)(3, one, 1.0, turn=2),
    ]
    assert len({first, *others}) == 1 + len(others)


def test_only_objects_of_the_class_are_looked_at():
    two = record([[0, 0, 20, 40], [600, 400, 630, 470]], classes=[0, 7])
    for iteration in range(30):
        placed = ViewChooser(**SETTINGS | {"iteration": iteration, "class_id": 7})(0, two, 1.0)
        assert (
            visible_share(placed.to_canvas(two.boxes_xyxy_px[1:]), 128, 128)[0] > 0.93
        )  # corners are rounded to pixels


def test_an_image_without_objects_is_seen_somewhere():
    empty = record([])
    corners = {ViewChooser(**SETTINGS | {"iteration": i})(0, empty, 1.0).left for i in range(20)}
    assert len(corners) > 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side_px": 16}, "view side: expected 32 to 4096, got 16"),
        ({"zoom_low": 2.0}, "view zoom: expected 0.1 to 1.2, got 2"),
        ({"zoom_high": 11.0}, "view zoom: expected 0.6 to 10, got 11"),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(SettingsError, match=message):
        ViewChooser(**SETTINGS | change)
