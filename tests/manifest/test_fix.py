"""fix: what it cures, what it leaves, and the laws it keeps."""
# ruff: noqa: E501 - the tables of lines before and after are read as tables

from __future__ import annotations

import json
import os
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import lvtools as lv
from lvtools.errors import ArgumentError, ManifestError
from lvtools.findings import BY_CODE
from lvtools.manifest.edit import again, fix
from lvtools.manifest.edit.again import TooLong
from lvtools.manifest.edit.document import Document
from lvtools.manifest.edit.relaxed import relaxed
from lvtools.manifest.edit.repairs import LINE_REPAIRS, VALUE_REPAIRS
from tests.manifest.files import BROKEN, bodies, entry, odd_manifests, refs, text
from tests.shared import SHARED, shared

REVEALED = frozenset().union(*(repair.reveals for repair in VALUE_REPAIRS))
UNREADABLE = {"LV005", "LV009", *(code for code in BY_CODE if code.startswith("LV02") and code != "LV024")}


def fixed(data, **options):
    return lv.fix_manifest(data, **options).data


def codes(data, **options):
    return set(lv.validate_manifest(data, **options)["code"].to_pylist())


def metadata(**changes):
    value = entry("s3://bbb/1.png", "normal")
    for key, new in changes.items():
        value["anomaly-label-metadata"][key.replace("_", "-")] = new
    return text(value)


def mask(color_map):
    value = entry("s3://bbb/1.png", "anomaly")
    more = {"type": "groundtruth/semantic-segmentation", "human-annotated": "yes", "internal-color-map": color_map}
    return text(value | {"m-ref": "s3://bbb/m.png", "m-ref-metadata": more})


