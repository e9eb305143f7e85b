import io
import json
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lvtools._native import color_count, png_decode
from lvtools.errors import ArgumentError, MaskError
from lvtools.masks import decode_png, mask_areas, mask_colors, png
from tests.masks import oracle
from tests.masks.strategies import SIGNATURE, chunk, damaged, ihdr, pngs, rgba_png, simple
from tests.masks.strategies import png as join
from tests.shared import shared

SLOW = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
DOT = zlib.compress(b"\0\1\2\3")  # one RGB pixel


def as_oracle(data):
    """Our answer in the oracle's form, or None when refused."""
    try:
        pixels = decode_png(data)
    except MaskError:
        return None
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 4
    return (*pixels.shape[:2], [tuple(value) for value in pixels.reshape(-1, 4).tolist()])


def oracles(data):
    try:
        return oracle.decode(data)
    except oracle.Refused:
        return None


@given(pngs())
@SLOW
def test_pixels_equal_the_slow_truth(data):
    want = oracle.decode(data)
    assert as_oracle(data) == want
    counts = {}
    for r, g, b, _ in want[2]:
        counts[r << 16 | g << 8 | b] = counts.get(r << 16 | g << 8 | b, 0) + 1
    assert list(mask_colors(data).items()) == list(counts.items()), "same counts, in the order of first sight"


@given(damaged())
@settings(SLOW, max_examples=500)
def test_damage_is_refused_or_decoded_as_the_slow_truth_does(data):
    assert as_oracle(data) == oracles(data)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_refused(data, signed):
    with pytest.raises(MaskError):
        decode_png(SIGNATURE + data if signed else data)


@given(pngs(largest=9))
@settings(SLOW, max_examples=25)
def test_every_prefix_is_refused(data):
    for end in range(len(data)):
        with pytest.raises(MaskError):
            decode_png(data[:end])


