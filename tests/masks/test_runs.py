"""The run engine against the slow road, the oracle and NumPy; `tests.masks.fuzz_runs` is the long version."""

import os
import random
import struct
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lvtools._native import png_runs
from lvtools.errors import MaskError
from lvtools.masks import class_pairs, decode_png, engine, mask_areas_many, mask_colors, read_mask
from lvtools.masks.read import decode_runs
from tests.masks import fuzz_runs, oracle
from tests.masks.fuzz_runs import KERNELS, LIMITS, judge, slow
from tests.masks.strategies import chunk, damaged, ihdr, pngs, simple
from tests.masks.strategies import png as join
from tests.shared import shared

SLOW = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
END = chunk(b"IEND")
both = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__.rpartition(".")[2])


@given(pngs())
@SLOW
def test_every_kind_of_png_is_counted_as_by_the_slow_road(data):
    assert judge(data, deep=True) == "same"


@given(damaged())
@settings(SLOW, max_examples=400)
def test_damage_is_judged_as_by_the_slow_road(data):
    judge(data, deep=False)


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_masks_of_all_encoders(start):
    for seed in range(10**6 + start, 10**6 + start + 100):
        assert judge(fuzz_runs.mask(seed)[0], deep=True) == "same", seed


@pytest.mark.parametrize("start", range(0, 1800, 600))
def test_damage_that_checksums_do_not_show(start):
    verdicts = [judge(fuzz_runs.broken(seed)[0], deep=False) for seed in range(10**6 + start, 10**6 + start + 600)]
    assert min(verdicts.count("same"), verdicts.count("refused")) > 100, "the damage reaches deep, and not too deep"


def test_every_file_of_pngsuite():
    files = sorted(shared("data", "png-suite", "png").glob("*.png"))
    verdicts = [judge(path.read_bytes(), deep=True) for path in files]
    assert verdicts.count("same") == 161, "every one that is valid, of all colour types and depths, interlaced or not"
    assert len(files) == 175


def raw_png(width, height, kind, packed, *before, depth=8):
    return join(ihdr(width, height, depth, kind), *before, chunk(b"IDAT", packed), END)


def deflate(payload, *tail):
    """A zlib stream from raw deflate bits and the bytes they stand for."""
    return b"\x78\x01" + payload + zlib.adler32(b"".join(tail)).to_bytes(4, "big")


@both
def test_a_picture_wider_than_half_the_window_slides(kernel):
    rng = np.random.default_rng(1)
    image = np.zeros((9, 65_535, 4), np.uint8)
    image[2:7, 1000:60_000] = rng.integers(0, 3, (5, 1, 4))
    image[4] = rng.integers(0, 256, (65_535, 4))
    for level in (0, 1, 9):
        raw = b"".join(b"\0" + row.tobytes() for row in image)
        data = raw_png(65_535, 9, 6, zlib.compress(raw, level))
        found = kernel.Workspace().read(data, LIMITS, 2**61 + 5, 2**20)
        assert found[3] == slow(data).counts.tobytes()


@both
@pytest.mark.parametrize("rows", [[0] * 70_000, [1] + [0] * 70_000, [0, 2] * 40_000])
def test_many_equal_rows_are_one_group(kernel, rows):
    rows = rows[:60_000]
    raw = b"".join(bytes((2, value, 0, 0)) for value in rows)
    data = raw_png(3, len(rows), 0, zlib.compress(raw))
    found = kernel.Workspace().read(data, LIMITS, 7**20, 2**20, 2**20)
    assert sum(np.frombuffer(found[8], np.int32)) == len(rows)
    assert found[3] == slow(data).counts.tobytes()
    groups = 1 + sum(value != 0 for value in rows[1:])
    assert len(found[8]) // 4 == groups


def painted(rng, width, height, channels):
    """Rows of long and short runs in few colours: filter None leaves surfaces of one token."""
    colors = [rng.randbytes(channels) for _ in range(rng.randint(1, 4))]
    pixels = b""
    while len(pixels) < width * height * channels:
        pixels += rng.choice(colors) * rng.choice([1, 2, 3, rng.randint(1, 60), rng.randint(1, 3 * width)])
    return [pixels[at : at + width * channels] for at in range(0, width * height * channels, width * channels)]


