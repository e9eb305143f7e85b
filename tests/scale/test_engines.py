"""The same function on every engine: equal bits, dead workers retried, nothing left behind."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from lvtools.errors import ArgumentError, MaskError, MissingDependencyError, ShardError
from lvtools.scale import (
    ENGINES,
    SPARK_STATE,
    Shard,
    evaluate_batches,
    map_shards,
    merge_states,
    run_shard,
    split_shards,
)
from tests.scale import tasks
from tests.scale.data import OPTIONS, bits, compared, one_pass

ROOT = str(Path(__file__).resolve().parents[2])
TABLE = compared(70, masks=True)
PLAIN = compared(70)  # needs no options


@pytest.fixture(scope="module")
def client():
    """A small Dask cluster of processes that a nanny starts again when they die."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed (lvtools[dask])")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as one,
    ):
        yield one


@pytest.fixture
def engine(request):
    return request.getfixturevalue("client") if request.param == "dask" else request.param


EVERY = pytest.mark.parametrize("engine", ["loop", "processes", "dask"], indirect=True)
PARALLEL = pytest.mark.parametrize("engine", ["processes", "dask"], indirect=True)


@EVERY
def test_1_7_and_70_shards_are_one_pass(engine):
    found = []
    for many in (1, 7, 70):
        done = []
        states = map_shards(split_shards(TABLE, many), OPTIONS, engine=engine, workers=2, progress=done.append)
        found.append(merge_states(states, expected=many))
        assert done == list(range(1, many + 1))
    assert bits(found[0]) == bits(found[1]) == bits(found[2])
    assert (found[0].image, found[0].sweep, found[0].pixel) == one_pass(TABLE)


@PARALLEL
def test_a_worker_that_dies_is_replaced_and_nothing_counts_twice(engine, tmp_path):
    task = functools.partial(tasks.dies_once, folder=str(tmp_path), options=OPTIONS)
    states = map_shards(split_shards(TABLE, 9), engine=engine, workers=2, task=task)
    merged = merge_states(states, expected=9)
    assert (tmp_path / "died-3").exists()
    assert bits(merged) == bits(merge_states(run_shard(Shard("0", TABLE), OPTIONS)))
    assert merged.repeated == 0


def test_a_thousand_shards_on_dask_are_the_single_run(client):
    table = compared(20_000)
    many = merge_states(map_shards(split_shards(table, 1000), engine=client), expected=1000)
    assert bits(many) == bits(merge_states(run_shard(Shard("0", table))))
    assert (many.image, many.sweep) == one_pass(table)[:2]


def test_dask_bag_and_delayed_take_the_same_functions(client):
    bag = pytest.importorskip("dask.bag")
    from dask import compute, delayed

    shards = [shard.packed() for shard in split_shards(TABLE, 6)]
    whole = bits(merge_states(run_shard(Shard("0", TABLE), OPTIONS)))
    answers = compute(*(delayed(run_shard)(shard, OPTIONS) for shard in shards))
    assert bits(merge_states(answers, expected=6)) == whole
    run = functools.partial(run_shard, options=OPTIONS)
    assert bits(merge_states(bag.from_sequence(shards, npartitions=3).map(run).compute(), expected=6)) == whole


@EVERY
def test_errors_of_the_task_come_as_they_are_and_are_not_tried_again(engine):
    shards = list(split_shards(PLAIN, 9))
    with pytest.raises((MaskError, ShardError), match="no mask at all"):
        list(map_shards(shards[:5], engine=engine, workers=2, task=tasks.complains))
    with pytest.raises((ZeroDivisionError, ShardError), match="by zero"):
        list(map_shards(shards[4:], engine=engine, workers=2, task=tasks.complains))


@pytest.mark.parametrize("retries", [0, 1])
def test_a_shard_that_kills_every_worker_is_named(retries):
    with pytest.raises(ShardError, match=rf"shard '3': its worker died {retries + 1} times \(exit code 9\)"):
        list(map_shards(split_shards(PLAIN, 5), engine="processes", workers=2, retries=retries, task=tasks.dies_always))


def test_files_are_read_by_the_workers(tmp_path):
    from pyarrow import parquet

    paths = [tmp_path / f"{at}.parquet" for at in range(3)]
    for path, shard in zip(paths, split_shards(TABLE, 3), strict=True):
        parquet.write_table(shard.rows, path)
    merged = merge_states(map_shards(paths, OPTIONS, engine="processes", workers=2), expected=map(str, paths))
    assert (merged.image, merged.sweep, merged.pixel) == one_pass(TABLE)


def test_shards_are_drawn_as_they_are_needed():
    drawn = []

    def shards():
        for shard in split_shards(TABLE, 70):
            drawn.append(shard.name)
            yield shard

    states = map_shards(shards(), OPTIONS, engine="processes", workers=2)
    next(states)
    assert len(drawn) <= 4
    states.close()


