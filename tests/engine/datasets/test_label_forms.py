# SPDX-License-Identifier: AGPL-3.0-only
"""What long label lines mean: boxes with keypoints, confidences and track ids against outlines."""

import numpy as np
import pytest

from engine.datasets.label_forms import KeypointShape, LabelSurvey
from engine.datasets.label_lines import FaultyLine, LabelLine
from engine.errors import DatasetError


class Labels:
    """Draws label lines, the class first, from a seed."""

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)

    def box(self):
        w, h = self.rng.uniform(0.05, 0.6, 2)
        return [0.0, self.rng.uniform(w / 2, 1 - w / 2), self.rng.uniform(h / 2, 1 - h / 2), w, h]

    def pose(self, keypoints, numbers, *tail):
        values = self.box()
        _, x, y, w, h = values
        for _ in range(keypoints):
            seen = float(self.rng.integers(0, 3))
            place = [x + self.rng.uniform(-0.5, 0.5) * w, y + self.rng.uniform(-0.5, 0.5) * h]
            values += [*place, seen] if numbers == 3 else place
        return [*values, *tail]

    def outline(self, points):
        _, x, y, w, h = self.box()
        turns = 2 * np.pi * (np.arange(points) + self.rng.uniform(0, 1)) / points
        return [0.0, *np.stack([x + np.cos(turns) * w / 2, y + np.sin(turns) * h / 2], 1).ravel().tolist()]

    def tracked(self, identity=None):
        identity = self.rng.integers(1, 9) if identity is None else identity
        return [*self.box(), self.rng.uniform(0.2, 1), float(identity)]


def survey(lines, shape=None):
    found = LabelSurvey(shape)
    found.add([LabelLine(number, values, False) for number, values in enumerate(lines, 1)], "a.txt")
    return found


def reading_of(lines, shape=None):
    found = survey(lines, shape).forms().reading(len(lines[0]))
    return "fault" if found.fault else "outline" if found.outline else found.ignored or "box"


def test_no_lines_leave_the_plain_forms():
    forms = LabelSurvey().forms()
    assert [forms.reading(length).outline for length in (5, 7, 9)] == [False, True, True]
    assert forms.reading(8).fault


def test_lines_without_numbers_do_not_count():
    found = LabelSurvey()
    found.add([FaultyLine(1, "malformed_line", "")], "a.txt")
    assert found.forms().reading(5).fault == ""


@pytest.mark.parametrize("lines", [10, 300])
@pytest.mark.parametrize(
    ("draw", "reading"),
    [
        (lambda labels: labels.box(), "box"),
        (lambda labels: [*labels.box(), 0.9], "ignored_numbers"),
        (lambda labels: [*labels.box(), 7.0], "ignored_numbers"),
        (lambda labels: labels.tracked(), "ignored_numbers"),
        (lambda labels: labels.tracked(1), "ignored_numbers"),
        (lambda labels: labels.pose(1, 3), "ignored_keypoints"),
        (lambda labels: labels.pose(2, 3), "ignored_keypoints"),
        (lambda labels: labels.pose(4, 3), "ignored_keypoints"),
        (lambda labels: labels.pose(17, 3), "ignored_keypoints"),
        (lambda labels: labels.pose(17, 3, 0.8), "ignored_keypoints"),
        (lambda labels: labels.pose(17, 3, 0.8, 12.0), "ignored_keypoints"),
        (lambda labels: labels.pose(4, 2), "ignored_keypoints"),
        (lambda labels: labels.pose(5, 2), "ignored_keypoints"),
        (lambda labels: labels.pose(17, 2), "ignored_keypoints"),
        (lambda labels: labels.outline(3), "outline"),
        (lambda labels: labels.outline(4), "outline"),
        (lambda labels: labels.outline(8), "outline"),
        (lambda labels: labels.outline(60), "outline"),
        (lambda labels: labels.outline(400), "outline"),
        (lambda labels: [*labels.outline(4), 0.3, 0.2, 3.0], "fault"),
        (lambda labels: [0.0] + [1.0] * 7, "fault"),
    ],
)
def test_a_dataset_tells_what_its_lines_are(draw, reading, lines):
    labels = Labels(3)
    assert reading_of([draw(labels) for _ in range(lines)]) == reading


