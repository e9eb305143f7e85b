import contextlib
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import fs

from lvtools import objects
from lvtools.errors import ArgumentError, MaskError, ObjectError
from lvtools.masks import batch, find_masks, mask_areas_many
from lvtools.masks.batch import area_tables, journal_of, write_mask_areas
from lvtools.masks.totals import AreaTotals
from tests.cli.command import RUN, environment
from tests.masks.strategies import rgba_png

GREEN, WHITE, RED, FAINT = (35, 164, 54, 255), (255, 255, 255, 255), (255, 0, 0, 255), (35, 164, 54, 100)
CRACK = {"crack": "#23a436"}
FORMS = ("csv", "json", "jsonl", "parquet")
LONG_AGO = 1_600_000_000


def settle(path):
    os.utime(path, (LONG_AGO, LONG_AGO))  # a file that changed a moment ago is counted anew in any case


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """130 masks, some with faults; more than one batch and not a multiple of one."""
    root = tmp_path_factory.mktemp("masks")
    for k in range(130):
        path = root / f"{k:03d}.png"
        path.write_bytes(rgba_png([[WHITE] * (k % 7 + 1) + [GREEN] * (k % 3) + [FAINT] * (k % 2)]))
        if k % 40 == 7:
            path.write_bytes(b"junk")
        if k % 50 == 9:
            path.write_bytes(rgba_png([[WHITE, RED]]))
        settle(path)
    return root


def masks(folder):
    return find_masks([str(folder)])


def whole_errors(table):
    rows = table.select(["mask", "error"]).to_pylist()
    return [(row["mask"], row["error"]) for row in rows if row["error"] is not None]


def same(tables, whole):
    joined = pa.concat_tables(one.replace_schema_metadata(None) for one in tables)
    assert joined.equals(whole.replace_schema_metadata(None))


@pytest.mark.parametrize("most", [1, 7, 1024])
def test_tables_are_those_of_mask_areas_many(folder, monkeypatch, most):
    monkeypatch.setattr(batch, "_FIRST_BATCH", 1)
    monkeypatch.setattr(batch, "_LAST_BATCH", most)
    whole = mask_areas_many(list(masks(folder)), CRACK)
    done = []
    tables = list(area_tables(masks(folder), CRACK, threads=2, on_done=done.append))
    same(tables, whole)
    assert done == list(range(1, 131))
    totals = AreaTotals("opaque")
    for table in tables:
        totals.add(table)
    want = {key.decode(): value.decode() for key, value in whole.schema.metadata.items()}
    assert {"alpha": totals.alpha, **{name: str(n) for name, n in totals.numbers().items()}} == want
    assert (totals.unreadable, totals.errors[0]) == (4, whole_errors(whole)[0])


def test_bytes_are_called_by_their_position_and_errors_take_a_place(folder):
    png = (folder / "002.png").read_bytes()
    given_masks = [png, ObjectError("is not there", path="s3://b/x.png"), *[png] * 20, str(folder / "002.png")]
    tables = list(area_tables(iter(given_masks), CRACK))
    rows = [row for table in tables for row in table.to_pylist()]
    assert len(tables) == 2
    assert [row["mask"] for row in rows if row["class_name"] != "background"] == [
        "0", "s3://b/x.png", *map(str, range(2, 22)), str(folder / "002.png"),
    ]  # fmt: skip
    assert rows[2] == {**dict.fromkeys(rows[2]), "mask": "s3://b/x.png", "error": "is not there"}
    assert list(area_tables([])) == []


def test_names_that_are_no_text_and_look_alike(tmp_path):
    odd, text = os.fsdecode(bytes(tmp_path) + b"/a\xff.png"), str(tmp_path / "a\\udcff.png")
    for path, pixels in ((odd, 1), (text, 2)):
        with open(path, "wb") as file:
            file.write(rgba_png([[WHITE] * pixels]))
        settle(path)
    assert [t["area_px"].to_pylist() for t in area_tables([odd, text])] == [[1, 2]]
    for _ in range(2):
        write_mask_areas([odd, text], tmp_path / "out.csv")
        assert [line.split(",")[3] for line in (tmp_path / "out.csv").read_text().splitlines()[1:]] == ["1", "2"]


