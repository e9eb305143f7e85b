"""Progress of the tools as a terminal shows it, silence on a pipe, and what Ctrl-C leaves: nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time

import pytest

from tests.cli.command import RUN, environment, lvtools
from tests.manifest.files import entry, text

pty = pytest.importorskip("pty", reason="a terminal of the POSIX kind is needed")

TOOLS = {
    "validate": ["validate", "a.manifest"],
    "validate --all": ["validate", "a.manifest", "--all"],
    "fix": ["fix", "a.manifest", "-o", "out.manifest"],
    "stats": ["stats", "a.manifest"],
    "filter": ["filter", "a.manifest", "--labeled", "-o", "out.manifest"],
    "dedupe": ["dedupe", "a.manifest", "-o", "out.manifest"],
    "split": ["split", "a.manifest", "-o", "out"],
    "rewrite": ["rewrite", "a.manifest", "s3://bbb=s3://ccc", "-o", "out.manifest"],
    "upsert": ["upsert", "a.manifest", "b.manifest", "-o", "out.manifest"],
    "merge": ["merge", "a.manifest", "b.manifest", "-o", "out.manifest"],
    "diff": ["diff", "a.manifest", "b.manifest"],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [entry(f"s3://bbb/{number}.png", ("normal", "anomaly")[number % 2]) for number in range(100)]
    (tmp_path / "a.manifest").write_bytes(text(*lines))
    (tmp_path / "b.manifest").write_bytes(text(*lines[:3]))
    return tmp_path


def on_terminal(arguments):
    """What a command writes to standard error when that is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*RUN, *arguments], stdout=subprocess.DEVNULL, stderr=theirs, stdin=subprocess.DEVNULL,
        env=environment(TERM="xterm"),
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    return process.wait(300), seen.decode()


@pytest.mark.parametrize("tool", TOOLS)
def test_the_bar_comes_to_its_end_and_goes(folder, tool):
    code, shown = on_terminal([*TOOLS[tool], "--progress"])
    assert code in (0, 1), shown
    counts = re.findall(r"([\d.]+)/([\d.]+) ", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown))
    assert counts, shown
    assert counts[-1][0] == counts[-1][1]
    assert "a.manifest" in shown
    end = shown.rsplit("\x1b[2K", 1)
    assert len(end) == 2
    assert "━" not in end[1]  # erased
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")  # the cursor is back


def test_validate_has_a_second_bar_for_the_images(folder):
    code, shown = on_terminal(["validate", "a.manifest", "--images", ".", "--progress"])
    assert code == 1
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert re.findall(r"([\d.]+)/([\d.]+) ", plain)[-1] == ("100", "100")
    assert "kB" in plain
    assert plain.rfind("kB") < plain.rfind("100/100")  # the bytes first, then the images
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")
    code, _, err = lvtools("validate", "a.manifest", "--images", ".", "--progress")
    assert (code, err) == (1, "")


@pytest.mark.parametrize("tool", TOOLS)
def test_on_a_pipe_nothing_is_drawn(folder, tool):
    code, _, err = lvtools(*TOOLS[tool], "--progress")
    assert code in (0, 1)
    assert not {"\x1b", "\r", "━"} & set(err)
    assert not [line for line in err.splitlines() if not line.startswith(("lvtools: ", "out.manifest: ", "    hint: "))]


def wait_for(condition, process):
    deadline = time.monotonic() + 300  # a loaded machine takes a minute to start a process
    while not condition():
        assert process.poll() is None, "the command ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("tool", ["rewrite", "filter", "fix", "dedupe", "split", "upsert"])
def test_ctrl_c_leaves_no_file_behind(folder, tool):
    """The source is a pipe that never ends, or the output is being written: the folder is as it was."""
    before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    waiting = folder / "waiting"
    waiting.mkdir()
    command = [part.replace("a.manifest", "fifo") for part in TOOLS[tool]]
    process = subprocess.Popen(
        [*RUN, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(TMPDIR=str(waiting))
    )
    line = text(entry("s3://bbb/1.png", "normal", pad="x" * 60_000))
    with open(fifo, "wb") as stream:
        for _ in range(200):  # several blocks: the work has begun, and rewrite has a file open beside its result
            stream.write(line)
        stream.flush()
        if tool == "rewrite":
            wait_for(lambda: any(name.endswith(".tmp") for name in os.listdir(folder)), process)
        process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 130, error
    assert b"Traceback" not in error
    fifo.unlink()
    assert os.listdir(waiting) == []
    waiting.rmdir()
    assert {name: (folder / name).read_bytes() for name in os.listdir(folder)} == before


def test_ctrl_c_while_the_result_is_written_leaves_the_old_one(folder):
    """Interrupted at any moment, the result is the old file or the new one, whole."""
    source, dest = folder / "large.manifest", folder / "out.manifest"
    source.write_bytes(text(entry("s3://bbb/1.png", "normal", pad="x" * 60_000)) * 300)
    dest.write_bytes(b"old")
    command = [*RUN, "filter", "large.manifest", "-o", "out.manifest"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment())
    wait_for(lambda: any(name.endswith(".tmp") for name in os.listdir(folder)) or dest.stat().st_size > 3, process)
    if dest.stat().st_size == 3:  # else it was too fast for us: it may be ending, where Python itself speaks of Ctrl-C
        process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=300)
    assert b"Traceback" not in error
    assert process.returncode in (0, 130)
    assert dest.read_bytes() in (b"old", source.read_bytes())
    assert not [name for name in os.listdir(folder) if name.endswith(".tmp")]
