"""Draws circuit boards and their faults, and the masks that go with them. Knows pixels, no files or formats."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

UInt8Array = NDArray[np.uint8]

HEIGHT, WIDTH = 240, 320
CLASSES = ("BACKGROUND", "scratch", "dent", "missing")  # the class index is the place in this tuple
SCRATCH, DENT, MISSING = 1, 2, 3

_ZOOM = 2  # drawn twice as large, then averaged: edges look photographed instead of stepped
_SOLDER_MASK = (26, 94, 60)
_TRACE = (46, 128, 84)
_GOLD = (206, 176, 96)
_TIN = (190, 194, 198)
_INK = (226, 232, 224)


class Part(NamedTuple):
    """A component: its kind, its body's upper left corner and its size, in pixels of the finished picture."""

    kind: str
    top: int
    left: int
    height: int
    width: int


PARTS = (
    Part("chip", 84, 124, 62, 76),
    Part("chip", 30, 236, 36, 44),
    Part("resistor", 32, 40, 14, 32),
    Part("resistor", 56, 40, 14, 32),
    Part("resistor", 80, 40, 14, 32),
    Part("resistor", 186, 132, 14, 32),
    Part("resistor", 186, 180, 14, 32),
    Part("capacitor", 32, 128, 22, 22),
    Part("capacitor", 32, 166, 22, 22),
    Part("capacitor", 112, 240, 22, 22),
    Part("capacitor", 146, 240, 22, 22),
    Part("plug", 136, 28, 64, 36),
)
_LOSEABLE = tuple(index for index, part in enumerate(PARTS) if part.kind in ("resistor", "capacitor"))
_TRACES = (
    ((39, 72), (39, 128)), ((63, 72), (63, 100), (96, 124)), ((87, 72), (87, 96), (104, 124)), ((43, 188), (43, 236)),
    ((58, 150), (84, 150)), ((54, 177), (84, 177)), ((100, 200), (100, 222), (60, 236)), ((123, 200), (123, 240)),
    ((138, 200), (157, 222), (157, 240)), ((146, 148), (186, 148)), ((146, 184), (176, 196), (186, 196)),
    ((150, 64), (150, 100), (120, 124)), ((168, 64), (168, 110), (193, 132)), ((186, 64), (210, 90), (210, 250)),
    ((210, 250), (168, 250)), ((66, 258), (112, 251)),
)  # fmt: skip


def draw_board(rng: np.random.Generator, faults: tuple[int, ...] = ()) -> tuple[UInt8Array, UInt8Array]:
    """Draw one board as a camera would see it.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides lighting, position, noise, and where the faults are.
    faults : tuple of int
        Class indexes, drawn in this order; empty for a normal board.

    Returns
    -------
    rgb : ndarray of uint8, shape (240, 320, 3)
    mask : ndarray of uint8, shape (240, 320)
        Class index of each pixel.
    """
    import cv2

    lost = int(rng.choice(_LOSEABLE)) if MISSING in faults else None
    canvas = _bare_board()
    for index, part in enumerate(PARTS):
        _draw_part(canvas, part, present=index != lost)
    large_mask = np.zeros(canvas.shape[:2], np.uint8)
    for fault in faults:
        if fault == SCRATCH:
            _scratch(canvas, large_mask, rng)
        elif fault == DENT:
            _dent(canvas, large_mask, rng)
        elif lost is not None:
            part = PARTS[lost]
            corner, opposite = _corners(part.top - 1, part.left - 1, part.height + 2, part.width + 2)
            cv2.rectangle(large_mask, corner, opposite, MISSING, -1)
    shift = rng.integers(-3, 4, 2) * _ZOOM  # the board never lies in quite the same place
    canvas, large_mask = (np.roll(array, shift, axis=(0, 1)) for array in (canvas, large_mask))
    rgb = cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    rgb *= _lighting(rng)[:, :, None]
    rgb += rng.normal(0, 2.2, rgb.shape)
    return np.clip(rgb, 0, 255).astype(np.uint8), np.ascontiguousarray(large_mask[::_ZOOM, ::_ZOOM])


