# ruff: noqa: E501 - tables of cases and columns, one a line
"""The fast path against the slow one: the same tables, the same findings, bit for bit, whatever the bytes."""

from __future__ import annotations

import os
import random
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools import read_manifest, validate_manifest
from lvtools._native import manifest_fast
from lvtools.dataset import ENTRY_SCHEMA
from lvtools.findings import BY_CODE, PROFILES
from lvtools.manifest import crossline, scan, tally
from lvtools.manifest import read as reading
from lvtools.manifest.fast import Part
from lvtools.manifest.judged import Judged
from lvtools.manifest.parts import cut
from lvtools.manifest.profile import Profile
from tests.manifest.fuzz_fast import bits, compare, differences, make_file, taken
from tests.manifest.lines import DATES, NUMBERS, REFS, Maker, spoil
from tests.manifest.reference import read_slowly, validate_slowly
from tests.shared import shared

pytestmark = pytest.mark.usefixtures("both_loops")
KINDS = ("class", "mask", "boxes", "none", "both", "two")


def same(data: bytes, **how: object) -> None:
    found = differences(
        read_manifest(data, **how), read_slowly(data, **{k: v for k, v in how.items() if k != "threads"})
    )  # type: ignore[arg-type]
    assert not found, "\n".join(found)


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**32), kinds=st.sets(st.sampled_from(KINDS), min_size=1), odd=st.sampled_from([0, 0.02, 0.1, 0.4]),
       shuffled=st.booleans(), spaced=st.booleans(), spoiled=st.sampled_from([0, 0.05, 0.5]),
       profile=st.sampled_from(["auto", *PROFILES]), threads=st.integers(1, 3), end=st.sampled_from([b"\n", b"\r\n"]))  # fmt: skip
def test_any_file(seed, kinds, odd, shuffled, spaced, spoiled, profile, threads, end):
    maker = Maker(seed, odd)
    lines = maker.file(25, tuple(sorted(kinds)), end=end, shuffled=shuffled, spaced=spaced)
    data = b"".join(spoil(line, maker.random) if maker.random.random() < spoiled else line for line in lines)
    same(data, profile=profile, threads=threads)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    columns=st.lists(st.sampled_from(ENTRY_SCHEMA.names), unique=True),
    threads=st.integers(1, 2),
)
def test_columns_that_are_not_asked_for_change_nothing(seed, columns, threads):
    same(b"".join(Maker(seed, 0.1).file(15, KINDS)), columns=columns, threads=threads)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    block=st.sampled_from([1, 7, 100, 333, 1000, 4096]),
    profile=st.sampled_from(["auto", *PROFILES]),
)
def test_blocks_that_cut_lines(seed, block, profile):
    maker = Maker(seed, 0.1)
    lines = maker.file(12, KINDS)
    data = b"".join(spoil(line, maker.random) if maker.random.random() < 0.2 else line for line in lines)
    chosen = reading._choose(profile, data)
    blocks = [data[at : at + block] for at in range(0, len(data), block)]
    job = Judged("<bytes>", chosen, 0, None, None)
    job.run([0, 0], lambda start, end: blocks, lambda at, length: "", 1)
    slow = validate_slowly([data], profile=chosen.name)
    for name in slow.column_names:
        assert bits(job.table()[name]) == bits(slow[name])


@pytest.mark.parametrize("number", range(64))
def test_files_of_the_fuzzer(number):
    compare(make_file(number, seed=0), number)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_odd_value_alone(profile):
    """One line per value, so that none hides behind another; numbers in every place where one may stand."""
    line = Maker(1, 0).line
    rows = [line("class"), line("mask"), line("boxes")]
    data = []
    for number in NUMBERS:
        for row in rows:
            data += [
                row.replace(b'"confidence":', b'"confidence":' + number.encode() + b',"x":', 1),
                row.replace(b'"width":', b'"width":' + number.encode() + b',"z":', 1),
            ]
        data += [b"".join((row[: row.index(key)], key, number.encode(), row[row.index(b",", row.index(key)) :]))
                 for row in rows for key in (b'"confidence":', b'"left":', b'"class_id":', b'"anomaly-label":', b'"depth":') if key in row]  # fmt: skip
    for date in DATES:
        data += [
            b"".join(
                (
                    row[: row.index(b'"creation-date":"') + 17],
                    date.encode(),
                    row[row.index(b'"', row.index(b'"creation-date":"') + 17) :],
                )
            )
            for row in rows
        ]
    for ref in REFS:
        data += [b"".join((row[:15], ref.format(7).encode(), row[row.index(b'"', 15) :])) for row in rows]
    same(b"\n".join(data), profile=profile)


