"""Findings that are listed in part, or passed on as they come: the numbers are those of all of them."""

import json
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools.errors import ArgumentError
from lvtools.findings import PROFILES, code_counts, count_by_severity, not_listed
from lvtools.manifest import read as reading
from lvtools.manifest import validate_manifest
from tests.manifest.lines import Maker, repeated, spoil
from tests.manifest.reference import validate_slowly

KINDS = ("class", "mask", "boxes", "both", "two")


def faulty(seed, lines=60):
    maker = Maker(seed, 0.2)
    made = maker.file(lines // 2, KINDS) + repeated(seed, lines // 2, KINDS, 0.3)
    spoilt = [spoil(line, maker.random) if maker.random.random() < 0.2 else line for line in made]
    return b"".join(line + b"\n" * (maker.random.random() < 0.1) for line in spoilt)


def first_of_each(rows, keep):
    seen = Counter()
    for row in rows:
        seen[row["code"]] += 1
        if seen[row["code"]] <= keep:
            yield row


def said(table, expected, keep):
    rows = expected.to_pylist()
    file = {row["file"] for row in table.to_pylist()}
    listed = [{**row, "file": None} for row in table.to_pylist()]
    assert listed == [{**row, "file": None} for row in first_of_each(rows, keep)]
    assert len(file) <= 1
    assert code_counts(table) == Counter(row["code"] for row in rows)
    assert not_listed(table) == {code: n - keep for code, n in code_counts(table).items() if n > keep}
    assert count_by_severity(table) == count_by_severity(expected)
    for fact in (b"statistics", b"profile"):
        assert table.schema.metadata[fact] == expected.schema.metadata[fact]


@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 2**32), keep=st.sampled_from([0, 1, 2, 5, 1000]), threads=st.integers(1, 3),
       profile=st.sampled_from(PROFILES))  # fmt: skip
def test_the_first_of_each_code(seed, keep, threads, profile):
    data = faulty(seed)
    said(validate_manifest(data, profile=profile, threads=threads, max_findings=keep),
         validate_slowly([data], profile=profile), keep)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), keep=st.sampled_from([None, 0, 2]), threads=st.integers(2, 4),
       step=st.sampled_from([700, 3000, 20_000]), profile=st.sampled_from(PROFILES), as_file=st.booleans())  # fmt: skip
def test_many_parts_of_which_few_wait(tmp_path_factory, seed, keep, threads, step, profile, as_file):
    source = data = faulty(seed)
    if as_file:
        source = tmp_path_factory.getbasetemp() / "many.manifest"
        source.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "STEP_BYTES", step)
        patch.setattr(reading, "MANY_PARTS_BYTES", step)
        told = []
        table = validate_manifest(
            source, profile=profile, threads=threads, max_findings=keep, on_progress=told.append
        )  # fmt: skip
    said(table, validate_slowly([data], profile=profile), 10**6 if keep is None else keep)
    assert told[-1:] == [len(data)]  # it starts anew where a value is spread over parts


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), keep=st.sampled_from([None, 0, 2]), block=st.sampled_from([50, 1000, 10**6]),
       profile=st.sampled_from(PROFILES))  # fmt: skip
def test_passed_on_as_they_come(seed, keep, block, profile):
    data = faulty(seed)
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "DRAIN_BYTES", block)
        patch.setattr(reading, "BLOCK_BYTES", block)
        table = validate_manifest(data, profile=profile, max_findings=keep, on_findings=told.append)
    expected = validate_slowly([data], profile=profile)
    assert table.num_rows == 0
    for one in told:
        assert one.num_rows
        assert one.schema.metadata == {b"origin": b"<bytes>", b"profile": profile.encode()}
        assert one["line"].drop_null().to_pylist() == sorted(one["line"].drop_null().to_pylist())
    rows = pa.concat_tables(told).to_pylist() if told else []
    by_place = sorted(rows, key=lambda row: (row["line"] or 0, row["column"] or 0))
    wanted = list(first_of_each(expected.to_pylist(), 10**6 if keep is None else keep))
    assert sorted(map(str, by_place)) == sorted(map(str, wanted))
    assert code_counts(table) == Counter(row["code"] for row in expected.to_pylist())
    # Until the end of the file in its order: what only the whole file shows comes last.
    lines = [row["line"] for row in rows if row["code"] < "LV200" or row["code"] in ("LV201", "LV205")]
    assert [line for line in lines if line] == sorted(line for line in lines if line)


def test_findings_of_whole_files_are_bounded_too():
    line = json.loads(Maker(1, 0).line("mask"))
    rows = []
    for number in range(30):
        line["source-ref"] = f"s3://bucket/{number}.png"
        line["m-ref"] = f"s3://bucket/m{number}.png"
        line["m-ref-metadata"] = {
            "type": "groundtruth/semantic-segmentation", "human-annotated": "yes",
            "internal-color-map": {"1": {"class-name": f"type{number}", "hex-color": f"#0000{number:02x}"}},
        }  # fmt: skip
        rows.append(json.dumps({key: value for key, value in line.items() if key.startswith(("source", "m-"))}))
    data = "\n".join(rows).encode()
    said(validate_manifest(data, profile="lookoutvision", max_findings=3),
         validate_slowly([data], profile="lookoutvision"), 3)  # fmt: skip
    table = validate_manifest(data, profile="lookoutvision", max_findings=3)
    assert not_listed(table)["LV217"] == 27


def test_a_number_below_nothing_is_refused():
    with pytest.raises(ArgumentError, match="max_findings cannot be -1"):
        validate_manifest(b"", max_findings=-1)


def test_what_is_at_hand_does_not_grow_with_the_file(monkeypatch):
    """Every byte a fault: what is passed on at once comes from a block or two."""
    monkeypatch.setattr(reading, "BLOCK_BYTES", 20_000)
    monkeypatch.setattr(reading, "DRAIN_BYTES", 1_000)
    size = 60_000
    told = []
    table = validate_manifest(b"\n" * size, on_findings=lambda one: told.append(len(one)))
    assert sum(told) == size + 1
    assert code_counts(table) == {"LV001": 1, "LV006": size}
    assert max(told) <= 8_000
    table = validate_manifest(b"\n" * size, max_findings=7)
    assert (table.num_rows, not_listed(table)) == (8, {"LV006": size - 7})
