"""A command in this process: exit code, standard output as bytes, standard error as text."""

from __future__ import annotations

import io
import sys

import pytest

from lvtools.cli import main


@pytest.fixture
def run(capsysbinary, monkeypatch):
    def call(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capsysbinary.readouterr()
        assert b"Traceback" not in err
        return stop.value.code, out, err.decode()

    return call
