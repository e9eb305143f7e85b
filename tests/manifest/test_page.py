"""docs/manifests.md is true: its commands are run in order, and print what the page shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from lvtools.cli import COMMANDS
from tests.cli.inside import run as run

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "manifests.md").read_text(encoding="utf-8")
TOOLS = {"dedupe", "diff", "filter", "fix", "merge", "rewrite", "split", "stats", "upsert", "validate"}


def test_the_page_shows_what_the_commands_print(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    Path("boards.manifest").write_text(example[1], encoding="utf-8")
    shown = re.findall(r"\$ lvtools ([^\n]+)\n(.*?)(?=\$ |```)", PAGE, re.DOTALL)
    assert {shlex.split(command)[0] for command, _ in shown} == TOOLS <= set(COMMANDS)
    for command, expected in shown:
        _, out, err = run(*shlex.split(command))
        assert out.decode() + err == expected, command
