import importlib
import os
import re
import signal
import subprocess

import pytest

import lvtools as package
from lvtools.cli import COMMANDS
from tests.cli.command import RUN, environment, lvtools

CLEAN = (
    b'{"source-ref":"s3://bucket/%d.png","x":1,"x-metadata":{"class-name":"dog","confidence":1,'
    b'"type":"groundtruth/image-classification","human-annotated":"yes","creation-date":"2024-05-01T08:00:00",'
    b'"job-name":"labeling-job/j"}}\n'
)


def test_help_names_every_command_and_the_exit_codes():
    code, out, err = lvtools("--help")
    assert (code, err) == (0, "")
    for name, text in COMMANDS.items():
        assert re.search(rf"^  {name}\s+{re.escape(text)}$", out, re.MULTILINE)
    assert "0 nothing is wrong, 1 the data has errors, 2 the work could not be done, 130 interrupted" in " ".join(
        out.split()
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name):
    code, out, err = lvtools(name, "-h")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: lvtools {name} ")
    command = importlib.import_module(f"lvtools.cli.{name.replace('-', '_')}").command
    for parameter in command.params:
        if parameter.param_type_name == "option":
            assert parameter.help, f"--{parameter.name} is not explained"
            assert all(name in out for name in parameter.opts)
    assert command.help


def test_version():
    assert lvtools("--version") == (0, f"lvtools, version {package.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "No such command 'nothing'"),
        (["validate"], "Missing argument 'MANIFEST...'"),
        (["validate", "--what", "x"], "--what"),
        (["validate", "--profile", "aws", "x"], "'aws' is not one of"),
        (["validate", "--\x1b[31m", "x"], "--\\x1b[31m"),
        (["\x1b[31m"], "\\x1b[31m"),
    ],
)
def test_wrong_arguments_are_2_and_one_sentence(arguments, words):
    code, out, err = lvtools(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "\x1b" not in err
    assert err.count("Error: ") == 1


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    path = tmp_path / "m.manifest"
    path.write_bytes(b"\n".join(b"x%d" % n for n in range(20_000)))
    for form in ("text", "json", "github"):
        command = [*RUN, "validate", "--all", "--format", form, *[str(path)] * 3]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        assert process.stdout.read(10)
        process.stdout.close()
        error = process.stderr.read()
        process.stderr.close()
        assert (process.wait(60), error) == (0, b""), form


def test_interrupt_is_130(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = [*RUN, "validate", str(fifo)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    with open(fifo, "wb") as stream:  # returns once the command has opened it for reading
        stream.write(CLEAN % 1)
        stream.flush()
        process.send_signal(signal.SIGINT)
    # The signal may fall into the moment before the command waits in read(), and nothing would wake it then: the end of
    # the pipe does, and the interrupt that is pending comes before the rest of the work.
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert err.strip() == b"lvtools: interrupted"


def test_a_terminal_without_unicode_still_gets_the_message():
    line = (CLEAN % 1).replace(b"dog", " 裂纹".encode())
    code, out, err = lvtools("validate", "-", stdin=line, PYTHONIOENCODING="latin-1")
    assert (code, err) == (0, "")
    assert "\\u88c2\\u7eb9" in out