@pytest.mark.parametrize("start", range(0, 300, 100))
def test_surfaces_that_stay_literals(start):
    """One token again and again (Huffman only), or repeats of every short distance (fixed codes, level 9)."""
    for seed in range(start, start + 100):
        rng = random.Random(seed)
        width, channels = rng.choice([5, 33, 100, 700]), rng.choice([3, 3, 4, 1])
        rows = painted(rng, width, rng.randint(1, 60), channels)
        filters = [rng.choice([0, 0, 0, 1]) for _ in rows] if rng.random() < 0.7 else [rng.randrange(5) for _ in rows]
        raw = b"".join(bytes([kind]) + row for kind, row in zip(filters, rows, strict=True))
        packer = zlib.compressobj(
            9, zlib.DEFLATED, 15, 9, rng.choice([zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED, 0])
        )
        packed = packer.compress(raw) + packer.flush()
        cut = rng.randint(1, len(packed))
        kind = {1: 0, 3: 2, 4: 6}[channels]
        pieces = [chunk(b"IDAT", part) for part in (packed[:cut], packed[cut:])]
        assert judge(join(ihdr(width, len(rows), 8, kind), *pieces, END), deep=True) == "same", seed


@both
@pytest.mark.parametrize("distance", [*range(1, 40), 257, 258, 259])
def test_matches_of_every_short_distance(kernel, distance):
    """Periods with zeros in them, sparse (in a picture of zeros) and dense (in noise)."""
    rng = random.Random(distance)
    for noisy in (False, True):
        raw = bytearray()
        for row in range(40):
            line = bytearray(rng.randbytes(600) if noisy else bytes(600))
            at, length = rng.randrange(200), rng.randint(3, 390)
            period = bytes(rng.choice([0, 0, rng.randrange(256)]) for _ in range(distance))
            line[at : at + length] = (period * (length // distance + 1))[:length]
            raw += bytes([row % 2]) + line
        for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED):
            packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9, strategy)
            data = raw_png(200, 40, 2, packer.compress(bytes(raw)) + packer.flush())
            found = kernel.Workspace().read(data, LIMITS, 2**60 + 9, 2**20)
            want = slow(data)
            assert found[2:5] == (want.colors.tobytes(), want.counts.tobytes(), want.first.tobytes())


REFUSED = {
    "a distance before the start": deflate(bytes([0b11, 0b00000010, 0, 0])),
    "a block that cannot end": deflate(bytes([0b101, 0, 0, 0])),
    "block kind 3": deflate(b"\x07"),
    "stored length": deflate(b"\x01\x04\x00\x00\x00\0\1\2\3", b"\0\1\2\3"),
    "no final block": deflate(b"\0\x04\x00\xfb\xff\0\1\2\3", b"\0\1\2\3"),
    "empty blocks for ever": deflate(b"\0\0\0\xff\xff" * 1000),
    "a dictionary": b"\x78\xbb" + zlib.compress(b"\0\1\2\3")[2:],
    "window of 64 kB": b"\x88\x1c" + zlib.compress(b"\0\1\2\3")[2:],
    "filter 5": zlib.compress(b"\5\1\2\3"),
    "one byte more": zlib.compress(b"\0\1\2\3\4"),
    "one byte less": zlib.compress(b"\0\1\2"),
    "wrong Adler": zlib.compress(b"\0\1\2\3")[:-1] + b"!",
    "half an Adler": zlib.compress(b"\0\1\2\3")[:-2],
    "a byte behind": zlib.compress(b"\0\1\2\3") + b"!",
    "nothing": b"\x78\x9c",
}


@both
@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_both_kernels(kernel, name):
    data = raw_png(1, 1, 2, REFUSED[name])
    assert kernel.Workspace().read(data, LIMITS, 3, 2**20) == kernel.DAMAGED
    with pytest.raises(MaskError):
        mask_colors(data)


