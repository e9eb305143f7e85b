# ruff: noqa: E501 - tables of cases and columns, one a line
"""Peers that parse a whole file into columns and judge it by expressions: pyarrow.json, polars, duckdb. One thread each."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.manifest_loops import Answer

URI = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$"
COLOR = r"^#[0-9a-f]{6}$"
KEYS = ("0", "1", "2", "3")
SIDES = ("left", "top", "width", "height")


def _schema(kind: str) -> pa.Schema:
    text, number = pa.string(), pa.float64()
    common = [("type", text), ("human-annotated", text), ("creation-date", pa.timestamp("us")), ("job-name", text)]
    if kind == "boxes":
        size = pa.struct([("width", number), ("height", number), ("depth", pa.int64())])
        box = pa.struct([("class_id", pa.int64()), *((side, number) for side in SIDES)])
        meta = [
            ("objects", pa.list_(pa.struct([("confidence", number)]))),
            ("class-map", pa.struct([(k, text) for k in KEYS])),
            *common,
        ]
        value = pa.struct([("image_size", pa.list_(size)), ("annotations", pa.list_(box))])
        return pa.schema([("source-ref", text), ("parts", value), ("parts-metadata", pa.struct(meta))])
    fields = [("source-ref", text), ("anomaly-label", pa.int64()),
              ("anomaly-label-metadata", pa.struct([("class-name", text), ("confidence", number), *common]))]  # fmt: skip
    if kind == "segmentation":
        color = pa.struct([("class-name", text), ("hex-color", text), ("confidence", number)])
        meta = [("internal-color-map", pa.struct([(k, color) for k in KEYS])), *common]
        fields += [("anomaly-mask-ref", text), ("anomaly-mask-ref-metadata", pa.struct(meta))]
    return pa.schema(fields)


def with_pyarrow(data: bytes, kind: str) -> Answer:
    import pyarrow.json as pj

    table = pj.read_json(
        io.BytesIO(data),
        read_options=pj.ReadOptions(use_threads=False, block_size=4 << 20),
        parse_options=pj.ParseOptions(explicit_schema=_schema(kind)),
    ).combine_chunks()
    return _judge(table, kind)


def _all(tests: list[Any]) -> int:
    """Lines that fail a test; a null fails."""
    good = pc.fill_null(tests[0], False)
    for test in tests[1:]:
        good = pc.and_(good, pc.fill_null(test, False))
    return len(good) - (pc.sum(good).as_py() or 0)


def _word(column: Any, *allowed: str) -> Any:
    return pc.is_in(column, value_set=pa.array(allowed))


def _within(column: Any, low: float, high: float) -> Any:
    return pc.and_(pc.greater_equal(column, low), pc.less_equal(column, high))


def _judge(table: pa.Table, kind: str) -> Answer:
    ref = table["source-ref"].chunk(0)
    made: dict[str, Any] = {"source_ref": ref}
    tests = [pc.match_substring_regex(ref, URI)]
    if kind == "boxes":
        return _judge_boxes(table, made, tests)
    meta = table["anomaly-label-metadata"].chunk(0)
    tests += [
        _word(meta.field("class-name"), "normal", "anomaly"), _word(meta.field("type"), "groundtruth/image-classification"),
        _word(meta.field("human-annotated"), "yes", "no"), _within(meta.field("confidence"), 0, 1), pc.is_valid(meta.field("creation-date")),
    ]  # fmt: skip
    made |= {
        "class_name": pc.dictionary_encode(meta.field("class-name")), "label": pc.cast(table["anomaly-label"].chunk(0), pa.string()),
        "confidence": meta.field("confidence"), "creation_date": pc.cast(meta.field("creation-date"), pa.timestamp("us", tz="UTC")),
        "human_annotated": pc.equal(meta.field("human-annotated"), "yes"), "job_name": pc.dictionary_encode(meta.field("job-name")),
    }  # fmt: skip
    if kind == "segmentation":
        mask, meta = table["anomaly-mask-ref"].chunk(0), table["anomaly-mask-ref-metadata"].chunk(0)
        colors = [meta.field("internal-color-map").field(key) for key in KEYS]
        tests += [
            pc.match_substring_regex(mask, URI), pc.ends_with(mask, ".png"), _word(meta.field("type"), "groundtruth/semantic-segmentation"),
            _word(meta.field("human-annotated"), "yes", "no"), pc.is_valid(meta.field("creation-date")),
            pc.equal(colors[0].field("class-name"), "BACKGROUND"), pc.equal(colors[0].field("hex-color"), "#ffffff"),
        ]  # fmt: skip
        for at, color in enumerate(colors):
            tests += [
                pc.match_substring_regex(color.field("hex-color"), COLOR),
                _within(color.field("confidence"), 0, 1),
            ]
            tests += [
                pc.not_equal(color.field(part), other.field(part))
                for other in colors[:at]
                for part in ("class-name", "hex-color")
            ]
        rows = len(table)
        order = pa.array(np.arange(rows * len(KEYS)).reshape(len(KEYS), rows).T.ravel())
        index = pa.array(np.tile(np.arange(len(KEYS)), rows)).cast(pa.string())
        parts = [
            pa.concat_arrays([color.field(name) for color in colors]).take(order)
            for name in ("class-name", "hex-color", "confidence")
        ]
        values = pa.StructArray.from_arrays([index, *parts], ["index", "class_name", "color", "confidence"])
        ends = pa.array(np.arange(0, rows * len(KEYS) + 1, len(KEYS)), pa.int32())
        made |= {"mask_ref": mask, "anomaly_classes": pa.ListArray.from_arrays(ends, values)}
    return _all(tests), pa.table(made)


def _judge_boxes(table: pa.Table, made: dict[str, Any], tests: list[Any]) -> Answer:
    value, meta = table["parts"].chunk(0), table["parts-metadata"].chunk(0)
    annotations, objects, sizes = value.field("annotations"), meta.field("objects"), value.field("image_size")
    boxes, owner = annotations.flatten(), pc.list_parent_indices(annotations)
    confidence = objects.flatten().field("confidence")
    width, height = (pc.take(pc.list_element(sizes, 0).field(side), owner) for side in ("width", "height"))
    left, top, wide, high = (boxes.field(side) for side in SIDES)
    known = pc.is_in(boxes.field("class_id"), value_set=pa.array(range(len(KEYS))))
    number = pc.if_else(known, boxes.field("class_id"), 0)
    name = pc.if_else(
        known, pc.choose(number, *(pc.take(meta.field("class-map").field(key), owner) for key in KEYS)), None
    )
    sound = pc.and_(
        pc.is_valid(name), pc.and_(_within(pc.add(left, wide), 0, width), _within(pc.add(top, high), 0, height))
    )
    for column in (left, top, wide, high):
        sound = pc.and_(sound, pc.greater_equal(column, 0))
    faulty = np.unique(owner.to_numpy()[~pc.fill_null(sound, False).to_numpy(zero_copy_only=False)])
    wrong = pc.list_parent_indices(objects).to_numpy()[~_within(confidence, 0, 1).to_numpy(zero_copy_only=False)]
    good = np.ones(len(table), bool)
    good[faulty], good[wrong] = False, False
    tests += [
        pa.array(good), pc.equal(pc.list_value_length(annotations), pc.list_value_length(objects)),
        _word(meta.field("type"), "groundtruth/object-detection"), _word(meta.field("human-annotated"), "yes", "no"),
        pc.is_valid(meta.field("creation-date")),
    ]  # fmt: skip
    children = [boxes.field("class_id"), name, left, top, wide, high, confidence]
    values = pa.StructArray.from_arrays(children, ["class_id", "class_name", *SIDES, "confidence"])
    made["boxes"] = pa.ListArray.from_arrays(annotations.offsets, values)
    return _all(tests), pa.table(made)


def _to_arrow(table: pa.Table, kind: str) -> pa.Table:
    """A peer's table in the types that `_judge` works on."""
    return table.select(_schema(kind).names).cast(_schema(kind)).combine_chunks()