def test_arguments_that_cannot_be_meant(folder, tmp_path):
    with pytest.raises(ArgumentError, match="threads=0"):
        next(area_tables([], threads=0))
    with pytest.raises(ArgumentError, match="does not say which format"):
        write_mask_areas([], tmp_path / "out.txt")
    with pytest.raises(ArgumentError, match="packed inside already"):
        write_mask_areas([], tmp_path / "out.parquet.gz")
    with pytest.raises(ArgumentError, match="can be gone on with"):
        write_mask_areas([], "s3://bucket/out.csv", resume=True)
    with pytest.raises(ArgumentError, match="alpha='odd'"):
        write_mask_areas([], tmp_path / "out.csv", alpha="odd")
    with pytest.raises(MaskError, match="two classes"):
        write_mask_areas([], tmp_path / "out.csv", {"a": 1, "b": 1})
    with pytest.raises(ObjectError, match="does not exist"):
        write_mask_areas([], tmp_path / "none" / "out.csv")
    with pytest.raises(ObjectError, match="this is a folder"):
        write_mask_areas([], tmp_path, form="csv")
    assert os.listdir(tmp_path) == []


def read(path, form):
    """The rows of a file, by other people's readers, without the service's single."""
    text = path.read_bytes()
    if form == "parquet":
        return pq.read_table(path).to_pylist()
    if form == "csv":
        kinds = {"area_px": int, "area_fraction": float, "ambiguous_px": int, "first_row": int, "first_col": int}
        rows = csv.DictReader(io.StringIO(text.decode()))
        return [{key: kinds.get(key, str)(value) if value else None for key, value in row.items()} for row in rows]
    rows = json.loads(text)["areas"] if form == "json" else [json.loads(line) for line in text.splitlines()]
    return [{key: value for key, value in row.items() if key != "total_percentage_area"} for row in rows]


@pytest.mark.parametrize("form", FORMS)
def test_every_format_holds_the_table(folder, tmp_path, form):
    whole = mask_areas_many(list(masks(folder)), CRACK)
    out = tmp_path / f"out.{form}"
    totals = write_mask_areas(masks(folder), out, CRACK)
    assert read(out, form) == whole.to_pylist()
    assert os.listdir(tmp_path) == [out.name]
    if form == "parquet":
        metadata = pq.read_metadata(out).metadata
        assert {key: metadata[key] for key in whole.schema.metadata} == whole.schema.metadata
    if form == "json":
        found = json.loads(out.read_text())
        assert {name: found[name] for name in totals.numbers()} == totals.numbers()
        assert [(one["class_name"], one["area_px"]) for one in found["classes"]] == [
            (one["class_name"], one["area_px"]) for one in totals.classes()
        ]
    empty = write_mask_areas([], out)
    assert (empty.numbers()["masks"], read(out, form)) == (0, [])


def test_packed_files_and_any_name(folder, tmp_path):
    import gzip

    write_mask_areas(masks(folder), tmp_path / "a.csv", CRACK)
    write_mask_areas(masks(folder), tmp_path / "a.csv.gz", CRACK)
    write_mask_areas(masks(folder), f"file://{tmp_path}/noend", CRACK, form="csv")
    whole = (tmp_path / "a.csv").read_bytes()
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()) == whole == (tmp_path / "noend").read_bytes()
    assert journal_of("s3://bucket/a.csv") is None
    assert journal_of("/dev/null") is None


class Stop(BaseException):
    """As a Ctrl-C: no error of ours."""


def interrupted(folder, out, after, **how):
    """A run that ends after so many masks."""

    def stop(done):
        if done >= after:
            raise Stop

    with pytest.raises(Stop):
        write_mask_areas(masks(folder), out, CRACK, on_done=stop, **how)