SAFE = [
    ("LV004", b'\xef\xbb\xbf{"source-ref":"s3://bbb/1.png"}\n', b'{"source-ref":"s3://bbb/1.png"}\n'),
    ("LV005", b'{\n  "source-ref": "s3://bbb/1.png",\n  "x": [1,\n 2]\n}\n', b'{"source-ref": "s3://bbb/1.png", "x": [1, 2]}\n'),
    ("LV005", b'[\r\n{"source-ref":"s3://bbb/1.png"},\r\n{"source-ref":"s3://bbb/2.png"}\r\n]\r\n',
     b'{"source-ref":"s3://bbb/1.png"}\r\n{"source-ref":"s3://bbb/2.png"}\r\n'),
    ("LV006", b'{"source-ref":"s3://bbb/1.png"}\n\n \n{"source-ref":"s3://bbb/2.png"}',
     b'{"source-ref":"s3://bbb/1.png"}\n{"source-ref":"s3://bbb/2.png"}'),
    ("LV020", b'{"source-ref":"s3://bbb/1.png"} {"source-ref":"s3://bbb/2.png"}\n',
     b'{"source-ref":"s3://bbb/1.png"}\n{"source-ref":"s3://bbb/2.png"}\n'),
    ("LV026", b'[{"source-ref":"s3://bbb/1.png"}, {"source-ref":"s3://bbb/2.png"}]\n',
     b'{"source-ref":"s3://bbb/1.png"}\n{"source-ref":"s3://bbb/2.png"}\n'),
    ("LV024", b'{"a":1.0,"source-ref":"s3://bbb/1.png","a":1}\n', b'{"a":1.0,"source-ref":"s3://bbb/1.png"}\n'),
    ("LV027", b'{"source-ref":"s3://bbb/\t\x011.png"}\n', b'{"source-ref":"s3://bbb/\\t\\u00011.png"}\n'),
    ("LV106", b'{"source-ref" : "S3://s3://s3://bbb/1.png"}\n', b'{"source-ref" : "s3://bbb/1.png"}\n'),
    ("LV122", metadata(class_name=" Normal"), metadata()),
    ("LV126", metadata(confidence="1"), metadata()),
    ("LV128", metadata(human_annotated=True), metadata()),
    ("LV128", metadata(human_annotated="No "), metadata(human_annotated="no")),
    ("LV131", metadata(creation_date="Mon Aug 22 2022 13:52:52 GMT-0700 (Pacific Daylight Time)"),
     metadata(creation_date="2022-08-22T20:52:52")),
    ("LV133", text(entry("s3://bbb/1.png", "normal", number=2.0)), text(entry("s3://bbb/1.png", "normal", number=2))),
    ("LV186", mask({"0": {"class-name": "BACKGROUND", "hex-color": "0xFFffff", "confidence": 0}}),
     mask({"0": {"class-name": "BACKGROUND", "hex-color": "#FFffff", "confidence": 0}})),
    ("LV187", mask({"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff"}, "1": {"class-name": "a", "hex-color": "#000000"}}),
     mask({"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.0},
           "1": {"class-name": "a", "hex-color": "#000000", "confidence": 0.0}})),
]  # fmt: skip
UNSAFE = [
    ("LV029", b"{'source-ref': 's3://bbb/1.png', 'it': \"it's\", 'x': [None, True, False, nan,],}\n",
     b'{"source-ref": "s3://bbb/1.png", "it": "it\'s", "x": [null, true, false, null]}\n'),
    ("LV020", b'{"source-ref": "s3://bbb/1.png", /* here */ "n": 1.50,} // there\n', b'{"source-ref": "s3://bbb/1.png",  "n": 1.50}\n'),
    ("LV020", b'{"source-ref": "s3://bbb/1.png"},\n', b'{"source-ref": "s3://bbb/1.png"}\n'),
    ("LV020", b"{\n  'source-ref': 's3://bbb/1.png',  # one\n  'x': [1,\n 2,],\n},\n{\"source-ref\":\"s3://bbb/2.png\"}\n",
     b'{"source-ref": "s3://bbb/1.png", "x": [1, 2]}\n{"source-ref":"s3://bbb/2.png"}\n'),
    ("LV020", b"[\n  {'source-ref': 's3://bbb/1.png'},\n  {'source-ref': 's3://bbb/2.png'}\n]\n",
     b'{"source-ref": "s3://bbb/1.png"}\n{"source-ref": "s3://bbb/2.png"}\n'),
    ("LV023", b'{"source-ref":"s3://bbb/\\ud8001.png"}\n', '{"source-ref":"s3://bbb/\ufffd1.png"}\n'.encode()),
    ("LV024", b'{"a":1,"source-ref":"s3://bbb/1.png","a":2}\n', b'{"source-ref":"s3://bbb/1.png","a":2}\n'),
    ("LV103", text({"source-ref": "s3\uf03a//bbb/1\u200b.png"}), text({"source-ref": "s3://bbb/1.png"})),
    ("LV103", text({"source-ref": "s3: //bbb/1.png"}), text({"source-ref": "s3://bbb/1.png"})),
    ("LV103", text({"source-ref": "https://bbb.s3.eu-west-1.amazonaws.com/a%20b.png"}), text({"source-ref": "s3://bbb/a b.png"})),
    ("LV103", text({"source-ref": "https://s3.amazonaws.com/bbb/1.png"}), text({"source-ref": "s3://bbb/1.png"})),
    ("LV104", text({"source-ref": "s3%3A%2F%2Fbbb%2F1.png"}), text({"source-ref": "s3://bbb/1.png"})),
    ("LV103", text({"source-ref": "s3://bbb%2F1.png"}), text({"source-ref": "s3://bbb/1.png"})),
    ("LV108", text({"source-ref": "s3:// bbb/1.png"}), text({"source-ref": "s3://bbb/1.png"})),
    ("LV124", metadata(class_name="normal", x=1), metadata(class_name="normal", x=1)),
    ("LV183", mask({"0": {"class-name": "a", "hex-color": "#000000", "confidence": 0}}),
     mask({"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.0},
           "1": {"class-name": "a", "hex-color": "#000000", "confidence": 0}})),
    ("LV183", mask({"1": {"class-name": "a", "hex-color": "#000000", "confidence": 0}}),
     mask({"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.0},
           "1": {"class-name": "a", "hex-color": "#000000", "confidence": 0}})),
    ("LV183", mask({"0": {"class-name": "a", "hex-color": "#000000", "confidence": 0},
                    "7": {"class-name": "background", "hex-color": "#ffffff", "confidence": 0}}),
     mask({"7": {"class-name": "a", "hex-color": "#000000", "confidence": 0},
           "0": {"class-name": "background", "hex-color": "#ffffff", "confidence": 0}})),
]  # fmt: skip


