"""Lines with what they mean: the entries table of `read_manifest` beside the lines' own bytes, a part at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import pyarrow as pa

from lvtools.errors import ArgumentError
from lvtools.manifest.batches import HEAD_BYTES, Several, head_profile, read_batches
from lvtools.manifest.edit.again import Again
from lvtools.manifest.edit.lines import BLANK, BOM, Line, OnBroken, Progress, broken, parse
from lvtools.manifest.profile import check_profile

_Result = TypeVar("_Result")


class Entries(NamedTuple):
    """Lines of a manifest that count; `table`, `raws` and `broken` have a row for each."""

    table: pa.Table
    raws: list[bytes]  # line ends included, no byte-order mark
    broken: list[bool]

    def column(self, name: str) -> list[object]:
        """A column as Python values."""
        values: list[object] = self.table[name].to_pylist()
        return values


class EntryReader:
    """Reads the entries of one source, as often as it takes."""

    def __init__(
        self, again: Again, columns: Sequence[str], *, profile: str, attribute: str | None, on_broken: OnBroken
    ) -> None:
        check_profile(profile)
        if on_broken not in ("error", "keep", "drop"):
            raise ArgumentError(f"on_broken cannot be {on_broken!r}", hint="error, keep, drop")
        self.profile = head_profile(again.blocks(HEAD_BYTES), profile).name
        self._again, self._attribute, self._on_broken = again, attribute, on_broken
        self._names = list(dict.fromkeys([*columns, "line", "source_ref", "raw"]))
        self._whole = False

    def attempt(self, work: Callable[[], _Result]) -> _Result:
        """What `work` makes of `parts()`; tried again on one part where several cannot be told apart."""
        try:
            return work()
        except Several:
            self._whole = True
            return work()

    def parts(self, on_progress: Progress | None = None) -> Iterator[Entries]:
        """The entries in order, blank lines left out; words are plain strings, so that expressions can compare them.

        Raises
        ------
        ManifestError
            A line cannot be read and `on_broken` is 'error', or a value is spread over several lines.
        Several
            See `attempt`.
        """
        blocks = self._again.blocks(on_progress=on_progress)
        for table, base in read_batches(
            blocks, self._names, profile=self.profile, attribute=self._attribute, whole=self._whole
        ):
            yield self._counted(table, base)

    def _counted(self, table: pa.Table, base: int) -> Entries:
        kept: list[int] = []
        raws: list[bytes] = []
        bad: list[bool] = []
        known = table["source_ref"].is_valid().to_pylist()  # such a line was read
        for row, raw in enumerate(table["raw"].to_pylist()):
            data = raw.removeprefix(BOM) if row == 0 and base == 0 else raw
            spread = b"\n" in data[:-1].strip(BLANK)
            faulty = False
            if spread or not known[row]:
                body = data.strip(BLANK)
                if not body:
                    continue
                faulty = parse(body) is None
                if spread or (faulty and self._on_broken == "error"):
                    number = table["line"][row].as_py()
                    raise broken(Line(self._again.origin, number, b"{" if spread else data, None))
                if faulty and self._on_broken == "drop":
                    continue
            kept.append(row)
            raws.append(data)
            bad.append(faulty)
        table = table.drop_columns(["raw"])
        if len(kept) < table.num_rows:
            table = table.take(pa.array(kept, pa.int64()))
        for index, field in enumerate(table.schema):
            if pa.types.is_dictionary(field.type):
                table = table.set_column(index, field.name, table[field.name].cast(field.type.value_type))
        return Entries(table, raws, bad)
