"""The documents are true: every rule and command is in them, and what they show can be run."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import lvtools
from lvtools.cli import COMMANDS, cli
from lvtools.cli.rules import markdown
from lvtools.findings import RULES
from lvtools.formats import fields
from tests.cli.command import environment
from tests.cli.command import lvtools as command

ROOT = Path(__file__).resolve().parents[1]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_rules_page_is_the_catalogue():
    assert read("docs/rules.md").endswith(markdown(list(RULES))), "run: make rules"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_in_the_readme_and_explains_itself(name):
    assert f"lvtools {name}" in read("README.md")
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_every_name_that_the_documents_use_exists():
    used = set()
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        used |= set(re.findall(r"\b(?:lv|lvtools)\.([a-z_]+)\(", page.read_text(encoding="utf-8")))
    assert {"evaluate", "read_manifest", "mask_areas"} <= used
    missing = sorted(name for name in used if not hasattr(lvtools, name))
    assert not missing


def test_the_accepted_names_are_documented():
    words = {fields.plain(word) for word in re.findall(r"`([A-Za-z0-9_-]+)`", read("docs/evaluation.md"))}
    accepted = {*fields.IMAGE_NAMES, *fields.CLASS_NAMES, *fields.SCORE_NAMES, *fields.MASK_NAMES}
    assert accepted <= words, accepted - words


def test_the_examples_about_masks_run():
    """The Python blocks from "A mask in hand" on, in one namespace: they hold their own assertions."""
    page = read("docs/masks.md").partition("\n## A mask in hand\n")[2]
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 4
    assert all("assert" in block for block in blocks)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)], env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_links_between_documents_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http://", "https://")):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_picture_of_validate_is_what_it_says(tmp_path):
    """The words of the drawing, line by line and unwrapped, against the command of today."""
    example = re.search(r"```json\n(.*?)```", read("docs/manifests.md"), re.DOTALL)[1]
    (tmp_path / "boards.manifest").write_text(example, encoding="utf-8")
    code, out, err = command("validate", str(tmp_path / "boards.manifest"))
    assert (code, err) == (1, "")
    words = re.findall(r"<text[^>]*>([^<]*)</text>", read("docs/validate.svg"))
    drawn = html.unescape("".join(words)).replace("\xa0", " ")
    said = [line for line in out.replace(f"{tmp_path}/", "").splitlines() if not line.startswith("    ")]
    assert len([line for line in said if " LV" in line]) == 9
    flat = re.sub(r"\s+", "", drawn)
    for line in said:
        assert re.sub(r"\s+", "", line) in flat, "run: make pictures"
    assert "http" not in read("docs/validate.svg").replace("http://www.w3.org/2000/svg", "")