@both
def test_what_zlib_reads_is_read(kernel):
    pixel = b"\0\1\2\3"
    for packed in (
        deflate(b"\0\0\0\xff\xff" * 9 + b"\1\4\0\xfb\xff" + pixel, pixel),  # empty stored blocks before
        deflate(b"\0\4\0\xfb\xff" + pixel + b"\3\0", pixel),  # an empty fixed block behind the last pixel
        b"\x08\x1d" + zlib.compress(pixel)[2:],  # a window of 256 bytes stated
    ):
        data = raw_png(1, 1, 2, packed)
        assert kernel.Workspace().read(data, LIMITS, 3, 2**20)[2] == struct.pack("=I", 0x010203FF)
        assert oracle.decode(data)[2] == [(1, 2, 3, 255)]


@both
def test_a_distance_beyond_the_stated_window_is_taken_as_zlib_takes_it(kernel):
    raw = b"".join(b"\0" + bytes([k, 1, 2, 3] * 75) for k in range(100))
    packer = zlib.compressobj(9)
    packed = packer.compress(raw) + packer.flush()
    data = raw_png(100, 100, 2, b"\x08\x1d" + packed[2:])
    assert kernel.Workspace().read(data, LIMITS, 3, 2**20)[3] == slow(data).counts.tobytes()


@both
def test_crc(kernel):
    rng = random.Random(5)
    for size in [*range(200), 1000, 65_537]:
        data = rng.randbytes(size)
        assert kernel.crc32(data) == zlib.crc32(data), size


@both
def test_a_bomb_is_stopped_at_the_size_ihdr_states(kernel):
    bomb = zlib.compressobj(9)
    packed = b"".join(bomb.compress(bytes(2**22)) for _ in range(64)) + bomb.flush()  # 256 MB
    data = raw_png(100, 100, 2, packed)
    start = time.perf_counter()
    assert kernel.Workspace().read(data, LIMITS, 3, 2**20) == kernel.DAMAGED
    assert time.perf_counter() - start < 0.1


@both
def test_too_many_colours_or_runs_are_left_to_the_slow_road(kernel):
    values = np.arange(5000, dtype=">u4").view(np.uint8).reshape(-1, 4)
    data = simple(100, 50, 6, values.tobytes())
    space = kernel.Workspace()
    assert space.read(data, LIMITS, 3**30, 4999) == kernel.NO_ROOM
    assert len(space.read(data, LIMITS, 3**30, 5000)[2]) == 4 * 5000
    assert space.read(data, LIMITS, 3**30, 5000, 4000) == kernel.NO_ROOM
    assert len(space.read(data, LIMITS, 3**30, 5000, 5000)[5]) == 4 * 5000


@both
def test_damage_leaves_no_trace_in_the_workspace(kernel):
    space = kernel.Workspace()
    good = [fuzz_runs.mask(seed)[0] for seed in range(40)]
    bad = [fuzz_runs.broken(seed)[0] for seed in range(40)]
    for one, other in zip(good, bad, strict=True):
        space.read(other, LIMITS, 3, 2**20)
        found = space.read(one, LIMITS, 3, 2**20)
        assert not isinstance(found, tuple) or found[3] == slow(one).counts.tobytes()


