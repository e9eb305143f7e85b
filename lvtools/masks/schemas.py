"""The two tables of areas: of one mask, and of many."""

from __future__ import annotations

import pyarrow as pa

AREA_SCHEMA = pa.schema(
    [
        pa.field("class_name", pa.string(), metadata={"about": "null: a colour that is no class"}),
        pa.field(
            "color", pa.string(), metadata={"about": "#rrggbb; null: transparent, and without an entry in the map"}
        ),
        pa.field("area_px", pa.int64()),
        pa.field("area_fraction", pa.float64(), metadata={"about": "0..1 of all pixels, background included"}),
    ]
)

MASK_AREA_SCHEMA = pa.schema(
    [
        pa.field("mask", pa.string(), metadata={"about": "the path as given, or the position of bytes"}),
        *AREA_SCHEMA,
        pa.field("ambiguous_px", pa.int64(), metadata={"about": "of the whole mask, the same in each of its rows"}),
        pa.field("first_row", pa.int64(), metadata={"about": "0-based place of the first pixel; null when 0 px"}),
        pa.field("first_col", pa.int64()),
        pa.field(
            "error", pa.string(), metadata={"about": "why the mask could not be read; its other columns are null"}
        ),
    ]
)