def test_every_prefix_of_a_manifest():
    data = b"".join(Maker(3, 0).file(3, ("class", "mask", "boxes")))
    for size in range(len(data) + 1):
        same(data[:size], profile="groundtruth")


@pytest.mark.parametrize(
    "insert",
    [
        b"\xef\xbb\xbf",
        b"\n",
        b" \r\n",
        b"\0",
        b"[\n",
        b"{\n",
        b"\t",
        b"x" * 100_001 + b"\n",
        b"x" * 700_000 + b"\n",
        b'"',
        b"\xff",
    ],
)
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_odd_bytes_between_lines(insert, threads):
    lines = Maker(5, 0).file(40, ("class", "mask"))
    for at in (0, 1, 20, 39, 40):
        same(b"".join(lines[:at]) + insert + b"".join(lines[at:]), threads=threads)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_rules_over_several_lines_meet_across_parts(threads):
    maker = Maker(9, 0)
    lines = maker.file(60, ("class", "mask"))
    lines[50] = lines[3]
    lines[59] = lines[49] = lines[20]
    lines[40] = lines[40].replace(b"parts-a", b"parts-b")
    lines[55] = lines[55].replace(b"parts-a", b"parts-c").replace(b"yes", b"Yes")
    lines[45] = maker.line("mask").replace(b"#2ca02c", b"#2ca02d") + b"\n"
    lines[46] = maker.line("mask").replace(b"#2ca02c", b"#2ca02d").replace(b"yes", b"Yes") + b"\n"
    same(b"".join(lines), threads=threads)
    findings = read_manifest(b"".join(lines), threads=threads).findings
    assert {"LV201", "LV202", "LV205"} <= set(findings["code"].to_pylist())


def test_a_file_too_large_is_said_once(monkeypatch):
    data = b"".join(Maker(23, 0).file(40, ("class",)))
    monkeypatch.setattr(scan, "MAX_FILE_BYTES", 1000)
    for threads in (1, 2, 5):
        same(data, threads=threads)
        assert read_manifest(data, threads=threads).findings["code"].to_pylist().count("LV002") == 1


@pytest.mark.parametrize("kind", ["class", "mask", "boxes"])
@pytest.mark.parametrize("way", [{}, {"shuffled": True, "spaced": True}])
def test_the_engine_takes_what_is_sound(kind, way):
    assert taken(b"".join(Maker(11, 0).file(300, (kind,), **way)), "auto" if kind == "class" else "groundtruth") == 1


def test_the_engine_takes_common_oddities():
    line = Maker(13, 0).line("mask")
    odd = [
        line.replace(b'"0":{"class-name":"BACKGROUND"', b'"0":{"class-name":"dent"'),
        line.replace(b',"confidence":0.0', b"").replace(b',"confidence":0.5', b""),
        line.replace(b"s3://parts-a/", b""),
        b'{"source-ref":"s3://parts-a/x.png"}',
        line.replace(b'"creation-date":"', b'"creation-date":"Mon Aug 22 2022 13:52:52 GMT-0700 (PDT)","x":"'),
        line.replace(b".png", b".jpg"),
    ]
    data = b"\n".join(odd) + b"\n"
    same(data, profile="lookoutvision")
    assert taken(data, "lookoutvision") == 1
    assert len(read_manifest(data, profile="lookoutvision").findings) > len(odd)


def _classified(
    number: int, name: str = "normal", label: object = 0, key: str = "anomaly-label", **more: object
) -> bytes:
    metadata = {"class-name": name, "confidence": 1, "type": "groundtruth/image-classification", "human-annotated": "yes",
                "creation-date": "2024-05-01T08:00:00", **more}  # fmt: skip
    return orjson.dumps({"source-ref": f"s3://parts-a/{number}.png", key: label, f"{key}-metadata": metadata})


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("LV142", _classified(1).replace(b"/1.png", b"/a%20b.png")),
        ("LV143", _classified(1).replace(b"/1.png", b"//1.png")),
        ("LV143", _classified(1).replace(b"/1.png", b"/x//1.png")),
        ("LV144", _classified(1).replace(b".png", b".png ")),
        ("LV140", _classified(1).replace(b"/1.png", b"/\x7f.png")),
        ("LV140", _classified(1, "nor\x7fmal")),
        ("LV140", _classified(1, key="k\x7f")),
        ("LV140", _classified(1, **{"k\x7f": 1})),
        ("LV132", _classified(1, label="0")),
        ("LV134", _classified(1, key="$label")),
        ("LV135", _classified(1, key="label-ref")),
        ("LV136", _classified(1)[:-1] + b',"text":"' + b"x" * 20_000 + b'"}'),
        ("LV138", _classified(1, **{"adjustment-status": "perhaps"})),
        ("LV139", _classified(1, **{"adjustment-status": "adjusted"})),
        ("LV137", _classified(1, **{"worker-feedback": 1}).replace(b"image-classification", b"label-verification")),
        ("LV220", _classified(1, key="other")),
    ],
)
def test_a_line_with_a_rule_of_its_own(code, line, profile):
    lines = [_classified(number) for number in range(2, 40)]
    lines[5:5] = lines[30:30] = [line, line]
    data = b"\n".join(lines) + b"\n"
    same(data, profile=profile)
    found = set(read_manifest(data, profile=profile, threads=3).findings["code"].to_pylist())
    assert code in found or BY_CODE[code].severity_in(profile) == "off" or code in ("LV134", "LV220"), found
    same(data, profile=profile, threads=3)