@both
def test_paint_and_pair_refuse_lists_that_do_not_cover(kernel):
    i32, i64 = (lambda *v: np.array(v, np.int32)), (lambda *v: np.array(v, np.int64))
    good = (i32(2, 4, 4), i32(0, 1, 0), i64(0, 2, 3), i32(1, 2))
    out, values = np.zeros((3, 4), np.uint8), np.array([7, 9], np.uint8)
    assert kernel.paint(*good, values, out) == 0
    assert out.tolist() == [[7, 7, 9, 9], [7] * 4, [7] * 4]
    counts = np.zeros((2, 2), np.int64)
    assert kernel.pair(*good, *good, 4, counts) == 0
    assert counts.tolist() == [[10, 0], [0, 2]]
    wrong = [
        (i32(2, 5, 4), *good[1:]),
        (i32(2, 2, 4), *good[1:]),
        (i32(2, 3, 4), *good[1:]),
        (i32(2, 4), *good[1:]),
        (good[0], i32(0, 2, 0), *good[2:]),
        (good[0], i32(0, -1, 0), *good[2:]),
        (*good[:2], i64(0, 2, 4), good[3]),
        (*good[:2], i64(0, 3, 3), good[3]),
        (*good[:2], i64(0, 2**40, 3), good[3]),
        (*good[:2], i64(1, 2, 3), good[3]),
        (*good[:2], i64(0, 2), good[3]),
        (*good[:3], i32(1, 3)),
        (*good[:3], i32(0, 3)),
    ]
    before = out.copy()
    for lists in wrong:
        assert kernel.paint(*lists, values, out) == -1
        assert kernel.pair(*lists, *good, 4, counts) == -1
        if lists[3].sum() != 4:
            assert kernel.pair(*good, *lists, 4, counts) == -1
    assert kernel.pair(*good, *good, 5, counts) == -1
    assert np.array_equal(out, before)
    assert counts.sum() == 12


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 40), st.integers(1, 40))
@settings(SLOW, max_examples=60)
def test_a_pair_of_masks_is_counted_without_pixels(one, other, width, height):
    masks = []
    for seed in (one, other):
        rng = random.Random(seed)
        index, _ = fuzz_runs.scene(rng, width, height)
        raw = fuzz_runs.filtered(rng, np.ascontiguousarray(index % 4), 1)
        masks.append(raw_png(width, height, 0, zlib.compress(raw)))
    (first, ours), (second, theirs) = (decode_runs(memoryview(data)) for data in masks)
    pixels = [decode_png(data)[:, :, 0].ravel() for data in masks]
    want = np.zeros((256, 256), np.int64)
    np.add.at(want, tuple(pixels), 1)
    levels = [counted.colors >> 24 for counted in (first, second)]
    found = engine.pair_lists(ours, theirs, max(map(len, levels)))
    assert np.array_equal(found[: len(levels[0]), : len(levels[1])], want[np.ix_(*levels)])
    assert found.sum() == width * height


def test_pairs_of_different_sizes_are_refused():
    data = [simple(2, n, 0, bytes(2 * n)) for n in (1, 2)]
    with pytest.raises(MaskError, match="1 x 2 pixels has no pairs with one of 2 x 2"):
        class_pairs(*(read_mask(one, classes=("background", "#000000")) for one in data))
    lists = [decode_runs(memoryview(one))[1] for one in data]
    with pytest.raises(AssertionError, match="do not cover"):  # and the kernel would not have counted them
        engine.pair_lists(*lists, 9)


def test_a_workspace_is_for_one_thread_and_threads_have_their_own():
    masks = [fuzz_runs.mask(seed)[0] for seed in range(200)]
    want = mask_areas_many(masks, threads=1)
    assert mask_areas_many(masks, threads=8).equals(want)
    space, raised = png_runs.Workspace(), []
    large = raw_png(8000, 8000, 2, zlib.compress(bytes(8000 * 24_001), 1))

    def use():
        try:
            space.read(large, LIMITS, 3, 9)
        except RuntimeError as error:
            raised.append(str(error))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(raised) <= {"a Workspace was used by two threads at once"}


@pytest.mark.parametrize(("variable", "kernel"), [("LVTOOLS_SIMD", "png_runs"), ("LVTOOLS_ENGINE", "None"), ("", "")])
def test_the_kernel_can_be_chosen(variable, kernel):
    code = "from lvtools.masks import engine; print(getattr(engine.KERNEL, '__name__', None))"
    environment = {**os.environ, variable: "0"} if variable else dict(os.environ)
    out = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert out.stdout.strip().rpartition(".")[2] == (kernel or KERNELS[-1].__name__.rpartition(".")[2])


def test_the_slow_road_is_taken_without_a_kernel(monkeypatch):
    data = simple(2, 1, 2, b"abcdef")
    want, index = mask_colors(data), read_mask(data).index()
    monkeypatch.setattr(engine, "KERNEL", None)
    assert mask_colors(data) == want
    assert np.array_equal(read_mask(data).index(), index)
