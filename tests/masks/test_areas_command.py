import csv
import io
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

import lvtools
from lvtools.cli import main
from lvtools.cli.areas import command
from lvtools.errors import ArgumentError, FormatError, LvtoolsError, ObjectError
from tests.masks.strategies import rgba_png
from tests.shared import shared

GREEN, WHITE, RED = (35, 164, 54, 255), (255, 255, 255, 255), (255, 0, 0, 255)
FAINT = (35, 164, 54, 100)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.png").write_bytes(rgba_png([[GREEN, WHITE, WHITE, FAINT]]))
    (tmp_path / "deep" / "b.PNG").write_bytes(rgba_png([[WHITE] * 4]))
    (tmp_path / "notes.txt").write_text("no mask")
    return tmp_path


def run(*arguments, code=0, **options):
    result = CliRunner().invoke(command, [str(one) for one in arguments], **options)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def test_text_on_a_pipe(folder):
    result = run(folder, "--class", "crack=#23a436")
    assert result.stdout.splitlines() == [
        "class       color    area_px   percent  masks",
        "background  #ffffff        7  87.5000%      2",
        "crack       #23a436        1  12.5000%      1",
        "2 masks, 8 pixels, 1 ambiguous, 0 unknown; alpha opaque",
    ]
    assert result.stderr.startswith("lvtools: 1 pixels have the colour of a class but are not fully opaque")


def test_json_has_the_services_single(folder):
    found = json.loads(run(folder, "--class", "crack=#23a436", "--format", "json", "--alpha", "any").stdout)
    assert {key: found[key] for key in ("alpha", "masks", "unreadable", "pixels", "ambiguous_px", "unknown_px")} == {
        "alpha": "any", "masks": 2, "unreadable": 0, "pixels": 8, "ambiguous_px": 1, "unknown_px": 0,
    }  # fmt: skip
    assert [(one["class_name"], one["area_px"], one["total_percentage_area"]) for one in found["classes"]] == [
        ("background", 6, 0.75), ("crack", 2, 0.25),
    ]  # fmt: skip
    assert [(one["mask"], one["class_name"], one["area_px"]) for one in found["areas"]] == [
        (str(folder / "a.png"), "background", 2), (str(folder / "a.png"), "crack", 2),
        (str(folder / "deep" / "b.PNG"), "background", 4), (str(folder / "deep" / "b.PNG"), "crack", 0),
    ]  # fmt: skip
    third = json.loads(run("-", "--format", "json", input=rgba_png([[GREEN, WHITE, WHITE]])).stdout)
    assert third["areas"][1]["total_percentage_area"] == 0.3333333432674408
    assert third["areas"][1]["mask"] == "-"


def test_csv_is_the_table(folder):
    rows = list(csv.DictReader(io.StringIO(run(folder / "a.png", "--format", "csv").stdout)))
    assert [(row["class_name"], row["area_px"], row["error"]) for row in rows] == [
        ("background", "3", ""),
        ("#23a436", "1", ""),
    ]


def test_unknown_colours_and_unreadable_masks_end_with_1(folder):
    (folder / "c.png").write_bytes(rgba_png([[WHITE, WHITE], [WHITE, RED]]))
    result = run(folder, "--class", "crack=#23a436", code=1)
    assert f"#ff0000 is the colour of no class: 1 px, first in {folder / 'c.png'} at row 1, column 1" in result.stderr
    (folder / "c.png").write_bytes(b"junk")
    result = run(folder, "--class", "crack=#23a436", "--format", "json", code=1)
    assert f"lvtools: {folder / 'c.png'}: this is not a PNG" in result.stderr
    found = json.loads(result.stdout)
    assert (found["masks"], found["unreadable"]) == (2, 1)
    assert found["areas"][2]["area_px"] is None
    assert found["areas"][2]["total_percentage_area"] is None
    only = run(folder / "c.png", code=1)
    assert only.stdout == "0 masks, 1 unreadable, 0 pixels, 0 ambiguous, 0 unknown; alpha opaque\n"
    assert json.loads(run(folder / "c.png", "--format", "json", code=1).stdout)["classes"] == []
    assert "depending on how alpha is read" in run(folder / "a.png", "--alpha", "error", code=1).stderr


def test_many_unknown_colours_are_cut_short(folder):
    (folder / "a.png").write_bytes(rgba_png([[WHITE, *((k, 0, 0, 255) for k in range(30))]]))
    result = run(folder / "a.png", "--class", "crack=#23a436", code=1)
    assert result.stderr.count("is the colour of no class") == 20
    assert "and 10 more colours" in result.stderr


def test_a_mask_named_twice_counts_once(folder):
    result = run(folder, folder / "a.png", folder / "deep" / ".." / "a.png")
    assert "2 masks, 8 pixels" in result.stdout


