"""Evaluation in shards: each becomes a few states, and the states merge, on any engine, to the bits of one pass.

`evaluate_batches` is the function that engines run, `merge_states` joins what comes back, `map_shards` drives the
engines that lvtools drives itself.
"""

from lvtools.scale.batches import Options, evaluate_batches
from lvtools.scale.engines import ENGINES, map_shards
from lvtools.scale.shards import Shard, run_shard, split_shards
from lvtools.scale.states import SPARK_STATE, STATE_SCHEMA, Merged, merge_states

__all__ = [
    "ENGINES",
    "SPARK_STATE",
    "STATE_SCHEMA",
    "Merged",
    "Options",
    "Shard",
    "evaluate_batches",
    "map_shards",
    "merge_states",
    "run_shard",
    "split_shards",
]
