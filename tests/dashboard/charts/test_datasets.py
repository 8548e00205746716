# SPDX-License-Identifier: AGPL-3.0-only
"""Figures of a dataset: what stands in them, from no data at all on."""

import pytest

from dashboard.charts import datasets as charts
from dashboard.charts.theme import colour


def histogram(images, **how):
    labels = [str(place) for place in range(len(images))]
    return charts.object_histogram(images, labels, title="t", x_title="x", y_title="y", **how)


@pytest.mark.parametrize(
    ("images", "share", "heights", "texts"),
    [
        ([], False, (), ()),
        ([0, 0], True, (0, 0), ("0.0%", "0.0%")),
        ([1, 3], False, (1, 3), ("1", "3")),
        ([1, 3], True, (25, 75), ("25.0%", "75.0%")),
        ([1200], False, (1200,), ("1,200",)),
    ],
)
def test_bars_are_images_or_their_share(images, share, heights, texts):
    (bars,) = histogram(images, share=share).data
    assert (tuple(bars.y), tuple(bars.text)) == (heights, texts)


def test_the_chosen_bar_has_another_colour():
    (bars,) = histogram([1, 2, 3], chosen=1).data
    assert list(bars.marker.color) == [colour(0), colour(1), colour(0)]


def test_the_axis_may_be_logarithmic():
    assert histogram([1], log=True).layout.yaxis.type == "log"
    assert histogram([1]).layout.yaxis.type == "linear"


def test_classes_are_listed_from_the_top():
    figure = charts.class_bars({"person": 5, "car": 2}, title="t", x_title="x")
    assert (tuple(figure.data[0].y), tuple(figure.data[0].x)) == (("person", "car"), (5, 2))
    assert figure.layout.yaxis.autorange == "reversed"


@pytest.mark.parametrize(("boxes", "middles"), [([], ()), ([4, 1], (25, 75))])
def test_sizes_stand_in_the_middle_of_their_bins(boxes, middles):
    figure = charts.box_sizes(boxes, title="t", x_title="x", y_title="y")
    assert tuple(figure.data[0].x) == middles


def test_centres_keep_their_rows():
    figure = charts.box_centres([[0, 1], [2, 3]], title="t", legend="boxes", x_title="x", y_title="y")
    assert [list(row) for row in figure.data[0].z] == [[0, 1], [2, 3]]
    assert (figure.data[0].x0, figure.data[0].dy) == (25, 50)  # in percent of the image
    assert (figure.layout.xaxis.title.text, tuple(figure.layout.yaxis.range)) == ("x", (100, 0))


def test_batch_sizes_differ_in_more_than_colour():
    figure = charts.batch_sizes(
        {"one": {1: 5}, "two": {2: 2, 1: 1}}, title="t", x_title="x", y_title="y", dark=True, large=True
    )
    assert [trace.name for trace in figure.data] == ["one", "two"]
    assert tuple(figure.data[1].y) == (2, 1)
    assert figure.data[0].marker.pattern.shape != figure.data[1].marker.pattern.shape
    assert charts.batch_sizes({}, title="t", x_title="x", y_title="y").data == ()
