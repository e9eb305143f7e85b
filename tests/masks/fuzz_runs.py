"""Does the engine ever give another answer than the slow road? Masks from seeds, and masks broken on purpose.

    python -m tests.masks.fuzz_runs generate 20000     valid masks of all kinds and encoders
    python -m tests.masks.fuzz_runs mutate 100000      damage with checksums made right again, so that it goes deep
    python -m tests.masks.fuzz_runs generate 1 --seed 4711   one of them again

Both kernels (baseline, AVX2) are compared with `masks.png`; small masks with tests/masks/oracle.py too; run lists are
painted and compared with decoded pixels. A difference is written to fuzz-SEED.png and ends the run with 1.
"""

from __future__ import annotations

import argparse
import io
import random
import struct
import sys
import zlib
from collections import Counter
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lvtools._native import png_runs
from lvtools.errors import MaskError
from lvtools.masks import png
from lvtools.masks.colors import ColorCounts, count_bands
from tests.masks import oracle
from tests.masks.strategies import chunk, ihdr, repair
from tests.masks.strategies import png as join

KERNELS: list[ModuleType] = [png_runs]
if png_runs.has_avx2():
    from lvtools._native import png_runs_avx2

    KERNELS.append(png_runs_avx2)
LIMITS = (png.MAX_SIDE, png.MAX_PIXELS, png.MAX_CHUNKS, png.MAX_INFLATION)
SPACES = [kernel.Workspace() for kernel in KERNELS]
KINDS = [(2, 8)] * 4 + [(6, 8)] * 2 + [(3, 8)] * 2 + [(3, 4), (3, 2), (3, 1), (0, 8), (0, 4), (0, 2), (0, 1)]
OTHER_KINDS = [(0, 16), (2, 16), (4, 8), (4, 16), (6, 16)]
PASSES = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
SCENES = ("blobs", "blobs", "blobs", "scratches", "salt", "soft", "noise", "blank", "gradient", "stripes", "patches")
Bytes = NDArray[np.uint8]


