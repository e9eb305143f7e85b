"""The commands that edit manifests: what they print, write and answer, as a user has them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import lvtools as lv
from tests.cli.inside import run as run
from tests.manifest.files import bodies, entry, refs, text

NAMES = ["normal"] * 6 + ["anomaly"] * 4
DATA = text(*(entry(f"s3://bbb/{n}.png", name, date=f"2024-05-{n + 1:02}T08:00:00") for n, name in enumerate(NAMES)))
FAULTY = text({"source-ref": "s3://s3://bbb/1.png"}) + b"\n" + text({"source-ref": "s3://bbb/2.png"})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.manifest"
    path.write_bytes(DATA)
    return path


def test_fix(run, tmp_path):
    path = tmp_path / "a.manifest"
    path.write_bytes(FAULTY)
    code, out, err = run("fix", path, "-n")
    assert code == 0
    assert b'- "s3://s3://bbb/1.png"' in out
    assert "2 repairs would be made" in err
    assert path.read_bytes() == FAULTY
    code, out, err = run("fix", path)
    assert (code, refs(out)) == (0, ["s3://bbb/1.png", "s3://bbb/2.png"])
    assert run("fix", "-", stdin=FAULTY)[1] == out
    code, nothing, err = run("fix", path, "--in-place")
    assert (code, nothing, path.read_bytes()) == (0, b"", out)
    assert "2 repairs made; written to" in err
    assert "nothing to mend" in run("fix", path, "-i")[2]


def test_fix_tells_what_is_left_and_moves_it_out(run, tmp_path):
    path = tmp_path / "a.manifest"
    path.write_bytes(b"{'source-ref': 's3://bbb/1.png'}\nnonsense\n")
    code, _, err = run("fix", path, "-o", tmp_path / "b")
    assert code == 1
    assert "2 errors left; lvtools fix --unsafe may cure some" in err
    assert "LV020" in err
    code, _, err = run("fix", path, "--unsafe", "-o", tmp_path / "b")
    assert code == 0
    assert "1 line moved out to" in err
    assert (tmp_path / "b.rejected").read_bytes() == b"nonsense\n"
    code, out, err = run("fix", path, "--drop-broken")
    assert (code, out) == (2, b"")
    assert "--rejected" in err
    assert run("fix", path, "--drop-broken", "--rejected", tmp_path / "r")[1] == b""
    assert len(bodies((tmp_path / "r").read_bytes())) == 2


def test_fix_lists_its_repairs(run):
    code, out, _ = run("fix", "--list")
    assert code == 0
    assert b"LV106 safe" in out
    assert b"LV183 unsafe" in out


def test_stats(run, path, tmp_path):
    assert b"anomaly  4" in run("stats", path)[1]
    assert json.loads(run("stats", path, "--format", "json")[1])["classes"] == {"normal": 6, "anomaly": 4}
    assert run("stats", path, "--format", "html", "-o", tmp_path / "a.html")[1] == b""
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")
    assert run("stats", "-", stdin=DATA)[0] == 0


def test_split(run, path, tmp_path):
    code, out, err = run("split", path, "--test", "20%", "-n")
    assert code == 0
    assert "10 lines would go to" in err
    assert len(list(tmp_path.iterdir())) == 1
    code, out, _ = run("split", path)
    assert code == 0
    assert out.decode().splitlines()[-1].split() == ["all", "8", "2", "10"]
    parts = [(tmp_path / f"a.{part}.manifest").read_bytes() for part in ("train", "test")]
    assert sorted(bodies(parts[0] + parts[1])) == sorted(bodies(DATA))
    code, _, err = run("split", path)
    assert code == 2
    assert "--force" in err
    assert run("split", path, "--force", "--test", "3")[0] == 0
    assert len(bodies((tmp_path / "a.test.manifest").read_bytes())) == 3
    assert run("split", "-", stdin=DATA)[0] == 2
    assert run("split", "-", "-o", tmp_path / "k", "--folds", "2", stdin=DATA)[0] == 0
    assert len(list(tmp_path.glob("k.fold-*.manifest"))) == 4
    for wrong in ("x", "0", "1.5", "-1"):
        assert run("split", path, "-n", f"--test={wrong}")[0] == 2


def test_merge(run, path, tmp_path):
    other = tmp_path / "b.manifest.gz"
    changed = DATA.replace(b'"anomaly"', b'"normal"', 1) + text(entry("s3://bbb/99.png"))
    lv.merge_manifests([changed], other)
    code, out, err = run("merge", path, other)
    assert (code, out) == (1, b"")
    assert f"{other}:7 contradicts {path}:7" in err
    code, out, err = run("merge", path, other, "--on-conflict", "last")
    assert (code, out) == (0, changed)
    assert "11 lines of 21: 9 said the same, 1 conflict" in err
    code, out, _ = run("merge", path, other, "--on-conflict", "first", "-n")
    assert f"kept {path}:7" in out.decode()


def test_diff(run, path, tmp_path):
    other = tmp_path / "b.manifest"
    other.write_bytes(b"".join(reversed(DATA.splitlines(keepends=True))))
    assert run("diff", path, other)[:2] == (0, b"the same: 10 images\n")
    other.write_bytes(DATA.replace(b'"anomaly"', b'"normal"', 1))
    code, out, _ = run("diff", path, other)
    assert code == 1
    assert b'/anomaly-label-metadata/class-name: "anomaly" -> "normal"' in out
    assert json.loads(run("diff", path, other, "--format", "json")[1])["changed"] == 1
    assert run("diff", path, tmp_path / "none")[0] == 2
    assert run("diff", "-", "-")[0] == run("merge", "-", "-")[0] == 2


def test_filter(run, path):
    assert len(bodies(run("filter", path, "--anomaly-class", "anomaly")[1])) == 4
    assert run("filter", path, "--class", "normal", "--after", "2024-05-05")[1].count(b"\n") == 2
    assert run("filter", path, "--unlabeled")[1] == b""
    assert refs(run("filter", path, "--contains", "/3")[1]) == ["s3://bbb/3.png"]
    code, out, err = run("filter", path, "--before", "2024-05-03", "-n")
    assert (code, out) == (0, b"")
    assert "2 of 10 lines would be kept" in err
    assert run("filter", path, "--before", "soon")[0] == 2
    assert run("filter", path, "--labeled", "-i", "-o", "x")[0] == 2
    assert run("filter", "-", "-i", stdin=DATA)[0] == 2
    assert run("filter", path, "--labeled", "-i")[0] == 0
    assert path.read_bytes() == DATA


def test_dedupe(run):
    code, out, err = run("dedupe", "-", stdin=DATA + DATA)
    assert (code, out) == (0, DATA)
    assert "10 lines taken out, 10 left" in err
    code, out, _ = run("dedupe", "-", "-n", "--keep", "last", stdin=DATA + text(entry("s3://bbb/0.png")))
    assert out == b"- line 1, another version of line 11: s3://bbb/0.png\n"


def test_rewrite(run, path, tmp_path):
    code, out, err = run("rewrite", path, "s3://bbb=s3://ccc/x")
    assert (code, out) == (0, DATA.replace(b"s3://bbb/", b"s3://ccc/x/"))
    assert "10 of 10 lines changed (10 source-ref)" in err
    code, out, err = run("rewrite", path, "s3://bb=s3://ccc")
    assert (code, out) == (2, b"")
    assert "no reference begins with 's3://bb'" in err
    (tmp_path / "map.json").write_text('{"s3://bbb": "s3://a=b"}')
    assert run("rewrite", path, "--map", tmp_path / "map.json", "-i")[0] == 0
    assert refs(path.read_bytes())[0] == "s3://a=b/0.png"
    assert b"+ s3://c/0.png" in run("rewrite", path, "s3://a=b=s3://c", "-n")[1]
    for wrong in (["abc"], [], ["a=b=c"]):
        assert run("rewrite", path, *wrong)[0] == 2
    (tmp_path / "map.json").write_text("[]")
    assert run("rewrite", path, "--map", tmp_path / "map.json")[0] == 2


def test_upsert(run, path, tmp_path):
    changes = tmp_path / "changes.jsonl"
    changes.write_bytes(text(entry("s3://bbb/0.png", "anomaly"), entry("s3://bbb/new.png")))
    code, out, err = run("upsert", path, changes, "-n")
    assert (code, out) == (0, b"~ s3://bbb/0.png\n+ s3://bbb/new.png\n")
    assert "1 would be replaced, 1 would be added, 9 unchanged" in err
    assert run("upsert", path, "-", "-i", stdin=changes.read_bytes())[0] == 0
    assert refs(path.read_bytes())[-1] == "s3://bbb/new.png"
    assert run("upsert", "-", "-")[0] == 2
    changes.write_bytes(text(entry("s3://ccc/0.png")))
    assert run("upsert", path, changes)[0] == 2
    assert run("upsert", path, changes, "--other-buckets")[0] == 0


def test_progress_goes_to_standard_error(run, path):
    for command in (
        ["fix", path],
        ["stats", path],
        ["dedupe", path],
        ["rewrite", path, "s3://bbb=s3://ccc"],
        ["diff", path, path],
    ):
        code, out, _ = run(*command, "--progress")
        assert code == 0
        assert run(*command)[1] == out


@pytest.mark.parametrize("name", ["fix", "stats", "split", "filter", "dedupe", "rewrite"])
def test_a_missing_file_is_one_sentence(run, name, tmp_path):
    more = ["a=b"] if name == "rewrite" else []
    code, out, err = run(name, tmp_path / "none.manifest", *more)
    assert (code, out) == (2, b"")
    assert "there is no such file" in err


def test_tools_work_in_a_pipe(tmp_path):
    base = [sys.executable, "-c", "from lvtools.cli import main; main()"]
    fixed = subprocess.run([*base, "fix", "-"], input=FAULTY + DATA, capture_output=True, check=False)
    done = subprocess.run([*base, "filter", "-", "--labeled"], input=fixed.stdout, capture_output=True, check=True)
    assert done.stdout == DATA
    assert done.stderr == b"lvtools: 10 of 12 lines kept\n"