def distort(mask: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """What a fair model would make of a mask: each class moved a little, grown or shrunk, with rounded corners."""
    import cv2

    out = np.zeros_like(mask)
    for index in range(1, len(CLASSES)):
        one = (mask == index).astype(np.uint8)
        if not one.any():
            continue
        reach = 1 if index == SCRATCH else 3
        down, right = rng.integers(-reach, reach + 1, 2)
        one = np.roll(one, (int(down), int(right)), axis=(0, 1))
        size = int(rng.integers(1, 3 if index == SCRATCH else 5)) * 2 + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        one = cv2.dilate(one, kernel) if index == SCRATCH or rng.random() < 0.6 else cv2.erode(one, kernel)
        out[np.asarray(one, bool)] = index
    return out


def false_alarm(rng: np.random.Generator) -> UInt8Array:
    """A small blob of a class where nothing is wrong."""
    import cv2

    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    centre = (int(rng.integers(60, WIDTH - 60)), int(rng.integers(50, HEIGHT - 50)))
    axes = (int(rng.integers(5, 12)), int(rng.integers(3, 7)))
    cv2.ellipse(mask, centre, axes, float(rng.integers(0, 180)), 0, 360, int(rng.integers(1, len(CLASSES))), -1)
    return mask


def _corners(top: int, left: int, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Opposite corners as OpenCV wants them: x before y, both inclusive, on the large canvas."""
    return (left * _ZOOM, top * _ZOOM), ((left + width) * _ZOOM - 1, (top + height) * _ZOOM - 1)


def _box(
    canvas: UInt8Array, top: int, left: int, height: int, width: int, color: tuple[int, int, int], line: int = -1
) -> None:
    import cv2

    cv2.rectangle(canvas, *_corners(top, left, height, width), color, line)


def _bare_board() -> UInt8Array:
    import cv2

    canvas = np.full((HEIGHT * _ZOOM, WIDTH * _ZOOM, 3), (58, 60, 66), np.uint8)  # the conveyor belt
    _box(canvas, 12, 14, HEIGHT - 24, WIDTH - 28, (30, 78, 54))
    _box(canvas, 13, 15, HEIGHT - 26, WIDTH - 30, _SOLDER_MASK)
    for points in _TRACES:
        line = np.array([(x * _ZOOM, y * _ZOOM) for y, x in points], np.int32)
        cv2.polylines(canvas, [line], False, _TRACE, 3 * _ZOOM, cv2.LINE_AA)
        for x, y in (line[0].tolist(), line[-1].tolist()):
            cv2.circle(canvas, (x, y), 3 * _ZOOM, _GOLD, -1, cv2.LINE_AA)
    for y, x in ((24, 26), (24, WIDTH - 27), (HEIGHT - 25, 26), (HEIGHT - 25, WIDTH - 27)):
        cv2.circle(canvas, (x * _ZOOM, y * _ZOOM), 6 * _ZOOM, _GOLD, -1, cv2.LINE_AA)
        cv2.circle(canvas, (x * _ZOOM, y * _ZOOM), 3 * _ZOOM, (58, 60, 66), -1, cv2.LINE_AA)
    for column in range(9):  # a row of test points
        cv2.circle(canvas, ((90 + 18 * column) * _ZOOM, 222 * _ZOOM), 2 * _ZOOM, _TIN, -1, cv2.LINE_AA)
    return canvas


def _draw_part(canvas: UInt8Array, part: Part, *, present: bool) -> None:
    import cv2

    kind, top, left, height, width = part
    if kind == "resistor":
        _box(canvas, top - 2, left - 3, height + 4, width + 6, _INK, _ZOOM)
        for pad in (left, left + width - 8):
            _box(canvas, top, pad, height, 8, _GOLD)
        if present:
            _box(canvas, top + 1, left + 1, height - 2, width - 2, _TIN)
            _box(canvas, top + 1, left + 6, height - 2, width - 12, (34, 34, 38))
            _box(canvas, top + 5, left + 11, 3, width - 22, (170, 170, 172))
    elif kind == "capacitor":
        centre = ((left + width // 2) * _ZOOM, (top + height // 2) * _ZOOM)
        _box(canvas, top - 2, left - 2, height + 4, width + 4, _INK, _ZOOM)
        for pad in (left + 2, left + width - 7):
            _box(canvas, top + height // 2 - 4, pad, 8, 5, _GOLD)
        if present:
            cv2.circle(canvas, centre, width // 2 * _ZOOM, (150, 152, 158), -1, cv2.LINE_AA)
            cv2.circle(canvas, centre, (width // 2 - 2) * _ZOOM, (202, 204, 208), -1, cv2.LINE_AA)
            radius = (width // 2 - 2) * _ZOOM
            cv2.ellipse(canvas, centre, (radius, radius), 0.0, 120, 240, (40, 44, 60), -1, cv2.LINE_AA)
    elif kind == "chip":
        for pin in range(top + 4, top + height - 4, 7):
            _box(canvas, pin, left - 5, 3, width + 10, _TIN)
        _box(canvas, top, left, height, width, (38, 39, 43))
        _box(canvas, top + 2, left + 2, height - 4, width - 4, (48, 49, 54))
        cv2.circle(canvas, ((left + 8) * _ZOOM, (top + 8) * _ZOOM), 2 * _ZOOM, (96, 97, 102), -1, cv2.LINE_AA)
        for line in range(3 if height > 40 else 1):
            _box(canvas, top + 20 + 9 * line, left + 14, 3, width - 28 - 8 * line, (118, 119, 124))
    else:
        _box(canvas, top, left, height, width, (222, 218, 204))
        _box(canvas, top + 3, left + 3, height - 6, width - 12, (190, 186, 172))
        for pin in range(top + 7, top + height - 7, 9):
            _box(canvas, pin, left + width - 7, 4, 10, _GOLD)
            _box(canvas, pin, left + 8, 4, 8, (92, 88, 78))


def _scratch(canvas: UInt8Array, mask: UInt8Array, rng: np.random.Generator) -> None:
    """A thin, slightly bent bright line."""
    import cv2

    start = np.array([rng.integers(50, WIDTH - 50), rng.integers(45, HEIGHT - 45)], float)
    angle, length = rng.uniform(0, np.pi), rng.uniform(60, 130)
    bend = rng.uniform(-0.5, 0.5)
    steps = np.linspace(0, 1, 16)
    heading = angle + bend * steps
    points = start + np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1) * length / len(steps), axis=0)
    points = np.clip(points, (20, 18), (WIDTH - 20, HEIGHT - 18))
    line = np.round(points * _ZOOM).astype(np.int32)
    cv2.polylines(mask, [line], False, SCRATCH, 3 * _ZOOM)
    cv2.polylines(canvas, [line + _ZOOM], False, (20, 44, 34), _ZOOM, cv2.LINE_AA)
    cv2.polylines(canvas, [line], False, (208, 222, 204), int(rng.integers(2, 4)), cv2.LINE_AA)


def _dent(canvas: UInt8Array, mask: UInt8Array, rng: np.random.Generator) -> None:
    """A soft hollow: dark on one side, bright on the other."""
    import cv2

    centre = (int(rng.integers(50, WIDTH - 50)) * _ZOOM, int(rng.integers(45, HEIGHT - 45)) * _ZOOM)
    axes = (int(rng.integers(10, 20)) * _ZOOM, int(rng.integers(8, 15)) * _ZOOM)
    turn = float(rng.integers(0, 180))
    cv2.ellipse(mask, centre, axes, turn, 0, 360, DENT, -1)
    shape = np.zeros(mask.shape, np.float32)
    cv2.ellipse(shape, centre, (axes[0] - 4, axes[1] - 4), turn, 0, 360, 1.0, -1)
    shape = np.asarray(cv2.GaussianBlur(shape, (0, 0), 4.0), np.float32)
    slope = np.roll(shape, (6, 6), axis=(0, 1)) - np.roll(shape, (-6, -6), axis=(0, 1))
    changed = canvas * (1 - 0.45 * shape[:, :, None]) + 105 * slope[:, :, None]
    canvas[:] = np.clip(changed, 0, 255).astype(np.uint8)


def _lighting(rng: np.random.Generator) -> NDArray[np.float32]:
    """A lamp that is never quite even."""
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    tilt = rng.uniform(-0.06, 0.06, 2)
    light = rng.uniform(0.95, 1.06) * (1 + tilt[0] * rows + tilt[1] * columns) - 0.07 * (rows**2 + columns**2)
    return np.asarray(light, np.float32)