def with_polars(data: bytes, kind: str) -> Answer:
    """Parsed by polars, judged by Arrow's kernels, which polars' own expressions do not beat here."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    import polars as pl

    schema = pl.from_arrow(_text_dates(kind).empty_table()).schema  # type: ignore[union-attr]
    return _judge(_to_arrow(pl.read_ndjson(io.BytesIO(data), schema=schema).to_arrow(), kind), kind)


def _text_dates(kind: str) -> pa.Schema:
    def changed(kind_: pa.DataType) -> pa.DataType:
        if pa.types.is_timestamp(kind_):
            return pa.string()
        if pa.types.is_struct(kind_):
            return pa.struct([(field.name, changed(field.type)) for field in kind_])
        return pa.list_(changed(kind_.value_type)) if pa.types.is_list(kind_) else kind_

    return pa.schema([(field.name, changed(field.type)) for field in _schema(kind)])


def with_duckdb(data: bytes, kind: str) -> Answer:
    """From a file, as duckdb has it; the file is written before the clock starts only once per data."""
    import duckdb

    columns = {field.name: _sql(field.type) for field in _schema(kind)}
    given = ", ".join(f"'{name}': '{form}'" for name, form in columns.items())
    with duckdb.connect(config={"threads": 1}) as base:
        query = f"select * from read_json('{saved(data)}', format='newline_delimited', columns={{{given}}})"  # noqa: S608
        return _judge(_to_arrow(base.sql(query).to_arrow_table(), kind), kind)


def _sql(kind: pa.DataType) -> str:
    if pa.types.is_struct(kind):
        return "STRUCT(" + ", ".join(f'"{field.name}" {_sql(field.type)}' for field in kind) + ")"
    if pa.types.is_list(kind):
        return _sql(kind.value_type) + "[]"
    return {"string": "VARCHAR", "double": "DOUBLE", "int64": "BIGINT"}.get(str(kind), "TIMESTAMP")


_files: dict[int, str] = {}


def saved(data: bytes) -> str:
    if id(data) not in _files:
        with tempfile.NamedTemporaryFile(suffix=".manifest", delete=False) as file:
            file.write(data)
        _files[id(data)] = file.name
    return _files[id(data)]


TABLES: dict[str, Callable[[bytes, str], Answer]] = {
    "pyarrow.json": with_pyarrow,
    "polars": with_polars,
    "duckdb": with_duckdb,
}
