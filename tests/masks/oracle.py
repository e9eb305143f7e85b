"""The slow truth about PNG, from the specification's text: loops, lists and dicts, no NumPy, nothing of lvtools.

`decode` returns (height, width, [(r, g, b, a), ...]) or raises Refused.
"""

from __future__ import annotations

import zlib

Pixel = tuple[int, int, int, int]


class Refused(Exception):
    """The bytes are not one intact PNG."""


def need(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def decode(data: bytes) -> tuple[int, int, list[Pixel]]:
    need(data[:8] == bytes([137, 80, 78, 71, 13, 10, 26, 10]), "signature")
    chunks: list[tuple[str, bytes]] = []
    rest = data[8:]
    while not chunks or chunks[-1][0] != "IEND":
        need(len(rest) >= 12, "cut")
        size = 0
        for byte in rest[:4]:
            size = size * 256 + byte
        need(len(rest) >= size + 12, "cut inside a chunk")
        crc = 0
        for byte in rest[8 + size : 12 + size]:
            crc = crc * 256 + byte
        need(zlib.crc32(rest[4 : 8 + size]) == crc, "crc")
        for byte in rest[4:8]:
            need(65 <= byte <= 90 or 97 <= byte <= 122, "chunk type")
        chunks.append((rest[4:8].decode("latin-1"), rest[8 : 8 + size]))
        rest = rest[12 + size :]
    names = [name for name, _ in chunks]
    need(names[0] == "IHDR" and names.count("IHDR") == 1, "IHDR")
    for name in names:
        need(name in ("IHDR", "PLTE", "IDAT", "IEND") or name[0].islower(), "unknown critical chunk")
    need("IDAT" in names, "no IDAT")
    start = names.index("IDAT")
    many = names.count("IDAT")
    need(names[start : start + many] == ["IDAT"] * many, "IDAT not consecutive")
    for name in ("PLTE", "tRNS"):
        need(names.count(name) <= 1, f"two {name}")
        need(name not in names or names.index(name) < start, f"late {name}")
    if "PLTE" in names and "tRNS" in names:
        need(names.index("PLTE") < names.index("tRNS"), "tRNS before PLTE")
    content = dict(chunks)
    need(content["IEND"] == b"", "IEND with data")

    head = content["IHDR"]
    need(len(head) == 13, "IHDR size")
    width = head[0] * 2**24 + head[1] * 2**16 + head[2] * 256 + head[3]
    height = head[4] * 2**24 + head[5] * 2**16 + head[6] * 256 + head[7]
    depth, kind, compression, filtering, interlace = head[8:]
    need(0 < width <= 65535 and 0 < height <= 65535 and width * height <= 2**28, "size")
    pairs = {0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]}
    need(depth in pairs.get(kind, []), "depth and type")
    need(compression == 0 and filtering == 0 and interlace in (0, 1), "methods")

    palette: list[Pixel] = []
    if "PLTE" in content:
        plte = content["PLTE"]
        need(kind not in (0, 4) and len(plte) % 3 == 0, "PLTE")
        need(1 <= len(plte) // 3 <= (2**depth if kind == 3 else 256), "PLTE length")
        palette = [(plte[k], plte[k + 1], plte[k + 2], 255) for k in range(0, len(plte), 3)]
    need(kind != 3 or bool(palette), "no PLTE")
    clear: list[int] | None = None
    if "tRNS" in content:
        trns = content["tRNS"]
        need(kind in (0, 2, 3), "tRNS with alpha")
        if kind == 3:
            need(len(trns) <= len(palette), "tRNS length")
            for k, alpha in enumerate(trns):
                palette[k] = (*palette[k][:3], alpha)
        else:
            need(len(trns) == (2 if kind == 0 else 6), "tRNS length")
            clear = [(trns[k] * 256 + trns[k + 1]) % 2**depth for k in range(0, len(trns), 2)]

    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    passes = [(0, 0, 1, 1)]
    if interlace:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    plan = []
    for row, col, down, right in passes:
        rows, columns = len(range(row, height, down)), len(range(col, width, right))
        if rows and columns:
            plan.append((row, col, down, right, rows, columns, (columns * channels * depth + 7) // 8))
    expected = sum(rows * (1 + size) for *_, rows, _, size in plan)

    unzip = zlib.decompressobj()
    packed = b"".join(body for name, body in chunks if name == "IDAT")
    try:
        raw = unzip.decompress(packed, expected + 1)
    except zlib.error as error:
        raise Refused(str(error)) from None
    if len(raw) == expected and not unzip.eof:
        try:
            raw += unzip.decompress(unzip.unconsumed_tail, 1)
        except zlib.error as error:
            raise Refused(str(error)) from None
    need(len(raw) == expected and unzip.eof and not unzip.unused_data, "stream length")

    image: dict[tuple[int, int], Pixel] = {}
    at = 0
    step = max(1, channels * depth // 8)
    for row, col, down, right, rows, columns, size in plan:
        above = [0] * size
        for r in range(rows):
            line = undo(raw[at], list(raw[at + 1 : at + 1 + size]), above, step)
            at += 1 + size
            for c in range(columns):
                samples = [sample(line, c * channels + k, depth) for k in range(channels)]
                image[row + r * down, col + c * right] = color(samples, kind, depth, palette, clear)
            above = line
    return height, width, [image[r, c] for r in range(height) for c in range(width)]


def undo(method: int, line: list[int], above: list[int], step: int) -> list[int]:
    need(method <= 4, "filter")
    out: list[int] = []
    for k, byte in enumerate(line):
        a = out[k - step] if k >= step else 0
        b = above[k]
        c = above[k - step] if k >= step else 0
        nearest = min((abs(a + b - c - value), order, value) for order, value in enumerate((a, b, c)))[2]
        out.append((byte + [0, a, b, (a + b) // 2, nearest][method]) % 256)
    return out


def sample(line: list[int], position: int, depth: int) -> int:
    if depth == 16:
        return line[2 * position] * 256 + line[2 * position + 1]
    bits = "".join(f"{byte:08b}" for byte in line[position * depth // 8 : position * depth // 8 + 1])
    begin = position * depth % 8
    return int(bits[begin : begin + depth], 2)


def color(samples: list[int], kind: int, depth: int, palette: list[Pixel], clear: list[int] | None) -> Pixel:
    if kind == 3:
        need(samples[0] < len(palette), "index")
        return palette[samples[0]]
    eight = [value // 256 if depth == 16 else value * 255 // (2**depth - 1) for value in samples]
    alpha = eight[-1] if kind in (4, 6) else 0 if samples == clear else 255
    return (eight[0], eight[0], eight[0], alpha) if kind in (0, 4) else (eight[0], eight[1], eight[2], alpha)


def areas(pixels: list[Pixel], color_map: dict[str, int], alpha: str) -> tuple[dict[str | int, int], int]:
    """Pixels by class name, background as 'background', or 0xRRGGBB where unknown; and the ambiguous pixels."""
    least = {"opaque": 128, "any": 1, "ignore": 0, "error": 1}[alpha]
    names = {value: name for name, value in color_map.items()}
    background = [value for name, value in color_map.items() if name.lower() == "background"]
    classes = {value for name, value in color_map.items() if name.lower() != "background"}
    visible = {(r * 65536 + g * 256 + b) for r, g, b, a in pixels if a >= least}
    unlisted = visible - set(names)
    if not background:
        clear = any(a == 0 for *_, a in pixels) and least > 0
        if 0xFFFFFF in unlisted:
            background = [0xFFFFFF]
        elif len(unlisted) == 1 and not clear:
            background = list(unlisted)
    counts: dict[str | int, int] = {}
    ambiguous = 0
    for r, g, b, a in pixels:
        rgb = r * 65536 + g * 256 + b
        key: str | int = "background"
        if a >= least and rgb not in background:
            key = names.get(rgb, rgb)
        counts[key] = counts.get(key, 0) + 1
        ambiguous += a < 255 and rgb in classes
    return counts, ambiguous