SCRIPT = """
import functools, sys
from lvtools.scale import map_shards, split_shards
from tests.scale import tasks
from tests.scale.data import compared
if __name__ == "__main__":
    task = functools.partial(tasks.waits, folder=sys.argv[1])
    list(map_shards(split_shards(compared(9), 9), engine="processes", workers=2, task=task))
"""


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@pytest.mark.skipif(os.name != "posix", reason="signals to a process group are POSIX's")
@pytest.mark.parametrize("way", ["Ctrl-C", "SIGINT to the parent", "SIGKILL to the parent"])
def test_no_process_is_left_behind(tmp_path, way):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    folder = tmp_path / "pids"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        env={**os.environ, "PYTHONPATH": ROOT},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert until(lambda: len(list(folder.iterdir())) == 2), "both workers are at work"
    workers = [int(path.name.removeprefix("pid-")) for path in folder.iterdir()]
    if way == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT if way.startswith("SIGINT") else signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    if not way.startswith("SIGKILL"):
        assert said.count(b"Traceback") == 1, said.decode()
        assert b"KeyboardInterrupt" in said
    assert until(lambda: not any(map(alive, workers)))
    assert process.returncode


def test_arguments():
    with pytest.raises(ArgumentError, match="engine is 'hadoop'"):
        list(map_shards([], engine="hadoop"))
    with pytest.raises(ArgumentError, match=r"an? object is no engine"):
        list(map_shards([], engine=object()))
    with pytest.raises(ArgumentError, match="workers=0"):
        list(map_shards([], workers=0))
    with pytest.raises(ArgumentError, match="two shards are named 'a'"):
        list(map_shards([Shard("a", TABLE), Shard("a", TABLE)], OPTIONS))
    with pytest.raises(ArgumentError, match=r"an? int is no shard"):
        list(map_shards([3]))
    assert list(map_shards([], engine="processes")) == []
    assert set(ENGINES) == {"loop", "processes", "dask", "ray"}


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_an_engine_that_is_not_there_is_named(monkeypatch, name):
    monkeypatch.setitem(sys.modules, {"dask": "distributed"}.get(name, name), None)
    with pytest.raises(MissingDependencyError, match=f"{name} is not installed") as error:
        list(map_shards([], engine=name))
    assert f"lvtools[{name}]" in error.value.hint


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_ray(tmp_path):
    ray = pytest.importorskip("ray", reason="Ray is not installed (lvtools[ray])")
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": ROOT}},
    )
    try:
        task = functools.partial(tasks.dies_once, folder=str(tmp_path), options=OPTIONS)
        merged = merge_states(map_shards(split_shards(TABLE, 9), engine="ray", task=task), expected=9)
        assert (tmp_path / "died-3").exists()
        assert bits(merged) == bits(merge_states(run_shard(Shard("0", TABLE), OPTIONS)))
        with pytest.raises((MaskError, ShardError), match=r"no mask at all|by zero"):
            list(map_shards(split_shards(PLAIN, 9), engine="ray", task=tasks.complains))
    finally:
        ray.shutdown()


@pytest.mark.filterwarnings("ignore")  # Spark's own
def test_spark(monkeypatch):
    sql = pytest.importorskip("pyspark.sql", reason="Spark is not installed (lvtools[spark])")
    monkeypatch.setenv("PYTHONPATH", ROOT)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    try:
        spark = (
            sql.SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "3")
            .getOrCreate()
        )
    except Exception as error:  # no Java, or none that it takes
        pytest.skip(f"Spark does not start here: {str(error).splitlines()[0]}")
    try:
        names = [str(at % 7) for at in range(TABLE.num_rows)]
        table = TABLE.append_column("shard", pa.array(names)).append_column("shard_rows", pa.array([10] * len(names)))
        rows = [tuple(row.values()) for row in table.to_pylist()]
        types = "truth string, prediction string, score double, truth_mask binary, prediction_mask binary, shard string"
        frame = spark.createDataFrame(rows, f"{types}, shard_rows bigint")
        run = functools.partial(evaluate_batches, options=OPTIONS)
        states = frame.repartition("shard").mapInArrow(run, SPARK_STATE).collect()
        merged = merge_states(pa.Table.from_pylist([row.asDict() for row in states]), expected=7)
        assert (merged.image, merged.sweep, merged.pixel) == one_pass(TABLE)
        # A shard spread over partitions is noticed, not counted in halves.
        with pytest.raises(Exception, match="has 10 rows"):
            frame.repartition(5).mapInArrow(run, SPARK_STATE).collect()
    finally:
        spark.stop()
