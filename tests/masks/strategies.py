"""PNGs of every kind, written by the specification, for Hypothesis; and the tools to break them on purpose."""

from __future__ import annotations

import struct
import zlib

from hypothesis import strategies as st

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KINDS = [
    (0, 1),
    (0, 2),
    (0, 4),
    (0, 8),
    (0, 16),
    (2, 8),
    (2, 16),
    (3, 1),
    (3, 2),
    (3, 4),
    (3, 8),
    (4, 8),
    (4, 16),
    (6, 8),
    (6, 16),
]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def chunk(kind: bytes, body: bytes = b"", *, crc: int | None = None, length: int | None = None) -> bytes:
    """A chunk, honest unless told otherwise."""
    check = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body) if length is None else length) + kind + body + struct.pack(">I", check)


def ihdr(width: int, height: int, depth: int = 8, kind: int = 2, interlace: int = 0, *methods: int) -> bytes:
    compression, filtering = methods or (0, 0)
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, compression, filtering, interlace))


def png(*chunks: bytes) -> bytes:
    return SIGNATURE + b"".join(chunks)


def simple(width: int, height: int, kind: int, rows: bytes, *before: bytes, depth: int = 8) -> bytes:
    """A PNG from unfiltered rows without filter bytes, one IDAT."""
    size = (width * CHANNELS[kind] * depth + 7) // 8
    raw = b"".join(b"\0" + rows[k * size : (k + 1) * size] for k in range(height))
    return png(ihdr(width, height, depth, kind), *before, chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND"))


def rgba_png(pixels: list[list[tuple[int, int, int, int]]]) -> bytes:
    return simple(len(pixels[0]), len(pixels), 6, b"".join(bytes(value) for row in pixels for value in row))


def row_sizes(width: int, height: int, depth: int, kind: int, interlace: int) -> list[int]:
    """The bytes of every row of the stream, without filter bytes."""
    sizes = []
    for row, col, down, right in ADAM7 if interlace else [(0, 0, 1, 1)]:
        rows, columns = len(range(row, height, down)), len(range(col, width, right))
        if columns:
            sizes += [(columns * CHANNELS[kind] * depth + 7) // 8] * rows
    return sizes


SIZES = st.one_of(st.integers(1, 17), st.sampled_from([31, 32, 33, 63, 64, 65, 70]))


@st.composite
def pngs(draw: st.DrawFn, largest: int = 70) -> bytes:
    """A valid PNG: any type, depth, filters, interlace, palette, tRNS, IDAT cuts, zlib level; flat or noisy."""
    kind, depth = draw(st.sampled_from(KINDS))
    width, height = min(largest, draw(SIZES)), min(largest, draw(SIZES))
    interlace = draw(st.sampled_from([0, 0, 1]))
    before = [chunk(b"gAMA", b"\0\0\xb1\x8f")] if draw(st.booleans()) else []
    entries = 256
    if kind == 3:
        entries = draw(st.integers(1, 2**depth)) if draw(st.booleans()) else 2**depth
        before.append(chunk(b"PLTE", draw(st.randoms(use_true_random=False)).randbytes(3 * entries)))
    if kind in (0, 2, 3) and draw(st.booleans()):
        if kind == 3:
            body = bytes(draw(st.lists(st.sampled_from([0, 1, 127, 128, 254, 255]), max_size=entries)))
        else:
            body = bytes(
                draw(st.lists(st.sampled_from([0, 1, 255]), min_size=2 * CHANNELS[kind], max_size=2 * CHANNELS[kind]))
            )
        before.append(chunk(b"tRNS", body))
    random = draw(st.randoms(use_true_random=False))
    noisy = draw(st.booleans())
    filters = draw(st.sampled_from([[0], [1], [2], [3], [4], [0, 1, 2, 3, 4]]))
    raw = bytearray()
    for size in row_sizes(width, height, depth, kind, interlace):
        method = random.choice(filters)
        if kind == 3:  # an index must stay inside the palette, so it is only written unfiltered or all zero
            method = 0 if entries < 2**depth else method
            values = [random.randrange(entries) for _ in range(size * 8 // depth)]
            body = bytes(
                sum(values[k * (8 // depth) + j] << (8 - depth * (j + 1)) for j in range(8 // depth))
                for k in range(size)
            )
        else:
            body = random.randbytes(size) if noisy else bytes(random.choice((0, 0, 0, 1, 255)) for _ in range(size))
        raw.append(method)
        raw += body
    packed = zlib.compress(bytes(raw), draw(st.sampled_from([0, 1, 6, 9])))
    cuts = sorted(draw(st.lists(st.integers(0, len(packed)), max_size=3)))
    idat = [chunk(b"IDAT", packed[a:b]) for a, b in zip([0, *cuts], [*cuts, len(packed)], strict=True)]
    return png(ihdr(width, height, depth, kind, interlace), *before, *idat, chunk(b"IEND"))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A PNG with a few bytes changed, cut or doubled, often with the checksums made right again."""
    data = bytearray(draw(pngs(largest=12)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data) - 1))
        how = draw(st.sampled_from(["set", "cut", "insert", "flip"]))
        if how == "set":
            data[at] = draw(st.integers(0, 255))
        elif how == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "cut":
            del data[at : at + draw(st.integers(1, 4))]
            data = data or bytearray(1)
        else:
            data[at:at] = draw(st.binary(min_size=1, max_size=4))
    return repair(bytes(data)) if draw(st.integers(0, 3)) else bytes(data)


def repair(data: bytes) -> bytes:
    """The same bytes with the CRC of every chunk that can still be found made right, so that damage goes deeper."""
    out, at = bytearray(data), 8
    while at + 12 <= len(out):
        size = int.from_bytes(out[at : at + 4], "big")
        if at + 12 + size > len(out):
            break
        out[at + 8 + size : at + 12 + size] = struct.pack(">I", zlib.crc32(out[at + 4 : at + 8 + size]))
        at += 12 + size
    return bytes(out)


COLORS = [(0, 0, 0), (255, 255, 255), (35, 164, 54), (44, 160, 44), (255, 0, 0)]


@st.composite
def masks(draw: st.DrawFn) -> list[list[tuple[int, int, int, int]]]:
    """Rows of RGBA pixels in few colours, with every alpha that a rule looks at."""
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    palette = draw(st.lists(st.sampled_from(COLORS), min_size=1, max_size=5))
    alphas = draw(st.lists(st.sampled_from([0, 1, 127, 128, 254, 255]), min_size=1, max_size=6))
    random = draw(st.randoms(use_true_random=False))
    return [[(*random.choice(palette), random.choice(alphas)) for _ in range(width)] for _ in range(height)]


MAPS: list[dict[str, int]] = [
    {"crack": 0x23A436},
    {"BACKGROUND": 0xFFFFFF, "crack": 0x23A436, "dent": 0x2CA02C},
    {"dent": 0x2CA02C, "Background": 0x000000, "crack": 0x23A436},
    {"paint": 0xFFFFFF, "crack": 0x23A436},
    {"background": 0x23A436},
    {},
]
