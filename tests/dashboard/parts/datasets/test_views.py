# SPDX-License-Identifier: AGPL-3.0-only
"""The views of a dataset: histogram with its gallery, classes, boxes, repairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.store.repository import Repository
from tests.dashboard.homes import PEOPLE, make_dataset
from tests.dashboard.reading import figure, texts


@pytest.fixture
def page(app: AppTest) -> AppTest:
    app.switch_page("app_pages/datasets.py")
    return app


def test_the_histogram_counts_images_by_objects(page: AppTest, streets: None) -> None:
    page.run()
    assert {each.label: each.value for each in page.metric} == {
        "Images": "8",
        "Objects": str(sum(PEOPLE)),
        "Classes": "2",
        "Repairs": "3",
    }
    (bars,) = figure(page)["data"]
    assert bars["x"] == ["0", "1", "2", "3", "4", "5", "6", "7", "8 or more"]
    assert bars["y"] == [1, 2, 2, 1, 0, 1, 0, 0, 1]


def test_class_limit_share_and_scale_come_from_the_link(page: AppTest, streets: None) -> None:
    page.query_params.update(
        {"datasets.class": "car", "datasets.limit": "2", "datasets.log": "True", "datasets.share": "True"}
    )
    page.run()
    shown = figure(page)
    assert shown["data"][0]["text"] == ["75.0%", "25.0%", "0.0%"]
    assert shown["layout"]["yaxis"]["type"] == "log"


def test_a_chosen_bar_opens_its_images_with_boxes(page: AppTest, streets: None) -> None:
    page.query_params["datasets.bucket"] = "2"
    page.run()
    assert "**2 images**" in texts(page)
    assert [each.value for each in page.text][-2:] == ["3.png · 2 objects", "4.png · 2 objects"]
    assert len(page.get("image")) == 2
    assert [each for each in page.get("html") if "person</span>" in each.proto.body]
    page.selectbox(key="widget.datasets.bucket").set_value(8).run()
    assert page.text[-1].value == "7.png · 8 objects"
    assert page.query_params["datasets.bucket"] == "8"


def test_an_image_that_is_gone_is_said_to_be(page: AppTest, streets: None, own_home: Path) -> None:
    (own_home / "pictures" / "7.png").unlink()
    page.query_params["datasets.bucket"] = "8"
    page.run()
    assert "cannot be shown" in page.warning[0].value


def test_classes_sizes_and_places(page: AppTest, streets: None) -> None:
    page.query_params["datasets.view"] = "boxes"
    page.run()
    classes, sizes, centres = (figure(page, number)["data"][0] for number in range(3))
    assert classes["y"] == ["person", "car"]
    assert classes["x"][0] + classes["x"][1] == sum(PEOPLE)
    assert (sizes["type"], centres["type"]) == ("bar", "heatmap")


def test_repairs_are_counted_and_listed(page: AppTest, streets: None) -> None:
    page.query_params["datasets.view"] = "repairs"
    page.run()
    counts, listed = (table.value for table in page.dataframe)
    assert list(counts["Count"]) == [2, 1]
    assert list(counts["Repair"]) == ["box extends beyond its image", "missing image file"]
    assert counts["Meaning"][0] == "A box extends beyond the image, so it was clipped to the image."
    assert list(listed["File"]) == ["a.txt", "b.txt", "c.jpg"]
    assert listed["Line"].iloc[-1] == "–"  # noqa: RUF001
    page.selectbox(key="widget.datasets.repair").set_value("missing_image").run()
    assert list(page.dataframe[1].value["File"]) == ["c.jpg"]


def test_repairs_are_named_in_korean(page: AppTest, streets: None) -> None:
    page.query_params.update({"datasets.view": "repairs", "lang": "ko"})
    page.run()
    assert list(page.dataframe[0].value.iloc[:, 0]) == ["이미지 밖으로 나간 상자", "없는 이미지 파일"]


def test_many_images_are_shown_a_page_at_a_time(page: AppTest, own_home: Path) -> None:
    dataset = make_dataset(own_home / "pictures")
    with Repository() as repository:
        repository.datasets.save(replace(dataset, images=(dataset.images[1],) * 1000))
    page.query_params.update({"datasets.bucket": "1", "datasets.page": "84"})
    page.run()
    assert "**1,000 images**" in texts(page)
    assert len(page.get("image")) == 1000 - 83 * 12
