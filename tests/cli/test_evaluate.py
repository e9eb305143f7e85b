import json

import pytest
from click.testing import CliRunner

from lvtools.cli import main
from lvtools.cli.evaluate import command


def rows(*items):
    return "".join(json.dumps({"image": name, "label": label}) + "\n" for name, label in items)


@pytest.fixture
def files(tmp_path):
    truth, good, bad = (tmp_path / name for name in ("truth.jsonl", "good.jsonl", "bad.jsonl"))
    truth.write_text(rows(("a.jpg", "anomaly"), ("b.jpg", "normal")))
    good.write_text(rows(("a.jpg", "anomaly"), ("b.jpg", "anomaly")))
    bad.write_text(rows(("a.jpg", "anomaly"), ("\x1b[31mz.jpg", "normal")))
    return truth, good, bad


def run(*arguments, **options):
    return CliRunner().invoke(command, [str(one) for one in arguments], **options)


def test_exit_0_and_the_figures(files):
    result = run(files[0], files[1])
    assert result.exit_code == 0, result.output
    assert "2 images compared, matched by whole reference" in result.stdout
    assert "normal        0        1" in result.stdout
    for name in ("precision", "recall", "F1"):
        assert name in result.stdout
    assert "95 % interval" in result.stdout


def test_exit_1_when_something_is_missing(files):
    result = run(files[0], files[2])
    assert result.exit_code == 1
    assert "1 without a prediction: b.jpg" in result.stdout
    assert "1 predicted but not in the truth: \\x1b[31mz.jpg" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("way", ["missing", "nothing in common", "both standard input"])
def test_exit_2_with_a_sentence(files, capsys, way):
    other = files[0].parent / "other.jsonl"
    other.write_text(rows(("q.jpg", "normal"), ("r.jpg", "normal"), ("s.jpg", "normal")))
    arguments = {
        "missing": [str(files[0]), str(files[0]) + ".not"],
        "nothing in common": [str(files[0]), str(other)],
        "both standard input": ["-", "-"],
    }[way]
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", *arguments])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("lvtools: ")
    assert "Traceback" not in said
    if way == "nothing in common":
        assert "'a.jpg', 'b.jpg'; the predictions have 'q.jpg', 'r.jpg', ..." in said
        assert "hint: " in said


def test_json(files, tmp_path):
    for arguments in (["--json"], ["--json", "-"]):
        document = json.loads(run(files[0], files[1], *arguments).stdout)
        assert document["image"]["confusion_matrix"] == [[0, 1], [0, 1]]
    target = tmp_path / "out.json"
    result = run(files[0], files[1], "--json", target)
    assert "Confusion matrix" in result.stdout
    assert json.loads(target.read_bytes()) == document


def test_standard_input(files):
    result = run(files[0], "-", "--json", input=files[1].read_text())
    assert json.loads(result.stdout)["match"]["matched"] == 2


def test_many_classes(tmp_path):
    truth, called = tmp_path / "t.jsonl", tmp_path / "p.jsonl"
    truth.write_text(rows(*[(str(n), f"class {n % 25}") for n in range(50)]))
    called.write_text(rows(*[(str(n), "class 0") for n in range(50)]))
    result = run(truth, called)
    assert result.exit_code == 0
    assert "25 classes are too wide to show" in result.stdout
    assert "class 24" in result.stdout


def test_help_tells_the_exit_codes():
    result = run("--help")
    assert result.exit_code == 0
    assert "Exit codes: 0" in result.stdout


@pytest.fixture
def scored(tmp_path):
    truth, called, other = (tmp_path / name for name in ("t.csv", "p.csv", "o.csv"))
    names = [(f"{n}.jpg", "anomaly" if n % 2 else "normal", f"cam{n % 3}") for n in range(12)]
    truth.write_text("image,label,camera\n" + "".join(f"{i},{label},{cam}\n" for i, label, cam in names))
    called.write_text("image,score\n" + "".join(f"{n}.jpg,{0.8 if n % 2 else 0.1 + n / 100}\n" for n in range(12)))
    other.write_text("image,score\n" + "".join(f"{n}.jpg,{0.6 if n % 4 else 0.2}\n" for n in range(12)))
    return truth, called, other


def test_wishes_slices_and_a_baseline(scored, tmp_path):
    page = tmp_path / "r.html"
    result = run(
        *scored[:2], "--want", "cost=20:1", "--want", "alarms=1/6", "--want", "recall=0.5", "--slice", "camera",
        "--slice", "class", "--baseline", scored[2], "--html", page,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    for words in (
        "Which threshold?", "a miss costs 20 false alarms", "1 false alarms in 6 images", "recall 50 %",
        "By camera, with 95 % intervals", "cam2", "By class", "Predictions less baseline", "McNemar's p",
    ):  # fmt: skip
        assert words in result.stdout
    text = page.read_text()
    for words in ("Which threshold?", "Slices", "Against the baseline", "cam2"):
        assert words in text
    document = json.loads(run(*scored[:2], "--slice", "camera", "--json").stdout)
    assert [row["slice"] for row in document["slices"][0]["rows"]] == ["cam0", "cam1", "cam2"]


@pytest.mark.parametrize("wish", ["recall", "recall=2", "recall=x", "luck=1", "cost=1", "cost=-1:1", "alarms=3/0", ""])
def test_a_wish_that_is_none_is_explained(scored, wish):
    result = run(*scored[:2], "--want", wish)
    assert result.exit_code == 2
    assert "is no wish such as recall=0.99" in result.stderr


def test_a_column_that_is_not_there(scored, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", *map(str, scored[:2]), "--slice", "lens"])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert "cannot slice by 'lens'" in said
    assert "class, folder, area" in said
