"""The `lvtools` command. Each subcommand is one file here, imported when it is called.

Exit codes, the same for every command: 0 nothing is wrong, 1 the data has errors, 2 the work could not be done
(wrong arguments, missing file), 130 interrupted.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import Any

import click

from lvtools import __version__
from lvtools.errors import LvtoolsError
from lvtools.text import printable

COMMANDS = {
    "areas": "Count the pixels of each class in mask PNGs.",
    "dedupe": "Take repeated lines out of a manifest.",
    "demo": "Make a small data set and run the main job on it.",
    "diff": "Show what differs between two manifests.",
    "evaluate": "Compare predictions with the truth.",
    "filter": "Take the lines of a manifest that meet conditions.",
    "fix": "Mend what is wrong with a manifest.",
    "fix-mask": "Give pixels of undeclared colours to the nearest class.",
    "lint-mask": "Report what is wrong with mask PNGs.",
    "merge": "Put manifests together, one line per image.",
    "rewrite": "Move references to another bucket or folder.",
    "rules": "List every rule that validate knows.",
    "split": "Divide a manifest into training and test, or into folds.",
    "stats": "Count what is in a manifest.",
    "upsert": "Change and add lines by source-ref.",
    "validate": "Report everything that is wrong with a manifest.",
}


class _ReaderGoneError(Exception):
    """Nobody reads our output any more (`lvtools ... | head`): the reader's right, and no error of ours."""


class _Commands(click.Group):
    """Subcommands by file name; the texts above keep `lvtools --help` from importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"lvtools.cli.{name.replace('-', '_')}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderGoneError from None  # click would exit with 1, which here means errors in the data

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="lvtools")
def cli() -> None:
    """Manifests, masks and evaluation for anomaly-detection data.

    Exit codes: 0 nothing is wrong, 1 the data has errors, 2 the work could not be done, 130 interrupted.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; one clear sentence for everything that can go wrong, and the documented exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Unicode still gets the message
    try:
        code = cli.main(args=arguments, prog_name="lvtools", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        text = io.StringIO()
        error.show(file=text)
        click.echo(printable(text.getvalue(), keep_newlines=True), err=True, nl=False)
        code = 2
    except LvtoolsError as error:
        click.echo(f"lvtools: {printable(str(error), keep_newlines=True)}", err=True)
        code = 2
    except (KeyboardInterrupt, click.exceptions.Abort):
        click.echo("lvtools: interrupted", err=True)
        code = 130
    except (_ReaderGoneError, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except MemoryError:
        click.echo("lvtools: not enough memory for this input", err=True)
        code = 2
    sys.exit(code if isinstance(code, int) else 0)
