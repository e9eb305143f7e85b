"""Write a dataset as a manifest: unedited entries byte for byte, the file whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lvtools.atomic import write_atomically
from lvtools.dataset import Dataset
from lvtools.errors import ArgumentError

_BOM = b"\xef\xbb\xbf"


def write_manifest(dataset: Dataset, dest: str | os.PathLike[str]) -> None:
    """Write the `raw` bytes of every entry, in order; what `read_manifest` read comes out unchanged.

    Entries taken out or put in another order keep their own line ends; one without gets '\\n' when lines follow, and a
    byte-order mark stays at the start of the file only.

    Raises
    ------
    ArgumentError
        The dataset was read without its 'raw' column.
    ObjectError
        The file cannot be written; an existing file is then as it was.
    """
    if "raw" not in dataset.entries.column_names:
        raise ArgumentError(
            "the dataset has no 'raw' column", hint="read the manifest without columns=, or with 'raw' among them"
        )
    write_atomically(dest, b"".join(_lines(dataset)))


def _lines(dataset: Dataset) -> Iterator[bytes]:
    column = dataset.entries["raw"]
    numbers = dataset.entries["line"].to_pylist() if "line" in dataset.entries.column_names else [0] * len(column)
    last = len(column) - 1
    for position, value in enumerate(column):
        line: bytes = value.as_py() or b""
        if position:
            line = line.removeprefix(_BOM)
        whole = position == last or not line or line.endswith(b"\n")
        yield line if whole or _goes_on(line, numbers[position], numbers[position + 1]) else line + b"\n"


def _goes_on(line: bytes, number: int, following: int) -> bool:
    """Is this a piece of an array that was spread over lines? Its comma shows it, and that the file goes on behind."""
    return line.rstrip().endswith(b",") and following >= number
