"""Picture bytes <-> RGB arrays. The only place that knows OpenCV's B, G, R order; sizes are judged before decoders run.

EXIF orientation is ignored on purpose: masks are drawn on the pixels as stored, and DetectAnomalies answers in them
too, so a picture that a decoder had turned would no longer fit its mask. Transparency is dropped; masks, where it
matters, have their own reader in `lvtools.masks`.
"""

from __future__ import annotations

import contextlib
import io
import math
import struct
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lvtools.errors import ArgumentError, FormatError, ObjectError

RGBArray = NDArray[np.uint8]

MAX_PIXELS = 100_000_000  # the service ended at 4096 x 4096 (17 million); line-scan images reach some 60 million
MAX_OBJECT_BYTES = 256 * 2**20  # as in objects: no picture of these services is that large
PEEK_BYTES = 65_536  # JPEG's metadata end before it, as a rule: one segment has at most that many bytes
MAX_SIDE = 65_535  # where JPEG's own header ends

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
# Bit depths by colour type: PNG specification, table 11.1
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..15 without DHT, JPG, DAC
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


class ImageInfo(NamedTuple):
    """What a picture's header says; the shape order is (height, width), as everywhere."""

    format: str  # 'png', 'jpeg' or 'bmp'
    height: int
    width: int


def image_size(data: bytes) -> ImageInfo:
    """Read format and size from the header alone; no pixel is decoded.

    PNG is walked chunk by chunk to its end and JPEG to its end marker, so that a file cut off in transfer is found here
    instead of being shown half grey. The format is that of the bytes: names lie (an edge device's
    `.jpg` that is a BMP).

    Raises
    ------
    FormatError
        The bytes are no PNG, JPEG or BMP, or contradict themselves, or end too early.
    """
    if data.startswith(_PNG):
        info = _png_size(data)
    elif data.startswith(b"\xff\xd8"):
        info = _jpeg_size(data)
    elif data.startswith(b"BM"):
        info = _bmp_size(data)
    elif not data:
        raise FormatError("the picture has no bytes", hint="was its upload or download interrupted?")
    else:
        raise FormatError(f"neither PNG nor JPEG nor BMP: the first bytes are {data[:8].hex(' ')}", hint=_guess(data))
    if info.height < 1 or info.width < 1:
        raise FormatError(f"the {info.format.upper()} header says {info.height} x {info.width} pixels")
    return info


def peek_image(stream: BinaryIO) -> tuple[ImageInfo, int]:
    """Format, size and number of bytes of a picture in a seekable stream, from its first and last bytes where possible.

    A large file is judged by its header and by the end marker in its last bytes; only where these do not settle it (a
    JPEG whose frame header lies behind long metadata, a missing end) all of it is read, and judged by `image_size`.

    Raises
    ------
    FormatError
        As `image_size`.
    ObjectError
        The file is larger than `MAX_OBJECT_BYTES` and has to be read.
    """
    size = stream.seek(0, 2)
    stream.seek(0)
    head = stream.read(PEEK_BYTES)
    if size > 2 * PEEK_BYTES:
        stream.seek(size - PEEK_BYTES)
        tail = stream.read(PEEK_BYTES)
        with contextlib.suppress(FormatError):
            if head.startswith(_PNG) and _PNG_END in tail:
                return image_size(head[:33] + _PNG_END), size
            if head.startswith(b"\xff\xd8") and b"\xff\xd9" in tail:
                return image_size(head + b"\xff\xd9"), size
        if not head.startswith((_PNG, b"\xff\xd8")):
            return image_size(head), size
        if size > MAX_OBJECT_BYTES:
            raise ObjectError(f"larger than {MAX_OBJECT_BYTES:,} bytes")
    stream.seek(0)
    return image_size(stream.read()), size


