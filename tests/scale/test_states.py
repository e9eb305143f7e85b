import pyarrow as pa
import pytest

from lvtools.errors import ShardError
from lvtools.metrics import BinnedSweep, ConfusionMatrix, PixelState, Sweep
from lvtools.scale import SPARK_STATE, STATE_SCHEMA, merge_states, run_shard, split_shards
from lvtools.scale.shards import Shard
from lvtools.scale.states import _digest, state_batch
from tests.scale.data import OPTIONS, bits, compared

TABLE = compared(40, masks=True)
STATES = [run_shard(shard, OPTIONS) for shard in split_shards(TABLE, 5)]


def test_a_shard_that_comes_again_counts_once():
    twice = merge_states([*STATES, *STATES[2:4], STATES[2]])
    assert bits(twice) == bits(merge_states(STATES))
    assert (twice.shards, twice.repeated) == (5, 2)


def test_a_shard_with_two_contents_is_an_error():
    swapped = state_batch("2", 8, 0, {"image": ConfusionMatrix.of(["normal"] * 8, ["normal"] * 8)})
    with pytest.raises(ShardError, match="shard '2' came twice with different content: another 'image' state"):
        merge_states([*STATES, swapped])
    with pytest.raises(ShardError, match="8 and 9 rows"):
        merge_states([*STATES, state_batch("2", 9, 0, {})])


def test_lost_shards_are_missed():
    assert merge_states(STATES, expected=range(5)).shards == 5
    with pytest.raises(ShardError, match="1 shards are missing: '3'"):
        merge_states(STATES[:3] + STATES[4:], expected=range(5))
    with pytest.raises(ShardError, match=r"not expected: '4'"):
        merge_states(STATES, expected=range(4))
    with pytest.raises(ShardError, match="5 shards came, 6 are expected"):
        merge_states(STATES, expected=6)


def test_one_table_of_all_states_will_do():
    table = pa.Table.from_batches(STATES)
    assert bits(merge_states(table)) == bits(merge_states(STATES)) == bits(merge_states(reversed(STATES)))
    assert merge_states([]) == merge_states(STATE_SCHEMA.empty_table())
    assert (merge_states([]).image, merge_states([]).rows) == (None, 0)


def test_what_is_no_state_is_refused():
    with pytest.raises(ShardError, match="column 'skipped' is missing"):
        merge_states(STATES[0].drop_columns(["skipped"]))
    broken = STATES[0].set_column(4, "state", pa.array([b"x"] * len(STATES[0]), pa.binary()))
    with pytest.raises(ShardError, match="'image' state of shard '0' cannot be read"):
        merge_states(broken)
    strange = STATES[0].set_column(3, "metric", pa.array(["new"] * len(STATES[0])))
    with pytest.raises(ShardError, match="has a state of 'new', known are image"):
        merge_states(strange)


def test_sparks_words_for_the_schema_are_the_schema():
    words = {"string": pa.string(), "bigint": pa.int64(), "binary": pa.binary()}
    pairs = [one.split() for one in SPARK_STATE.split(", ")]
    assert [(name, words[kind]) for name, kind in pairs] == [(one.name, one.type) for one in STATE_SCHEMA]


def test_digests_tell_states_apart_and_forgive_what_equals():
    truth, score = [True, False, True], [0.0, 0.25, 0.5]
    states = [
        ConfusionMatrix.of(truth, truth),
        ConfusionMatrix.of(truth, truth[::-1]),
        ConfusionMatrix.of(truth, [False] * 3),
        Sweep.of(truth, score),
        Sweep.of(truth[::-1], [0.25, 0.0, 0.5]),
        BinnedSweep.of(truth, score, bins=4),
        BinnedSweep.of(truth, score, bins=5),
        PixelState.empty(),
    ]
    for one in states:
        for other in states:
            assert (_digest(one) == _digest(other)) == (one == other)
    assert _digest(Sweep.of(truth, [-0.0, 0.25, 0.5])) == _digest(Sweep.of(truth, score))


def test_thousands_of_score_states_are_merged_in_a_tree():
    table = compared(3000)
    merged = merge_states(run_shard(shard) for shard in split_shards(table, 3000))
    assert bits(merged) == bits(merge_states(run_shard(Shard("all", table))))