@pytest.mark.parametrize(("code", "before", "after"), SAFE, ids=lambda value: value if isinstance(value, str) else "")
def test_a_safe_repair(code, before, after):
    report = lv.fix_manifest(before)
    assert report.data == after
    assert code in report.repairs["code"].to_pylist()
    assert code in codes(before)
    assert code not in codes(after)
    assert all(report.repairs["safe"].to_pylist())


@pytest.mark.parametrize(("code", "before", "after"), UNSAFE, ids=lambda value: value if isinstance(value, str) else "")
def test_an_unsafe_repair_is_made_only_on_demand(code, before, after):
    assert fixed(before) == before
    report = lv.fix_manifest(before, unsafe=True)
    assert report.data == after
    if before != after:
        assert report.repairs.select(["code", "safe"]).to_pylist()[0] == {"code": code, "safe": False}
    assert report.rejected == b""


def test_what_a_profile_misses_is_given():
    line = entry("s3://bbb/1.png", "dog")
    for key in ("human-annotated", "type", "confidence"):
        del line["anomaly-label-metadata"][key]
    result = json.loads(fixed(text(line), unsafe=True, profile="rekognition"))["anomaly-label-metadata"]
    assert result["human-annotated"] == "yes"
    assert result["type"] == "groundtruth/image-classification"
    assert result["confidence"] == 1


def test_types_follow_from_shapes():
    size = [{"width": 100, "height": 80, "depth": 3}]
    box = {"class_id": 0, "left": 1, "top": 2, "width": 3, "height": 4}
    line = {
        "source-ref": "s3://bbb/1.png",
        "m-ref": "s3://bbb/m.png", "m-ref-metadata": {"internal-color-map": {}},
        "b": {"image_size": size, "annotations": [box]}, "b-metadata": {"class-map": {"0": "a"}},
        "t": [0], "t-metadata": {"class-map": {"0": "a"}},
    }  # fmt: skip
    value = json.loads(fixed(text(line), unsafe=True, profile="groundtruth"))
    assert value["m-ref-metadata"]["type"] == "groundtruth/semantic-segmentation"
    assert value["b-metadata"]["type"] == "groundtruth/object-detection"
    assert value["t-metadata"]["type"] == "groundtruth/image-classification-multilabel"


def test_image_size_becomes_an_array_and_nothing_else_moves():
    line = b'{ "source-ref":"s3://bbb/1.png" ,"b" : {"image_size": {"width": 1e2, "height":80,"depth":3},"annotations":[]},"b-metadata":{"class-map":{},"objects":[],"type":"groundtruth/object-detection","human-annotated":"no","creation-date":"2024-05-01","job-name":"\\u00e4"}}\r\n'
    assert fixed(line) == line.replace(
        b'{"width": 1e2, "height":80,"depth":3}', b'[{"width": 1e2, "height":80,"depth":3}]'
    )


def test_relative_references_go_under_a_prefix():
    data = text({"source-ref": "./a/1.png"}, {"source-ref": "s3://bbb/2.png"}, {"source-ref": "../3.png"})
    report = lv.fix_manifest(data, prefix="s3://bbb/x/")
    assert refs(report.data) == ["s3://bbb/x/a/1.png", "s3://bbb/2.png", "../3.png"]
    for prefix in ("bbb", "s3://", "s3://B b/x", "https://bbb/"):
        with pytest.raises(ArgumentError, match="no place in S3"):
            lv.fix_manifest(data, prefix=prefix)


