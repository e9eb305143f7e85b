import json
import os
import subprocess

import pytest

from lvtools.manifest import validate_manifest
from tests.cli.command import RUN, environment, lvtools
from tests.cli.inside import run as run
from tests.cli.test_main import CLEAN
from tests.shared import shared


@pytest.fixture
def clean(tmp_path):
    path = tmp_path / "clean.manifest"
    path.write_bytes(CLEAN % 1 + CLEAN % 2)
    return str(path)


def test_clean_is_0(clean):
    assert lvtools("validate", clean) == (
        0,
        f"{clean}: usable: nothing to complain about\n    2 lines, 2 labeled\n"
        "    judged by the rules of groundtruth (no line holds Lookout's or Rekognition's own marks)\n",
        "",
    )


def test_warnings_are_0_and_errors_1():
    code, out, err = lvtools("validate", "-", stdin=CLEAN % 1 + b"\n")
    assert (code, err) == (0, "")
    assert out.startswith("<stdin>:2:1: warning LV006 blank line\n")
    assert "<stdin>: usable: 1 warning\n" in out
    lines = b"".join(CLEAN % n for n in range(4)) + (CLEAN % 4).replace(b'"class-name":"', b'"class-name":"other ')
    code, out, err = lvtools("validate", "--profile", "rekognition", "-", stdin=lines + b"\n")
    assert (code, err) == (1, "")
    assert "<stdin>:6:1: error LV006 blank line\n" in out
    assert "not usable as it is: 1 error\n" in out
    assert "judged by the rules of rekognition (as asked)" in out


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (b"", "error LV001 the manifest is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "1:1: error LV008 this is no manifest: a PNG image"),
        (b"\x1f\x8b\x08\0\0", "1:1: error LV008 this is no manifest: a gzip file (decompress it first)"),
        (CLEAN % 1 + b'{"source-ref":"s3://b', "2:22: error LV021 the line ends in the middle of a value"),
        (CLEAN % 1 + b'{"a":"\xff"}\n' + CLEAN % 2, "2:7: error LV022 not UTF-8: byte 0xff"),
    ],
    ids=["empty", "png", "gzip", "truncated", "utf-8"],
)
def test_unusable_files_get_one_clear_message(tmp_path, data, finding):
    path = tmp_path / "m.manifest"
    path.write_bytes(data)
    for source, stdin in ((str(path), b""), ("-", data)):
        code, out, err = lvtools("validate", source, stdin=stdin)
        assert (code, err) == (1, "")
        assert finding in out
        assert out.count(" error LV") == 1


def test_what_cannot_be_read_is_2_and_one_sentence(tmp_path, clean):
    (tmp_path / "set").mkdir()
    cases = {
        str(tmp_path / "none"): ("there is no such file", 1),
        str(tmp_path / "no" / "none"): ("there is no such file\nhint: the folder", 2),
        str(tmp_path): ("this is a folder, a file is needed\nhint: did you mean", 2),
        str(tmp_path / "set"): ("this is a folder, a file is needed\nhint: name the manifest inside it", 2),
    }
    for path, (words, lines) in cases.items():
        code, out, err = lvtools("validate", path)
        assert (code, out) == (2, "")
        assert err.startswith(f"lvtools: {path}: {words}")
        assert err.count("\n") == lines
    code, out, err = lvtools("validate", clean, str(tmp_path / "none"))
    assert code == 2
    assert "usable" in out  # what could be looked at is told


