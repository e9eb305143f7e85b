import itertools
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lvtools._native import manifest_scan
from lvtools._native.manifest_scan import Flag, Kind, Status
from lvtools.findings import FindingList
from lvtools.manifest import read_manifest, validate_manifest
from lvtools.manifest.scan import MAX_DEPTH, MAX_LINE_CHARS, TAPE_ROWS, Scanner, describe, pointer, quoted
from tests.manifest import oracle, strategies
from tests.shared import SHARED, shared

TAPE = np.empty((TAPE_ROWS, 4), np.int64)


def kernel(data, one_value_only=True):
    return manifest_scan.scan(data, 0, len(data), TAPE, MAX_DEPTH, one_value_only)


def scanned(data, block=None, profile="groundtruth"):
    """(records, findings) of a scan in blocks; a record is line, offset, value, length, place of every member."""
    findings = FindingList("f", profile)
    blocks = [data] if block is None else [data[at : at + block] for at in range(0, len(data), block)]
    scanner = Scanner(blocks, findings)
    records = [
        (record.line, record.offset, repr(record.value), record.length, tuple(record.places.of().values()))
        for record in scanner.records()
    ]
    rows = findings.table().to_pylist()
    assert scanner.bytes_seen == len(data)
    return records, rows, scanner.lines_seen


def codes(data, block=None):
    return [(row["line"], row["column"], row["byte_offset"], row["code"]) for row in scanned(data, block)[1]]


def verdict(data):
    """Does the scanner take these bytes as one line with an object?"""
    records, rows, _ = scanned(data)
    return len(records) == 1 and records[0][2] != "None", rows


# What is accepted, and as what


@given(st.one_of(strategies.lines(), strategies.lines().flatmap(strategies.mutations)))
@settings(max_examples=400, deadline=None)
@example(b'{"a":1e400}')
@example(b'{"a":"\\ud83d\\ude00"}')
@example(b'{"a":"\\ud83d"}')
@example(b'{"a":"\xed\xa0\x80"}')
@example(b'{"a":-0,"b":1' + b"0" * 300 + b"}")
@example(b'{"a":1' + b"0" * 400 + b"}")
@example(b"[" * 64 + b"]" * 64)
@example(b"[" * 65 + b"]" * 65)
def test_kernel_and_oracle_agree(data):
    status = kernel(data)[0]
    value, refusal = oracle.judge(data)
    if refusal:
        # An infinite number is sound JSON to the kernel; the scanner refuses it (LV028).
        assert status != Status.OK or "too large" in refusal, refusal
        if b"\n" not in data and data.strip():
            assert not verdict(data)[0], refusal
        return
    assert status == Status.OK, Status(status)
    if isinstance(value, dict) and b"\n" not in data and data.strip():
        records, rows, _ = scanned(data)
        assert records[0][2] == repr(value)
        assert {row["severity"] for row in rows} <= {"warning"}


@given(strategies.VALUES.flatmap(lambda value: strategies.written(value, breaks=True)))
@settings(max_examples=150, deadline=None)
def test_every_value_and_key_is_where_the_oracle_finds_it(data):
    status, rows, _, _, _ = kernel(data)
    assert status == Status.OK
    findings = FindingList("f")
    (record,) = Scanner([b'{"value":' + data.replace(b"\n", b" ") + b"}"], findings).records()
    text = b'{"value":' + data.replace(b"\n", b" ") + b"}"
    for path, (start, _, key) in oracle.positions(text).items():
        assert record.places.of(path)["byte_offset"] == start, path
        if key is not None:
            assert record.places.of(path, key=True)["byte_offset"] == key, path
    spans = {(start, end) for start, end, _ in oracle.positions(data).values()}
    assert spans == {(start, end) for kind, start, end, _ in TAPE[:rows].tolist() if kind != Kind.KEY}


