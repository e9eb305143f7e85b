"""Draws validate.svg: `lvtools validate` on the example of manifests.md, as a terminal shows it (make pictures)."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parent
PICTURE = DOCS / "validate.svg"
NAME = "boards.manifest"
COLUMNS = 104


def example() -> bytes:
    """The manifest that docs/manifests.md works on."""
    found = re.search(r"```json\n(.*?)```", (DOCS / "manifests.md").read_text("utf-8"), re.DOTALL)
    if found is None:
        sys.exit("docs/manifests.md has no example")
    return found[1].encode()


def on_terminal(folder: str) -> str:
    """What the command writes to a terminal, colours included."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from lvtools.cli import main; main()", "validate", NAME]
    settings = {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "PYTHONPATH": str(DOCS.parent)}
    process = subprocess.Popen(command, cwd=folder, stdout=theirs, env={**os.environ, **settings})  # noqa: S603
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        text += piece
    os.close(ours)
    process.wait()
    return text.decode().replace("\r\n", "\n")


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, NAME).write_bytes(example())
        shown = on_terminal(folder)
    with open(os.devnull, "w") as nothing:
        console = Console(record=True, width=COLUMNS, file=nothing, force_terminal=True, color_system="truecolor")
        console.print(Text(f"$ lvtools validate {NAME}", style="bold"))
        console.print(Text.from_ansi(shown.rstrip("\n")))
        svg = console.export_svg(title="lvtools validate", unique_id="lvtools-validate")
    # A page must not fetch fonts from elsewhere; the reader's own monospaced one does.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace("Fira Code", "ui-monospace")
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    PICTURE.write_text(re.sub(r"[ \t]+\n", "\n", svg), encoding="utf-8")


if __name__ == "__main__":
    main()