def test_a_dangling_link_is_reported(folder):
    (folder / "z.png").symlink_to("nowhere.png")
    assert "z.png: there is no such file" in run(folder, code=1).stderr


@pytest.mark.parametrize(
    "content",
    [
        '{"BACKGROUND": "#ffffff", "crack": "#23A436"}',
        '{"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff"},'
        ' "1": {"class-name": "crack", "hex-color": "#23A436"}}',
        '{"internal-color-map": {"0": {"class-name": "crack", "hex-color": "#23A436"}}}',
    ],
)
def test_color_map_files(folder, content):
    file = folder / "map.json"
    file.write_text(content)
    names = [
        one["class_name"] for one in json.loads(run(folder, "--color-map", file, "--format", "json").stdout)["classes"]
    ]
    assert [name.lower() for name in names] == ["background", "crack"]
    more = run(folder, "--color-map", file, "--class", "dent=#000001", "--format", "json").stdout
    assert json.loads(more)["classes"][2]["class_name"] == "dent"


def test_a_manifest_is_a_color_map(folder, monkeypatch):
    from lvtools.dataset import ColorMap

    class Read:
        color_map = ColorMap({"cracked": "#23A436"})

    monkeypatch.setitem(vars(lvtools), "read_manifest", lambda path: Read)
    manifest = folder / "train.manifest"
    for content in ('{"source-ref": "s3://b/a.png"}', '{"source-ref": "a"}\n{"source-ref": "b"}\n'):
        manifest.write_text(content)
        assert "cracked" in run(folder, "--color-map", manifest).stdout
    Read.color_map = ColorMap()
    with pytest.raises(FormatError, match="no line has a color map"):
        run(folder, "--color-map", manifest)


@pytest.mark.parametrize(
    "content", ["[1]", "5", '{"crack": 1.5}', '{"crack": "green"}', '{"1": {"class-name": "x"}}', '{"a": null}']
)
def test_files_that_are_no_color_map(folder, content):
    (folder / "map.json").write_text(content)
    with pytest.raises(FormatError, match=r"map\.json: "):
        run(folder, "--color-map", folder / "map.json")


@pytest.mark.parametrize(
    ("arguments", "kind", "reason"),
    [
        (["none.png"], ObjectError, "no such file"),
        (["a.png", "none.png"], ObjectError, "no such file"),
        (["empty"], ObjectError, r"no \*.png in this folder"),
        (["a.png", "--class", "crack"], ArgumentError, "no name and colour"),
        (["a.png", "--class", "=#23a436"], ArgumentError, "no name and colour"),
        (["a.png", "--class", "crack=green"], LvtoolsError, "'green' is not a colour"),
        (["a.png", "--class", "a=#000001", "--class", "b=#000001"], LvtoolsError, "belongs to two classes"),
        (["a.png", "--color-map", "none.json"], ObjectError, "no such file"),
    ],
)
def test_what_ends_with_2(folder, monkeypatch, capsys, arguments, kind, reason):
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    with pytest.raises(kind, match=reason):
        run(*arguments)
    with pytest.raises(SystemExit) as stop:
        main(["areas", *arguments])
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("lvtools: ")


def test_names_from_data_cannot_steer_a_terminal(folder):
    name = "evil\x1b[2J\u202e"
    (folder / f"{name}.png").write_bytes(b"junk")
    (folder / "map.json").write_text(json.dumps({name: "#23a436"}))
    for form in ("text", "json"):
        result = run(folder, "--color-map", folder / "map.json", "--format", form, code=1)
        assert "evil\\" in result.stdout
        assert "\x1b" not in result.output
        assert "\u202e" not in result.output


def test_progress_goes_to_standard_error_and_only_when_asked(folder):
    quiet, shown = run(folder), run(folder, "--progress")
    assert shown.stdout == quiet.stdout
    assert len(shown.stderr) > len(quiet.stderr)


def test_the_command_itself():
    masks = shared("data", "cookies", "dataset-files", "mask-images")
    code = "from lvtools.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "areas", masks, "--class", "cracked=#23A436"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "cracked     #23a436     399,846   2.8246%     32" in done.stdout
    assert "79,160 pixels have the colour of a class but are not fully opaque" in done.stderr
    broken = subprocess.run([sys.executable, "-c", code, "areas", "-"], input=b"", capture_output=True, check=False)
    assert broken.returncode == 1
    assert b"lvtools: -: there are no bytes" in broken.stderr


def test_problems_of_masks_as_sarif_and_github(tmp_path):
    (tmp_path / "odd.png").write_bytes(rgba_png([[(1, 2, 3, 255), FAINT, WHITE, GREEN]]))
    (tmp_path / "empty.png").write_bytes(b"")
    arguments = [tmp_path, "--class", "crack=#23a436", "--class", "BACKGROUND=#ffffff"]
    results = json.loads(run(*arguments, "--format", "sarif", code=1).stdout)["runs"][0]["results"]
    assert [one["ruleId"] for one in results] == ["LV301", "LV302", "LV303"]
    assert "1 pixels of #010203, the first at row 0, column 0" in results[1]["message"]["text"]
    lines = run(*arguments, "--format", "github", code=1).stdout.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::warning"]