def test_of_equal_keys_the_last_counts_and_a_missing_member_is_placed_at_its_container():
    (record,) = Scanner([b'{"a":1,"b":{"c":[7,8]},"a":2}\n'], FindingList("f")).records()
    assert record.value == {"a": 2, "b": {"c": [7, 8]}}
    assert record.places.of(("a",)) == {"line": 1, "column": 28, "byte_offset": 27}
    assert record.places.of(("a",), key=True)["column"] == 24
    assert record.places.of(("b", "c", 1))["column"] == 20
    assert record.places.of(("b", "c", 9))["column"] == 17
    assert record.places.of(("b", "x", "y"))["column"] == 12
    assert record.places.of(("z",))["column"] == 1


@pytest.mark.parametrize(
    ("data", "status", "position"),
    [
        (b"", Status.TRUNCATED, 0),
        (b"  ", Status.TRUNCATED, 2),
        (b'{"a"', Status.TRUNCATED, 4),
        (b'{"a":1', Status.TRUNCATED, 6),
        (b'"abc', Status.TRUNCATED, 4),
        (b'"\xe2\x82', Status.TRUNCATED, 3),
        (b'"\\', Status.TRUNCATED, 2),
        (b'"\\u12', Status.TRUNCATED, 5),
        (b'"\\ud83d', Status.TRUNCATED, 7),
        (b"tru", Status.TRUNCATED, 3),
        (b"-", Status.TRUNCATED, 1),
        (b"1.", Status.TRUNCATED, 2),
        (b"1e+", Status.TRUNCATED, 3),
        (b"{1}", Status.UNEXPECTED, 1),
        (b'{"a" 1}', Status.UNEXPECTED, 5),
        (b'{"a":1,}', Status.UNEXPECTED, 7),
        (b"[1,]", Status.UNEXPECTED, 3),
        (b"[,1]", Status.UNEXPECTED, 1),
        (b"[1 2]", Status.UNEXPECTED, 3),
        (b"[1}", Status.UNEXPECTED, 2),
        (b'{"a":1]', Status.UNEXPECTED, 6),
        (b"]", Status.UNEXPECTED, 0),
        (b"+1", Status.UNEXPECTED, 0),
        (b'"a\x01"', Status.CONTROL, 2),
        (b'"a\n"', Status.CONTROL, 2),
        (b'"\\x"', Status.BAD_ESCAPE, 1),
        (b'"\\u12g4"', Status.BAD_ESCAPE, 1),
        (b'"\\ud83d\\u00g0"', Status.BAD_ESCAPE, 7),
        (b'"a\x80"', Status.BAD_UTF8, 2),
        (b'"\xc0\xaf"', Status.BAD_UTF8, 1),
        (b'"\xe0\x80\x80"', Status.BAD_UTF8, 1),
        (b'"\xed\xa0\x80"', Status.BAD_UTF8, 1),
        (b'"\xf4\x90\x80\x80"', Status.BAD_UTF8, 1),
        (b'"\xf5\x80\x80\x80"', Status.BAD_UTF8, 1),
        (b'"\xe2\x28\xa1"', Status.BAD_UTF8, 1),
        (b'"\\ud83d"', Status.LONE_SURROGATE, 1),
        (b'"\\ude00"', Status.LONE_SURROGATE, 1),
        (b'"\\ud83d\\n"', Status.LONE_SURROGATE, 1),
        (b'"\\ud83d\\ud83d"', Status.LONE_SURROGATE, 1),
        (b"01", Status.BAD_NUMBER, 1),
        (b"-x", Status.BAD_NUMBER, 1),
        (b"1.x", Status.BAD_NUMBER, 2),
        (b"1ex", Status.BAD_NUMBER, 2),
        (b"[" * 65, Status.TOO_DEEP, 64),
        (b"1 2", Status.EXTRA, 2),
        (b"{}}", Status.EXTRA, 2),
        (b"trux", Status.BAD_LITERAL, 0),
        (b"nulL", Status.BAD_LITERAL, 0),
        (b"fals]", Status.BAD_LITERAL, 0),
    ],
)
def test_status_and_place_of_every_fault(data, status, position):
    answer = kernel(data)
    assert (Status(answer[0]), answer[2]) == (status, position)


