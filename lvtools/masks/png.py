"""PNG bytes to RGBA pixels, exactly or not at all (ISO/IEC 15948, PNG third edition). Knows no classes.

`chunks` walks and judges the file first. Then the pixels come band by band, so that counting needs a few hundred
kilobytes whatever the picture's size. Choices where decoders differ:

- The IDAT stream must hold exactly the pixels, its Adler-32 and nothing else.
- Samples of 16 bits keep the high byte, as libpng's `png_set_strip_16`; tRNS is compared before that, on all 16 bits.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np

from lvtools._native import png_decode
from lvtools.errors import MaskError
from lvtools.masks.chunks import (
    CHANNELS,
    GREY,
    INDEXED,
    MAX_CHUNK_BYTES,
    MAX_CHUNKS,
    MAX_INFLATION,
    MAX_PIXELS,
    MAX_SIDE,
    SIGNATURE,
    Header,
    Pixels,
    Png,
    parse_png,
)

__all__ = [
    "MAX_CHUNKS",
    "MAX_CHUNK_BYTES",
    "MAX_INFLATION",
    "MAX_PIXELS",
    "MAX_SIDE",
    "SIGNATURE",
    "Header",
    "Pixels",
    "Png",
    "decode_png",
    "parse_png",
    "read_bands",
    "read_passes",
]

BAND_BYTES = 2**18  # pixels decoded at a time: stays in the second-level cache
_SLICE_BYTES = 2**16  # zlib copies the input it did not use, so it is fed in small pieces


def decode_png(data: bytes | bytearray | memoryview) -> Pixels:
    """Decode a PNG of any colour type, depth and interlacing.

    Parameters
    ----------
    data : bytes-like
        The whole file.

    Returns
    -------
    ndarray of uint8, shape (height, width, 4)
        R, G, B, A, not premultiplied; A is 255 where the file has no transparency. Greys of 1, 2 and 4 bits are spread
        over 0..255 (PNG 13.12), of 16-bit samples the high byte is kept.

    Raises
    ------
    MaskError
        The bytes are not one intact PNG, or above the limits of this module; says which chunk, at which byte offset.
    """
    png = parse_png(data)
    out = np.empty((png.header.height, png.header.width, 4), np.uint8)
    for _ in read_bands(png, out):
        pass
    return out


def read_bands(png: Png, out: Pixels | None = None) -> Iterator[tuple[int, Pixels]]:
    """Decode from top to bottom: (first row, RGBA of the rows from there on); all rows at once when interlaced.

    Into `out`, shape (height, width, 4), when it is given; else a band is only valid until the next one.

    Raises
    ------
    MaskError
        The stream is damaged, too short or too long, a row has an unknown filter, or a pixel is not in the palette. The
        last band has been given out by then: a count is valid only after the last step.
    """
    header = png.header
    stream = _Stream(png.idat, header.raw_bytes())
    if header.interlaced:
        out = np.empty((header.height, header.width, 4), np.uint8) if out is None else out
        for rows, columns, row, row_step, col, col_step in header.passes():
            for first, lines in _read_lines(header, stream, rows, columns, row):
                _expand(png, lines, out, (row + first * row_step, row_step, col, col_step), columns)
        stream.close()
        yield 0, out
        return
    buffer: Pixels | None = None
    for first, lines in _read_lines(header, stream, header.height, header.width, 0):
        if out is not None:
            band = out[first : first + len(lines)]
        else:
            if buffer is None:
                buffer = np.empty((len(lines), header.width, 4), np.uint8)
            band = buffer[: len(lines)]
        _expand(png, lines, band, (0, 1, 0, 1), header.width, first)
        yield first, band
    stream.close()


def read_passes(png: Png) -> Iterator[tuple[tuple[int, int, int, int, int, int], Iterator[Pixels]]]:
    """Decode an interlaced picture pass by pass, without ever holding all of it.

    Yields what `Header.passes` says of each pass, and the pass's own rows from top to bottom as bands of RGBA, each
    valid until the next one. The bands of a pass must be taken before the next pass.

    Raises
    ------
    MaskError
        As `read_bands`.
    """
    stream = _Stream(png.idat, png.header.raw_bytes())
    for geometry in png.header.passes():
        yield geometry, _bands_of_pass(png, stream, geometry)
    stream.close()


def _bands_of_pass(png: Png, stream: _Stream, geometry: tuple[int, int, int, int, int, int]) -> Iterator[Pixels]:
    rows, columns, row, row_step, col, col_step = geometry
    buffer: Pixels | None = None
    for first, lines in _read_lines(png.header, stream, rows, columns, row):
        if buffer is None:
            buffer = np.empty((len(lines), columns, 4), np.uint8)
        band = buffer[: len(lines)]
        _expand(png, lines, band, (0, 1, 0, 1), columns, place=(row + first * row_step, row_step, col, col_step))
        yield band


def _read_lines(
    header: Header, stream: _Stream, rows: int, columns: int, start_row: int
) -> Iterator[tuple[int, Pixels]]:
    """Inflated and unfiltered rows of one pass, each behind its filter byte; (row within the pass, (count, bytes))."""
    row_bytes = header.row_bytes(columns)
    at_once = min(rows, max(1, BAND_BYTES // max(1 + row_bytes, 4 * columns)))
    buffer = np.empty((at_once, 1 + row_bytes), np.uint8)
    prior = np.zeros(row_bytes, np.uint8)
    for first in range(0, rows, at_once):
        lines = buffer[: min(at_once, rows - first)]
        stream.fill(lines.data.cast("B"))
        bad = png_decode.unfilter(lines, prior, max(1, header.pixel_bits // 8))
        if bad != png_decode.DONE:
            _check_use(bad)
            in_pass = " of a pass" if header.interlaced else ""
            raise MaskError(
                f"row {first + bad}{in_pass} has the filter type {lines[bad, 0]}; 0 to 4 exist (IDAT {stream.place})"
            )
        yield first, lines


def _expand(
    png: Png,
    lines: Pixels,
    out: Pixels,
    steps: tuple[int, int, int, int],
    columns: int,
    above: int = 0,
    place: tuple[int, int, int, int] | None = None,
) -> None:
    """Pixels of `lines` to `out`, from row and column on in steps; messages say `place`, if given, for `steps`."""
    header = png.header
    if header.color_type == INDEXED or (header.color_type == GREY and header.depth <= 8):
        bad = png_decode.expand_indexed(lines, header.depth, png.table, png.entries, out, *steps)
        if bad >= 0:
            row, row_step, col, col_step = place or steps
            line, column = divmod(bad, columns)
            raise MaskError(
                f"the pixel at row {above + row + line * row_step}, column {col + column * col_step} "
                f"is not in the palette of {png.entries} colours"
            )
    else:
        channels, sample_bytes = CHANNELS[header.color_type], header.depth // 8
        bad = png_decode.expand_samples(lines, channels, sample_bytes, png.transparent, out, *steps)
    _check_use(bad)


def _check_use(code: int) -> None:
    if code == png_decode.MISUSE:
        raise AssertionError("a kernel of lvtools was called with shapes that do not belong together")


class _Stream:
    """The IDAT chunks as one zlib stream of known size; never holds more than it was asked for."""

    def __init__(self, idat: tuple[tuple[int, memoryview], ...], size: int) -> None:
        self._zlib = zlib.decompressobj()
        self._size, self._done = size, 0
        self._slices = (
            (offset + 8 + at, data[at : at + _SLICE_BYTES])
            for offset, data in idat
            for at in range(0, len(data), _SLICE_BYTES)
        )
        self._pending: memoryview | bytes = b""
        self._offset, self._first = 0, idat[0][0]

    @property
    def place(self) -> str:
        return f"at byte {self._first}"

    def _next(self) -> bool:
        piece = next(self._slices, None)
        if piece is None:
            return False
        self._offset, self._pending = piece
        return True

    def _inflate(self, limit: int) -> bytes:
        """At most `limit` (> 0) further bytes; none when the stream has ended or there is no more input."""
        while not self._zlib.eof:
            ended = not self._pending and not self._next()
            try:
                got = self._zlib.decompress(self._pending, limit)
            except zlib.error as error:
                reason = str(error).rpartition(": ")[2]
                raise MaskError(
                    f"the pixel data (IDAT {self.place}) is damaged near byte {self._offset}: {reason}"
                ) from None
            self._pending = self._zlib.unconsumed_tail
            if got or ended:
                return got
        return b""

    def fill(self, target: memoryview) -> None:
        at = 0
        while at < len(target):
            got = self._inflate(len(target) - at)
            if not got:
                raise MaskError(
                    f"the pixel data (IDAT {self.place}) ends after {self._done + at:,} of {self._size:,} bytes",
                    hint="the file was cut, or its header states another size",
                )
            target[at : at + len(got)] = got
            at += len(got)
        self._done += at

    def close(self) -> None:
        """Read the checksum; refuse whatever else there is."""
        if self._inflate(1):
            raise MaskError(f"the pixel data (IDAT {self.place}) goes on after the {self._size:,} bytes of the picture")
        if not self._zlib.eof:
            raise MaskError(f"the pixel data (IDAT {self.place}) has no end: its Adler-32 checksum is missing")
        if self._zlib.unused_data or self._pending or self._next():
            raise MaskError(f"the pixel data (IDAT {self.place}) is followed by bytes that belong to no pixel")