def test_a_photograph_does_not_flood_the_terminal(tmp_path):
    colours = [[(red, green, 9, 255) for red in range(16)] for green in range(16)]
    (tmp_path / "photo.png").write_bytes(rgba_png(colours))
    lines = run(tmp_path / "photo.png").stdout.splitlines()
    assert len(lines) == 23
    assert lines[-2].startswith("... and 237 more colours: photographs among the masks?")


def test_output_says_the_same_as_printing(folder):
    out = folder / "areas.json"
    result = run(folder, "--class", "crack=#23a436", "-o", out)
    assert result.stdout == run(folder, "--class", "crack=#23a436").stdout
    assert f"lvtools: written to {out}\n" in result.stderr
    for form in ("json", "jsonl", "csv"):
        run(folder, "--class", "crack=#23a436", "--format", form, "-o", out, "--threads", 2)
        printed = run(folder, "--class", "crack=#23a436", "--format", form, "-o", "-").stdout
        assert out.read_text() == printed
        assert "crack" in printed
    (folder / "c.png").write_bytes(b"junk")
    assert "c.png: this is not a PNG" in run(folder, "-o", out, code=1).stderr
    assert len(json.loads(out.read_text())["areas"]) == 4


def test_many_unreadable_masks_are_cut_short(tmp_path):
    for k in range(30):
        (tmp_path / f"{k}.png").write_bytes(b"junk")
    result = run(tmp_path, code=1)
    assert result.stderr.count("this is not a PNG") == 20
    assert "and 10 more unreadable masks" in result.stderr
    assert "0 masks, 30 unreadable" in result.stdout


def test_the_masks_of_a_manifest(folder):
    def line(ref):
        ours = {"class-name": "crack", "hex-color": "#23a436", "confidence": 0}
        more = {"internal-color-map": {"0": {**ours, "class-name": "BACKGROUND", "hex-color": "#ffffff"}, "1": ours}}
        what = {
            "type": "groundtruth/semantic-segmentation",
            "human-annotated": "yes",
            "creation-date": "2024-01-01T00:00:00",
        }
        return json.dumps({"source-ref": f"s3://b/{ref}.jpg", "mask-ref": ref, "mask-ref-metadata": {**more, **what}})

    manifest = folder / "train.manifest"
    manifest.write_text(
        "".join(f"{line(ref)}\n" for ref in ("s3://bucket/x/a.png", "deep/b.PNG", "a.png", "none.png", "../up.png"))
    )
    result = run(manifest, "--images", folder, "--format", "csv", code=1)
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["mask"], row["class_name"], row["area_px"]) for row in rows] == [
        (str(folder / "a.png"), "BACKGROUND", "3"), (str(folder / "a.png"), "crack", "1"),
        (str(folder / "deep" / "b.PNG"), "BACKGROUND", "4"), (str(folder / "deep" / "b.PNG"), "crack", "0"),
        ("none.png", "", ""), ("../up.png", "", ""),
    ]  # fmt: skip
    assert "none.png: is not under" in result.stderr
    assert "../up.png: the reference '../up.png' is not a plain path" in result.stderr
    other = run(manifest, "--images", folder, "--class", "dent=#23a436", code=1).stdout
    assert "dent" in other
    assert "crack" not in other


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["a.png", "--resume"], "--resume goes on with an --output"),
        (["a.png", "--format", "parquet"], "Parquet is not for printing"),
        (["a.png", "--format", "sarif", "-o", "a.csv"], "--format sarif is for printing"),
        (["a.png", "-o", "a.txt"], "does not say which format"),
        (["a.png", "-o", "none/a.csv"], "does not exist"),
        (["a.png", "--images", "."], "--images is for manifests"),
        (["x.manifest"], "the masks of a manifest are looked for only where you say"),
        (["x.manifest", "a.png", "--images", "."], "manifests and masks at once"),
        (["x.manifest", "--images", "."], "no line names a mask"),
        (["*.gif"], "matches this pattern"),
    ],
)
def test_what_else_ends_with_2(folder, monkeypatch, arguments, reason):
    monkeypatch.chdir(folder)
    (folder / "x.manifest").write_text('{"source-ref": "s3://b/a.jpg"}\n')
    with pytest.raises(LvtoolsError, match=reason):
        run(*arguments)
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "deep", "notes.txt", "x.manifest"]


def test_a_pattern_in_quotes(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert "2 masks, 8 pixels" in run("**/*.[pP][nN][gG]").stdout
    assert "1 mask, 4 pixels" in run("deep/*").stdout
