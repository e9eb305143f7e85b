"""Predictions (or a truth) as a table: CSV, Parquet, Arrow IPC, flat JSON records, or an Arrow object."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from lvtools.errors import FormatError
from lvtools.findings import FindingList
from lvtools.formats.detect import add_answer, answer_in
from lvtools.formats.extra import take_columns
from lvtools.formats.fields import (
    CLASS_NAMES,
    CONFIDENCE_NAMES,
    IMAGE_NAMES,
    MASK_NAMES,
    SCORE_NAMES,
    are_numbers,
    class_names_of,
    find,
    image_of,
    mask_of,
    score_of,
    share_of,
)
from lvtools.formats.registry import PREDICTION_SCHEMA, WRITTEN_AS_NUMBERS, Input, PredictionFormat, Rows, words

_DELIMITERS = (",", ";", "\t")


def read_arrow_table(
    table: pa.Table,
    origin: str,
    findings: FindingList,
    lines: list[int] | None = None,
    *,
    extra: Sequence[str] = (),
) -> pa.Table:
    """The known columns of any table and the `extra` ones; `PREDICTION_SCHEMA` passes. `lines` numbers the rows, else
    1, 2, ...

    Raises
    ------
    FormatError
        No column names the image, or none gives a class or score.
    """
    if table.schema.equals(PREDICTION_SCHEMA):
        return table
    if set(PREDICTION_SCHEMA.names) <= set(table.column_names):
        known = table.select(PREDICTION_SCHEMA.names)
        if known.schema.equals(PREDICTION_SCHEMA):
            return take_columns(known, table, extra)
    image, cls, score = (find(table.column_names, names) for names in (IMAGE_NAMES, CLASS_NAMES, SCORE_NAMES))
    confidence, mask = (find(table.column_names, names) for names in (CONFIDENCE_NAMES, MASK_NAMES))
    if image is None or (cls is None and score is None):
        missing = "names the image" if image is None else "gives a class or score"
        accepted = (
            ("source_ref", "image", "file", "ImageId")
            if image is None
            else ("class_name", "label", "prediction", "score")
        )
        raise FormatError(
            f"no column {missing}; found {words(table.column_names) or 'none'}",
            path=origin,
            hint=f"name it {words(accepted)} (case, '-' and '_' do not matter)",
        )
    size = table.num_rows
    picked = [
        table[name].to_pylist() if name is not None else [None] * size for name in (image, cls, score, confidence, mask)
    ]
    rows = Rows()
    numbers = lines or list(range(1, size + 1))
    _add_columns(picked, numbers, mask or "mask", rows, findings)
    return take_columns(_marked(rows.table(), picked[1]), table, extra, numbers)


def _add_columns(picked: list[list[Any]], lines: list[int], mask_name: str, rows: Rows, findings: FindingList) -> None:
    images, classes, scores, confidences, masks = picked
    for image, class_name, score, confidence, mask, line in zip(
        images, class_names_of(classes), scores, confidences, masks, lines, strict=True
    ):
        if image is None or image == "":
            findings.add("LV411", line=line)
            continue
        before = len(findings)
        anomaly_score = share_of(score, "score", findings, line)
        if anomaly_score is None and confidence is not None and class_name is not None:
            anomaly_score = score_of(class_name, share_of(confidence, "confidence", findings, line))
        if class_name is None and anomaly_score is None:
            lone = confidence is not None and score is None
            if len(findings) == before:  # otherwise the reason has been said
                findings.add("LV405", line=line, value="a confidence without its decision" if lone else f"{image}")
            continue
        rows.add(str(image), class_name, anomaly_score, line, mask_of(mask, mask_name, findings, line))


def _marked(table: pa.Table, classes: list[Any]) -> pa.Table:
    return table.replace_schema_metadata(WRITTEN_AS_NUMBERS) if are_numbers(classes) else table


def _sniff_csv(source: Input) -> bool:
    if source.folder is not None or source.table is not None:
        return False
    return source.name.endswith((".csv", ".tsv")) or _csv_columns(source) is not None


def _csv_columns(source: Input) -> list[str] | None:
    """The header's names, when it is text with a known image column."""
    try:
        first = source.head.split(b"\n", 1)[0].decode("utf-8").strip()
    except UnicodeDecodeError:
        return None
    names = [name.strip().strip('"') for name in first.split(_delimiter(first))]
    return names if len(names) > 1 and find(names, IMAGE_NAMES) is not None else None


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


