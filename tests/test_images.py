"""Headers are judged before decoders; colours come out in R, G, B order."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from lvtools import images
from lvtools.errors import ArgumentError, FormatError, ObjectError
from lvtools.images import ImageInfo, decode_image, encode_jpeg, encode_png, image_size, thumbnail
from tests.shared import shared


def _picture(height: int = 40, width: int = 60) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 4 % 256, columns * 3 % 256, np.full_like(rows, 200)], axis=2).astype(np.uint8)


def _saved(form: str, rgb: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, form, **options)
    return out.getvalue()


def _png_header(height: int, width: int, depth: int = 8, color_type: int = 2) -> bytes:
    body = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    chunk = b"IHDR" + body
    end = b"\0\0\0\0IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + end


def test_png_round_trip_is_exact_and_rgb() -> None:
    rgb = _picture()
    data = encode_png(rgb)
    assert np.array_equal(decode_image(data), rgb)
    other = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.array_equal(other, rgb)  # another reader agrees on the order


@pytest.mark.parametrize(("form", "name"), [("PNG", "png"), ("BMP", "bmp")])
def test_what_another_writer_saved_without_loss(form: str, name: str) -> None:
    rgb = _picture(33, 47)
    data = _saved(form, rgb)
    assert image_size(data) == ImageInfo(name, 33, 47)
    assert np.array_equal(decode_image(data), rgb)


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg(progressive: bool) -> None:
    rgb = _picture(48, 80)
    data = _saved("JPEG", rgb, quality=95, progressive=progressive, subsampling=0)
    assert image_size(data) == ImageInfo("jpeg", 48, 80)
    assert np.abs(decode_image(data).astype(int) - rgb).mean() < 2.5
    again = decode_image(encode_jpeg(rgb, 95))
    assert again.shape == rgb.shape
    assert np.abs(again.astype(int) - rgb).mean() < 6


def test_exif_orientation_is_not_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    data = _saved("JPEG", _picture(40, 60), exif=exif)
    assert decode_image(data).shape == (40, 60, 3)


def test_grey_and_palette_become_rgb() -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert np.array_equal(decode_image(_saved("PNG", grey)), np.repeat(grey[:, :, None], 3, axis=2))
    out = io.BytesIO()
    Image.fromarray(_picture(8, 8)).quantize(4).save(out, "PNG")
    assert np.array_equal(decode_image(out.getvalue()), np.asarray(Image.open(out).convert("RGB")))


@pytest.mark.parametrize(("height", "width"), [(60_000, 60_000), (1, 100_000), (100_000, 1), (2**31 - 1, 2**31 - 1)])
def test_hostile_sizes_never_reach_the_decoder(height: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_opencv", lambda: pytest.fail("the decoder was asked"))
    with pytest.raises(ObjectError, match=f"{height} x {width} pixels"):
        decode_image(_png_header(height, width))


def test_max_pixels_is_an_edge() -> None:
    data = encode_png(_picture(10, 10))
    assert decode_image(data, max_pixels=100).shape == (10, 10, 3)
    with pytest.raises(ObjectError, match="99 are allowed"):
        decode_image(data, max_pixels=99)


def test_a_jpeg_that_says_65535_squared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(_saved("JPEG", _picture()))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    monkeypatch.setattr(images, "_opencv", lambda: pytest.fail("the decoder was asked"))
    with pytest.raises(ObjectError, match="65535 x 65535"):
        decode_image(bytes(data))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP"])
def test_every_prefix_gives_an_answer_or_a_clear_error(form: str) -> None:
    data = _saved(form, _picture(12, 12))
    for end in range(len(data)):
        try:
            decode_image(data[:end])
        except (FormatError, ObjectError):
            continue
        assert form == "BMP", end  # whose padding at the end may be missing
    assert decode_image(data).shape == (12, 12, 3)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no bytes"),
        (b"GIF89a", "neither PNG nor JPEG nor BMP"),
        (_png_header(0, 5), "0 x 5"),
        (_png_header(5, 5, depth=3), "3 bits"),
        (_png_header(5, 5, color_type=9), "colour type 9"),
        (_png_header(5, 5), "damaged"),
        (b"BM" + bytes(30), "BMP header"),
        (b"\xff\xd8\xff\xda\x00\x08" + bytes(20), "before its frame header"),
        (b"\xff\xd8\x00\x00", "no marker"),
    ],
)
def test_what_is_no_picture_is_said(data: bytes, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        decode_image(data)


def test_thumbnail_keeps_proportions_and_never_enlarges() -> None:
    rgb = _picture(40, 60)
    assert thumbnail(rgb, 30).shape == (20, 30, 3)
    assert thumbnail(rgb, 60) is rgb
    assert thumbnail(np.zeros((1, 1000, 3), np.uint8), 10).shape == (1, 10, 3)
    with pytest.raises(ArgumentError):
        thumbnail(rgb, 0)


@pytest.mark.parametrize("bad", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3)), np.zeros((0, 2, 3), np.uint8)])
def test_wrong_arrays_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ArgumentError, match="height, width, 3"):
        encode_png(bad)


def test_real_pictures_with_lying_names() -> None:
    for path in sorted(shared("data", "cookies", "edge-results").glob("*.jp*g")):
        info = image_size(path.read_bytes())
        with Image.open(path) as other:
            assert (info.format, info.height, info.width) == (str(other.format).lower(), other.height, other.width)