def decode_image(data: bytes, *, max_pixels: int = MAX_PIXELS) -> RGBArray:
    """Decode a PNG, JPEG or BMP.

    Parameters
    ----------
    data : bytes
        The file's content.
    max_pixels : int
        The header is refused above it, before a decoder allocates anything.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        R, G, B as stored: EXIF orientation is not applied, transparency is dropped, 16 bits are reduced to 8.

    Raises
    ------
    FormatError
        No picture, or a damaged one.
    ObjectError
        More pixels than `max_pixels`, or a side beyond 65,535.
    """
    info = image_size(data)
    _allow(info, max_pixels)
    cv2 = _opencv()
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        bgr = None
    if bgr is None:
        raise FormatError(f"the {info.format.upper()} data are damaged", hint="fetch or save it again")
    if bgr.shape != (info.height, info.width, 3) or bgr.dtype != np.uint8:
        # The limit above was checked against the header: a decoder that sees another picture is not believed.
        raise FormatError(f"decodes to {bgr.shape[:2]} though the header says {(info.height, info.width)}")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _allow(info: ImageInfo, max_pixels: int) -> None:
    if max(info.height, info.width) > MAX_SIDE or info.height * info.width > max_pixels:
        raise ObjectError(
            f"the {info.format.upper()} header says {info.height} x {info.width} pixels; {max_pixels:,} are allowed",
            hint="shrink the picture; if that size is meant, pass max_pixels",
        )


def decode_levels(data: bytes, *, max_pixels: int = MAX_PIXELS) -> NDArray[Any]:
    """Decode a picture of one number per pixel, such as a map of anomaly scores.

    Parameters
    ----------
    data : bytes
        A NumPy file (.npy), a grey PNG or a grey TIFF.
    max_pixels : int
        The header is refused above it.

    Returns
    -------
    ndarray of float or integer, shape (height, width)
        The numbers as stored.

    Raises
    ------
    FormatError
        No such file, a damaged one, another number of dimensions, or NaN.
    ObjectError
        More pixels than `max_pixels`.
    """
    levels: NDArray[Any] | None
    if data.startswith(b"\x93NUMPY"):
        levels = _npy(data, max_pixels)
    else:
        info = _tiff_size(data) if data.startswith((b"II*\0", b"MM\0*")) else image_size(data)
        _allow(info, max_pixels)
        cv2 = _opencv()
        try:
            levels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            levels = None
        if levels is None:
            raise FormatError(f"the {info.format.upper()} data are damaged", hint="fetch or save it again")
    assert levels is not None  # noqa: S101 - said above
    if levels.ndim != 2 or not levels.size or levels.dtype.kind not in "fiu":
        raise FormatError(f"one number per pixel is needed, the file holds {levels.dtype} {levels.shape}")
    if levels.dtype.kind == "f" and np.isnan(levels).any():
        raise FormatError("it holds NaN", hint="a pixel without score cannot be ranked")
    return np.asarray(levels)


def _npy(data: bytes, max_pixels: int) -> NDArray[Any]:
    stream = io.BytesIO(data)
    try:
        major = np.lib.format.read_magic(stream)[0]
        read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, kind = read(stream)
        if kind.kind in "fiu" and math.prod(shape) * kind.itemsize != len(data) - stream.tell():
            raise ValueError(f"the header says {kind} {shape}, {len(data) - stream.tell():,} bytes follow")
        if math.prod(shape) > max_pixels:
            raise ObjectError(f"the NumPy header says {shape}; {max_pixels:,} pixels are allowed")
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, OverflowError) as error:
        raise FormatError(f"the NumPy file cannot be read: {error}", hint="save it with numpy.save") from None


def _tiff_size(data: bytes) -> ImageInfo:
    """Height and width as the first directory says (TIFF 6.0, section 2)."""
    order: Literal["little", "big"] = "little" if data[:1] == b"I" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)

    start, found = number(4, 4), {}
    for entry in range(start + 2, min(start + 2 + 12 * number(start, 2), len(data) - 11), 12):
        found[number(entry, 2)] = number(entry + 8, 2 if number(entry + 2, 2) == 3 else 4)
    if not found.get(256) or not found.get(257):
        raise FormatError("the TIFF header is cut off or names no size")
    return ImageInfo("tiff", found[257], found[256])


def encode_png(rgb: RGBArray) -> bytes:
    """Encode a (height, width, 3) uint8 RGB array as PNG, without loss."""
    return _encode(rgb, ".png", [])


def encode_jpeg(rgb: RGBArray, quality: int = 85) -> bytes:
    """Encode a (height, width, 3) uint8 RGB array as JPEG; `quality` is 1..100."""
    if not 1 <= quality <= 100:
        raise ArgumentError(f"quality {quality} is outside 1..100")
    cv2 = _opencv()
    return _encode(rgb, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, int(quality)])


