"""Masks to PNG: run lists to rows of palette indexes or RGB, to the smallest of what deflate makes of them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lvtools.dataset import WHITE
from lvtools.masks.png import SIGNATURE
from lvtools.masks.runs import RunLists

# The first four are those of AWS's open edge runtime (behaviour, 17), which are the service's own: background, then
# classes. More than three classes get further ones of ours, far from each other.
EDGE_COLORS = (0xFFFFFF, 0x23A436, 0x14A3B3, 0xF76902)
_FURTHER = (0x1F77B4, 0xD62728, 0x9467BD, 0xBCBD22, 0xE377C2, 0x8C564B, 0x000080, 0x7F7F7F)

_BAND_BYTES = 2**22  # of rows, filtered and given to deflate in one step
# How far apart quick tries may be and yet be done in full; on masks of many kinds the order never changed beyond.
_NEAR_TIE, _NEAR_TIE_RGB = 1.06, 1.15
_INDEXED, _RGB = 3, 2


def default_colors(count: int) -> tuple[int, ...]:
    """The colours (0xRRGGBB) of the indexes 0..count - 1 when nothing else is said; 0 is the background, white."""
    colors = dict.fromkeys([*EDGE_COLORS, *_FURTHER])
    step = 0
    while len(colors) < count:
        step += 1
        # An odd factor walks all 2^24 colours before it repeats one, in leaps that leave neighbours unlike.
        color = step * 0x9E3779 & 0xFFFFFF
        if color:  # black is what many tools take for the background
            colors[color] = None
    return tuple(colors)[:count]


def paints(colors: Sequence[int | None]) -> list[int]:
    """The colours to paint with: where there is none, one that no other class has; white for the background."""
    if None not in colors:
        return [color for color in colors if color is not None]
    taken = {color for color in colors if color is not None}
    free = (one for one in (WHITE, 0, *default_colors(len(colors) + 2)[1:]) if one not in taken)
    return [next(free) if color is None else color for color in colors]


def encode_runs(lists: RunLists, colors: Sequence[int], *, rgb: bool = False, fast: bool = False) -> bytes:
    """A PNG of a picture in which the pixels of number n have the colour colors[n] (0xRRGGBB).

    A palette of as few bits as the numbers that occur need, its entries in the order of the numbers; RGB when asked for
    or when a number is above 255. Rows are written unfiltered and as differences to the row above, and the shorter
    stream is taken; `fast` tries one of them only, with less effort.
    """
    most = int(lists.numbers.max())
    rgb = rgb or most > 255
    depth = 8 if rgb or most > 15 else 4 if most > 3 else 2 if most > 1 else 1
    table = np.array([[color >> 16, color >> 8 & 255, color & 255] for color in colors], np.uint8)
    header = struct.pack(">IIBBBBB", lists.width, lists.height, depth, _RGB if rgb else _INDEXED, 0, 0, 0)
    palette = b"" if rgb else _chunk(b"PLTE", table[: 1 << depth].tobytes())
    values = table if rgb else np.arange(most + 1, dtype=np.uint8)[:, None]
    data = _deflated(lists, values, depth, fast)
    return SIGNATURE + _chunk(b"IHDR", header) + palette + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _deflated(lists: RunLists, values: NDArray[np.uint8], depth: int, fast: bool) -> bytes:
    """The rows as a zlib stream: unfiltered, or each as its difference to the one above, whichever is shorter."""
    if fast:
        return _stream(lists, values, depth, upward=values.shape[1] > 1, effort=6)
    # A quick try of both tells which to spend the effort on; only a near tie is decided by doing both.
    quick = {upward: len(_stream(lists, values, depth, upward=upward, effort=6)) for upward in (False, True)}
    tie = _NEAR_TIE_RGB if values.shape[1] > 1 else _NEAR_TIE
    near = [upward for upward, size in quick.items() if size <= tie * min(quick.values())]
    return min((_stream(lists, values, depth, upward=upward, effort=9) for upward in near), key=len)


def _stream(lists: RunLists, values: NDArray[np.uint8], depth: int, *, upward: bool, effort: int) -> bytes:
    strategy = zlib.Z_FILTERED if upward else zlib.Z_DEFAULT_STRATEGY
    way = zlib.compressobj(effort, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
    out: list[bytes] = []
    before: NDArray[np.uint8] | None = None
    for rows, times in _bands(lists, values, depth):
        filtered = np.zeros((len(rows), rows.shape[1] + 1), np.uint8)
        filtered[:, 1:] = rows
        if upward:
            filtered[:, 0] = 2  # Up
            filtered[1:, 1:] -= rows[:-1]
            if before is not None:
                filtered[0, 1:] -= before
            before = rows[-1]
        out += map(way.compress, (_differences if upward else _repeated)(filtered, times))
    return b"".join([*out, way.flush()])


def _bands(
    lists: RunLists, values: NDArray[np.uint8], depth: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int32]]]:
    """Some groups' rows as PNG has them, uint8 (groups, bytes), and how often each is repeated."""
    lengths = lists.ends - lists.begins()
    groups = len(lists.rows)
    at_once = max(1, _BAND_BYTES // (lists.width * values.shape[1]))
    for first in range(0, groups, at_once):
        stop = min(groups, first + at_once)
        runs = slice(int(lists.starts[first]), int(lists.starts[stop]))
        flat = np.repeat(values[lists.numbers[runs]], lengths[runs], axis=0)
        yield _packed(flat.reshape(stop - first, -1), depth), lists.rows[first:stop]


def _packed(rows: NDArray[np.uint8], depth: int) -> NDArray[np.uint8]:
    """Several pixels to the byte, the first in the high bits; the row's last byte is filled with 0."""
    if depth == 8:
        return rows
    if depth == 1:
        return np.packbits(rows, axis=1)
    per_byte = 8 // depth
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % per_byte)))
    out = np.zeros((len(rows), padded.shape[1] // per_byte), np.uint8)
    for place in range(per_byte):
        out |= padded[:, place::per_byte] << np.uint8(8 - depth * (place + 1))
    return out


def _repeated(rows: NDArray[np.uint8], times: NDArray[np.int32]) -> Iterator[bytes]:
    """The rows, each as often as it stands there, in pieces."""
    for chosen, often in _pieces(rows, times):
        yield np.repeat(chosen, often, axis=0).tobytes()


def _differences(rows: NDArray[np.uint8], times: NDArray[np.int32]) -> Iterator[bytes]:
    """The rows, each followed by rows without a difference to it, in pieces."""
    last = None
    for chosen, often in _pieces(rows, times):
        out = np.zeros((int(often.sum()), chosen.shape[1]), np.uint8)
        out[:, 0] = 2
        if chosen is not last:  # a tall group's second piece has no first row
            out[np.cumsum(often) - often] = chosen
        last = chosen
        yield out.tobytes()


def _pieces(rows: NDArray[np.uint8], times: NDArray[np.int32]) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int32]]]:
    """Groups that make about a band of rows; a taller group comes alone, the same array several times."""
    most = max(1, _BAND_BYTES // rows.shape[1])
    piece = np.cumsum(times) // most
    for cut in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(piece)) + 1):
        chosen, often = rows[cut], times[cut]
        while often[0] > most and len(cut) == 1:
            yield chosen, np.array([most], np.int32)
            often = often - np.int32(most)
        yield chosen, often
