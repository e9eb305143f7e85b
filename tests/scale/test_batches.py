import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.errors import ArgumentError, ShardError
from lvtools.metrics import BinnedSweep
from lvtools.scale import STATE_SCHEMA, Options, evaluate_batches, merge_states, split_shards
from lvtools.scale.shards import Shard, run_shard
from tests.scale.data import COLORS, OPTIONS, bits, compared, one_pass, png

TABLE = compared(60, masks=True)
EXPECTED = one_pass(TABLE)


def named(table, shards, sizes=True):
    """The table with the columns that name shards; `shards` has a name per row."""
    table = table.append_column("shard", pa.array(shards))
    if sizes:
        table = table.append_column("shard_rows", pa.array([shards.count(one) for one in shards], pa.int64()))
    return table


@given(st.lists(st.integers(0, 6), min_size=60, max_size=60), st.integers(1, 60), st.randoms())
def test_any_split_in_any_batches_is_one_pass(shards, batch_rows, random):
    batches = named(TABLE, shards).to_batches(max_chunksize=batch_rows)
    random.shuffle(batches)
    states = list(evaluate_batches(iter(batches), OPTIONS))
    assert all(one.schema == STATE_SCHEMA for one in states)
    random.shuffle(states)
    merged = merge_states(states, expected=set(shards))
    assert (merged.image, merged.sweep, merged.pixel) == EXPECTED
    assert (merged.shards, merged.rows, merged.skipped, merged.repeated) == (len(set(shards)), 60, 0, 0)


@given(st.integers(1, 90))
def test_split_shards_covers_the_table_in_order(many):
    shards = list(split_shards(TABLE, many))
    assert pa.concat_tables([one.rows for one in shards]) == TABLE
    assert [one.name for one in shards] == [str(at) for at in range(many)]
    lengths = [one.rows.num_rows for one in shards]
    assert max(lengths) - min(lengths) <= 1


def test_a_shard_is_the_same_when_it_comes_in_other_batches():
    one, other = (Shard("a", TABLE), Shard("a", pa.concat_tables([TABLE.slice(50), TABLE.slice(0, 50)])))
    again = merge_states([run_shard(one, OPTIONS), run_shard(other, OPTIONS)])
    assert (again.shards, again.rows, again.repeated) == (1, 60, 1)
    assert (again.image, again.sweep, again.pixel) == EXPECTED


def test_bins():
    merged = merge_states(run_shard(shard, Options(bins=64, color_map=COLORS)) for shard in split_shards(TABLE, 5))
    assert merged.sweep is None
    assert merged.binned == BinnedSweep.of(TABLE["truth"], TABLE["score"], bins=64)


def test_only_what_is_there_is_counted():
    for columns, found in ((["truth", "prediction"], "image"), (["truth", "score"], "sweep")):
        merged = merge_states(run_shard(Shard("x", TABLE.select(columns))))
        there = [name for name in ("image", "sweep", "binned", "pixel") if getattr(merged, name) is not None]
        assert there == [found]
    merged = merge_states(run_shard(Shard("x", TABLE.select(["truth_mask", "prediction_mask"])), OPTIONS))
    assert (merged.image, merged.pixel) == (None, EXPECTED[2])


def test_part_of_a_shard_is_noticed():
    rows = named(TABLE, ["a"] * 60).to_batches(max_chunksize=30)
    with pytest.raises(ShardError, match="shard 'a' has 60 rows, 30 came"):
        list(evaluate_batches(rows[:1], OPTIONS))
    with pytest.raises(ShardError, match="shard 'a' has 60 rows, 90 came"):
        list(evaluate_batches([*rows, rows[0]], OPTIONS))
    torn = TABLE.append_column("shard", pa.array(["a"] * 60)).append_column("shard_rows", pa.array([60, 59] * 30))
    with pytest.raises(ShardError, match="no single number of rows"):
        list(evaluate_batches(torn.to_batches(), OPTIONS))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"truth": ["normal"], "prediction": ["normal"]}, "no column 'shard'"),
        ({"shard": [1], "truth": ["normal"]}, "nothing to compare"),
        ({"shard": [1], "prediction": ["normal"]}, "nothing to compare"),
        ({"shard": [1], "truth_mask": [b""]}, "masks of one side only"),
        ({"shard": [None], "truth": ["normal"], "prediction": ["normal"]}, "'shard' is null"),
    ],
)
def test_missing_columns(columns, said):
    with pytest.raises(ArgumentError, match=said):
        list(evaluate_batches(pa.table(columns).to_batches(), OPTIONS))


