"""filter: the conditions of ListDatasetEntries against plain loops, and what its documents leave open."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lvtools as lv
from lvtools.errors import ArgumentError, ManifestError
from tests.manifest.files import bodies, entry, manifests, refs, text


def oracle(data, labeled, anomaly_class, before, after, contains):
    for line in bodies(data):
        value = json.loads(line)
        metadata = value.get("anomaly-label-metadata")
        name = metadata["class-name"] if metadata else None
        when = datetime.fromisoformat(metadata["creation-date"]).replace(tzinfo=UTC) if metadata else None
        if labeled is not None and (name is not None) != labeled:
            continue
        if anomaly_class is not None and name != anomaly_class:
            continue
        if before is not None and not (when is not None and when < before):
            continue
        if after is not None and not (when is not None and when > after):
            continue
        if contains is not None and contains not in value["source-ref"]:
            continue
        yield line


START, END = datetime(2024, 4, 30), datetime(2024, 5, 11)
MOMENTS = st.none() | st.datetimes(START, END, timezones=st.just(UTC))
DAYS = st.integers(1, 9).map(lambda day: datetime(2024, 5, day, 8, tzinfo=UTC))  # those that occur: strictness shows


@given(
    manifests(), st.none() | st.booleans(), st.sampled_from([None, "normal", "anomaly"]), MOMENTS | DAYS,
    MOMENTS | DAYS,
    st.sampled_from([None, "g1", "/1", ".png", "G1"]),
)  # fmt: skip
def test_filters_are_strict_and_joined_by_and(data, labeled, anomaly_class, before, after, contains):
    report = lv.filter_manifest(
        data, labeled=labeled, anomaly_class=anomaly_class, before=before, after=after, source_ref_contains=contains,
        profile="lookoutvision",
    )  # fmt: skip
    expected = list(oracle(data, labeled, anomaly_class, before, after, contains))
    assert bodies(report.data) == expected
    assert report.kept == len(expected) == len(report.kept_lines)
    assert report.lines == len(bodies(data))


@given(manifests())
def test_without_conditions_everything_stays_byte_for_byte(data):
    assert lv.filter_manifest(data).data == data


def test_equal_times_meet_neither_filter():
    data = text(entry("s3://bbb/1.png", "normal", date="2024-05-01T08:00:00.000"))
    assert lv.filter_manifest(data, before="2024-05-01T08:00:00").kept == 0
    assert lv.filter_manifest(data, after="2024-05-01T08:00:00").kept == 0
    assert lv.filter_manifest(data, before="2024-05-01T08:00:01", after="2024-05-01T07:59:59").kept == 1


def test_every_way_to_say_a_time():
    data = text(entry("s3://bbb/1.png", "normal", date="Wed May 01 2024 01:00:00 GMT-0700 (Pacific Daylight Time)"))
    zone = timezone(timedelta(hours=2))
    for moment in (
        "2024-05-02",
        date(2024, 5, 2),
        datetime(2024, 5, 1, 8, 1),
        datetime(2024, 5, 1, 10, 1, tzinfo=zone),
    ):
        assert lv.filter_manifest(data, before=moment).kept == 1
    for moment in ("2024-05-01", date(2024, 5, 1), datetime(2024, 5, 1, 7, 59), "2024-05-01T09:59:00+02:00"):
        assert lv.filter_manifest(data, after=moment).kept == 1


def test_lines_without_a_date_that_can_be_read_meet_no_date_filter():
    data = text(entry("s3://bbb/1.png"), entry("s3://bbb/2.png", "normal", date="soon"))
    assert lv.filter_manifest(data, before="2100-01-01").kept == 0
    assert lv.filter_manifest(data, after="1900-01-01").kept == 0


def test_other_classes_are_unlabeled_for_lookout_and_labels_elsewhere():
    data = text(entry("s3://bbb/1.png", "scratch"), entry("s3://bbb/2.png", "Anomaly"), entry("s3://bbb/3.png"))
    assert refs(lv.filter_manifest(data, labeled=True).data) == ["s3://bbb/2.png"]
    assert refs(lv.filter_manifest(data, labeled=False).data) == ["s3://bbb/1.png", "s3://bbb/3.png"]
    assert refs(lv.filter_manifest(data, anomaly_class="anomaly").data) == ["s3://bbb/2.png"]
    assert refs(lv.filter_manifest(data, labeled=True, profile="groundtruth").data) == [
        "s3://bbb/1.png",
        "s3://bbb/2.png",
    ]


def test_boxes_and_masks_are_labels_where_lookout_is_not_asked():
    mask = {"m-ref": "s3://bbb/m.png", "m-ref-metadata": {"type": "groundtruth/semantic-segmentation"}}
    box = {"b": {"image_size": [{"width": 9, "height": 9}], "annotations": []}}
    box["b-metadata"] = {"type": "groundtruth/object-detection", "class-map": {}, "objects": []}
    data = text(entry("s3://bbb/1.png", **mask), entry("s3://bbb/2.png", **box), entry("s3://bbb/3.png"))
    assert lv.filter_manifest(data, labeled=True, profile="groundtruth").kept == 2
    assert lv.filter_manifest(data, labeled=True, profile="lookoutvision").kept == 0


def test_any_condition_on_the_columns():
    data = text(*(entry(f"s3://bbb/{n}.png", name, number=n) for n, name in enumerate(["dog", "cat", "dog"])))
    assert refs(lv.filter_manifest(data, where=pc.field("class_name") == "dog").data) == [
        "s3://bbb/0.png",
        "s3://bbb/2.png",
    ]
    where = (pc.field("line") > 1) & pc.field("confidence").is_valid()
    assert lv.filter_manifest(data, where=where, source_ref_contains="1").kept_lines == (2,)
    for bad in (pc.field("colour") == 1, pc.field("line") == "x", "line > 1"):
        with pytest.raises(ArgumentError, match="cannot be used"):
            lv.filter_manifest(data, where=bad)


@pytest.mark.parametrize(
    "options",
    [{"anomaly_class": "dog"}, {"source_ref_contains": ""}, {"source_ref_contains": "  "},
     {"source_ref_contains": "x" * 2049}, {"before": "soon"}, {"after": 7}],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(options):
    with pytest.raises(ArgumentError):
        lv.filter_manifest(b"{}", **options)


def test_broken_lines():
    data = b"nonsense\n" + text(entry("s3://bbb/1.png", "normal"))
    with pytest.raises(ManifestError, match="<bytes>:1:1"):
        lv.filter_manifest(data, labeled=True)
    assert lv.filter_manifest(data, labeled=False, on_broken="keep").data == b"nonsense\n"
    assert lv.filter_manifest(data, labeled=True, on_broken="drop").kept == 1


def test_the_label_meant_decides():
    second = {"second": 1, "second-metadata": {"class-name": "anomaly", "type": "groundtruth/image-classification"}}
    data = text(entry("s3://bbb/1.png", "normal", **second))
    assert lv.filter_manifest(data, anomaly_class="anomaly").kept == 0
    assert lv.filter_manifest(data, anomaly_class="anomaly", attribute="second").kept == 1