@given(
    st.lists(st.tuples(st.integers(1, 130), st.integers(0, 10**6), st.integers(1, 3)), max_size=4),
    st.sampled_from(FORMS),
)
@settings(max_examples=30)
def test_however_often_interrupted_the_file_is_the_same(folder, tmp_path_factory, stops, form):
    place = tmp_path_factory.mktemp("out")
    whole, out = place / f"whole.{form}", place / f"out.{form}"
    write_mask_areas(masks(folder), whole, CRACK, threads=1)
    for after, cut, threads in stops:
        interrupted(folder, out, after, resume=True, threads=threads)
        assert not out.exists()
        journal = place / f"out.{form}.partial"
        if journal.exists():  # a power cut loses what the system had not written
            journal.write_bytes(journal.read_bytes()[: max(cut % (journal.stat().st_size + 1), 1)])
    write_mask_areas(masks(folder), out, CRACK, resume=True)
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(os.listdir(place)) == sorted([out.name, whole.name])


def test_what_is_in_the_journal_is_not_counted_again(folder, tmp_path, monkeypatch):
    out = tmp_path / "out.csv"
    interrupted(folder, out, 110)
    counted = []
    real = batch.mask_areas_many

    def watched(pngs, *rest, **how):
        counted.extend(pngs)
        return real(pngs, *rest, **how)

    monkeypatch.setattr(batch, "mask_areas_many", watched)
    done = []
    write_mask_areas(masks(folder), out, CRACK, resume=True, on_done=done.append)
    whole = 16 + 32  # two batches were at their end, the third was not
    bad = [str(folder / f"{k:03d}.png") for k in (7, 47)]
    assert sorted(counted) == sorted([*bad, *list(masks(folder))[whole:]])
    assert done == sorted(done)
    assert done[-1] == 130


def test_masks_that_changed_came_or_went_since(folder, tmp_path):
    root, out, whole = tmp_path / "masks", tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    root.mkdir()
    for k in range(60):
        (root / f"{k:03d}.png").write_bytes(rgba_png([[WHITE, GREEN]]))
        settle(root / f"{k:03d}.png")
    (root / "fresh.png").write_bytes(rgba_png([[WHITE, GREEN]]))
    interrupted(root, out, 61)
    for name, pixels in (("003.png", [GREEN, GREEN]), ("004.png", [GREEN] * 5), ("0035.png", [RED])):
        (root / name).write_bytes(rgba_png([pixels]))
        settle(root / name)  # another time of change, if no other size: what utime sets leaves a trace in ctime
    (root / "005.png").unlink()
    (root / "006.png").rename(root / "zzz.png")
    write_mask_areas(masks(root), out, CRACK, resume=True)
    write_mask_areas(masks(root), whole, CRACK)
    assert out.read_bytes() == whole.read_bytes()
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    found = {os.path.basename(row["mask"]): row["area_px"] for row in rows if row["class_name"] == "crack"}
    assert [found.get(name) for name in ("003.png", "004.png", "005.png", "006.png", "zzz.png")] == [
        2,
        5,
        None,
        None,
        1,
    ]


