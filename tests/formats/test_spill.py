import gc

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.formats import registry, spill
from lvtools.formats.registry import Mask, Rows
from lvtools.formats.spill import MaskColumn, release

CHUNKS = st.lists(st.lists(st.none() | st.binary(max_size=20), max_size=6), max_size=6)


@given(CHUNKS, st.integers(0, 60))
def test_spilled_or_kept_it_is_the_same_column(chunks, room):
    column = MaskColumn(room)
    for chunk in chunks:
        column.add(chunk)
    found = column.column()
    release()
    found.validate(full=True)
    assert found.type == pa.large_binary()
    assert found.to_pylist() == [value for chunk in chunks for value in chunk]
    assert found.null_count == sum(value is None for chunk in chunks for value in chunk)


def test_rows_come_in_blocks_and_large_masks_go_to_disk(monkeypatch):
    for name, value in (("ROWS_AT_ONCE", 3), ("MASK_BYTES_AT_ONCE", 100)):
        monkeypatch.setattr(registry, name, value)
    monkeypatch.setattr(spill, "KEPT_BYTES", 64)
    masks = [bytes([at]) * (40 * (at % 4)) or None for at in range(20)]
    rows = Rows()
    for at, mask in enumerate(masks):
        rows.add(f"{at}.jpg", "anomaly", 0.5, at + 1, Mask(data=mask))
    before = len(spill._maps)
    table = rows.table()
    assert len(spill._maps) == before + 1
    assert table.schema == registry.PREDICTION_SCHEMA
    table.validate(full=True)
    assert table["mask"].to_pylist() == masks
    assert table["source_ref"].to_pylist() == [f"{at}.jpg" for at in range(20)]
    assert table.take([17, 2, 2])["mask"].to_pylist() == [masks[17], masks[2], masks[2]]
    del table, rows
    gc.collect()
    assert len(spill._maps) == before, "the file is gone with the table"


@pytest.mark.parametrize("many", [0, 1])
def test_few_rows(many):
    rows = Rows()
    for _ in range(many):
        rows.add("a", None, None, 1)
    assert rows.table().schema == registry.PREDICTION_SCHEMA