def test_a_full_tape_is_said_not_overrun():
    tape = np.full((4, 4), -7, np.int64)
    assert manifest_scan.scan(b"[1,2,3]", 0, 7, tape[:3], 64)[0] == Status.TAPE_FULL
    assert (tape[3] == -7).all()
    assert manifest_scan.scan(b'{"a":1}', 0, 7, tape[:1], 64)[0] == Status.TAPE_FULL
    assert manifest_scan.scan(b"1", 0, 1, tape[:0], 64)[0] == Status.TAPE_FULL
    assert manifest_scan.scan(b"[1,2,3]", 0, 7, tape, 64)[:2] == (Status.OK, 4)


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (2, 1), (0, 3)])
def test_a_range_outside_the_data_is_refused(start, end):
    with pytest.raises(ValueError, match="out of bounds"):
        manifest_scan.scan(b"12", start, end, TAPE, 64)
    with pytest.raises(ValueError, match="out of bounds"):
        manifest_scan.scan(b"12", 0, 2, TAPE[:, :3].copy(), 64)


def test_duplicate_keys_are_found_or_flagged():
    assert kernel(b'{"a":1,"b":{"a":1},"a":2}')[4] == 19
    assert kernel(b'{"a":1,"b":{"a":1}}')[4] == -1
    assert kernel(b'{"a":1,"\\u0061":2}')[3] & Flag.ESCAPED_KEY
    many = b"{" + b",".join(b'"%d":0' % n for n in range(100)) + b"}"
    assert kernel(many)[3] & Flag.MANY_KEYS
    assert not kernel(b'{"a":1}')[3]


@given(strategies.lines())
@settings(max_examples=25, deadline=None)
def test_every_prefix_of_a_line_is_a_fault(line):
    line = line.strip()
    for cut in range(len(line)):
        status, _, position, _, _ = kernel(line[:cut])
        assert status == Status.TRUNCATED
        assert position == cut
        assert not verdict(line[:cut])[0]


# Lines, blocks and memory

HARD = (
    b'\xef\xbb\xbf{"a":"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"}\r\n'
    b"\r\n"
    b'{\n  "b": "\xe2\x82\xac",\r\n  "c": [\n    1\n  ]\n}\n'
    b'[\n  {"d": 1, "d": 2},\n  {"e": 1e999}, 7\n]  \n'
    b'[{"x": 1}, {"x": 2},\n {"x": 3}] junk\n'
    b'{\n  "broken": }\n  "goes": "on",\n{"f": 1}\n'
    b'{"cut": "in the middle\n'
    b'{"cut": \n'
    b'{\n  "\xe2\x82(": 1\n}\n'
    b'{"g": 1} {"h": 2}\n'
    b'{"\\u0061": 1, "a": 2, "a": 3}\n'
    b"  \t \n"
    b'{"i": NaN}\n'
    b'[\n  "no newline at the end", '
)


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64, 8 * 2**20])
def test_blocks_change_nothing_on_a_hard_file(block):
    assert scanned(HARD, block) == scanned(HARD)


@given(strategies.manifests(), st.sampled_from([1, 2, 7, 64]))
@settings(max_examples=250, deadline=None)
def test_blocks_change_nothing(data, block):
    assert scanned(data, block) == scanned(data)


@given(strategies.manifests())
@settings(max_examples=200, deadline=None)
def test_no_byte_is_lost_and_lines_are_counted(data):
    records, rows, lines = scanned(data)
    offsets = [record[1] for record in records]
    assert offsets == sorted(set(offsets))
    assert offsets[:1] == ([0] if data else [])
    dataset = read_manifest(data, profile="groundtruth")
    assert b"".join(dataset.entries["raw"].to_pylist()) == data
    if data[:1] not in (b"B", b"\xff") and b"LV008" not in {row["code"].encode() for row in rows}:
        assert lines == len(oracle.lines(data))
    for row in rows:
        if row["byte_offset"] is not None:
            assert (row["line"], row["column"], row["byte_offset"]) == oracle.place(data, row["byte_offset"])