# ---- Pictures: an index per pixel, then colours.
def scene(rng: random.Random, width: int, height: int) -> tuple[Bytes, str]:
    name = rng.choice(SCENES)
    numbers = np.random.default_rng(rng.getrandbits(32))
    image = np.zeros((height, width), np.uint8)
    if name in ("blobs", "soft"):
        for k in range(rng.randint(1, 5)):
            centre = (rng.randrange(width), rng.randrange(height))
            axes = (rng.randint(0, width // 3), rng.randint(0, height // 3))
            cv2.ellipse(image, centre, axes, rng.uniform(0, 180), 0, 360, k + 1, -1)
        if name == "soft":
            image = cv2.GaussianBlur(image * np.uint8(50), (5, 5), 0)
    elif name == "scratches":
        for k in range(rng.randint(1, 30)):
            ends = [(rng.randrange(width), rng.randrange(height)) for _ in range(2)]
            cv2.line(image, ends[0], ends[1], 1 + k % 5, 1)
    elif name == "salt":
        image[numbers.random((height, width)) < rng.choice([0.001, 0.01, 0.1])] = rng.randint(1, 5)
    elif name == "noise":
        image = numbers.integers(0, rng.choice([2, 3, 16, 256]), (height, width)).astype(np.uint8)
    elif name == "gradient":
        image = np.add.outer(np.arange(height) // rng.randint(1, 9), np.arange(width) // rng.randint(1, 9)).astype(
            np.uint8
        )
    elif name == "stripes":
        image[:, :: rng.randint(1, 9)] = 1
        image[:: rng.randint(1, 9)] = 2
    elif name == "patches":
        for _ in range(rng.randint(1, 6)):
            y, x = rng.randrange(height), rng.randrange(width)
            patch = numbers.integers(0, 256, (rng.randint(1, 9), rng.randint(1, 40))).astype(np.uint8)
            patch = patch[: height - y, : width - x]
            image[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
    return image, name


def colored(rng: random.Random, index: Bytes, channels: int) -> Bytes:
    if rng.random() < 0.06 and index.size <= 2**20:  # nearly each pixel has a colour of its own: tables that grow
        low = rng.choice([0, 0, 200])
        return np.random.default_rng(rng.getrandbits(32)).integers(low, 256, (*index.shape, channels)).astype(np.uint8)
    palette = np.random.default_rng(rng.getrandbits(32)).integers(0, 256, (256, channels)).astype(np.uint8)
    palette[0] = rng.choice([255, 255, 0, 128])
    if channels == 4 and rng.random() < 0.5:
        palette[:, 3] = rng.choice([255, 255, 0])
    if channels == 1 and rng.random() < 0.5:
        palette[:, 0] = np.arange(256)
    return np.ascontiguousarray(palette[index])


# ---- Writing PNG in every way there is.
def filtered(rng: random.Random, rows: Bytes, bpp: int) -> bytes:
    """`rows` is (height, row bytes); each row behind its filter byte."""
    height, size = rows.shape
    before = rows.astype(np.int16)
    left = np.zeros_like(before)
    left[:, bpp:] = before[:, :-bpp] if size > bpp else 0
    up = np.vstack([np.zeros((1, size), np.int16), before[:-1]])
    corner = np.vstack([np.zeros((1, size), np.int16), left[:-1]])
    a, b, c = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, up, corner))
    options = np.stack([before, before - left, before - up, before - (left + up) // 2, before - paeth]).astype(np.uint8)
    way = rng.choice([0, 1, 2, 3, 4, "random", "least", "least"])
    if way == "random":
        chosen = np.array([rng.randrange(5) for _ in range(height)])
    elif way == "least":
        chosen = abs(options.astype(np.int8).astype(np.int32)).sum(2).argmin(0)
    else:
        chosen = np.full(height, way)
    picked = options[chosen, np.arange(height)]
    return np.hstack([chosen.astype(np.uint8)[:, None], picked]).tobytes()


def deflated(rng: random.Random, raw: bytes) -> bytes:
    strategy = rng.choice([zlib.Z_DEFAULT_STRATEGY, zlib.Z_RLE, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_FIXED])
    packer = zlib.compressobj(
        rng.randrange(10), zlib.DEFLATED, rng.choice([9, 12, 15, 15, 15]), rng.randint(1, 9), strategy
    )
    out, at = b"", 0
    while at < len(raw):
        step = len(raw) if rng.random() < 0.7 else rng.randint(1, len(raw))
        out += packer.compress(raw[at : at + step])
        at += step
        if rng.random() < 0.3:
            out += packer.flush(rng.choice([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_BLOCK]))
    return out + packer.flush()


def assembled(rng: random.Random, head: bytes, extra: list[bytes], packed: bytes) -> bytes:
    size = (
        rng.choice([len(packed), len(packed), 8192, 100, 7, 1])
        if len(packed) < 4000
        else rng.choice([8192, 65536, 2**30])
    )
    size = max(1, size)
    idat = [chunk(b"IDAT", packed[at : at + size]) for at in range(0, len(packed), size)]
    if rng.random() < 0.05:
        idat.insert(rng.randrange(len(idat) + 1), chunk(b"IDAT"))
    return join(head, *extra, *idat, chunk(b"IEND"))


def sizes(rng: random.Random, small: bool) -> tuple[int, int]:
    most = 1500 if small else 40_000 if rng.random() < 0.97 else 1_500_000
    if most > 10**6:
        width = rng.choice([rng.randint(600, 5000), 1024, 2000])
    else:
        width = rng.choice(
            [rng.randint(1, 20), rng.randint(1, 90), rng.choice([31, 32, 33, 63, 64, 65, 85, 86, 255, 256, 257])]
        )
        if not small and rng.random() < 0.1:
            width = rng.randint(1000, 5000)
    return width, max(1, min(rng.choice([1, 2, 3, rng.randint(1, 300), 100]) if most < 10**6 else 5000, most // width))


def mask(seed: int, small: bool = False) -> tuple[bytes, str]:
    """A valid PNG, and what it is."""
    rng = random.Random(seed)
    width, height = sizes(rng, small)
    index, name = scene(rng, width, height)
    if not small and rng.random() < 0.35:
        return library(rng, index, name)
    kind, depth = rng.choice(KINDS if rng.random() < 0.85 else OTHER_KINDS)
    interlaced = rng.random() < 0.15
    extra: list[bytes] = []
    if kind == 3:
        entries = 2**depth if rng.random() < 0.7 else rng.randint(1, 2**depth)
        index = np.minimum(index, entries - 1).astype(np.uint8)
        colors = bytearray(rng.randbytes(3 * entries))
        if rng.random() < 0.2 and entries > 1:
            colors[3:6] = colors[:3]  # two entries, one colour
        extra.append(chunk(b"PLTE", bytes(colors)))
        if rng.random() < 0.3:
            extra.append(chunk(b"tRNS", rng.randbytes(rng.randint(0, entries))))
        samples = index[:, :, None]
    else:
        samples = colored(rng, index, CHANNELS[kind])
        if kind in (0, 2) and rng.random() < 0.3:
            key = [int(v) for v in samples[rng.randrange(height), rng.randrange(width)]]
            values = [v >> (8 - depth) if depth < 8 else v + (rng.choice([v, rng.randrange(256)]) << 8) for v in key]
            extra.append(chunk(b"tRNS", struct.pack(f">{len(values)}H", *values)))
    low_bytes = numbers_of(rng).integers(0, 256, samples.shape).astype(np.uint8) if rng.random() < 0.3 else samples
    raw = b""
    for row, row_step, column, column_step in PASSES if interlaced else [(0, 1, 0, 1)]:
        part, low = (a[row::row_step, column::column_step] for a in (samples, low_bytes))
        if part.size:
            rows = packed_rows(rng, part, low, depth, kind == 3)
            raw += filtered(rng, rows, max(1, CHANNELS[kind] * depth // 8))
    if rng.random() < 0.1:
        extra.append(chunk(b"tEXt", b"Comment\0mask"))
    head = ihdr(width, height, depth, kind, int(interlaced))
    return assembled(rng, head, extra, deflated(rng, raw)), f"{name} {kind}/{depth}" + "i" * interlaced


def packed_rows(rng: random.Random, samples: Bytes, low_bytes: Bytes, depth: int, indexed: bool) -> Bytes:
    """The bytes of rows of samples, shape (height, width, channels); `low_bytes` are the low ones of 16 bits."""
    height = len(samples)
    bits = samples.reshape(height, -1)
    if depth == 16:
        return np.stack([bits, low_bytes.reshape(height, -1)], axis=2).reshape(height, -1)
    if depth == 8:
        return bits
    low = bits if indexed else bits >> (8 - depth)
    wide = np.unpackbits(low[:, :, None], axis=2)[:, :, 8 - depth :].reshape(height, -1)
    spare = np.zeros((height, -wide.shape[1] % 8), np.uint8) + np.uint8(rng.randrange(2))
    return np.packbits(np.hstack([wide, spare]), axis=1)


def numbers_of(rng: random.Random) -> np.random.Generator:
    return np.random.default_rng(rng.getrandbits(32))


def library(rng: random.Random, index: Bytes, name: str) -> tuple[bytes, str]:
    channels = rng.choice([1, 3, 3, 3, 4])
    if rng.random() < 0.5:
        options = [cv2.IMWRITE_PNG_COMPRESSION, rng.randrange(10)]
        if rng.random() < 0.5:
            options += [cv2.IMWRITE_PNG_STRATEGY, rng.randrange(5)]
        ok, data = cv2.imencode(".png", colored(rng, index, channels), options if rng.random() < 0.7 else [])
        assert ok
        return data.tobytes(), f"{name} cv2/{channels}"
    how = rng.choice(["P", "1", "plain", "plain"])
    if how == "P":
        image = Image.fromarray(index).convert("P")
        image.putpalette(rng.randbytes(768))
    elif how == "1":
        image = Image.fromarray(index > 0)
    else:
        pixels = colored(rng, index, channels)
        image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    out = io.BytesIO()
    image.save(out, "png", compress_level=rng.randrange(10), optimize=rng.random() < 0.1)
    return out.getvalue(), f"{name} pillow/{how}"


# ---- Damage.
def parts(data: bytes) -> tuple[list[bytes], bytes]:
    """The chunks before IDAT, and the joined IDATs, of a PNG that we wrote."""
    before, packed, at = [], b"", 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        if kind == b"IDAT":
            packed += body
        elif kind != b"IEND":
            before.append(data[at : at + 12 + size])
        at += 12 + size
    return before, packed


def bits_of(rng: random.Random, total: int, stride: int) -> bytes:
    """A deflate stream of `total` bytes in tokens no encoder would choose; filter bytes stay below 5."""
    out, raw, held, count = bytearray(), bytearray(), 0, 0

    def put(value: int, n: int, reverse: bool = False) -> None:
        nonlocal held, count
        if reverse:
            value = int(f"{value:0{n}b}"[::-1], 2)
        held |= value << count
        count += n
        while count >= 8:
            out.append(held & 255)
            held >>= 8
            count -= 8

    def symbol(s: int) -> None:
        if s < 144:
            put(0x30 + s, 8, True)
        elif s < 256:
            put(0x190 + s - 144, 9, True)
        elif s < 280:
            put(s - 256, 7, True)
        else:
            put(0xC0 + s - 280, 8, True)

    put(1, 1)
    put(1, 2)
    zeros = rng.choice([0.5, 0.9, 0.99])
    while len(raw) < total:
        distance = min(len(raw), rng.choice([1, 1, 2, 3, 4, 7, 8, 31, 32, 33, stride, stride, rng.randint(1, 32768)]))
        length = min(total - len(raw), rng.choice([258, 258, 258, 3, 4, 11, 257, rng.randint(3, 258)]))
        fits = False
        if distance and length >= 3 and rng.random() < 0.6:
            piece = bytes(raw[-distance:]) * (length // distance + 1)
            fits = all(piece[k] <= 4 for k in range(-len(raw) % stride, length, stride))
        if not fits:
            value = 0 if rng.random() < zeros else rng.randrange(256)
            symbol(value := value % 5 if len(raw) % stride == 0 else value)
            raw.append(value)
            continue
        base = max(k for k, v in enumerate(LENGTHS) if v <= length) if length < 258 else 28
        symbol(257 + base)
        put(length - LENGTHS[base], LENGTH_BITS[base])
        base = max(k for k, v in enumerate(DISTANCES) if v <= distance)
        put(base, 5, True)
        put(distance - DISTANCES[base], DISTANCE_BITS[base])
        raw += piece[:length]
        while length == 258 and rng.random() < 0.7 and total - len(raw) >= 258:  # the same token again
            piece = bytes(raw[-distance:]) * (length // distance + 1)
            if any(piece[k] > 4 for k in range(-len(raw) % stride, length, stride)):
                break
            symbol(285)
            put(base, 5, True)
            put(distance - DISTANCES[base], DISTANCE_BITS[base])
            raw += piece[:length]
    symbol(256)
    put(0, 7)
    return b"\x78\x9c" + bytes(out) + zlib.adler32(bytes(raw)).to_bytes(4, "big")


LENGTH_BITS = [0] * 8 + [k // 4 for k in range(4, 24)] + [0]
LENGTHS = [3 + sum(1 << b for b in LENGTH_BITS[:k]) for k in range(28)] + [258]
DISTANCE_BITS = [0, 0] + [k // 2 for k in range(28)]
DISTANCES = [1 + sum(1 << b for b in DISTANCE_BITS[:k]) for k in range(30)]


def broken(seed: int) -> tuple[bytes, str]:
    rng = random.Random(seed)
    data, _ = mask(rng.getrandbits(40), small=True)
    before, packed = parts(data)
    how = rng.choice(
        ["flip", "flip", "flip-adler", "flip-adler", "flip-adler", "raw", "raw", "cut", "splice", "tokens", "file"]
    )
    header = before[0][8:21]
    if how == "file":
        bad = bytearray(data)
        for _ in range(rng.randint(1, 3)):
            bad[rng.randrange(len(bad))] = rng.randrange(256)
        return repair(bytes(bad)), how
    if how.startswith("flip"):
        bad = bytearray(packed)
        for _ in range(rng.choice([1, 1, 2, 5])):
            bad[rng.randrange(min(len(bad), rng.choice([20, 10**9])))] ^= 1 << rng.randrange(8)
        packed = bytes(bad)
        if how == "flip-adler":
            packed = with_adler(packed)
    elif how == "raw":
        raw = bytearray(zlib.decompress(packed))
        for _ in range(rng.randint(1, 4)):
            raw[rng.randrange(len(raw))] = rng.choice([0, 1, 2, 3, 4, 5, 255, rng.randrange(256)])
        packed = deflated(rng, bytes(raw) + bytes(rng.choice([0, 0, 0, 1, 300])))
    elif how == "cut":
        at = rng.randrange(len(packed))
        packed = packed[:at] + packed[at + rng.choice([1, 4, 10**9]) :] + rng.randbytes(rng.choice([0, 0, 1, 5]))
    elif how == "splice":
        other = parts(mask(rng.getrandbits(40), small=True)[0])[1]
        packed = with_adler(packed[: rng.randrange(len(packed))] + other[rng.randrange(len(other)) :])
    else:
        width, height = rng.randint(1, 200), rng.randint(1, 200)
        before = [ihdr(width, height, 8, rng.choice([0, 2, 6]))]
        header = before[0][8:21]
        row = 1 + width * CHANNELS[header[9]]
        packed = bits_of(rng, row * min(height, max(1, 40_000 // row)), row)
        before = [ihdr(width, min(height, max(1, 40_000 // row)), 8, header[9])]
    return assembled(rng, before[0], before[1:], packed), how


def with_adler(packed: bytes) -> bytes:
    """The same stream with the checksum its bytes have, if it can be inflated."""
    unzip = zlib.decompressobj(-15)
    try:
        raw = unzip.decompress(packed[2:], 2**20)
    except zlib.error:
        return packed
    return (
        packed[: len(packed) - len(unzip.unused_data)] + zlib.adler32(raw).to_bytes(4, "big") if unzip.eof else packed
    )


# ---- Judging.
def slow(data: bytes) -> ColorCounts | None:
    try:
        parsed = png.parse_png(data)
        header = parsed.header
        return count_bands(header.height, header.width, (band for _, band in png.read_bands(parsed)))
    except MaskError:
        return None


def eligible(data: bytes, keep: int) -> bool:
    """Must the engine have an answer of its own? As runs it does not keep everything that it counts."""
    try:
        header = png.parse_png(data).header
    except MaskError:
        return False
    if header.row_bytes(header.width) > 4 * 65535:
        return False
    return not keep or not (header.interlaced or header.depth == 16 or header.color_type == 4)


def in_a_batch(kernel: ModuleType, space: Any, data: bytes, found: Any) -> None:
    """The other two ways to ask have the same answer as `found`."""
    status = 0 if isinstance(found, tuple) else found
    left, heads, columns = [data, data[:-1], data], b"", [b"", b"", b""]
    while left:  # many colours end a batch early
        done, *parts = space.count(left, LIMITS, random.getrandbits(64), 2**20)
        ends_here = 1 <= done <= len(left) and (done == len(left) or len(parts[1]) >= 4 * 4096)
        assert ends_here, "a batch that ended early"
        heads += parts[0]
        columns = [before + more for before, more in zip(columns, parts[1:], strict=True)]
        left = left[done:]
    first, cut, last = np.frombuffer(heads, np.int64).reshape(3, 4).tolist()
    assert first == last == [status, *((*found[:2], len(found[2]) // 4) if status == 0 else (0, 0, 0))], "batch: sizes"
    assert status != 0 or cut == [kernel.REFERRED, 0, 0, 0], "batch: a file that was cut"
    assert status != 0 or tuple(columns) == tuple(part * 2 for part in found[2:5]), "batch: colours"
    colors = space.colors(data, LIMITS, random.getrandbits(64), 2**20)
    if status != 0:
        assert colors == status, "colors: status"
        return
    want: Counter[int] = Counter()
    for color, count in zip(np.frombuffer(found[2], np.uint32), np.frombuffer(found[3], np.int64), strict=True):
        want[int(color) >> 8] += int(count)
    assert list(colors.items()) == list(want.items()), "colors: counts"


def judge(data: bytes, deep: bool) -> str:
    """'same', 'refused' or 'left', or raises AssertionError."""
    want = slow(data)
    verdict = "left"
    pixels = png.decode_png(data) if deep and want is not None else None
    for kernel, space in zip(KERNELS, SPACES, strict=True):
        for keep in (0, 2**24) if deep else (0,):
            found = space.read(data, LIMITS, random.getrandbits(64), 2**20, keep)
            if deep and not keep:
                in_a_batch(kernel, space, data, found)
            if found == kernel.REFERRED:
                assert want is None or not eligible(data, keep), "left to the slow road, which reads it"
                continue
            if not isinstance(found, tuple):
                assert found == kernel.DAMAGED, f"status {found}"
                assert want is None, "refused, the slow road reads it"
                verdict = "refused"
                continue
            assert eligible(data, keep), "read what is left to the slow road"
            assert want is not None, "read, the slow road refuses it"
            verdict = "same"
            assert found[:2] == (want.height, want.width)
            for got, expected in zip(found[2:5], want[2:], strict=True):
                assert got == expected.tobytes(), f"{np.frombuffer(got, expected.dtype)[:9]} != {expected[:9]}"
            if keep and pixels is not None and len(want.colors) < 256:
                out = np.empty((want.height, want.width), np.uint8)
                ends, numbers, starts, rows = (
                    np.frombuffer(part, kind)
                    for part, kind in zip(found[5:], (np.int32, np.int32, np.int64, np.int32), strict=True)
                )
                places = np.arange(256, dtype=np.uint8)
                assert kernel.paint(ends, numbers, starts, rows, places, out) == 0, "runs do not cover"
                packed = pixels.reshape(-1, 4).copy().view(">u4").reshape(out.shape)
                assert np.array_equal(want.colors[out], packed), "painted runs"
    if want is not None and want.height * want.width <= 400:
        truth = oracle.decode(data)[2]
        counts = Counter(r << 24 | g << 16 | b << 8 | a for r, g, b, a in truth)
        assert dict(zip(want.colors.tolist(), want.counts.tolist(), strict=True)) == counts, "oracle"
    return verdict


def run(job: str, count: int, start: int) -> int:
    seen: Counter[str] = Counter()
    for seed in range(start, start + count):
        data, what = mask(seed) if job == "generate" else broken(seed)
        try:
            verdict = judge(data, deep=seed % 4 == 0)
        except AssertionError as error:
            with open(f"fuzz-{seed}.png", "wb") as file:
                file.write(data)
            print(f"seed {seed}, {what}: {error}", file=sys.stderr)
            return 1
        seen[verdict] += 1
        seen[f"{what.split(' ')[-1]} {verdict}"] += 1
        if (seed - start + 1) % 5000 == 0:
            print(f"{seed - start + 1:,} {job}: {seen['same']:,} same, {seen['refused']:,} refused", flush=True)
    print(f"{count:,} {job} from seed {start}: " + ", ".join(f"{name} {n:,}" for name, n in sorted(seen.items())))
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", choices=("generate", "mutate"))
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.exit(run(given.job, given.count, given.seed))