def test_errors_name_the_shard_and_the_row():
    masks = {"truth_mask": [png([[0]]), png([[0]])], "prediction_mask": [png([[1]]), b"no PNG"]}
    with pytest.raises(ShardError, match="shard 'x': row 2: "):
        run_shard(Shard("x", pa.table(masks)), OPTIONS)
    with pytest.raises(ShardError, match=r"shard 'x': .*score"):
        run_shard(Shard("x", pa.table({"truth": [True], "score": [None]})))
    with pytest.raises(ShardError, match="color map"):
        run_shard(Shard("x", pa.table(masks)))
    with pytest.raises(ArgumentError, match="'raise' or 'skip'"):
        Options(on_error="ignore")


def test_bad_masks_can_be_skipped_and_are_counted(tmp_path):
    masks = {
        "truth_mask": [png([[0, 1]]), png([[0]]), png([[0, 1]]), None],
        "prediction_mask": [png([[1, 1]]), b"no PNG", png([[0]]), None],
    }
    merged = merge_states(run_shard(Shard("x", pa.table(masks)), Options(color_map=COLORS, on_error="skip")))
    assert (merged.rows, merged.skipped, merged.pixel.images) == (4, 2, 1)
    assert merged.pixel.pooled.total == 2


def test_masks_by_reference(tmp_path):
    (tmp_path / "t.png").write_bytes(png([[0, 1]]))
    (tmp_path / "p.png").write_bytes(png([[1, 1]]))
    table = pa.table({"truth_mask": ["s3://b/t.png"], "prediction_mask": ["p.png"]})
    merged = merge_states(run_shard(Shard("x", table), Options(color_map=COLORS, objects=str(tmp_path))))
    assert merged.pixel.iou("dent") == 0.5
    with pytest.raises(ShardError, match="is a reference"):
        run_shard(Shard("x", table), OPTIONS)
    outside = pa.table({"truth_mask": ["../t.png"], "prediction_mask": ["p.png"]})
    with pytest.raises(ShardError, match=r"row 1: .*'\.\./t\.png'"):
        run_shard(Shard("x", outside), Options(color_map=COLORS, objects=str(tmp_path)))


@pytest.mark.parametrize("kind", ["parquet", "file", "stream"])
def test_shards_as_files(tmp_path, kind):
    path = tmp_path / f"part.{kind}"
    if kind == "parquet":
        from pyarrow import parquet

        parquet.write_table(TABLE, path, row_group_size=17)
    else:
        opener = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
        with opener(str(path), TABLE.schema) as writer:
            writer.write_table(TABLE, max_chunksize=13)
    merged = merge_states(run_shard(Shard("x", str(path)), OPTIONS))
    assert (merged.image, merged.sweep, merged.pixel) == EXPECTED
    path.write_bytes(b"rubbish")
    with pytest.raises(ShardError, match="cannot be read as Parquet or Arrow IPC"):
        run_shard(Shard("x", str(path)), OPTIONS)


def test_packed_shards_hold_their_own_rows_only():
    big = compared(100_000)
    packed = Shard("x", big.slice(7, 10)).packed()
    assert len(packed.rows) < 5_000
    assert bits(merge_states(run_shard(packed))) == bits(merge_states(run_shard(Shard("x", big.slice(7, 10)))))


def test_a_shard_without_rows_is_there_and_adds_nothing():
    merged = merge_states([run_shard(s, OPTIONS) for s in split_shards(TABLE.slice(0, 3), 7)], expected=7)
    assert (merged.shards, merged.rows) == (7, 3)
    assert np.array_equal(merged.image.counts.sum(), 3)


def test_rows_of_other_shards_are_refused():
    with pytest.raises(ShardError, match="shard 'x' holds rows of 'a', 'b'"):
        run_shard(Shard("x", named(TABLE.slice(0, 4), ["a", "a", "b", "b"])), OPTIONS)