@given(st.lists(strategies.lines(), min_size=1, max_size=8), st.sampled_from([b"\n", b"\r\n"]))
@settings(max_examples=50, deadline=None)
def test_sound_lines_are_records_at_their_offsets(parts, end):
    data = end.join(parts)
    expected = [(at, repr(oracle.strict_json(line)[0])) for at, line in oracle.lines(data)]
    assert [(record[1], record[2]) for record in scanned(data)[0]] == expected


def test_places_of_the_hard_file():
    found = codes(HARD)
    text = HARD
    expected = [
        (0, "LV004"),
        (text.index(b"\r\n\r\n") + 2, "LV006"),
        (text.index(b'{\n  "b"'), "LV005"),
        (text.index(b'[\n  {"d"'), "LV005"),
        (text.index(b'"d": 2'), "LV024"),
        (text.index(b"1e999"), "LV028"),
        (text.index(b"7\n]"), "LV026"),
        (text.index(b'[{"x"'), "LV005"),
        (text.index(b"junk"), "LV020"),
        (text.index(b'}\n  "goes'), "LV020"),
        (text.index(b"middle") + 6, "LV021"),
        (text.index(b'{"cut": \n') + 8, "LV021"),
        (text.index(b"\xe2\x82("), "LV022"),
        (text.index(b'{"h"'), "LV020"),
        (text.index(b'"a": 2'), "LV024"),
        (text.index(b'"a": 3'), "LV024"),
        (text.index(b"  \t \n"), "LV006"),
        (text.index(b"NaN"), "LV029"),
        (len(text), "LV021"),
    ]
    assert [(offset, code) for _, _, offset, code in found] == expected
    assert all(row[:3] == oracle.place(text, row[2]) for row in found)


@pytest.mark.parametrize("block", [None, 65_536])
def test_the_line_limit_counts_characters_and_leaves_the_line_end_out(block):
    def line(chars, sign="a"):
        return ('{"k":"' + sign * (chars - 8) + '"}').encode()

    for end in (b"\n", b"\r\n", b""):
        for sign in ("a", "é", "😀"):
            assert codes(line(MAX_LINE_CHARS, sign) + end, block) == []
            assert codes(b"{}\n" + line(MAX_LINE_CHARS + 1, sign) + end, block) == [(2, 1, 3, "LV009")]
    data = b"\xef\xbb\xbf" + line(600_000) + b"\n{}\n"
    assert scanned(data, block) == scanned(data)
    assert codes(data, block) == [(1, 1, 0, "LV004"), (1, 1, 0, "LV009")]
    stray = b"\x80" * 500_000 + b"\n{}\n"  # continues no character, so counts none: still too long
    assert scanned(stray, block) == scanned(stray)
    assert codes(stray, block) == [(1, 1, 0, "LV009")]


def test_one_line_of_more_than_a_gigabyte_takes_little_memory():
    block = b'{"source-ref":"' + b"x" * (2**20)
    count = 2**30 // len(block) + 2
    findings = FindingList("f")
    tracemalloc.start()
    scanner = Scanner(itertools.chain([b"{}\n"], itertools.repeat(block, count), [b"\n{}\n"]), findings)
    records = [(record.line, record.value) for record in scanner.records()]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert records == [(1, {}), (2, None), (3, {})]
    rows = findings.table().to_pylist()
    assert [(row["line"], row["code"]) for row in rows] == [(None, "LV002"), (2, "LV009")]
    assert rows[1]["value"] == f"{len(block) * count + 1:,}"
    assert peak < 24 * 2**20


def test_a_gigabyte_and_no_more_is_allowed():
    findings = FindingList("f")
    for _ in Scanner(itertools.repeat(b"x" * 2**23, 2**7), findings).records():
        pass
    assert "LV002" not in findings.table()["code"].to_pylist()


