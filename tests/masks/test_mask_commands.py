"""lvtools lint-mask and lvtools fix-mask."""

import json
import os

import numpy as np
import pytest

from lvtools.masks import fix_mask, read_mask, write_mask
from tests.cli.inside import run as run
from tests.masks import oracle
from tests.masks.strategies import rgba_png

GREEN, WHITE, RED, NEAR = (35, 164, 54, 255), (255, 255, 255, 255), (255, 0, 0, 255), (30, 160, 50, 255)
CLASSES = ["--class", "BACKGROUND=#ffffff", "--class", "crack=#23a436"]
MAP = {"BACKGROUND": 0xFFFFFF, "crack": 0x23A436}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "m" / "deep").mkdir(parents=True)
    (tmp_path / "m" / "clean.png").write_bytes(rgba_png([[GREEN, WHITE, WHITE, WHITE]]))
    (tmp_path / "m" / "near.png").write_bytes(rgba_png([[GREEN, NEAR, WHITE, WHITE]]))
    (tmp_path / "m" / "deep" / "red.png").write_bytes(rgba_png([[RED, NEAR, WHITE, WHITE]]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_lint_as_text(run, folder):
    code, out, err = run("lint-mask", "m", *CLASSES)
    lines = out.decode().splitlines()
    assert (code, err) == (1, "")
    assert lines[0] == (
        "m/deep/red.png: error LV302 1 pixel of #ff0000, the first at row 0, column 0 have a colour of no class"
    )
    assert lines[-1] == "3 masks: 3 errors"
    code, out, _ = run("lint-mask", "m/clean.png", *CLASSES)
    assert (code, out) == (0, b"1 mask: nothing to complain about\n")
    code, out, _ = run("lint-mask", "m/clean.png", *CLASSES, "--image-size", "8x6")
    assert code == 1
    assert b"LV312 the mask has 4 x 1 pixels, its image 8 x 6" in out


def test_lint_as_json_sarif_and_github(run, folder):
    _, out, _ = run("lint-mask", "m", *CLASSES, "--format", "json")
    files = json.loads(out)["files"]
    assert [one["file"] for one in files] == ["m/clean.png", "m/deep/red.png", "m/near.png"]
    assert [one["statistics"]["unknown_px"] for one in files] == [0, 2, 1]
    assert files[0]["findings"] == []
    _, out, _ = run("lint-mask", "m", *CLASSES, "--format", "sarif")
    results = json.loads(out)["runs"][0]["results"]
    assert {one["ruleId"] for one in results} == {"LV302"}
    _, out, _ = run("lint-mask", "m/near.png", *CLASSES, "--format", "github")
    assert out.startswith(b"::error file=m/near.png,title=LV302::1 pixel of #1ea032")


def test_lint_goes_on_after_a_mask_that_cannot_be_read(run, folder):
    (folder / "m" / "junk.png").write_bytes(b"junk")
    os.symlink("nowhere", folder / "m" / "lost.png")
    code, out, _ = run("lint-mask", "m", *CLASSES, "--all")
    assert code == 1
    assert b"m/junk.png: error LV301 the mask cannot be read: this is not a PNG" in out
    assert b"m/lost.png: error LV301 the mask cannot be read: " in out
    assert b"5 masks: 5 errors" in out


def test_lint_from_standard_input(run, folder):
    code, out, _ = run("lint-mask", "-", *CLASSES, stdin=(folder / "m" / "near.png").read_bytes())
    assert (code, out.startswith(b"<stdin>: error LV302")) == (1, True)


def test_fix_to_a_folder(run, folder):
    code, out, err = run("fix-mask", "m", *CLASSES, "-o", "out")
    assert code == 1
    assert out.decode().splitlines() == [
        "m/clean.png: every pixel has a class",
        "m/deep/red.png: 1 px given a class, 1 left",
        "    #ff0000 kept: 1 px, 280 off, first at row 0, column 0",
        "    #1ea032 -> crack: 1 px, 8 off, first at row 0, column 1",
        "m/near.png: 1 px given a class",
        "    #1ea032 -> crack: 1 px, 8 off, first at row 0, column 1",
    ]
    assert err.startswith("lvtools: 3 masks, 2 px given a class, 1 px left, 3 written\nlvtools: colours that are left")
    assert (folder / "out" / "clean.png").read_bytes() == (folder / "m" / "clean.png").read_bytes()
    fixed = read_mask(folder / "out" / "deep" / "red.png", MAP)
    assert fixed.index().tolist() == [[255, 1, 0, 0]]
    want = fix_mask(folder / "m" / "near.png", MAP)
    assert (folder / "out" / "near.png").read_bytes() == write_mask(want.mask)
    assert run("fix-mask", "out/near.png", *CLASSES, "-n")[0] == 0


def test_fix_in_place_leaves_clean_masks_alone(run, folder):
    before = {path: path.read_bytes() for path in (folder / "m").rglob("*.png")}
    _, out, _ = run("fix-mask", "m", *CLASSES, "--dry-run")
    assert {path: path.read_bytes() for path in (folder / "m").rglob("*.png")} == before
    code, again, _ = run("fix-mask", "m", *CLASSES, "--in-place")
    assert (code, again) == (1, out)
    changed = {path.name for path, data in before.items() if path.read_bytes() != data}
    assert changed == {"near.png", "red.png"}
    run("fix-mask", "m/clean.png", *CLASSES, "--in-place", "--rewrite", "--rgb")
    rewritten = (folder / "m" / "clean.png").read_bytes()
    assert rewritten[25] == 2
    assert oracle.decode(rewritten)[2] == [GREEN, WHITE, WHITE, WHITE]


def test_fix_one_mask_to_a_file_and_to_standard_output(run, folder):
    assert run("fix-mask", "m/near.png", *CLASSES, "-o", "one.png")[0] == 0
    code, out, err = run("fix-mask", "m/near.png", *CLASSES, "-o", "-")
    assert (code, out) == (0, (folder / "one.png").read_bytes())
    assert "near.png: 1 px given a class" in err
    code, out, _ = run("fix-mask", "-", *CLASSES, "-o", "-", stdin=(folder / "m" / "near.png").read_bytes())
    assert (code, out) == (0, (folder / "one.png").read_bytes())


def test_fix_as_json(run, folder):
    code, out, _ = run("fix-mask", "m", *CLASSES, "-n", "--format", "json", "--tolerance", "300")
    masks = json.loads(out)["masks"]
    assert code == 0
    assert [(one["mask"], one["output"], one["fixed_px"], one["unknown_px"]) for one in masks] == [
        ("m/clean.png", None, 0, 0), ("m/deep/red.png", None, 2, 0), ("m/near.png", None, 1, 0),
    ]  # fmt: skip
    assert masks[1]["colors"][0]["class_name"] == "crack"
    assert masks[1]["tolerance"] == 300


def test_fix_goes_on_after_a_mask_that_cannot_be_read(run, folder):
    (folder / "m" / "clean.png").write_bytes(b"junk\x1b")
    code, _, err = run("fix-mask", "m", *CLASSES, "-o", "out", "--tolerance", "442")
    assert code == 1
    assert "m/clean.png: this is not a PNG" in err
    assert "1 unreadable, 2 written" in err
    assert sorted(path.name for path in (folder / "out").rglob("*.png")) == ["near.png", "red.png"]


def test_fix_makes_a_png_of_another_picture(run, folder):
    cv2 = pytest.importorskip("cv2")
    picture = np.array([[(255, 255, 255), (54, 164, 35)]], np.uint8)
    (folder / "m.png").write_bytes(cv2.imencode(".bmp", picture)[1].tobytes())
    assert run("lint-mask", "m.png", *CLASSES)[0] == 1
    assert run("fix-mask", "m.png", *CLASSES, "-i")[0] == 0
    assert oracle.decode((folder / "m.png").read_bytes())[2] == [WHITE, GREEN]
    assert run("lint-mask", "m.png", *CLASSES)[0] == 0


def test_many_colours_are_cut_short(run, folder):
    index = np.arange(12, dtype=np.uint8).reshape(3, 4)
    (folder / "many.png").write_bytes(write_mask(index, colors=[0xFFFFFF - k for k in range(12)]))
    _, out, _ = run("fix-mask", "many.png", *CLASSES, "-n")
    assert out.decode().splitlines()[-1] == "    ... and 6 colours more; --all shows them"
    assert len(run("fix-mask", "many.png", *CLASSES, "-n", "--all")[1].splitlines()) == 12


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["fix-mask", "m", "-n"], "name the declared colours"),
        (["fix-mask", "m", *CLASSES], "say where the results go"),
        (["fix-mask", "m", *CLASSES, "-i", "-o", "x"], "say where the results go"),
        (["fix-mask", "m", *CLASSES, "-o", "-"], "-o must be a folder"),
        (["fix-mask", "m", *CLASSES, "-o", "m/near.png"], "-o must be a folder"),
        (["fix-mask", "-", *CLASSES, "-i"], "standard input cannot be changed in place"),
        (["fix-mask", "m/near.png", "m/deep/near.png", *CLASSES, "-o", "out"], "would both be written to out/near.png"),
        (["fix-mask", "none.png", *CLASSES, "-n"], "no such file"),
        (["lint-mask", "none.png"], "no such file"),
        (["lint-mask", "m", "--image-size", "8"], "'8' is no size"),
        (["lint-mask", "m", "--image-size", "0x8"], "image_size=(8, 0)"),
    ],
)
def test_what_ends_with_2(run, folder, arguments, reason):
    (folder / "m" / "deep" / "near.png").write_bytes(b"")
    code, out, err = run(*arguments)
    assert (code, out) == (2, b"")
    assert reason in err
    assert not (folder / "out").exists()


def test_names_from_data_cannot_steer_a_terminal(run, folder):
    name = "evil\x1b[2J"
    (folder / f"{name}.png").write_bytes(rgba_png([[NEAR, WHITE]]))
    arguments = [f"{name}.png", "--class", f"{name}=#23a436"]
    for command in (
        ["lint-mask"],
        ["fix-mask", "-n"],
        ["fix-mask", "-n", "--format", "json"],
        ["lint-mask", "--format", "json"],
    ):
        _, out, err = run(*command, *arguments)
        assert b"evil" in out
        assert b"\x1b" not in out
        assert "\x1b" not in err
