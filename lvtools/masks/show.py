"""A mask for the eye: painted over its image, and as what a notebook shows. Colours and arrays; no files."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from lvtools.text import printable

UNKNOWN_PAINT = 0xFF00FF  # magenta, so that a colour of no class is seen in an overlay whatever colour it has


def paint_table(colors: Sequence[int | None]) -> NDArray[np.uint8]:
    """R, G, B of every index: uint8 (256, 3). What has no colour is magenta."""
    table = np.empty((256, 3), np.uint8)
    table[:] = UNKNOWN_PAINT >> 16, UNKNOWN_PAINT >> 8 & 255, UNKNOWN_PAINT & 255
    for index, color in enumerate(colors[:256]):
        if color is not None:
            table[index] = color >> 16, color >> 8 & 255, color & 255
    return table


def tint(
    image: NDArray[np.uint8], index: NDArray[np.uint8], table: NDArray[np.uint8], opacity: float
) -> NDArray[np.uint8]:
    """A copy of a picture with table[index] laid over it where the index is not 0; a fourth channel is kept.

    `image` is uint8 (height, width, 3 or 4), `index` uint8 (height, width), `table` uint8 (256, 3), `opacity` 0..1.
    """
    out = image.copy()
    chosen = index != 0
    below = image[chosen]
    paint = table[index[chosen]]
    below[:, :3] = np.rint(below[:, :3] * np.float64(1 - opacity) + paint * np.float64(opacity)).astype(np.uint8)
    out[chosen] = below
    return out


def shrink(index: NDArray[np.uint8], max_side: int) -> NDArray[np.uint8]:
    """A smaller picture: each pixel is the highest index of its block, so that no thin scratch is lost."""
    step = -(-max(index.shape) // max_side)
    if step <= 1:
        return index
    rows = np.maximum.reduceat(index, np.arange(0, index.shape[0], step), axis=0)
    return np.asarray(np.maximum.reduceat(rows, np.arange(0, index.shape[1], step), axis=1), np.uint8)


def page(
    title: str, notes: Iterable[str], rows: Iterable[tuple[str | None, str | None, int, float]], png: bytes
) -> str:
    """The HTML a notebook shows: a picture, a title, a table of class, colour, pixels and share, and remarks.

    Names come from data and are escaped.
    """
    cells = "".join(
        f"<tr><td>{_swatch(color)}</td><td style='text-align:left'>{_safe(name or 'unknown')}</td>"
        f"<td>{_safe(color or '-')}</td><td>{area:,}</td><td>{share:.4%}</td></tr>"
        for name, color, area, share in rows
    )
    remarks = "".join(f"<div>{_safe(note)}</div>" for note in notes)
    picture = base64.b64encode(png).decode("ascii")
    return (
        "<div style='display:flex;gap:1em;align-items:flex-start'>"
        "<img alt='mask' style='image-rendering:pixelated;border:1px solid #888' "
        f"src='data:image/png;base64,{picture}'>"
        f"<div><div><b>{_safe(title)}</b></div><table><thead><tr><th></th><th>class</th><th>color</th><th>area_px</th>"
        f"<th>percent</th></tr></thead><tbody>{cells}</tbody></table>{remarks}</div></div>"
    )


def _swatch(color: str | None) -> str:
    if color is None:
        return ""
    style = f"display:inline-block;width:1em;height:1em;border:1px solid #888;background:{_safe(color)}"
    return f"<span style='{style}'></span>"


def _safe(text: str) -> str:
    return html.escape(printable(text))