def test_a_long_spread_value_is_read_and_a_longer_one_reported(monkeypatch):
    data = json.dumps([{"a": n} for n in range(30_000)], indent=1).encode()
    records, rows, lines = scanned(data, 2**16)
    assert len(records) == 30_000
    assert [row["code"] for row in rows] == ["LV005"]
    assert lines == data.count(b"\n") + 1
    monkeypatch.setattr("lvtools.manifest.scan.MAX_SPREAD_BYTES", 2**16)
    data += b'\n{"b": 1}\n'
    records, rows, _ = scanned(data, 2**12)
    assert [record[2] for record in records] == ["None", "{'b': 1}"]
    assert [row["code"] for row in rows] == ["LV021"]
    assert scanned(data, 2**12) == scanned(data)


def test_very_many_keys_and_findings_in_one_line():
    keys = b"{" + b",".join(b'"%x":0' % n for n in range(11_000)) + b',"0":1}'
    assert len(keys) < MAX_LINE_CHARS
    assert codes(keys) == [(1, keys.rindex(b'"0"') + 1, keys.rindex(b'"0"'), "LV024")]
    tape = np.empty((130_000, 4), np.int64)
    many = b"{" + b",".join(b'"%x":0' % n for n in range(60_000)) + b"}"
    status, rows, _, flags, duplicate = manifest_scan.scan(many, 0, len(many), tape, 64)
    assert (status, rows, flags, duplicate) == (Status.OK, 120_001, Flag.MANY_KEYS, -1)
    # A finding per key: each is looked up, none searched for.
    line = b"{" + b",".join(b'"%x-metadata":0' % n for n in range(5_500)) + b"}"
    assert len(line) < MAX_LINE_CHARS
    found = read_manifest(line, profile="groundtruth").findings
    assert found["code"].to_pylist().count("LV112") == 5_500


@pytest.mark.parametrize("depth", [64, 65, 40_000])
def test_deep_nesting_has_an_answer(depth):
    data = b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    assert codes(data) == ([] if depth <= 64 else [(1, 69, 68, "LV025")])


# Files that are no manifests


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0",
        b"\x1f\x8b\x08\0",
        b"PK\x03\x04\n",
        b"\xff\xfe{\0}\0",
        b"{\0}\0\n\0",
        b"\0{\0}",
        b"name.json\0\0\0",
    ],
)
@pytest.mark.parametrize("block", [1, None])
def test_other_files_are_told_once(data, block):
    assert codes(data, block) == [(1, 1, 0, "LV008")]
    assert b"".join(read_manifest(data).entries["raw"].to_pylist()) == data


def test_a_nul_byte_spoils_its_line_only():
    assert codes(b'{"a":1}\n{"b":"\0"}\n{"c":1}\n') == [(2, 7, 14, "LV027")]
    assert codes(b'{"a":1}\n\0\n{"c":1}\n') == [(2, 1, 8, "LV020")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ["LV001"]),
        (b"\xef\xbb\xbf", ["LV001", "LV004"]),
        (b"\n", ["LV001", "LV006"]),
        (b"\xef\xbb\xbf \r\n", ["LV001", "LV004", "LV006"]),
        (b"{}", []),
        (b"x", ["LV020"]),
    ],
)
def test_a_file_without_any_value_is_empty(data, expected):
    assert [code for *_, code in codes(data)] == expected


