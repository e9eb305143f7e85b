"""The fast engine's buffers as the entries table: taken over by Arrow, not copied."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import numpy as np
import pyarrow as pa

from lvtools._native.manifest_fast import Engine
from lvtools.dataset import ANOMALY_CLASS, BOX, ENTRY_SCHEMA
from lvtools.manifest.rules import Entry

Buffer = IntEnum(  # the order of `enum Buffer` in manifest_base.h
    "Buffer",
    "PRESENT LINE START REF_END REF LABEL_END LABEL CONF DATE CLASS JOB LABEL_KEY MASK_KEY MASK_END MASK MAP_END"
    " INDEX_END INDEX NAME_END NAME COLOR_END COLOR MAP_CONF MAP_FLAG BOX_END BOX_ID BOX_NAME_END BOX_NAME LEFT TOP"
    " WIDTH HEIGHT BOX_CONF BOX_FLAG",
    start=0,
)

# Bits of `enum Want` and `enum Present`, by column.
_WANT = {
    "source_ref": 1, "class_name": 2, "label": 4, "confidence": 8, "creation_date": 16, "human_annotated": 32,
    "job_name": 64, "label_attribute": 128, "mask_ref": 256, "mask_attribute": 512, "anomaly_classes": 1024,
    "boxes": 2048,
}  # fmt: skip
_ROWS = 4096
_PRESENT = {
    "source_ref": 1, "class_name": 2, "label": 4, "confidence": 8, "creation_date": 16, "human_annotated": 32,
    "job_name": 128, "label_attribute": 256, "mask_ref": 512, "mask_attribute": 1024, "anomaly_classes": 2048,
    "boxes": 4096,
}  # fmt: skip
_YES = 64
_WORDS = {"class_name": 0, "job_name": 1, "label_attribute": 2, "mask_attribute": 3}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def wanted_bits(names: Sequence[str]) -> int:
    """What the engine has to keep for these columns."""
    return sum(_WANT.get(name, 0) for name in set(names)) | (_ROWS if names else 0)


def packed(entry: Entry) -> tuple[Any, ...]:
    """An entry of the slow path in the engine's terms: texts as bytes, dates in microseconds."""
    moment = None
    if entry.creation_date is not None:
        since = entry.creation_date - _EPOCH
        moment = (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
    maps = boxes = None
    if entry.anomaly_classes is not None:
        maps = [
            (_bytes(one["index"]), _bytes(one["class_name"]), _bytes(one["color"]), one["confidence"])
            for one in entry.anomaly_classes
        ]
    if entry.boxes is not None:
        boxes = [
            (
                one["class_id"],
                _bytes(one["class_name"]),
                *(one[side] for side in ("left", "top", "width", "height")),
                one["confidence"],
            )
            for one in entry.boxes
        ]
    return (
        _bytes(entry.source_ref), _bytes(entry.class_name), _bytes(entry.label), entry.confidence, moment,
        entry.human_annotated, _bytes(entry.job_name), _bytes(entry.label_attribute), _bytes(entry.mask_ref),
        _bytes(entry.mask_attribute), maps, boxes,
    )  # fmt: skip


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


class Columns:
    """Turns one engine's buffers into arrays; each buffer leaves the engine once."""

    def __init__(self, engine: Engine, labels: dict[int, list[dict[str, Any]]]) -> None:
        self._engine = engine
        self._labels = labels
        self._zeros: pa.Buffer | None = None
        self._rows, self._maps, self._boxes = engine.sizes()
        self._all, self._any = engine.presence()
        self._present = np.frombuffer(self._buffer(Buffer.PRESENT), np.uint16, self._rows)

    def _buffer(self, which: Buffer) -> pa.Buffer:
        owned = self._engine.release(which)
        return pa.foreign_buffer(owned.address, owned.size, owned)

    def batch(self, names: Sequence[str], data: bytes, base: int = 0) -> list[pa.Array]:
        """The columns of these names; `data` is the file from byte `base` on, for the lines as they stand."""
        return [self._column(name, data, base) for name in names]

    def _column(self, name: str, data: bytes, base: int) -> pa.Array:
        kind = ENTRY_SCHEMA.field(name).type
        rows = self._rows
        if name == "raw":
            starts = self._buffer(Buffer.START)
            if base:
                starts = pa.py_buffer(np.frombuffer(starts, np.int64, rows + 1) - base)
            return pa.LargeBinaryArray.from_buffers(kind, rows, [None, starts, pa.py_buffer(data)])
        if name == "line":
            return pa.Array.from_buffers(kind, rows, [None, self._buffer(Buffer.LINE)])
        if name == "labels":
            return self._label_column(kind)
        bit = _PRESENT[name]
        if not self._any & bit:  # the engine writes no column of masks or boxes before it meets one
            return self._nulls(kind)
        validity = None if self._all & bit else _bits(self._present & bit)
        if name == "human_annotated":
            yes = _bits(self._present & _YES) if ~self._all & _YES else pa.py_buffer(b"\xff" * (rows // 8 + 1))
            return pa.Array.from_buffers(kind, rows, [validity, yes])
        if name in _WORDS:
            codes = Buffer[
                {"class_name": "CLASS", "job_name": "JOB"}.get(name, name.replace("attribute", "key").upper())
            ]
            indices = pa.Array.from_buffers(pa.int32(), rows, [validity, self._buffer(codes)])
            words = pa.array([word.decode() for word in self._engine.words(_WORDS[name])], pa.string())
            return pa.DictionaryArray.from_arrays(indices, words, safe=False)
        if name in ("source_ref", "label", "mask_ref"):
            stem = {"source_ref": "REF", "label": "LABEL", "mask_ref": "MASK"}[name]
            return self._texts(stem, rows, validity)
        if name == "anomaly_classes":
            return self._lists(kind, "MAP_END", validity, self._anomaly_classes())
        if name == "boxes":
            return self._lists(kind, "BOX_END", validity, self._box_structs())
        return pa.Array.from_buffers(
            kind, rows, [validity, self._buffer(Buffer.CONF if name == "confidence" else Buffer.DATE)]
        )

    def _nulls(self, kind: pa.DataType) -> pa.Array:
        """A column without a value: every buffer is the same zeros, whose pages exist only once they are looked at."""
        if self._zeros is None:
            self._zeros = pa.py_buffer(np.zeros(self._rows + 1, np.int64))
        zeros, rows = self._zeros, self._rows
        if pa.types.is_dictionary(kind):
            codes = pa.Array.from_buffers(kind.index_type, rows, [zeros, zeros])
            return pa.DictionaryArray.from_arrays(codes, pa.array([], kind.value_type))
        if pa.types.is_list(kind):
            return pa.Array.from_buffers(kind, rows, [zeros, zeros], children=[pa.array([], kind.value_type)])
        return pa.Array.from_buffers(kind, rows, [zeros, zeros, *([zeros] if kind == pa.string() else [])])

    def _texts(self, stem: str, count: int, validity: pa.Buffer | None) -> pa.Array:
        ends, text = self._buffer(Buffer[stem + "_END"]), self._buffer(Buffer[stem])
        return pa.StringArray.from_buffers(count, ends, text, validity)

    def _lists(self, kind: pa.DataType, ends: str, validity: pa.Buffer | None, values: pa.Array) -> pa.Array:
        return pa.Array.from_buffers(kind, self._rows, [validity, self._buffer(Buffer[ends])], children=[values])

    def _anomaly_classes(self) -> pa.Array:
        count = self._maps
        flags = np.frombuffer(self._buffer(Buffer.MAP_FLAG), np.uint8, count)
        confidence = [_bitmap(flags & 2, count), self._buffer(Buffer.MAP_CONF)]
        children = [
            self._texts("INDEX", count, None),
            self._texts("NAME", count, None),
            self._texts("COLOR", count, _bitmap(flags & 1, count)),
            pa.Array.from_buffers(pa.float64(), count, confidence),
        ]
        return pa.Array.from_buffers(ANOMALY_CLASS, count, [None], children=children)

    def _box_structs(self) -> pa.Array:
        count = self._boxes
        flags = np.frombuffer(self._buffer(Buffer.BOX_FLAG), np.uint8, count)
        ids = [_bitmap(flags & 4, count), self._buffer(Buffer.BOX_ID)]
        children = [
            pa.Array.from_buffers(pa.int64(), count, ids),
            self._texts("BOX_NAME", count, _bitmap(flags & 8, count)),
        ]
        children += [
            pa.Array.from_buffers(pa.float64(), count, [None, self._buffer(side)])
            for side in (Buffer.LEFT, Buffer.TOP, Buffer.WIDTH, Buffer.HEIGHT)
        ]
        confidence = [_bitmap(flags & 2, count), self._buffer(Buffer.BOX_CONF)]
        children.append(pa.Array.from_buffers(pa.float64(), count, confidence))
        return pa.Array.from_buffers(BOX, count, [None], children=children)

    def _label_column(self, kind: pa.DataType) -> pa.Array:
        """Lines with several labels are the slow path's alone."""
        if not self._labels:
            return self._nulls(kind)
        return pa.array([self._labels.get(row) for row in range(self._rows)], kind)


def _bits(flags: np.ndarray[Any, Any]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags != 0, bitorder="little"))


def _bitmap(flags: np.ndarray[Any, Any], count: int) -> pa.Buffer | None:
    """A validity bitmap, or None when nothing is null."""
    return None if np.count_nonzero(flags) == count else _bits(flags)
