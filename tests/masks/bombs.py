"""Small files that ask for much: refused or answered, in little memory and time. `python -m tests.masks.bombs`."""

from __future__ import annotations

import random
import resource
import sys
import time
import zlib
from collections.abc import Callable

from lvtools.errors import MaskError
from lvtools.masks import mask_areas, mask_areas_many, mask_colors
from tests.masks.strategies import chunk, ihdr, png

ROOM = 64 * 2**20  # bytes that a file may take besides itself
SECONDS = (
    0.5  # what docs/benchmarks.md states; the test allows CPU_SECONDS, since a clock is no judge on a busy machine
)
CPU_SECONDS = 10
END = chunk(b"IEND")
GIGABYTE = 2**30


def zeros(size: int) -> bytes:
    """A zlib stream of `size` zero bytes, a multiple of 1 MiB, made of one block again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    adler = 1 | (size % 65521) << 16  # of zeros: the first sum stays 1, the second counts them
    return b"\x78\x9c" + block * (size // 2**20) + b"\3\0" + adler.to_bytes(4, "big")


def of_size(size: int) -> bytes:
    """A zlib stream of exactly `size` zero bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(size % 2**20)) + packer.flush()
    return b"\x78\x9c" + block * (size // 2**20) + rest + (1 | (size % 65521) << 16).to_bytes(4, "big")


def picture(width: int, height: int, kind: int, *chunks: bytes, depth: int = 8, interlace: int = 0) -> bytes:
    return png(ihdr(width, height, depth, kind, interlace), *chunks, END)


def raw_chunk(length: int, kind: bytes) -> bytes:
    return length.to_bytes(4, "big") + kind + bytes(100)


def empty_coded_blocks(size: int) -> bytes:
    """Deflate blocks that describe codes for all symbols and use none of them, for `size` bytes."""
    bits = ""

    def put(value: int, width: int) -> None:
        nonlocal bits
        bits += f"{value:0{width}b}"[::-1]

    code = {16: "0", 8: "10", 9: "110", 4: "1110", 5: "1111"}  # of the lengths
    put(0b100, 3)  # not the last block; dynamic codes
    put(286 - 257, 5)
    put(30 - 1, 5)
    put(19 - 4, 4)
    for symbol in (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15):
        put(len(code.get(symbol, "")), 3)
    for length, times in ((8, 226), (9, 60), (4, 2), (5, 28)):
        bits += code[length]
        for left in range(times - 1, 0, -6):
            if left >= 6:
                bits += code[16]
                put(3, 2)
            else:
                bits += code[length] * left
    bits += f"{226 * 2 + 256 - 226:09b}"  # the end of the block
    packed = int((bits * 8)[::-1], 2).to_bytes(len(bits), "little")
    return b"\x78\x9c" + packed * (size // len(packed))


def stored_byte_by_byte() -> bytes:
    """64,527 IDATs of one byte each."""
    raw = b"".join(b"\0" + random.Random(k).randbytes(253) for k in range(254))
    return picture(253, 254, 0, *(chunk(b"IDAT", bytes([byte])) for byte in zlib.compress(raw, 0)))


def same_slot() -> bytes:
    """2**16 colours whose products with the usual multipliers have the same high bits."""
    inverse = pow(0x9E3779B1, -1, 2**32)
    keys = b"".join((k * inverse % 2**32).to_bytes(4, "little") for k in range(2**16))
    raw = b"".join(b"\0" + keys[at : at + 1024] for at in range(0, len(keys), 1024))
    return picture(256, 256, 6, chunk(b"IDAT", zlib.compress(raw, 1)))


def interlaced(side: int, kind: int, depth: int) -> bytes:
    bits = depth * {0: 1, 2: 3, 6: 4}[kind]
    size = 0
    for row, row_step, col, col_step in (
        (0, 8, 0, 8),
        (0, 8, 4, 8),
        (4, 8, 0, 4),
        (0, 4, 2, 4),
        (2, 4, 0, 2),
        (0, 2, 1, 2),
        (1, 2, 0, 1),
    ):
        rows, columns = -(-(side - row) // row_step), -(-(side - col) // col_step)
        size += rows * (1 + (columns * bits + 7) // 8)
    return picture(side, side, kind, chunk(b"IDAT", of_size(size)), depth=depth, interlace=1)


SMALL = zlib.compress(b"\0\0\0\0")
# Name: (file, what is said; None: an answer).
BOMBS: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "a header of 100,000 x 100,000": (lambda: picture(100_000, 100_000, 2, chunk(b"IDAT", SMALL)), "at most 65,535"),
    "a header of 65,535 x 65,535": (lambda: picture(65_535, 65_535, 6, chunk(b"IDAT", SMALL)), "in all are read"),
    "a header of 16,384 x 16,384 over 12 bytes": (
        lambda: picture(16_384, 16_384, 6, chunk(b"IDAT", SMALL)),
        "cannot hold 16384 x 16384 pixels",
    ),
    "a chunk length of 2 GB": (lambda: picture(1, 1, 2, raw_chunk(2**31 - 1, b"IDAT")), "states 2,147,483,647 bytes"),
    "a chunk length of 4 GB": (lambda: picture(1, 1, 2, raw_chunk(2**32 - 1, b"tEXt")), "at most 2,147,483,647"),
    "zTXt of 1 GB": (
        lambda: picture(1, 1, 2, chunk(b"zTXt", b"k\0\0" + zeros(GIGABYTE)), chunk(b"IDAT", SMALL)),
        None,
    ),
    "iCCP of 1 GB": (
        lambda: picture(1, 1, 2, chunk(b"iCCP", b"k\0\0" + zeros(GIGABYTE)), chunk(b"IDAT", SMALL)),
        None,
    ),
    "IDAT of 1 GB for 100 x 100 pixels": (
        lambda: picture(100, 100, 2, chunk(b"IDAT", zeros(GIGABYTE))),
        "goes on after the 30,100 bytes",
    ),
    "16,384 x 16,384 pixels in 800 kB": (
        lambda: picture(16_384, 16_384, 2, chunk(b"IDAT", of_size(16_384 * (1 + 3 * 16_384)))),
        None,
    ),
    "64,527 IDATs of one byte": (stored_byte_by_byte, None),
    "100,000 empty IDATs": (
        lambda: picture(1, 1, 2, *[chunk(b"IDAT")] * 100_000, chunk(b"IDAT", SMALL)),
        "more than 65,536 chunks",
    ),
    "2 million empty blocks": (
        lambda: picture(1, 1, 2, chunk(b"IDAT", b"\x78\x9c" + b"\0\0\0\xff\xff" * 2_000_000)),
        "ends after 0 of 4 bytes",
    ),
    "a megabyte of code tables": (
        lambda: picture(1, 1, 2, chunk(b"IDAT", empty_coded_blocks(2**20))),
        "ends after 0 of 4 bytes",
    ),
    "65,536 colours meant for one slot": (same_slot, None),
    "interlaced, 8,192 x 8,192": (lambda: interlaced(8192, 2, 8), None),
}


def status(field: str) -> int:
    """A size from /proc/self/status, in bytes."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field + ":"))


def detonate(name: str) -> tuple[str, int, float, int]:
    """(what was said, bytes of the file, processor seconds, bytes of memory); more than `ROOM` is a MemoryError."""
    make, expected = BOMBS[name]
    data = make()
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak counts from here
    before, (soft, hard) = status("VmRSS"), resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (status("VmSize") + ROOM, hard))
    start = time.process_time()
    try:
        table = mask_areas(data)
        said = f"{sum(table['area_px'].to_pylist()):,} pixels"
        assert expected is None, f"{name}: answered, {said}"
    except MaskError as error:
        said = error.message
        assert expected is not None, f"{name}: {said}"
        assert expected in said, f"{name}: {said}"
    finally:
        taken = time.process_time() - start
        peak = status("VmHWM") - before
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert peak <= ROOM, f"{name}: {peak:,} bytes"
    if expected is None:
        assert sum(mask_colors(data).values()) == sum(table["area_px"].to_pylist())
    else:
        many = mask_areas_many([data], threads=1)
        assert many["error"].to_pylist() == [said]
    return said, len(data), taken, peak


def main() -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS * len(BOMBS), resource.RLIM_INFINITY))
    mask_areas(picture(9, 9, 2, chunk(b"IDAT", of_size(9 * 28))))  # libraries are loaded, workspaces made
    print("| file | bytes | processor s | MB | said |\n|---|---:|---:|---:|---|")
    for name in BOMBS:
        said, size, taken, peak = detonate(name)
        print(f"| {name} | {size:,} | {taken:.3f} | {peak / 2**20:.1f} | {said} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