def test_a_file_that_changed_a_moment_ago_is_not_trusted(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(rgba_png([[WHITE]]))
    assert batch._version(path) is None
    settle(path)
    assert batch._version(path)[:2] == [path.stat().st_size, LONG_AGO * 10**9]
    assert [batch._version(one) for one in (b"", "-", tmp_path, tmp_path / "none", ObjectError("x"), "/dev/null")] == [
        None
    ] * 6


def test_objects_in_a_bucket_are_gone_on_with(tmp_path, monkeypatch):
    store = fs._MockFileSystem()

    def put(name, *pixels):
        with store.open_output_stream(f"bucket/{name}") as stream:
            stream.write(rgba_png([pixels]))

    monkeypatch.setattr(objects, "_remote_filesystem", lambda uri: (store, uri.split("://", 1)[1]))
    store.create_dir("bucket")
    for name in ("a.png", "b.png"):
        put(name, WHITE, GREEN)
    uris = list(find_masks(["s3://bucket"]))
    out = tmp_path / "out.csv"

    def more():  # the third ends the run behind the first batch
        yield from uris
        raise Stop

    monkeypatch.setattr(batch, "_FIRST_BATCH", 2)
    with pytest.raises(Stop):
        write_mask_areas(more(), out, CRACK)
    put("b.png", GREEN, GREEN, GREEN)
    counted = []
    real = batch.mask_areas_many
    monkeypatch.setattr(batch, "mask_areas_many", lambda pngs, *r, **h: (counted.extend(pngs), real(pngs, *r, **h))[1])
    write_mask_areas(iter(uris), out, CRACK, resume=True)
    assert counted == ["s3://bucket/b.png"]
    assert [row["area_px"] for row in read(out, "csv") if row["class_name"] == "crack"] == [1, 3]


def test_another_color_map_or_alpha_is_another_run(folder, tmp_path):
    out = tmp_path / "out.csv"
    interrupted(folder, out, 110)
    with pytest.raises(ObjectError, match="interrupted run"):
        write_mask_areas(masks(folder), out, CRACK)
    with pytest.raises(ObjectError, match="other settings"):
        write_mask_areas(masks(folder), out, {"crack": "#23a437"}, resume=True)
    with pytest.raises(ObjectError, match="other settings"):
        write_mask_areas(masks(folder), out, CRACK, alpha="any", resume=True)
    write_mask_areas(masks(folder), out, CRACK, resume=True)


def started(folder, *more):
    arguments = ["areas", str(folder), "--class", "crack=#23a436", "-o", "out.csv", *more]
    return subprocess.Popen(
        [*RUN, *arguments],
        cwd=folder.parent,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def release(fifo, process):
    """Be the writer that a process may be waiting for, until it has ended."""
    while process.poll() is None:
        with contextlib.suppress(OSError):  # nobody reads: the process has not come so far, or is through
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        time.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_killed_in_the_middle(folder, tmp_path, how):
    root = tmp_path / "masks"
    root.mkdir()
    for k in range(100):
        (root / f"{k:03d}.png").write_bytes(rgba_png([[WHITE] * (k + 1), [GREEN] * (k + 1)]))
        settle(root / f"{k:03d}.png")
    last = root / "zzz.png"
    os.mkfifo(last)  # its reader waits for a writer: the run is surely in its middle
    process = started(root)
    journal = tmp_path / "out.csv.partial"
    try:
        end = time.monotonic() + 60
        while not (journal.exists() and journal.read_bytes().count(b"\n") >= 2 + 48):
            assert time.monotonic() < end
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        process.send_signal(how)
        if how == signal.SIGINT:
            release(last, process)  # a thread that waits in open() is waited for
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    if how == signal.SIGINT:
        assert "kept in out.csv.partial\nhint: the same command with --resume goes on" in err
        assert err.endswith("lvtools: interrupted\n")
    assert sorted(os.listdir(tmp_path)) == ["masks", "out.csv.partial"]
    last.unlink()
    refused = started(root)
    assert "--resume" in refused.communicate(timeout=60)[1]
    assert refused.returncode == 2
    resumed = started(root, "--resume")
    resumed.communicate(timeout=60)
    assert resumed.returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["masks", "out.csv"]
    found = (tmp_path / "out.csv").read_bytes()
    write_mask_areas(find_masks([str(root)]), tmp_path / "whole.csv", CRACK)
    assert found == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="AddressSanitizer keeps what is freed")
def test_memory_does_not_grow_with_the_masks(tmp_path):
    png = tmp_path / "a.png"
    png.write_bytes(rgba_png([[WHITE, GREEN]]))
    code = (
        "import resource, sys; from itertools import repeat; from lvtools import write_mask_areas\n"
        "png = open(sys.argv[1], 'rb').read()\n"
        "write_mask_areas(repeat(png, int(sys.argv[2])), sys.argv[3], {'crack': '#23a436'})\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )

    def peak(count):
        run = [sys.executable, "-c", code, png, str(count), tmp_path / "out.csv"]
        return int(subprocess.run(run, capture_output=True, text=True, check=True).stdout)

    few, many = peak(2_000), peak(12_000)
    assert (tmp_path / "out.csv").read_text().count("\n") == 24_001
    assert many - few < 4_000  # kB; the rows of 10,000 masks as Python objects would be 10,000
