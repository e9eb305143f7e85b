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