# The JSON Parsing Test Suite (nst/JSONTestSuite). What it leaves open we decide so:
REFUSED = {
    "i_number_double_huge_neg_exp.json": False,  # 123.456e-789 is 0.0
    "i_number_huge_exp.json": True,
    "i_number_neg_int_huge_exp.json": True,
    "i_number_pos_double_huge_exp.json": True,
    "i_number_real_neg_overflow.json": True,
    "i_number_real_pos_overflow.json": True,
    "i_number_real_underflow.json": False,
    "i_number_too_big_neg_int.json": False,
    "i_number_too_big_pos_int.json": False,
    "i_number_very_big_negative_int.json": False,
    "i_object_key_lone_2nd_surrogate.json": True,
    "i_string_1st_surrogate_but_2nd_missing.json": True,
    "i_string_1st_valid_surrogate_2nd_invalid.json": True,
    "i_string_UTF-16LE_with_BOM.json": True,
    "i_string_UTF-8_invalid_sequence.json": True,
    "i_string_UTF8_surrogate_U+D800.json": True,
    "i_string_incomplete_surrogate_and_escape_valid.json": True,
    "i_string_incomplete_surrogate_pair.json": True,
    "i_string_incomplete_surrogates_escape_valid.json": True,
    "i_string_invalid_lonely_surrogate.json": True,
    "i_string_invalid_surrogate.json": True,
    "i_string_invalid_utf-8.json": True,
    "i_string_inverted_surrogates_U+1D11E.json": True,
    "i_string_iso_latin_1.json": True,
    "i_string_lone_second_surrogate.json": True,
    "i_string_lone_utf8_continuation_byte.json": True,
    "i_string_not_in_unicode_range.json": True,
    "i_string_overlong_sequence_2_bytes.json": True,
    "i_string_overlong_sequence_6_bytes.json": True,
    "i_string_overlong_sequence_6_bytes_null.json": True,
    "i_string_truncated-utf-8.json": True,
    "i_string_utf16BE_no_BOM.json": True,
    "i_string_utf16LE_no_BOM.json": True,
    "i_structure_500_nested_arrays.json": True,  # our limit is 64
    "i_structure_UTF-8_BOM_empty_object.json": True,  # inside a value; at the start of a file it is a warning
}
VECTORS = sorted(SHARED.glob("vectors/json-parsing/test_parsing/*.json"))
TRANSFORMED = sorted(SHARED.glob("vectors/json-parsing/test_transform/*.json"))


def accepted(data):
    """As the value of a manifest member, and as an element of a line of its own."""
    member = b'{"source-ref":"s3://bucket/key.png","other":' + data + b"}"
    findings = FindingList("f", "groundtruth")
    records = list(Scanner([member], findings).records())
    sound = len(records) == 1 and records[0].value is not None
    assert sound == ("error" not in set(findings.table()["severity"].to_pylist()) - {None}) or b"\n" in data
    return sound, (records[0].value or {}).get("other")


def test_the_vectors_are_there():
    assert len(list(shared("vectors", "json-parsing", "test_parsing").glob("*.json"))) == 318
    assert {path.name for path in VECTORS if path.name.startswith("i_")} == set(REFUSED)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.name)
def test_json_parsing_vectors(path):
    data = path.read_bytes()
    sound, value = accepted(data)
    good = {"y": True, "n": False}.get(path.name[0], not REFUSED.get(path.name))
    assert sound == good
    status = kernel(data)[0]
    if "LV028" not in [code for *_, code in codes(b'{"a":' + data + b"}")]:
        assert (status == Status.OK) == good
    line = scanned(data)[1]
    if good:
        assert repr(value) == repr(oracle.strict_json(data)[0])
        # Not every sound text is an object; nothing else may be wrong with it.
        assert {row["code"] for row in line if row["severity"] == "error"} <= {"LV026", "LV005"}
    elif not path.name.endswith("BOM_empty_object.json"):
        assert any(row["severity"] == "error" for row in line)


