"""The files of `bombs`, in a process that may not grow by more than 64 MB, nor compute for long."""

import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.masks.bombs import BOMBS, zeros


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc, limits set by setrlimit")
def test_small_files_that_ask_for_much():
    process = subprocess.run(
        [sys.executable, "-m", "tests.masks.bombs"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert process.returncode == 0, process.stderr[-2000:]
    assert process.stdout.count("\n| ") == len(BOMBS)


def test_the_bombs_hold_what_they_claim():
    unpacked = zlib.decompressobj()
    assert len(unpacked.decompress(zeros(2**23))) == 2**23
    assert unpacked.eof, "the checksum is right too"
    assert len(BOMBS) >= 14