def test_a_repair_that_makes_a_line_worse_is_taken_back():
    # A BACKGROUND entry would give the white of 'snow' to two classes.
    data = mask({"1": {"class-name": "snow", "hex-color": "#FFFFFF", "confidence": 0}})
    report = lv.fix_manifest(data, unsafe=True)
    assert report.data == data
    assert not report.changed


def test_a_value_that_would_make_an_overlong_line_stays():
    data = json.dumps({"source-ref": "s3://bbb/1.png", "x": ["y" * 60_000, "z" * 60_000]}, indent=1).encode()
    assert fixed(data) == data


@settings(max_examples=150)
@given(odd_manifests(), st.booleans())
@example(b"[\n{'source-ref': 's3://bbb/1.png'}\n]", True)
@example(b'{"a":\n\n1}', False)
@example(b"\xef\xbb\xbf\n", False)
@example(b"\xef\xbb\xbf\xef\xbb\xbf{}", False)
@example(b"", True)
@example(b"\n\n", True)
@example(b"{" + b",".join(b'"a":%d' % (number % 7 // 2) for number in range(200)) + b"}", True)
@example(b'{"x":{' + b",".join(b'"a":{"b":1,"b":1}' for _ in range(50)) + b"}}", False)
@example(
    b"\xef\xbb\xbf[\n{'source-ref': 's3://bbb/p.png', 'x': None}\n"
    b'{"source-ref":"s3://bbb/0.png","l":0,"l-metadata":{"type":"groundtruth/image-classification"}}',
    True,
)
@example(b" \n\xef\xbb\xbf{}", False)
@example(b"nonsense\n\xef\xbb\xbf{}", True)
def test_fixing_twice_is_fixing_once(data, unsafe):
    report = lv.fix_manifest(data, unsafe=unsafe)
    again = lv.fix_manifest(report.data, unsafe=unsafe)
    assert again.data == report.data
    assert not again.changed
    assert not again.repairs.num_rows
    assert not again.rejected


def fix_with_lines(data, **options):
    """All that `fix` says, in plain values; the findings of a dry run show which line came from where."""
    report = lv.fix_manifest(data, **options)
    dry = lv.fix_manifest(data, dry_run=True, **options)
    repairs = sorted(report.repairs.to_pylist(), key=str)
    assert sorted(dry.repairs.to_pylist(), key=str) == repairs
    return report.data, repairs, report.findings.to_pylist(), dry.findings.to_pylist(), report.rejected, report.lines


@settings(max_examples=150)
@given(odd_manifests(), st.booleans(), st.sampled_from(["rekognition", "groundtruth"]), st.integers(1, 300))
def test_blocks_make_no_difference(data, unsafe, profile, block_bytes):
    if "LV008" in codes(data):
        return
    options = {"unsafe": unsafe, "profile": profile}
    with mock.patch.object(again, "BLOCK_BYTES", block_bytes), mock.patch.object(fix, "HEAD_BYTES", 1):
        in_blocks = fix_with_lines(data, **options)
    with mock.patch.object(fix._Fixer, "_by_blocks", mock.Mock(side_effect=TooLong("not in blocks"))):
        assert in_blocks == fix_with_lines(data, **options)


def test_a_profile_that_changes_with_the_repairs_is_followed():
    colors = {str(number): {"class-name": f"c{number}", "hex-color": f"#{number:06x}"} for number in range(9)}
    filler = {"source-ref": "s3://bbb/1.png", "m-ref": "s3://bbb/m.png"}
    filler["m-ref-metadata"] = {"type": "groundtruth/semantic-segmentation", "internal-color-map": colors}
    lookout = entry("s3://bbb/l.png", "normal")
    lookout["anomaly-label-metadata"]["human-annotated"] = True
    count = -(-fix.HEAD_BYTES // 90_000)
    room = fix.HEAD_BYTES - 100 - len(text(*[filler | {"pad": ""}] * count, lookout))
    data = text(*[filler | {"pad": "x" * (room // count)}] * count, lookout)  # just what the choice looks at
    assert lv.validate_manifest(data).schema.metadata[b"profile"] == b"lookoutvision"
    report = lv.fix_manifest(data)
    assert report.findings.schema.metadata[b"profile"] == b"groundtruth"
    assert set(report.repairs["code"].to_pylist()) == {"LV187", "LV128"}
    assert not lv.fix_manifest(report.data).changed


@settings(max_examples=150)
@given(odd_manifests(), st.booleans(), st.sampled_from(["lookoutvision", "rekognition", "groundtruth"]))
def test_no_line_gets_worse(data, unsafe, profile):
    before = codes(data, profile=profile)
    if "LV008" in before:
        return
    report = lv.fix_manifest(data, unsafe=unsafe, profile=profile)
    if not report.data:
        return  # every line was blank or rejected: the empty file has a finding of its own
    after = {code for code in codes(report.data, profile=profile) if not code.startswith("LV2")}
    made = set(report.repairs["code"].to_pylist())
    # A line that could not be read shows its findings once it can; a reference that could not be understood likewise.
    if not before & UNREADABLE:
        assert after <= before | (REVEALED if made & {"LV103", "LV104", "LV106", "LV108"} else set())


def test_a_file_is_not_made_to_look_like_a_picture():
    for data in (b"\xef\xbb\xbf\xff\xfe", b"\nBM\n", b"\n" * 5000 + b"\0\n"):
        assert fixed(data) == data


@settings(max_examples=100)
@given(odd_manifests())
def test_nothing_is_lost_and_sound_lines_stay(data):
    report = lv.fix_manifest(data, unsafe=True)
    rejected = set(bodies(report.rejected))
    for line in bodies(report.rejected):
        assert line in data
    before = codes(data)
    if not before - {"LV110", "LV201", "LV202", "LV203", "LV206", "LV006"}:
        assert bodies(report.data) == bodies(data)
        assert not rejected


@given(st.sampled_from(BROKEN), st.binary(max_size=5), st.integers(0, 60))
@example(b"{'source-ref': 's3://bbb/p.png', 'x': None}", b"\r", 1)  # a carriage return between tokens ends no line
def test_hostile_lines_do_no_harm(line, junk, at):
    data = line[:at] + junk + line[at:] + b"\n" + text(entry("s3://bbb/1.png", "normal"))
    try:
        report = lv.fix_manifest(data, unsafe=True)
    except ManifestError:  # NUL bytes, or the first bytes of a picture
        return
    assert "s3://bbb/1.png" in str(refs(report.data)) or b"s3://bbb/1.png" in report.rejected


def test_rejected_lines_are_kept_beside_the_result(tmp_path):
    path = tmp_path / "a.manifest"
    path.write_bytes(b'{"source-ref":"s3://bbb/1.png"}\nnonsense\n{"source-ref":"s3://bbb/cut')
    report = lv.fix_manifest(path, path, drop_broken=True)
    assert path.read_bytes() == b'{"source-ref":"s3://bbb/1.png"}\n'
    assert (tmp_path / "a.manifest.rejected").read_bytes() == b'nonsense\n{"source-ref":"s3://bbb/cut\n'
    assert report.rejected_to == f"{path}.rejected"
    path.write_bytes(b"more nonsense\n")
    assert lv.fix_manifest(path, path, drop_broken=True).rejected_to == f"{path}.rejected-2"
    assert (tmp_path / "a.manifest.rejected").read_bytes().startswith(b"nonsense")


def test_rejected_lines_do_not_go_over_the_manifest(tmp_path):
    path, dest = tmp_path / "a.manifest", tmp_path / "b.manifest"
    path.write_bytes(b"nonsense\n")
    for wrong in (path, dest, tmp_path / "x" / ".." / "a.manifest"):
        with pytest.raises(ArgumentError, match="would go over"):
            lv.fix_manifest(path, dest, drop_broken=True, rejected=wrong)
    assert path.read_bytes() == b"nonsense\n"
    assert not dest.exists()


def test_a_dry_run_writes_nothing(tmp_path):
    path = tmp_path / "a.manifest"
    path.write_bytes(b'\n{"source-ref":"s3://s3://bbb/1.png"}\nnonsense\n')
    report = lv.fix_manifest(path, path, unsafe=True, dry_run=True)
    assert report.changed
    assert os.listdir(tmp_path) == ["a.manifest"]
    assert '- "s3://s3://bbb/1.png"\n    + "s3://bbb/1.png"\n' in report.to_text()
    assert f"{path}:2 /source-ref" in report.to_text()


def test_rejected_lines_need_a_place():
    with pytest.raises(ArgumentError, match="no file beside it"):
        lv.fix_manifest(b"nonsense\n", "-", drop_broken=True)


def test_what_is_no_text_is_refused():
    with pytest.raises(ManifestError, match="PNG"):
        lv.fix_manifest(b"\x89PNG\r\n")


def test_the_report_shows_no_control_characters():
    report = lv.fix_manifest(b'{"source-ref":"s3://s3://bbb/\\u001b[31m\xe2\x80\xae.png"}\n', unsafe=True)
    assert "\x1b" not in report.to_text()
    assert "\u202e" not in report.to_text()


@pytest.mark.parametrize(
    "code", sorted({repair.code for repair in VALUE_REPAIRS} | {code for code, _, _ in LINE_REPAIRS})
)
def test_every_repair_has_a_rule(code):
    assert code in BY_CODE


@given(st.binary(max_size=30) | st.text(max_size=30).map(str.encode))
def test_relaxed_reading_never_fails(body):
    result = relaxed(body)
    assert result is None or isinstance(result, bytes)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    )
)
def test_relaxed_reading_understands_what_python_prints(value):
    value = json.loads(json.dumps(value).replace("\\ud", "\\u0d"))
    assert json.loads(relaxed(repr(value).encode("utf-8"))) == value


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=4), st.integers(), min_size=1, max_size=4
    ),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :")]),
)
def test_a_document_takes_members_in_and_out(value, sep):
    data = json.dumps(value, separators=sep).encode()
    document = Document(data)
    name, key, _ = next(iter(document.members()))
    document.remove(key)
    rest = dict(value)
    del rest[name]
    assert json.loads(document.edited()) == rest
    document = Document(data)
    document.insert(0, [(b'"new member"', b"[1]"), (b'"second"', b"2")])
    assert json.loads(document.edited()) == value | {"new member": [1], "second": 2}
    assert document.edited().startswith(data[:-1])
    document = Document(data)
    document.insert(0, [(b'"new member"', b"[1]")], first=True)
    assert next(iter(json.loads(document.edited()))) == "new member"


DATA = SHARED / "data"
REAL = sorted(path for path in DATA.glob("**/*") if path.suffix in (".manifest", ".jsonl"))


@pytest.mark.parametrize("path", REAL, ids=lambda path: "-".join(path.parts[-2:]))
def test_real_manifests(path):
    data = path.read_bytes()
    for unsafe in (False, True):
        report = lv.fix_manifest(path, unsafe=unsafe)
        assert lv.fix_manifest(report.data, unsafe=unsafe).data == report.data
        assert not report.rejected
        left = {code for code in codes(report.data) if not code.startswith("LV2")}
        assert left <= codes(data) | REVEALED
        if not report.changed:
            assert report.data == data


def test_the_doubled_prefix_of_a_real_manifest_is_cured():
    path = shared("data", "manifests", "awslabs-DefectDetectionApplication", "alien-train_class.manifest")
    report = lv.fix_manifest(path)
    assert report.errors == 0
    assert len(report.repairs) == 118
    assert report.data == path.read_bytes().replace(b"s3://s3://", b"s3://")
