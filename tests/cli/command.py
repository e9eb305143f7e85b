"""The command line as a user has it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

RUN = [sys.executable, "-c", "from lvtools.cli import main; main()"]
ROOT = Path(__file__).resolve().parents[2]


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "PYTHONIOENCODING")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"} | more


def lvtools(*arguments, stdin=b"", timeout=60, **more):
    """(exit code, standard output, standard error) as text; no output ever holds a traceback."""
    done = subprocess.run(
        [*RUN, *arguments], input=stdin, capture_output=True, timeout=timeout, env=environment(**more), check=False
    )
    out, err = done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "surrogateescape")
    assert "Traceback" not in out + err, out + err
    return done.returncode, out, err
