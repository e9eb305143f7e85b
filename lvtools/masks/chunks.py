"""The chunks of a PNG, walked and judged before any memory is taken: order, limits, CRC-32. Knows no pixels.

Choices where decoders differ:

- A wrong CRC is refused in ancillary chunks too: tRNS is one, and a file damaged anywhere cannot vouch for a count.
- What follows IEND is not looked at.
- gAMA, iCCP, sBIT and the like are checked for their CRC but change no pixel, and compressed text is never inflated:
  class colours are numbers to compare, not light. Of an animated PNG the default image is read.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lvtools.errors import ArgumentError, MaskError

Pixels: TypeAlias = NDArray[np.uint8]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_SIDE = 65_535  # JPEG's own limit: no photo that a mask could belong to is larger
MAX_PIXELS = 2**28  # 16384 x 16384, 16 times the service's 4096 x 4096; `decode_png` then returns 1 GiB
MAX_CHUNKS = 65_536  # libpng writes IDATs of 8 kB, so this is a 512 MB file; more are empty chunks meant to cost time
MAX_CHUNK_BYTES = 2**31 - 1  # PNG 5.3; nothing is allocated by this number, it only has to fit into the file
MAX_INFLATION = 1032  # deflate's best: 258 bytes out of a length and a distance code of one bit each

_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # PNG table 11.1
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = (
    (0, 8, 0, 8),
    (0, 8, 4, 8),
    (4, 8, 0, 4),
    (0, 4, 2, 4),
    (2, 4, 0, 2),
    (0, 2, 1, 2),
    (1, 2, 0, 1),
)  # row, col + steps
GREY, RGB, INDEXED, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


class Header(NamedTuple):
    """What IHDR says."""

    width: int
    height: int
    depth: int
    color_type: int
    interlaced: bool

    @property
    def pixel_bits(self) -> int:
        return self.depth * CHANNELS[self.color_type]

    def row_bytes(self, columns: int) -> int:
        return (columns * self.pixel_bits + 7) // 8

    def passes(self) -> Iterator[tuple[int, int, int, int, int, int]]:
        """(rows, columns, row, row step, column, column step) of each pass that has pixels."""
        for row, row_step, col, col_step in _ADAM7 if self.interlaced else ((0, 1, 0, 1),):
            rows, columns = -(-(self.height - row) // row_step), -(-(self.width - col) // col_step)
            if rows > 0 and columns > 0:
                yield rows, columns, row, row_step, col, col_step

    def raw_bytes(self) -> int:
        """The size of the inflated stream: filter bytes and rows of all passes."""
        return sum(rows * (1 + self.row_bytes(columns)) for rows, columns, *_ in self.passes())


@dataclass(frozen=True)
class Png:
    """A PNG whose chunks have been walked and found in order; its pixels are not decoded yet.

    Attributes
    ----------
    table : ndarray of uint8, shape (256, 4)
        RGBA of each palette index or grey level; the first `entries` are valid. Unused for the other colour types.
    transparent : ndarray of uint16, shape (0,), (1,) or (3,)
        The sample that tRNS makes transparent, where `table` does not hold it.
    idat : tuple of (int, memoryview)
        Byte offset in the file, and data, of each IDAT.
    """

    header: Header
    table: Pixels
    entries: int
    transparent: NDArray[np.uint16]
    idat: tuple[tuple[int, memoryview], ...]


def parse_png(data: bytes | bytearray | memoryview) -> Png:
    """Walk the chunks of a PNG and check everything but the pixels.

    Raises
    ------
    MaskError
        As in `decode_png`.
    """
    try:
        view = memoryview(data).cast("B")
    except TypeError:
        raise ArgumentError(f"a {type(data).__name__} holds no PNG bytes", hint="give bytes or a path") from None
    if bytes(view[:8]) != SIGNATURE:
        raise MaskError(_not_a_png(bytes(view[:8])), hint="masks are PNG; renaming another format does not help")
    header: Header | None = None
    plte: memoryview | None = None
    trns: memoryview | None = None
    idat: list[tuple[int, memoryview]] = []
    previous, ended = b"", False
    for offset, kind, body in _chunks(view):
        name = f"{kind.decode('ascii')} at byte {offset}"
        if header is None:
            if kind != b"IHDR":
                raise MaskError(f"the first chunk is {name}, not IHDR")
            header = _read_header(body, offset)
        elif kind == b"IDAT":
            if idat and previous != b"IDAT":
                raise MaskError(f"{name} is separated from the IDAT before it")
            if header.color_type == INDEXED and plte is None:
                raise MaskError(f"{name} needs a palette, but no PLTE comes before it")
            idat.append((offset, body))
        elif kind in (b"IHDR", b"PLTE", b"tRNS"):
            if kind == b"IHDR" or (kind == b"PLTE" and plte is not None) or (kind == b"tRNS" and trns is not None):
                raise MaskError(f"{name} is the second one")
            if idat:
                raise MaskError(f"{name} comes after IDAT")
            if kind == b"PLTE":
                if trns is not None:
                    raise MaskError(f"{name} comes after tRNS")
                plte = _check_palette(header, body, name)
            else:
                trns = _check_transparency(header, plte, body, name)
        elif kind == b"IEND":
            if len(body):
                raise MaskError(f"{name} has {len(body):,} bytes; it has none")
            ended = True
        elif not kind[0] & 0x20:
            raise MaskError(f"{name} is a critical chunk that PNG does not know")
        previous = kind
    if not ended:
        raise MaskError(f"the file ends after {len(view):,} bytes without IEND", hint="the file was cut")
    if header is None or not idat:
        raise MaskError("the file has no IDAT: it holds no pixels")
    held = sum(len(body) for _, body in idat)
    if header.raw_bytes() > held * MAX_INFLATION:
        raise MaskError(
            f"{held:,} bytes of IDAT (at byte {idat[0][0]}) cannot hold {header.width} x {header.height} pixels"
        )
    table, entries = _color_table(header, plte, trns)
    samples = trns if trns is not None and header.color_type in (GREY, RGB) else b""
    mask = (1 << header.depth) - 1  # PNG 11.3.1.1: bits above the depth are not looked at
    transparent = np.frombuffer(bytes(samples), ">u2").astype(np.uint16) & np.uint16(mask)
    return Png(header, table, entries, transparent, tuple(idat))


def _chunks(view: memoryview) -> Iterator[tuple[int, bytes, memoryview]]:
    """(byte offset, type, data) up to IEND, each with its length, type and CRC checked."""
    at, seen = len(SIGNATURE), 0
    while at < len(view):
        if seen == MAX_CHUNKS:
            raise MaskError(f"more than {MAX_CHUNKS:,} chunks (up to byte {at})")
        if len(view) - at < 12:
            raise MaskError(f"the file ends inside the chunk at byte {at}", hint="the file was cut")
        length, kind = int.from_bytes(view[at : at + 4], "big"), bytes(view[at + 4 : at + 8])
        if not (kind.isascii() and kind.isalpha()):
            raise MaskError(f"the chunk at byte {at} has the type {kind!r}; four letters are allowed")
        name = f"{kind.decode('ascii')} at byte {at}"
        if length > MAX_CHUNK_BYTES:
            raise MaskError(f"{name} states {length:,} bytes; at most {MAX_CHUNK_BYTES:,} are allowed")
        if length > len(view) - at - 12:
            raise MaskError(
                f"{name} states {length:,} bytes, the file has {len(view) - at - 12:,} more", hint="the file was cut"
            )
        body = view[at + 8 : at + 8 + length]
        stated = int.from_bytes(view[at + 8 + length : at + 12 + length], "big")
        if zlib.crc32(view[at + 4 : at + 8 + length]) != stated:
            raise MaskError(f"{name} is damaged: its CRC-32 does not match")
        yield at, kind, body
        if kind == b"IEND":
            return
        at, seen = at + 12 + length, seen + 1


def _read_header(body: memoryview, offset: int) -> Header:
    name = f"IHDR at byte {offset}"
    if len(body) != 13:
        raise MaskError(f"{name} has {len(body):,} bytes, not 13")
    width, height = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
    depth, color_type, compression, filtering, interlace = body[8:]
    if not width or not height:
        raise MaskError(f"{name}: a picture of {width} x {height} pixels has none")
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise MaskError(
            f"{name}: {width} x {height} pixels; at most {MAX_SIDE:,} a side and {MAX_PIXELS:,} in all are read"
        )
    if color_type not in _DEPTHS:
        raise MaskError(f"{name}: colour type {color_type} does not exist")
    if depth not in _DEPTHS[color_type]:
        allowed = ", ".join(map(str, _DEPTHS[color_type]))
        raise MaskError(f"{name}: bit depth {depth} does not go with colour type {color_type} (allowed: {allowed})")
    if compression or filtering or interlace > 1:
        raise MaskError(
            f"{name}: compression {compression}, filter {filtering}, interlace {interlace}; PNG has 0, 0 and 0 or 1"
        )
    return Header(width, height, depth, color_type, interlace == 1)


def _check_palette(header: Header, body: memoryview, name: str) -> memoryview:
    if header.color_type in (GREY, GREY_ALPHA):
        raise MaskError(f"{name} in a grey picture")
    most = 1 << header.depth if header.color_type == INDEXED else 256
    if len(body) % 3 or not 3 <= len(body) <= 3 * most:
        raise MaskError(f"{name} has {len(body):,} bytes; 1 to {most} colours of 3 bytes are allowed")
    return body


def _check_transparency(header: Header, plte: memoryview | None, body: memoryview, name: str) -> memoryview:
    if header.color_type in (GREY_ALPHA, RGBA):
        raise MaskError(f"{name} in a picture that has an alpha channel")
    if header.color_type == INDEXED:
        if plte is None:
            raise MaskError(f"{name} comes before PLTE")
        if len(body) > len(plte) // 3:
            raise MaskError(f"{name} has {len(body)} entries, the palette {len(plte) // 3}")
    elif len(body) != 2 * CHANNELS[header.color_type]:
        raise MaskError(f"{name} has {len(body):,} bytes, not {2 * CHANNELS[header.color_type]}")
    return body


def _color_table(header: Header, plte: memoryview | None, trns: memoryview | None) -> tuple[Pixels, int]:
    """RGBA of every palette index or grey level, and how many there are."""
    table = np.zeros((256, 4), np.uint8)
    if header.color_type == INDEXED and plte is not None:
        entries = len(plte) // 3
        table[:entries, :3] = np.frombuffer(plte, np.uint8).reshape(-1, 3)
        table[:entries, 3] = 255
        if trns is not None:
            table[: len(trns), 3] = np.frombuffer(trns, np.uint8)
    elif header.color_type == GREY and header.depth <= 8:
        entries = 1 << header.depth
        table[:entries, :3] = (np.arange(entries) * (255 // (entries - 1)))[:, None]
        table[:entries, 3] = 255
        if trns is not None:
            table[int.from_bytes(trns, "big") % entries, 3] = 0
    else:
        entries = 0
    return table, entries


def _not_a_png(start: bytes) -> str:
    if not start:
        return "there are no bytes"
    if start in (b"\x89PNG\r\r\x1a\r", b"\x89PNG\n\n\x1a\n", b"\x89PNG\n\x1a\n\0", b"\x89PNG\r\x1a\r\0"):
        return "the PNG signature was changed by a transfer that converts line ends (at byte 0)"
    for magic, name in (
        (b"\xff\xd8\xff", "JPEG"),
        (b"BM", "BMP"),
        (b"GIF8", "GIF"),
        (b"RIFF", "WebP"),
        (b"II*", "TIFF"),
    ):
        if start.startswith(magic):
            return f"this is a {name} file, not PNG"
    return "this is not a PNG: its signature is missing (at byte 0)"
