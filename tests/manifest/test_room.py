"""Where the engine's columns lie, and what parts of a file have to say of each other: judged by the slow reader."""

from __future__ import annotations

import gc

import pytest

from lvtools.manifest import fast
from lvtools.manifest.read import read_manifest, validate_manifest
from tests.manifest.fuzz_fast import compare, differences, make_file
from tests.manifest.lines import Maker
from tests.manifest.reference import read_slowly

pytestmark = pytest.mark.usefixtures("both_loops")


def same(data: bytes, threads: int = 1, **how: str) -> None:
    found = differences(read_manifest(data, threads=threads, **how), read_slowly(data, **how))
    assert not found, "\n".join(found)


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The parts that were looked at in turn, by the lines before them."""
    lines: list[int] = []
    follow = fast.Part.follow

    def watched(part: fast.Part, across: object, before: int, text: object) -> None:
        lines.append(before)
        follow(part, across, before, text)  # type: ignore[arg-type]

    monkeypatch.setattr(fast.Part, "follow", watched)
    return lines


def test_columns_that_begin_late_and_grow_past_the_first_guess():
    maker = Maker(3, 0)
    # More than a window before the first mask, so that the guess knows nothing of masks and boxes.
    lines = (
        maker.file(2400, ("class",))
        + maker.file(700, ("mask",))
        + maker.file(500, ("boxes",))
        + maker.file(9, ("none",))
    )
    same(b"".join(lines), profile="groundtruth")


def test_short_lines_need_more_rows_than_was_guessed():
    lines = Maker(4, 0).file(1200, ("boxes",)) + [b'{"source-ref":"s3://abc/%d"}\n' % n for n in range(6000)]
    same(b"".join(lines), profile="rekognition")


def test_masks_after_a_line_of_the_slow_path():
    masks, others = Maker(6, 0).file(3, ("mask",)), Maker(7, 0).file(3, ("class",))
    lines = [*Maker(5, 0).file(20, ("class",)), b"oops\n", *masks, b"{}\n", *others]
    for threads in (1, 2):
        same(b"".join(lines), threads)


@pytest.mark.parametrize("length", [4000, 4095, 4096, 4097, 4200])
def test_a_reference_longer_than_the_engine_takes(length):
    key = b"s3://abc/" + b"k" * (length - 9)
    line = Maker(1, 0).file(1, ("mask",))[0]
    before, _, after = line.partition(b"s3://parts-a/img/000001.png")
    assert after
    other = line.replace(b"s3://parts-a/img/000002.png", key[:-4] + b".png")
    assert other != line
    same(before + key + after + other, profile="groundtruth")


@pytest.mark.parametrize("count", [2047, 2048, 2049])
def test_more_confidences_than_boxes_can_be(count):
    line = Maker(1, 0).file(1, ("boxes",))[0]
    start = line.index(b'"objects":[') + len(b'"objects":[')
    end = line.index(b"]", start)
    same(line[:start] + b",".join([b'{"confidence":0.5}'] * count) + line[end:], profile="rekognition")


def test_a_column_outlives_its_table_and_its_neighbours():
    lines = Maker(2, 0).file(4000, ("class", "mask"))
    table = read_manifest(b"".join(lines), profile="groundtruth").entries
    expected = table["source_ref"].to_pylist()
    kept = table["source_ref"]
    del table
    gc.collect()
    assert kept.to_pylist() == expected


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_parts_of_a_clean_file_are_not_looked_at_in_turn(threads, followed):
    data = b"".join(Maker(8, 0).file(400, ("class", "mask")))
    same(data, threads)
    assert followed == []


@pytest.mark.parametrize("threads", [2, 3, 5])
@pytest.mark.parametrize(("source", "at"), [(10, 390), (200, 395), (390, 12), (398, 399), (0, 399)])
def test_a_reference_twice_in_whatever_parts(source, at, threads, followed):
    lines = Maker(9, 0).file(400, ("class", "mask"))
    lines.insert(at, lines[source])
    same(b"".join(lines), threads)
    first, again = sorted((at, source + (source >= at)))
    findings = read_manifest(b"".join(lines), threads=threads).findings
    rows = [row for row in findings.to_pylist() if row["code"] == "LV201"]
    assert [(row["line"], row["related_line"]) for row in rows] == [(again + 1, first + 1)]
    assert validate_manifest(b"".join(lines), threads=threads).equals(findings.replace_schema_metadata(
        validate_manifest(b"".join(lines), threads=threads).schema.metadata))  # fmt: skip


@pytest.mark.parametrize("threads", [2, 4])
def test_a_color_map_that_contradicts_one_of_another_part(threads, followed):
    lines = Maker(10, 0).file(300, ("mask",))
    before = lines[280]
    lines[280] = before.replace(b"#2ca02c", b"#2ca02d")
    assert lines[280] != before
    data = b"".join(lines)
    same(data, threads)
    assert followed
    assert "LV205" in read_manifest(data, threads=threads).findings["code"].to_pylist()


@pytest.mark.parametrize("threads", [2, 3])
def test_a_faulty_line_in_a_later_part(threads, followed):
    for fault in (
        b"oops\n",
        b"\0\0\0\0\n",
        b"\n",
        b'{"source-ref":1}\n',
        b'{"source-ref":"s3://parts-a/img/000001.png"\n',
    ):
        lines = Maker(11, 0).file(200, ("class", "mask"))
        lines[150] = fault
        same(b"".join(lines), threads)
    assert followed


def test_anomalies_without_a_mask_are_told_for_every_part():
    lines = Maker(12, 0).file(200, ("class", "mask"))
    same(b"".join(lines), 4, profile="lookoutvision")
    found = read_manifest(b"".join(lines), profile="lookoutvision", threads=4).findings
    assert len([code for code in found["code"].to_pylist() if code == "LV206"]) > 20


def test_columns_that_move_when_a_part_is_closed():
    """Lines so long that the last reservation moves the columns: a later part is numbered where they are then."""
    assert compare(make_file(81, 723), 81)