def thumbnail(rgb: RGBArray, max_side: int) -> RGBArray:
    """Shrink until no side exceeds `max_side`, averaging the pixels; smaller pictures come back as they are."""
    _check(rgb)
    if max_side < 1:
        raise ArgumentError(f"max_side {max_side} must be at least 1")
    height, width = rgb.shape[:2]
    longest = max(height, width)
    if longest <= max_side:
        return rgb
    cv2 = _opencv()
    size = (
        max(1, round(width * max_side / longest)),
        max(1, round(height * max_side / longest)),
    )  # width first: OpenCV
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _opencv() -> Any:
    import cv2  # 60 ms that a manifest check need not pay

    return cv2


def _check(rgb: RGBArray) -> None:
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ArgumentError(f"need a non-empty uint8 (height, width, 3) picture, got {rgb.dtype} {rgb.shape}")


def _encode(rgb: RGBArray, extension: str, options: list[int]) -> bytes:
    _check(rgb)
    cv2 = _opencv()
    done, encoded = cv2.imencode(extension, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ArgumentError(f"{rgb.shape[0]} x {rgb.shape[1]} pixels cannot be written as {extension[1:].upper()}")
    return bytes(encoded.tobytes())


def _png_size(data: bytes) -> ImageInfo:
    """The whole chunk list, so that a cut file is known for one; checksums are left to the decoder."""
    if len(data) < 33 or data[8:16] != b"\x00\x00\x00\x0dIHDR":
        raise FormatError("the PNG does not start with a header chunk (IHDR)")
    width, height, depth, color_type, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    if depth not in _PNG_DEPTHS.get(color_type, ()) or interlace > 1:
        raise FormatError(f"the PNG header is not valid: colour type {color_type}, {depth} bits, interlace {interlace}")
    at, end = 8, len(data)
    while at + 12 <= end:
        length = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        at += 12 + length
        if kind == b"IEND" and at <= end:
            return ImageInfo("png", height, width)
    raise FormatError("the PNG is cut off: its last chunk (IEND) is missing", hint="fetch or save it again")


def _jpeg_size(data: bytes) -> ImageInfo:
    """Marker by marker up to the frame header (SOF), then on to the end marker behind the scans."""
    at, end = 2, len(data)
    info: ImageInfo | None = None
    while at + 1 < end:
        if data[at] != 0xFF:
            raise FormatError(f"the JPEG has no marker where one is due, at byte {at}")
        marker = data[at + 1]
        at += 1 if marker == 0xFF else 2  # any number of FF may stand before a marker
        if marker == 0xFF or marker in _JPEG_BARE:
            continue
        if marker == 0xD9:  # end of image without a scan
            break
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > end:
            break
        if marker in _JPEG_FRAMES and info is None:
            if length < 8:
                raise FormatError("the JPEG frame header is too short")
            height, width = struct.unpack_from(">HH", data, at + 3)
            info = ImageInfo("jpeg", height, width)
        at += length
        if marker == 0xDA:  # start of scan: entropy-coded from here on
            if info is None:
                raise FormatError("the JPEG has a scan before its frame header")
            if data.rfind(b"\xff\xd9", at) < 0:
                break
            return info
    raise FormatError("the JPEG is cut off", hint="fetch or save it again")


def _bmp_size(data: bytes) -> ImageInfo:
    header = int.from_bytes(data[14:18], "little")
    if header == 12 and len(data) >= 26:
        width, height = struct.unpack_from("<HH", data, 18)
    elif 40 <= header <= 124 and len(data) >= 14 + header:
        width, height = struct.unpack_from("<ii", data, 18)
    else:
        raise FormatError("the BMP header is cut off or of an unknown kind")
    return ImageInfo("bmp", abs(height), width)  # a negative height only means: top row first


def _guess(data: bytes) -> str:
    known = {b"GIF8": "a GIF", b"II*\0": "a TIFF", b"MM\0*": "a TIFF", b"RIFF": "perhaps a WebP", b"<htm": "a web page",
             b"<!DO": "a web page", b"<?xm": "XML, perhaps an error message of a server", b"{": "JSON"}  # fmt: skip
    what = next((name for start, name in known.items() if data.startswith(start)), None)
    return f"it is {what}; save it as PNG or JPEG" if what else "save it as PNG or JPEG"