def test_closed_standard_input_is_2():
    command = ["sh", "-c", '"$@" <&-', "sh", *RUN, "validate", "-"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "lvtools: <stdin>: standard input is closed\n"


def test_other_formats_say_the_same(clean):
    data = CLEAN % 1 + b"not json\n" + CLEAN % 1
    expected = validate_manifest(data)["code"].to_pylist()
    code, out, _ = lvtools("validate", "--format", "json", "-", clean, stdin=data)
    files = json.loads(out)["files"]
    assert (code, [one["file"] for one in files]) == (1, ["<stdin>", clean])
    assert [found["code"] for found in files[0]["findings"]] == expected == ["LV020", "LV201"]
    assert files[0]["statistics"]["lines"] == 3
    code, out, _ = lvtools("validate", "--format", "sarif", "-", stdin=data)
    assert (code, [result["ruleId"] for result in json.loads(out)["runs"][0]["results"]]) == (1, expected)
    code, out, _ = lvtools("validate", "--format", "github", "-", stdin=data)
    assert code == 1
    assert [line.split("title=")[1][:5] for line in out.splitlines()] == expected
    assert lvtools("validate", "--format", "json", clean)[0] == 0


def test_examples_or_all():
    data = b"".join(CLEAN % n + b"\n" for n in range(10))
    few, every = (lvtools("validate", *option, "-", stdin=data)[1] for option in ([], ["--all"]))
    assert (few.count("LV006"), every.count("LV006")) == (3, 10)
    assert "… and 7 more on lines 8, 10, 12, 14, 16, 18, 20 (10 in all)\n" in few


BLANKS = b"".join(CLEAN % n + b"\n" for n in range(10))


def test_how_many_are_listed_is_the_users_choice():
    code, out, err = lvtools("validate", "--max-findings", "5", "-", stdin=BLANKS)
    assert (code, out.count("LV006"), err) == (0, 5, "")
    assert "… and 5 more on lines 12, 14, 16, 18, 20 (10 in all)\n" in out
    assert out.endswith("    more: --all prints every finding on a line; --format jsonl is for programs\n")
    assert "more:" not in lvtools("validate", "--max-findings", "9", "-", stdin=BLANKS)[1]  # 1 more is shown
    code, out, err = lvtools("validate", "--all", "--max-findings", "5", "-")
    assert (code, out) == (2, "")
    assert "contradict" in err


def test_more_findings_than_are_held(monkeypatch, run):
    monkeypatch.setattr("lvtools.cli.validate.KEPT", 4)
    code, out, _ = run("validate", "-", stdin=BLANKS + b"x\n" * 3)
    assert code == 1
    assert "… and 7 more on lines 8, … (10 in all)\n" in out.decode()
    assert "not usable as it is: 3 errors, 10 warnings\n" in out.decode()


@pytest.mark.parametrize("form", ["json", "jsonl", "sarif", "github"])
def test_what_is_not_listed_is_told(form, clean):
    whole = lvtools("validate", "--format", form, "-", clean, stdin=BLANKS)
    assert (whole[0], whole[1].count("blank line"), whole[2]) == (0, 10 + (form == "sarif"), "")
    code, out, err = lvtools("validate", "--format", form, "--max-findings", "3", "-", clean, stdin=BLANKS)
    assert (code, out.count("blank line")) == (0, 3 + (form == "sarif"))  # the rule itself, too
    assert err == "lvtools: 7 findings are not listed; without --max-findings they are\n"
    if form == "json":
        first, second = json.loads(out)["files"]
        assert (first["codes"], first["not_listed"]) == ({"LV006": 10}, {"LV006": 7})
        assert (second["codes"], second["not_listed"]) == ({}, {})
        assert first["counts"] == {"error": 0, "warning": 10, "info": 0}
    elif form == "sarif":
        assert json.loads(out)["runs"][0]["properties"] == {"lvtools": {"notListed": {"LV006": 7}}}
        assert "properties" not in json.loads(whole[1])["runs"][0]


def test_json_lines(clean):
    code, out, _ = lvtools("validate", "--format", "jsonl", "-", clean, stdin=CLEAN % 1 + b"not json\n" + CLEAN % 1)
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, [row.get("code") for row in rows]) == (1, ["LV020", "LV201", None, None])
    assert (rows[0]["file"], rows[0]["line"], rows[1]["related_line"]) == ("<stdin>", 2, 1)
    assert (rows[2]["file"], rows[2]["codes"]) == ("<stdin>", {"LV020": 1, "LV201": 1})
    assert (rows[3]["file"], rows[3]["statistics"]["lines"]) == (clean, 2)


def test_all_is_a_line_each_in_the_order_of_the_file():
    data = b"x\n\n" + CLEAN % 1 + b"\n" + b"y\n" + CLEAN % 1
    code, out, _ = lvtools("validate", "--all", "-", stdin=data)
    lines = out.splitlines()
    assert [line.split(":")[1] for line in lines if " LV" in line] == ["1", "2", "4", "5", "6"]
    assert sum("hint" in line for line in lines) == 3  # once for each code
    assert lines[-3] == "<stdin>: not usable as it is: 2 errors, 3 warnings"
    assert code == 1


def test_progress_goes_to_standard_error_only_when_asked(clean):
    assert lvtools("validate", clean)[2] == ""
    code, out, err = lvtools("validate", "--progress", clean)
    assert (code, out.splitlines()[0]) == (0, f"{clean}: usable: nothing to complain about")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "name", ["\x1b[31mred\x1b[0m.manifest", "a\nb.manifest", "\u202egnp.manifest", os.fsdecode(b"\xff\x9b.manifest")]
)
def test_hostile_names_and_values_are_shown_not_obeyed(tmp_path, name):
    path = tmp_path / name
    value = b'"\\u001b]0;evil\\u0007\\u202e{value}%0A"'
    data = (
        (CLEAN % 1).replace(b'"dog"', b'" \\u001b[31m\\u202e{value} {0}%"')
        + b'{"a":1,"\xc2\x9b1m":2,"\xc2\x9b1m":'
        + value
        + b"}\n"
    )
    path.write_bytes(data)
    for form in ("text", "json", "sarif", "github"):
        code, out, err = lvtools("validate", "--format", form, str(path))
        assert (code, err) == (1, ""), form
        assert not set("\x1b\x07\x9b\u202e\r") & set(out)
        assert "{value} {0}%" in out
    code, out, err = lvtools("validate", str(path) + "none")
    assert (code, out) == (2, "")
    assert not set("\x1b\u202e\x9b") & set(err)


def test_the_real_set_by_the_command_line():
    code, out, err = lvtools("validate", str(shared("data", "cookies", "train_segmentation.manifest")))
    assert (code, err) == (0, "")
    assert ": usable: " in out
    assert "63 lines, 63 labeled, 31 normal and 32 anomaly" in out