def _file(rows: list[bytes]) -> bytes:
    return b"\n".join(rows) + b"\n"


def _boxes(number: int, names: list[str]) -> bytes:
    value = {"image_size": [{"width": 200, "height": 180, "depth": 3}],
             "annotations": [{"class_id": k, "top": 4, "left": 3, "height": 9, "width": 9} for k in range(len(names))]}  # fmt: skip
    metadata = {"objects": [{"confidence": 0.5} for _ in names], "class-map": {str(k): name for k, name in enumerate(names)},
                "type": "groundtruth/object-detection", "human-annotated": "yes", "creation-date": "2024-05-01T08:00:00"}  # fmt: skip
    return orjson.dumps({"source-ref": f"s3://parts-a/{number}.png", "bb": value, "bb-metadata": metadata})


def _masked(number: int, names: list[str]) -> bytes:
    classes = {
        str(k): {"class-name": name, "hex-color": f"#{k * 7919 % 0xFFFFFF:06x}", "confidence": 0}
        for k, name in enumerate(names)
    }
    metadata = {"internal-color-map": classes, "type": "groundtruth/semantic-segmentation", "human-annotated": "yes",
                "creation-date": "2024-05-01T08:00:00"}  # fmt: skip
    row = orjson.loads(_classified(number, "anomaly", 1))
    row |= {"anomaly-mask-ref": f"s3://parts-a/{number}-m.png", "anomaly-mask-ref-metadata": metadata}
    return orjson.dumps(row)


_DOG = orjson.dumps({"source-ref": "s3://parts-a/\u00e4.png"})  # a line for the slow path
WHOLE = {
    "LV207": [_classified(n, "dog") for n in range(60)],
    "LV208": [_classified(n, f"c{n % 251}") for n in range(300)],
    "LV209": [_classified(n).replace(b"s3://", b"s4://") for n in range(60)] + [_classified(99, "x")],
    "LV211": [_classified(n) for n in range(201)],
    "LV212": [_classified(n) for n in range(81)],
    "LV213": [_classified(n, ("normal", "anomaly")[n % 2], (1, 0)[n % 2]) for n in range(60)],
    "LV214": [_classified(n) for n in range(50)] + [_classified(n, "anomaly", n % 2) for n in range(50, 90)],
    "LV215": [_classified(n, ("dog", "Dog", "d og", "cat", "CAT")[n % 5 if n > 20 else 0]) for n in range(60)],
    "LV216": [_classified(n, ("a", "b", "b", "c")[n % 4]) for n in range(400)],
    "LV217": [_masked(n, ["BACKGROUND", *(("dent", "Dent"), ("dent",), ("scratch",))[n % 3]]) for n in range(50)],
    "LV218": [_masked(n, [f"t{(n * 5 + k) % 103}" for k in range(5)]) for n in range(60)],
    "LV219": [_boxes(n, [f"c{(n * 3 + k) % 55}" for k in range(4)]) for n in range(60)],
}