def test_keypoints_that_were_not_seen_lie_in_the_corner():
    labels = Labels(1)
    lines = [[*labels.box(), *[0.0] * 6] for _ in range(10)]
    assert reading_of(lines) == "ignored_keypoints"


@pytest.mark.parametrize(
    "corners",
    [
        [0.5, 0.5, 0.6, 0.5, 0.6, 0.6, 0.5, 0.6],  # reads as a box with two keypoints in it, too
        [0.5, 0.5, 0.55, 0.53, 0.52, 0.58, 0.47, 0.55],
    ],
)
def test_four_corners_are_an_outline(corners):
    assert reading_of([[0.0, *corners]]) == "outline"


@pytest.mark.parametrize("lines", [1, 10, 300])
def test_a_single_keypoint_and_a_triangle_are_not_guessed_apart(lines):
    labels = Labels(2)
    with pytest.raises(DatasetError) as raised:
        survey([labels.pose(1, 2) for _ in range(lines)]).forms()
    message = str(raised.value)
    assert message.startswith("a.txt:1: expected ")
    assert "got lines of 7 numbers that can be read as both; add kpt_shape to the data file" in message
    assert "[1, 2] if the box comes first, [0, 2] for outlines" in message
    assert "\n" not in message


def test_half_outlines_and_half_poses_of_one_length_are_not_guessed():
    labels = Labels(4)
    lines = [draw for _ in range(20) for draw in (labels.pose(5, 2), labels.outline(7))]
    with pytest.raises(DatasetError, match="can be read as both"):
        survey(lines).forms()


UNCLEAR = [0, 0.5, 0.5, 0.6, 0.6, 0.5, 0.7]  # a triangle, or a box with a keypoint


@pytest.mark.parametrize(
    ("others", "outline"),
    [
        ([Labels(5).outline(6) for _ in range(10)], True),
        ([[0, 0.4, 0.4, 0.6, 0.4, 0.6, 0.6, 0.4, 0.6]], True),  # unclear itself, but of another length
        ([Labels(5).pose(17, 3) for _ in range(10)], False),
        ([[*Labels(5).box(), 0.9]], False),  # a tracker's line without an id
    ],
)
def test_unclear_lines_are_read_as_the_others(others, outline):
    assert survey([UNCLEAR, *others]).forms().reading(7).outline is outline


@pytest.mark.parametrize(
    ("length", "shape", "reading"),
    [
        (5, (17, 3), "box"),
        (6, (17, 3), "ignored_numbers"),
        (7, (17, 3), "ignored_numbers"),
        (56, (17, 3), "ignored_keypoints"),
        (57, (17, 3), "ignored_keypoints"),
        (58, (17, 3), "ignored_keypoints"),
        (39, (17, 2), "ignored_keypoints"),
        (7, (1, 2), "ignored_keypoints"),
        (9, (17, 3), "fault"),
        (7, (0, 2), "outline"),
        (9, (0, 2), "outline"),
        (6, (0, 2), "ignored_numbers"),
        (8, (0, 2), "fault"),
    ],
)
def test_the_data_file_decides_alone(length, shape, reading):
    assert reading_of([[0.0] + [0.5] * (length - 1)], KeypointShape(*shape)) == reading


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([[0, 320.0, 240, 100, 50]] * 3, "got values up to 320 (pixels) in 3 of 3 lines; divide them by the"),
        (
            [[0, 50.0, 50, 20, 40]] * 3 + [[0, 0.5, 0.5, 0.2, 0.4]],
            "up to 50 (percent or pixels) in 3 of 4 lines",
        ),
        ([[0, 120.0, 10, 130, 10, 130, 40]] * 2, "got values up to 130 (pixels)"),
    ],
)
def test_coordinates_that_are_no_shares_are_refused(lines, message):
    with pytest.raises(DatasetError) as raised:
        survey(lines).forms()
    assert str(raised.value).startswith(
        "a.txt:1: expected coordinates normalised to 0..1 by the image's size"
    )
    assert message in str(raised.value)


def test_a_few_wrong_lines_do_not_refuse_a_dataset():
    sound = [Labels(6).box() for _ in range(5)]
    assert reading_of([*sound, [0, 320.0, 240, 100, 50]]) == "box"