def whole_line(data, profile="groundtruth"):
    """Does the engine of `validate_manifest` take a text as a line of its own, between two lines that are sound?"""
    line = b'{"source-ref":"s3://bucket/%d.png"}\n'
    table = validate_manifest(line % 1 + data + b"\n" + line % 2, profile=profile, threads=1)
    rows = [row for row in table.to_pylist() if row["severity"] == "error"]
    # An opening bracket alone on its line may go on over the next one, where the fault then stands.
    assert all(1 < row["line"] <= 3 + data.count(b"\n") for row in rows)
    return [row["code"] for row in rows]


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.name)
def test_json_parsing_vectors_by_the_engine(path):
    """As a member of an entry, and as a whole line: validated and read, in one part and in two."""
    data = path.read_bytes()
    good = {"y": True, "n": False}.get(path.name[0], not REFUSED.get(path.name))
    head, tail = b'{"source-ref":"s3://bucket/1.png","x":', b',"y":1}\n{"source-ref":"s3://bucket/2.png"}\n'
    member = head + data + tail
    for threads in (1, 2):
        table = validate_manifest(member, profile="lookoutvision", threads=threads)
        errors = {row["code"] for row in table.to_pylist() if row["severity"] == "error"}
        dataset = read_manifest(member, profile="lookoutvision", threads=threads)
        assert dataset.findings.equals(table)
        assert b"".join(dataset.entries["raw"].to_pylist()) == member
        refs = dataset.entries["source_ref"].to_pylist()
        if good:
            assert errors <= {"LV005", "LV111"}  # the member has no metadata; a text can hold line breaks
            assert refs == ["s3://bucket/1.png", "s3://bucket/2.png"]
        else:
            assert errors & {*JSON_CODES, TOO_LONG}
            assert "s3://bucket/1.png" not in refs
    codes_of_line = whole_line(data)
    if path.name in NO_VALUE:
        assert set(codes_of_line) <= {"LV020"}
    elif good:
        assert set(codes_of_line) <= {"LV026", "LV005", "LV101"}  # sound JSON, though not always an entry
    elif path.name not in OBJECTS_WITH_A_MARK:
        assert set(codes_of_line) & {*JSON_CODES, TOO_LONG}


JSON_CODES = {"LV020", "LV021", "LV022", "LV023", "LV025", "LV027", "LV028", "LV029"}
TOO_LONG = "LV009"  # not looked into at all
NO_VALUE = {"n_structure_no_data.json", "n_single_space.json"}  # as a line these are blank, which is a warning
OBJECTS_WITH_A_MARK = {"i_structure_UTF-8_BOM_empty_object.json"}


@pytest.mark.parametrize("path", TRANSFORMED, ids=lambda path: path.name)
def test_values_where_parsers_differ(path):
    data = path.read_bytes()
    try:
        expected, twice = oracle.strict_json(data)
    except oracle.Refused:
        assert not accepted(data)[0]
        return
    assert repr(accepted(data)[1]) == repr(expected)
    found = [code for *_, code in codes(b'{"a":' + data.strip() + b"}")]
    assert found == ["LV024"] * len(twice)


# Words


def test_pointers_and_words():
    assert pointer(("a/b", "c~d", 0)) == "/a~1b/c~0d/0"
    assert pointer(()) == ""
    said = [describe(x) for x in (None, True, False, 1.5, "a", [], [1], {}, {"a": 1})]
    assert said == [
        "null",
        "true",
        "false",
        "the number 1.5",
        'the string "a"',
        "an empty array",
        "an array of 1",
        "an empty object",
        "an object",
    ]
    assert quoted('a"\n') == '"a\\"\\n"'
    assert quoted("\ud800") == "'\\ud800'"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{'a': 1}", "a printed Python dict"),
        (b'{"a": None}', "Python: None"),
        (b'{"a": NaN}', "JSON has no such number"),
        (b'{"a": -Infinity}', "JSON has no such number"),
        (b'{"a": 1} // no', "stands behind the end"),
        (b'{"a": /* no */ 1}', "comments are not allowed"),
        (b'{"a": 1,}', "a comma too many?"),
        (b'{"a": yes}', "quotes missing?"),
        (b'{"a": "\\x"}', "the escape"),
        (b'{"a": 01}', "the number is broken"),
        (b'{"a";1}', 'found ";"'),
    ],
)
def test_a_fault_is_explained(line, words):
    (row,) = scanned(line)[1]
    assert row["code"] == ("LV029" if words.startswith(("a printed", "Python", "JSON has")) else "LV020")
    assert words in row["value"]