def _read_csv(source: Input, findings: FindingList) -> pa.Table:
    from pyarrow import csv

    data = _as_utf8(bytes(source.data), findings)
    header = data[:65536].split(b"\n", 1)[0].decode("utf-8", "replace")
    names = [name.strip().strip('"\r') for name in header.strip().split(_delimiter(header))]
    image = find(names, IMAGE_NAMES)

    skipped = set()

    def skip(row: Any) -> str:
        skipped.add(row.number)
        findings.add(
            "LV410",
            line=row.number,
            value=f"the row has {row.actual_columns} fields, the header {row.expected_columns}",
        )
        return "skip"

    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            # One thread, or Arrow does not number the rows that it hands to `skip`.
            read_options=csv.ReadOptions(use_threads=False),
            parse_options=csv.ParseOptions(
                delimiter=_delimiter(header), newlines_in_values=True, invalid_row_handler=skip
            ),
            # 0001 is the name of an image, not a number.
            convert_options=csv.ConvertOptions(
                column_types={image: pa.string()} if image else {}, strings_can_be_null=True
            ),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise FormatError(f"cannot be read as CSV: {error}", path=source.origin) from None
    numbers = itertools.islice((n for n in itertools.count(2) if n not in skipped), table.num_rows)  # the header is 1
    return read_arrow_table(table, source.origin, findings, list(numbers), extra=source.extra)


def _as_utf8(data: bytes, findings: FindingList) -> bytes:
    """The text with what is not UTF-8 replaced, and a finding per such line: Arrow would refuse the whole file."""
    try:
        data.decode()
        return data
    except UnicodeDecodeError:
        for number, line in enumerate(data.split(b"\n"), 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                findings.add("LV022", line=number, column=error.start + 1, value=error.reason)
        return data.decode("utf-8", "replace").encode()


def _read_parquet(source: Input, findings: FindingList) -> pa.Table:
    from pyarrow import parquet

    try:
        table = parquet.read_table(pa.BufferReader(pa.py_buffer(source.data)))
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"cannot be read as Parquet: {error}", path=source.origin) from None
    return read_arrow_table(table, source.origin, findings, extra=source.extra)


def _read_arrow(source: Input, findings: FindingList) -> pa.Table:
    if source.table is not None:
        return read_arrow_table(source.table, source.origin, findings, extra=source.extra)
    buffer = pa.BufferReader(pa.py_buffer(source.data))
    try:
        opened = pa.ipc.open_file(buffer) if source.head.startswith(b"ARROW1") else pa.ipc.open_stream(buffer)
        table = opened.read_all()
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"cannot be read as Arrow IPC: {error}", path=source.origin) from None
    return read_arrow_table(table, source.origin, findings, extra=source.extra)


def _read_records(source: Input, findings: FindingList) -> pa.Table:
    """Flat objects; one that is a DetectAnomalies answer after all is read as such."""
    rows = Rows()
    picked: list[list[Any]] = [[], [], [], [], []]
    lines = []
    for line, item in source.items(findings):
        if answer_in(item) is not None:
            add_answer(item, image_of(item), line, rows, findings)
            continue
        lines.append(line)
        picked[0].append(image_of(item))
        for values, names in zip(picked[1:], (CLASS_NAMES, SCORE_NAMES, CONFIDENCE_NAMES, MASK_NAMES), strict=True):
            key = find(item, names)
            value = item[key] if key is not None else None
            values.append(None if isinstance(value, (dict, list)) else value)
    _add_columns(picked, lines, "mask", rows, findings)
    table = _marked(rows.table(), picked[1])
    return table.take(pa.compute.sort_indices(table["line"])) if table.num_rows else table


CSV = PredictionFormat("csv", "a header with image, class or score, and mask columns", _sniff_csv, _read_csv)
PARQUET = PredictionFormat(
    "parquet", "the same columns as Parquet", lambda s: s.head.startswith(b"PAR1"), _read_parquet
)
ARROW = PredictionFormat(
    "arrow",
    "the same columns as Arrow IPC, a pyarrow.Table, or any object with the Arrow capsule methods",
    lambda s: s.table is not None or s.head.startswith((b"ARROW1", b"\xff\xff\xff\xff")),
    _read_arrow,
)
RECORDS = PredictionFormat(
    "records",
    "a JSON array or JSON Lines of flat records with the same names",
    lambda s: s.head.lstrip()[:1] in (b"{", b"["),
    _read_records,
)
