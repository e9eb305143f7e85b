"""Interlaced masks are counted pass by pass; here against the picture put together."""

import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lvtools.errors import MaskError
from lvtools.masks import colors, decode_png, mask_areas
from lvtools.masks.colors import count_bands, count_mask, count_slowly
from lvtools.masks.png import parse_png
from tests.masks.strategies import chunk, damaged, ihdr, png, pngs
from tests.shared import shared

SLOW = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
END = chunk(b"IEND")


def whole(data):
    """(height, width, colours, counts, first), or the sentence of the error."""
    try:
        pixels = decode_png(data)
    except MaskError as error:
        return error.message
    found = count_bands(pixels.shape[0], pixels.shape[1], [pixels])
    return (*found[:2], *(part.tolist() for part in found[2:]))


def by_passes(data):
    try:
        found = count_slowly(memoryview(data))
    except MaskError as error:
        return error.message
    return (*found[:2], *(part.tolist() for part in found[2:]))


@given(pngs() | damaged())
@settings(SLOW, max_examples=500)
def test_passes_are_counted_as_the_whole_picture(data):
    assert by_passes(data) == whole(data)


@given(st.binary(min_size=1, max_size=300), st.integers(1, 20), st.integers(1, 20), st.sampled_from([0, 2, 3, 4, 6]))
@SLOW
def test_damaged_passes_have_the_words_of_the_whole_picture(body, width, height, kind):
    plte = [chunk(b"PLTE", bytes(9))] if kind == 3 else []
    data = png(ihdr(width, height, 8, kind, 1), *plte, chunk(b"IDAT", zlib.compress(bytes(b % 5 for b in body))), END)
    assert by_passes(data) == whole(data)


def test_every_interlaced_file_of_pngsuite():
    read = 0
    for path in sorted(shared("data", "png-suite", "png").glob("*.png")):
        data = path.read_bytes()
        assert by_passes(data) == whole(data), path.name
        try:
            read += parse_png(data).header.interlaced
        except MaskError:
            continue
    assert read > 30


def test_too_many_colours_over_all_passes(monkeypatch):
    values = np.arange(64, dtype=">u4").view(np.uint8).reshape(8, 8, 4)
    raw = b""
    for rows, columns in ((1, 1), (1, 1), (1, 2), (2, 2), (2, 4), (4, 4), (4, 8)):
        taken, values = values.reshape(-1, 4)[: rows * columns], values.reshape(-1, 4)[rows * columns :]
        raw += b"".join(b"\0" + row.tobytes() for row in taken.reshape(rows, columns, 4))
    data = png(ihdr(8, 8, 8, 6, 1), chunk(b"IDAT", zlib.compress(raw)), END)
    assert len(count_mask(data).colors) == 64
    monkeypatch.setattr(colors, "MAX_COLORS", 60)
    with pytest.raises(MaskError, match="more than 60 colours"):
        mask_areas(data)