RARE = [("LV215", "lookoutvision"), ("LV215", "marketplace"), ("LV216", "lookoutvision"), ("LV216", "marketplace")]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("code", WHOLE)
@pytest.mark.parametrize("every", [0, 7])
def test_rules_of_whole_files(code, profile, every, monkeypatch):
    """Also with lines in between, and with lines of the same words, that the slow path reads."""
    monkeypatch.setattr(crossline, "MAX_TRAIN", 200)
    monkeypatch.setattr(crossline, "MAX_TEST", 80)
    monkeypatch.setattr(tally, "LISTING", 100)
    rows = [row.replace(b"parts-a/", b"parts-a/%20") if every and at % every == 3 else row
            for at, row in enumerate(WHOLE[code])]  # fmt: skip
    data = _file([*rows[:20], _DOG, *rows[20:]] if every else rows)
    for threads in (1, 3):
        same(data, profile=profile, threads=threads)
    found = set(read_manifest(data, profile=profile, columns=[]).findings["code"].to_pylist())
    assert code in found or BY_CODE[code].severity_in(profile) == "off" or every or (code, profile) in RARE


def test_class_names_alike_in_boxes_and_images():
    rows = [_boxes(n, ["dog", "cat"][: 1 + n % 2]) for n in range(30)] + [_boxes(40, ["Cat", "DOG", "cat"])]
    rows += [_classified(n, ("DOG", "cat")[n % 2], n % 3) for n in range(50, 70)]
    both = orjson.dumps(orjson.loads(_boxes(80, ["BIRD", "bird"])) | orjson.loads(_classified(80, "Bird")))
    for order in (rows, rows[::-1], [both, *rows], [*rows, both]):
        for profile in PROFILES:
            for threads in (1, 2, 4):
                same(_file(order), profile=profile, threads=threads)


def test_progress_is_told_under_every_profile():
    for profile in PROFILES:
        seen: list[int] = []
        data = _file(WHOLE["LV213"])
        validate_manifest(data, profile=profile, on_progress=seen.append)
        assert seen
        assert seen[-1] == len(data)


def test_real_manifests():
    files = [
        path
        for path in shared("data", "manifests").rglob("*")
        if path.is_file() and path.suffix in (".manifest", ".json", ".jsonl")
    ]
    assert files
    for path in files:
        for threads in (1, 2):
            same(path.read_bytes() * 3, threads=threads)


def test_a_file_is_validated_in_parts_as_in_one(tmp_path: Path):
    maker = Maker(17, 0.05)
    path = tmp_path / "train.manifest"
    path.write_bytes(b"".join(maker.file(3000, ("class", "mask"))))
    slow = validate_slowly([path.read_bytes()])
    for threads in (1, 2, 5):
        fast = validate_manifest(path, threads=threads)
        assert bits(fast["value"]) == bits(slow["value"])
        for name in set(slow.column_names) - {"file"}:
            assert bits(fast[name]) == bits(slow[name])
        assert fast.schema.metadata[b"statistics"] == slow.schema.metadata[b"statistics"]


def test_parts_begin_with_lines():
    data = b"".join(Maker(19, 0).file(50, ("mask",)))
    for parts in range(1, 60):
        bounds = cut(len(data), parts, lambda at, size: data[at : at + size])
        assert bounds[0] == 0
        assert bounds[-1] == len(data)
        assert all(data[at - 1 : at + 1] == b"\n{" for at in bounds[1:-1])


def test_many_distinct_maps_and_names():
    source = random.Random(1)
    rows = []
    for number in range(400):
        maps = ",".join(
            f'"{k}":{{"class-name":"c{source.randrange(40)}x{k}","hex-color":"#{source.randrange(3):06x}","confidence":{source.random()}}}'
            for k in range(1)
        )
        rows.append(
            f'{{"source-ref":"s3://parts-a/{number}","k{number % 90}":{number},"k{number % 90}-metadata":{{"class-name":"n{number}","confidence":1,"job-name":"j{number}","type":"groundtruth/image-classification","human-annotated":"no","creation-date":"2024-05-01T08:00:00"}},"m-ref":"s3://parts-a/{number}.png","m-ref-metadata":{{"internal-color-map":{{{maps}}},"type":"groundtruth/semantic-segmentation","human-annotated":"yes","creation-date":"2024-05-01T08:00:00"}}}}'
        )
    same("\n".join(rows).encode() + b"\n", profile="groundtruth", threads=2)


def test_the_engine_refuses_what_cannot_be_meant():
    with pytest.raises(ValueError, match="key"):
        manifest_fast.Engine(0, 0, False, b"short", b"")
    engine = manifest_fast.Engine(0, 0, False, os.urandom(32), b"")
    assert engine.run(b"", 0, 0, 0) == (0, 0, 1)
    assert engine.run(b"no line feed", 0, 0, 5) == (0, 5, 1)
    with pytest.raises(ValueError, match="no such buffer"):
        engine.release(99)


def test_profile_is_chosen_from_the_first_lines_only():
    assert isinstance(reading._choose("auto", b""), Profile)
    assert Part.__doc__