@given(pngs(), st.integers(1, 3000))
@settings(SLOW, max_examples=40)
def test_the_size_of_a_band_changes_nothing(data, band_bytes):
    whole, colors = decode_png(data), mask_colors(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(png, "BAND_BYTES", band_bytes)
        patch.setattr(png, "_SLICE_BYTES", 1 + band_bytes % 7)
        assert np.array_equal(decode_png(data), whole)
        assert mask_colors(data) == colors


@given(pngs())
@settings(SLOW, max_examples=60)
def test_pillow_agrees(data):
    with Image.open(io.BytesIO(data)) as image:
        # Pillow treats tRNS of grey and RGB, and grey of 16 bits, in ways of its own: there the oracle judges.
        if image.mode not in ("1", "L", "LA", "RGB", "RGBA", "P") or (
            "transparency" in image.info and image.mode != "P"
        ):
            return
        want = np.asarray(image.convert("RGBA"))
    assert np.array_equal(decode_png(data), want)


def suite(pattern):
    return sorted(shared("data", "png-suite", "png").glob(pattern))


def test_every_valid_file_of_pngsuite():
    files = [path for path in suite("*.png") if not path.name.startswith("x")]
    assert len(files) == 161
    for path in files:
        want = np.array(json.loads((path.parents[1] / "json" / f"{path.stem}.json").read_text()))
        pixels = decode_png(path.read_bytes())
        if path.stem.endswith("16"):  # the JSON has 16 bits, we keep the high byte
            want >>= 8
        assert np.array_equal(pixels.ravel(), want), path.stem


PNGSUITE_BROKEN = {
    "xc1n0g08": "colour type 1 does not exist",
    "xc9n2c08": "colour type 9 does not exist",
    "xcrn0g04": "converts line ends",
    "xcsn0g01": "IDAT at byte 49 is damaged: its CRC-32",  # JSON is for decoders that do not look
    "xd0n2c08": "bit depth 0 ",
    "xd3n2c08": "bit depth 3 ",
    "xd9n2c08": "bit depth 99 ",
    "xdtn0g01": "no IDAT",
    "xhdn0g08": "IHDR at byte 8 is damaged: its CRC-32",  # as xcsn0g01
    "xlfn0g04": "converts line ends",
    "xs1n0g01": "signature is missing",
    "xs2n0g01": "signature is missing",
    "xs4n0g01": "signature is missing",
    "xs7n0g01": "signature is missing",
}


def test_every_broken_file_of_pngsuite_is_refused_with_its_reason():
    files = {path.stem: path for path in suite("x*.png")}
    assert files.keys() == PNGSUITE_BROKEN.keys()
    for name, reason in PNGSUITE_BROKEN.items():
        with pytest.raises(MaskError, match=reason):
            decode_png(files[name].read_bytes())


END = chunk(b"IEND")
PIXEL = chunk(b"IDAT", DOT)
PALETTE = chunk(b"PLTE", bytes(6))
INDEX = chunk(b"IDAT", zlib.compress(b"\0\0"))

REFUSED = {
    "width": (join(ihdr(100_000, 100_000), PIXEL, END), r"IHDR at byte 8: 100000 x 100000 pixels; at most 65,535"),
    "pixels": (join(ihdr(65_535, 65_535), PIXEL, END), "268,435,456 in all"),
    "largest header": (join(ihdr(2**31 - 1, 2**31 - 1), PIXEL, END), "at most"),
    "no width": (join(ihdr(0, 5), PIXEL, END), "0 x 5 pixels has none"),
    "no height": (join(ihdr(5, 0), PIXEL, END), "5 x 0 pixels has none"),
    "more pixels than IDAT can hold": (
        join(ihdr(16_384, 16_384), PIXEL, END),
        r"12 bytes of IDAT \(at byte 33\) cannot hold",
    ),
    "length of 2 GB": (
        join(ihdr(1, 1), chunk(b"IDAT", DOT, length=2**31 - 1), END),
        "IDAT at byte 33 states 2,147,483,647 b",
    ),
    "length above PNG's": (join(ihdr(1, 1), chunk(b"IDAT", DOT, length=2**32 - 1), END), "at most 2,147,483,647"),
    "text of 1 GB": (join(ihdr(1, 1), chunk(b"zTXt", b"a\0\0", length=2**30), PIXEL, END), "zTXt at byte 33 states"),
    "IDAT beyond the picture": (
        join(ihdr(1, 1), chunk(b"IDAT", zlib.compress(bytes(10**7))), END),
        "goes on after the 4 bytes",
    ),
    "one byte too many": (join(ihdr(1, 1), chunk(b"IDAT", zlib.compress(bytes(5))), END), "goes on after the 4 bytes"),
    "one byte too few": (join(ihdr(1, 1), chunk(b"IDAT", zlib.compress(bytes(3))), END), "ends after 3 of 4 bytes"),
    "no Adler": (join(ihdr(1, 1), chunk(b"IDAT", DOT[:-4]), END), "Adler-32 checksum is missing"),
    "half an Adler": (join(ihdr(1, 1), chunk(b"IDAT", DOT[:-2]), END), "Adler-32 checksum is missing"),
    "wrong Adler": (
        join(ihdr(1, 1), chunk(b"IDAT", DOT[:-1] + b"!"), END),
        "damaged near byte 41: incorrect data check",
    ),
    "bytes after the stream": (join(ihdr(1, 1), chunk(b"IDAT", DOT + b"x"), END), "belong to no pixel"),
    "IDAT after the stream": (join(ihdr(1, 1), PIXEL, chunk(b"IDAT", b"x"), END), "belong to no pixel"),
    "no zlib": (join(ihdr(1, 1), chunk(b"IDAT", b"rubbish"), END), "incorrect header check"),
    "empty IDAT": (join(ihdr(1, 1), chunk(b"IDAT"), END), "0 bytes of IDAT"),
    "tiny chunks": (
        join(ihdr(1, 1), chunk(b"teXt") * 70_000, PIXEL, END),
        r"more than 65,536 chunks \(up to byte 786453\)",
    ),
    "tiny IDATs": (join(ihdr(1, 1), chunk(b"IDAT") * 70_000, PIXEL, END), "more than 65,536 chunks"),
    "no IEND": (join(ihdr(1, 1), PIXEL), "without IEND"),
    "IEND with data": (join(ihdr(1, 1), PIXEL, chunk(b"IEND", b"x")), "IEND at byte 57 has 1 bytes"),
    "no IDAT": (join(ihdr(1, 1), END), "no IDAT"),
    "nothing": (b"", "there are no bytes"),
    "signature only": (SIGNATURE, "ends after 8 bytes without IEND"),
    "JPEG": (b"\xff\xd8\xff\xe0" + bytes(9), "this is a JPEG file"),
    "IHDR missing": (join(PIXEL, END), "the first chunk is IDAT at byte 8"),
    "IHDR too long": (join(chunk(b"IHDR", bytes(14)), PIXEL, END), "has 14 bytes, not 13"),
    "two IHDR": (join(ihdr(1, 1), ihdr(1, 1), PIXEL, END), "IHDR at byte 33 is the second one"),
    "IHDR after IDAT": (join(ihdr(1, 1), PIXEL, ihdr(1, 1), END), "IHDR at byte 57 is the second one"),
    "IDATs apart": (join(ihdr(1, 1), PIXEL, chunk(b"teXt"), PIXEL, END), "IDAT at byte 69 is separated"),
    "no palette": (join(ihdr(1, 1, 8, 3), INDEX, END), "IDAT at byte 33 needs a palette"),
    "palette of thirds": (join(ihdr(1, 1, 8, 3), chunk(b"PLTE", bytes(4)), INDEX, END), "PLTE at byte 33 has 4 bytes"),
    "empty palette": (join(ihdr(1, 1, 8, 3), chunk(b"PLTE"), INDEX, END), "PLTE at byte 33 has 0 bytes"),
    "palette too long": (join(ihdr(1, 1, 1, 3), chunk(b"PLTE", bytes(9)), INDEX, END), "1 to 2 colours"),
    "257 colours": (join(ihdr(1, 1), chunk(b"PLTE", bytes(771)), PIXEL, END), "1 to 256 colours"),
    "two palettes": (join(ihdr(1, 1, 8, 3), PALETTE, PALETTE, INDEX, END), "PLTE at byte 51 is the second one"),
    "grey with a palette": (join(ihdr(1, 1, 8, 0), PALETTE, INDEX, END), "PLTE at byte 33 in a grey picture"),
    "late palette": (join(ihdr(1, 1), PIXEL, PALETTE, END), "PLTE at byte 57 comes after IDAT"),
    "late tRNS": (join(ihdr(1, 1), PIXEL, chunk(b"tRNS", bytes(6)), END), "tRNS at byte 57 comes after IDAT"),
    "tRNS before PLTE": (
        join(ihdr(1, 1), chunk(b"tRNS", bytes(6)), PALETTE, PIXEL, END),
        "PLTE at byte 51 comes after tRNS",
    ),
    "tRNS without PLTE": (join(ihdr(1, 1, 8, 3), chunk(b"tRNS", b"\0"), PALETTE, INDEX, END), "comes before PLTE"),
    "tRNS too long": (
        join(ihdr(1, 1, 8, 3), PALETTE, chunk(b"tRNS", bytes(3)), INDEX, END),
        "3 entries, the palette 2",
    ),
    "tRNS of RGB": (join(ihdr(1, 1), chunk(b"tRNS", bytes(2)), PIXEL, END), "has 2 bytes, not 6"),
    "tRNS with alpha": (join(ihdr(1, 1, 8, 6), chunk(b"tRNS", bytes(6)), PIXEL, END), "has an alpha channel"),
    "two tRNS": (join(ihdr(1, 1), chunk(b"tRNS", bytes(6)), chunk(b"tRNS", bytes(6)), PIXEL, END), "is the second one"),
    "interlace 2": (join(ihdr(1, 1, 8, 2, 2), PIXEL, END), "interlace 2; PNG has"),
    "filter method": (join(ihdr(1, 1, 8, 2, 0, 0, 64), PIXEL, END), "filter 64"),
    "compression method": (join(ihdr(1, 1, 8, 2, 0, 1, 0), PIXEL, END), "compression 1"),
    "palette of 16 bits": (join(ihdr(1, 1, 16, 3), PALETTE, INDEX, END), "bit depth 16 does not go with colour type 3"),
    "RGB of 4 bits": (join(ihdr(1, 1, 4, 2), PIXEL, END), "bit depth 4 does not go with colour type 2"),
    "critical chunk": (join(ihdr(1, 1), chunk(b"CgBI", bytes(4)), PIXEL, END), "CgBI at byte 33 is a critical chunk"),
    "chunk type": (join(ihdr(1, 1), chunk(b"a\x1b[m"), PIXEL, END), "four letters"),
    "CRC of an ancillary chunk": (
        join(ihdr(1, 1), chunk(b"teXt", b"a", crc=0), PIXEL, END),
        "teXt at byte 33 is damaged",
    ),
    "CRC of IEND": (join(ihdr(1, 1), PIXEL, chunk(b"IEND", crc=0)), "IEND at byte 57 is damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason_and_in_little_memory(name):
    data, reason = REFUSED[name]
    tracemalloc.start()
    try:
        with pytest.raises(MaskError, match=reason):
            decode_png(data)
        with pytest.raises(MaskError, match=reason):
            mask_areas(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    limit = 20_000_000 if "tiny IDATs" in name else 500_000  # of 65,536 IDATs each is kept as a view
    assert peak < limit, f"{peak:,} bytes to refuse {len(data):,}"


def test_a_filter_above_4_is_located():
    raw = b"\0abc" * 70 + b"\5abc" + b"\0abc" * 9
    data = join(ihdr(1, 80), chunk(b"IDAT", zlib.compress(raw)), END)
    with pytest.raises(MaskError, match=r"row 70 has the filter type 5; 0 to 4 exist \(IDAT at byte 33\)"):
        decode_png(data)


def test_an_index_outside_the_palette_is_located():
    rows = bytes(40) + b"\0\0\0\2" + bytes(36)
    with pytest.raises(MaskError, match="row 10, column 3 is not in the palette of 2 colours"):
        decode_png(simple(4, 20, 3, rows, PALETTE))
    raw = zlib.compress(bytes(18) + b"\0\0\0\2\0")  # the last row of the last pass
    with pytest.raises(MaskError, match="row 3, column 2 is not in the palette of 2 colours"):
        decode_png(join(ihdr(4, 4, 8, 3, 1), PALETTE, chunk(b"IDAT", raw), END))


def test_text_that_would_inflate_to_a_gigabyte_is_not_inflated():
    bomb = zlib.compressobj(9)
    body = b"a\0\0" + b"".join(bomb.compress(bytes(2**20)) for _ in range(64)) + bomb.flush()
    data = join(ihdr(1, 1), chunk(b"zTXt", body), PIXEL, END)
    tracemalloc.start()
    try:
        assert mask_colors(data) == {0x010203: 1}
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


def test_counting_takes_memory_for_a_band_not_for_the_picture():
    side = 8000
    row = zlib.compressobj()
    packed = b"".join(row.compress(bytes(1 + side // 8)) for _ in range(side)) + row.flush()
    data = join(ihdr(side, side, 1, 3), PALETTE, chunk(b"IDAT", packed), END)
    tracemalloc.start()
    try:
        assert mask_colors(data) == {0: side * side}
        assert tracemalloc.get_traced_memory()[1] < 2_000_000, "256 MB as RGBA"
    finally:
        tracemalloc.stop()


def test_what_follows_iend_is_not_looked_at():
    data = join(ihdr(1, 1), PIXEL, END)
    assert decode_png(data + b"\0" * 100 + data).tolist() == [[[1, 2, 3, 255]]]


def test_any_buffer_will_do_and_other_things_will_not():
    data = simple(2, 1, 2, b"abcdef")
    want = decode_png(data)
    for form in (bytearray(data), memoryview(data), np.frombuffer(data, np.uint8)):
        assert np.array_equal(decode_png(form), want)
    for wrong in (None, 5, "mask.png"):
        with pytest.raises(ArgumentError, match="holds no PNG bytes"):
            decode_png(wrong)


def test_sixteen_bits_keep_the_high_byte_and_are_compared_whole():
    key = struct.pack(">H", 0x12FF)
    pixels = decode_png(simple(2, 1, 0, b"\x12\xff\x12\xfe", chunk(b"tRNS", key), depth=16))
    assert pixels.tolist() == [[[0x12, 0x12, 0x12, 0], [0x12, 0x12, 0x12, 255]]]


def test_trns_bits_above_the_depth_are_not_looked_at():
    pixels = decode_png(simple(2, 1, 0, b"\x80", chunk(b"tRNS", b"\xff\xff"), depth=1))
    assert pixels.tolist() == [[[255, 255, 255, 0], [0, 0, 0, 255]]]
    pixels = decode_png(simple(2, 1, 2, b"abcabd", chunk(b"tRNS", b"\xffa\x01b\x80c")))
    assert pixels[0, :, 3].tolist() == [0, 255]


def test_many_colours_are_counted_and_too_many_are_a_photograph(monkeypatch):
    side = 300
    values = np.arange(side * side, dtype=">u4").view(np.uint8).reshape(-1, 4)
    data = simple(side, side, 6, values.tobytes())
    counts = mask_colors(data)
    assert sum(counts.values()) == side * side
    assert counts == {color: 256 if color < 351 else side * side - 351 * 256 for color in range(352)}
    monkeypatch.setattr("lvtools.masks.colors.MAX_COLORS", 50_000)
    with pytest.raises(MaskError, match="more than 50,000 colours: this is a photograph"):
        mask_colors(data)


def test_kernels_refuse_shapes_that_do_not_belong_together():
    lines, prior, out = np.zeros((3, 5), np.uint8), np.zeros(4, np.uint8), np.zeros((3, 4, 4), np.uint8)
    table, none = np.zeros((256, 4), np.uint8), np.zeros(0, np.uint16)
    assert png_decode.unfilter(lines, prior, 1) == png_decode.DONE
    for wrong, bpp in ((np.zeros(5, np.uint8), 1), (prior, 0), (prior, 5)):
        assert png_decode.unfilter(lines, wrong, bpp) == png_decode.MISUSE
    assert png_decode.expand_indexed(lines, 8, table, 1, out, 0, 1, 0, 1) == png_decode.DONE
    for steps in ((1, 1, 0, 1), (0, 2, 0, 1), (0, 0, 0, 1), (0, 1, 0, 0), (-1, 1, 0, 1), (0, 1, -1, 1), (0, 9, 0, 1)):
        assert png_decode.expand_indexed(lines, 8, table, 1, out, *steps) == png_decode.MISUSE
        assert png_decode.expand_samples(lines, 1, 1, none, out, *steps) == png_decode.MISUSE
    for depth, small in ((3, table), (16, table), (8, table[:200])):
        assert png_decode.expand_indexed(lines, depth, small, 1, out, 0, 1, 0, 1) == png_decode.MISUSE
    assert png_decode.expand_indexed(lines[:, :4].copy(), 8, table, 1, out, 0, 1, 0, 1) == png_decode.MISUSE
    for channels, size, key in ((0, 1, none), (5, 1, none), (2, 1, none), (1, 3, none), (1, 1, np.zeros(3, np.uint16))):
        assert png_decode.expand_samples(lines, channels, size, key, out, 0, 1, 0, 1) == png_decode.MISUSE
    slots, colors, counts = np.full(8, -1, np.int32), np.zeros(4, np.uint32), np.zeros(4, np.int64)
    assert color_count.count_colors(out, 0, 0, 1, slots, colors, counts, counts.copy(), 0) == (12, 1)
    misuses = (
        (slots[:7], counts, 0, 0),
        (slots[:4], counts, 0, 0),
        (slots, counts[:3], 0, 0),
        (slots, counts, -1, 0),
        (slots, counts, 0, 5),
    )
    for bad_slots, bad_counts, start, used in misuses:
        code = color_count.count_colors(out, start, 0, 1, bad_slots, colors, bad_counts, counts.copy(), used)[0]
        assert code == color_count.MISUSE
    assert color_count.index_colors(colors, 5, 1, slots) == color_count.MISUSE
    numbers, index = np.zeros(1, np.uint8), np.zeros((3, 4), np.uint8)
    assert color_count.number_colors(out, colors[:1], numbers, index) == -1
    assert color_count.number_colors(out + np.uint8(1), colors[:1], numbers, index) == 0
    assert color_count.number_colors(out, colors, numbers, index) == color_count.MISUSE
    assert color_count.number_colors(out, colors[:1], numbers, index[:2]) == color_count.MISUSE


def test_rgba_stays_as_it_is():
    pixels = [[(1, 2, 3, 0), (35, 164, 54, 77)]]
    assert decode_png(rgba_png(pixels)).tolist() == [[list(value) for value in pixels[0]]]
