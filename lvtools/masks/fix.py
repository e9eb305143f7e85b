"""Colours of no class given the nearest declared one: what smoothing, resizing or JPEG made of a mask, undone."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools.dataset import WHITE, parse_color
from lvtools.errors import ArgumentError, FormatError, MaskError
from lvtools.images import decode_image
from lvtools.masks.classes import AlphaRule, Colors, as_color_map, check_alpha
from lvtools.masks.colors import MaskSource, read_mask_bytes
from lvtools.masks.mask import Mask, made
from lvtools.masks.nearness import Channels, Origins, channels, origins
from lvtools.masks.read import decode_runs, mask_of, runs_of_pixels
from lvtools.masks.runs import joined

FIX_SCHEMA = pa.schema(
    [
        pa.field("color", pa.string(), metadata={"about": "#rrggbb as found, the colour of no class"}),
        pa.field("class_name", pa.string(), metadata={"about": "what its pixels became; null: kept, too far away"}),
        pa.field("area_px", pa.int64()),
        pa.field(
            "distance",
            pa.float64(),
            metadata={"about": "to the colour of that class, or of the nearest; Euclidean in R, G, B"},
        ),
        pa.field("first_row", pa.int32(), metadata={"about": "0-based place of the first pixel"}),
        pa.field("first_col", pa.int32()),
    ]
)


class FixedMask(NamedTuple):
    """What `fix_mask` gives.

    Attributes
    ----------
    mask : Mask
        With the colours snapped; `write_mask(fixed.mask, path)` writes it. Colours that were too far away are unknown
        in it as before.
    report : pyarrow.Table
        `FIX_SCHEMA`: every colour that was of no class, most pixels first. The metadata has `height`, `width`,
        `fixed_px`, `unknown_px` (what is left), `ambiguous_px`, `alpha` and `tolerance`.
    """

    mask: Mask
    report: pa.Table


def fix_mask(
    source: MaskSource | Mask,
    color_map: Colors | None = None,
    *,
    tolerance: float | None = None,
    alpha: AlphaRule = "opaque",
) -> FixedMask:
    """Give pixels of undeclared colours to the class of the nearest declared one.

    Transparency is settled first, by the alpha rule; then each colour of no class is compared with those of the classes
    and the background (the map's, or the one found, else white). The nearest one within the tolerance gets its pixels;
    of several as near, the background, then the first in the map's order. A colour that lies on the line between two
    declared ones is a mixture of them and goes to the nearer of these two, so that the smoothed edge of one class gets
    no rim of another. Neighbours play no part: the same colour becomes the same class everywhere. No pixel is dropped:
    fixed, unknown and other pixels are height x width.

    Parameters
    ----------
    source : str, PathLike, bytes-like or Mask
        A path or URI, the PNG's bytes, or a mask that was read. Here, and only here, a JPEG or BMP will do, whatever
        its name: it is what this function is for.
    color_map : ColorMap or mapping of str to int or '#rrggbb'
        The declared colours. May be left out for a Mask, which has its own, and is not taken there.
    tolerance : float, optional
        The largest distance, Euclidean in R, G, B (0..441.7). By default half the largest distance between two declared
        colours: every mixture of two of them is within it, a foreign colour is mostly not.
    alpha : {'opaque', 'any', 'ignore', 'error'}
        As in `mask_areas`; not for a Mask.

    Raises
    ------
    MaskError
        It is no intact picture, the map contradicts itself, or `alpha` is 'error' and matters.
    ObjectError
        The file cannot be read.
    ArgumentError
        There is no color map, or one too many; or `tolerance` is no distance.
    """
    check_alpha(alpha)
    if isinstance(source, Mask):
        if color_map is not None:
            raise ArgumentError("a Mask has a color map of its own", hint="give its path to fix it by another map")
        mask = source
    else:
        if not as_color_map(color_map):
            raise ArgumentError("fix_mask needs to know the declared colours", hint="give {'crack': '#23a436'}")
        mask = _read(source, color_map, alpha)
    if tolerance is not None and not (isinstance(tolerance, (int, float)) and 0 <= tolerance < math.inf):
        raise ArgumentError(f"tolerance={tolerance!r}", hint="a distance in R, G, B: 0 to 442")

    numbers, declared = _declared(mask)
    if tolerance is None:
        apart = ((declared[:, None] - declared[None]) ** 2).sum(axis=2)
        # One more, since mixtures are rounded to whole numbers.
        tolerance = math.sqrt(int(apart.max())) / 2 + 1 if len(declared) > 1 else 0.0
    found = origins(channels([parse_color(one.color) for one in mask.unknown]), declared)
    near = found.distance <= tolerance
    known = len(mask.classes)
    table = np.arange(known + len(mask.unknown), dtype=np.int32)
    table[known:][near] = numbers[found.place[near]]
    left = np.flatnonzero(~near)
    table[known + left] = known + np.arange(len(left))
    kept = [mask.unknown[k].color for k in left.tolist()]
    colors = tuple(None if color is None else parse_color(color) for color in mask.colors)
    if colors[0] is None and 0 in table[known:]:
        colors = (WHITE, *colors[1:])  # the background had no colour of its own, now it has pixels near white
    lists = joined(mask.run_lists(), table)
    fixed = made(lists, mask, mask.classes, colors, kept, mask.ambiguous_px)
    return FixedMask(fixed, _report(mask, fixed, numbers, found, near, tolerance))


def _read(source: MaskSource, color_map: Colors | None, alpha: AlphaRule) -> Mask:
    data, name = read_mask_bytes(source)
    try:
        if not bytes(data[:3]).startswith((b"\xff\xd8\xff", b"BM")):
            return mask_of(*decode_runs(data), color_map, alpha=alpha)
        rgb = decode_image(bytes(data))
        opaque = np.full((*rgb.shape[:2], 1), 255, np.uint8)
        return mask_of(*runs_of_pixels(np.concatenate([rgb, opaque], axis=2)), color_map, alpha=alpha)
    except FormatError as error:
        raise MaskError(error.message, path=name or None, hint=error.hint) from None
    except MaskError as error:
        error.path = error.path or name or None
        raise


def _declared(mask: Mask) -> tuple[NDArray[np.int32], Channels]:
    """The numbers of the classes that have a colour, and these: int64 (n, 3)."""
    pairs = [(k, parse_color(color)) for k, color in enumerate(mask.colors) if color is not None]
    if mask.colors[0] is None and WHITE not in (color for _, color in pairs):
        pairs.insert(0, (0, WHITE))
    return np.array([k for k, _ in pairs], np.int32), channels([color for _, color in pairs])


def _report(
    mask: Mask,
    fixed: Mask,
    numbers: NDArray[np.int32],
    found: Origins,
    near: NDArray[np.bool_],
    tolerance: float,
) -> pa.Table:
    became = [mask.classes[numbers[k]] if is_near else None for k, is_near in zip(found.place, near, strict=True)]
    metadata = {
        "height": str(mask.height),
        "width": str(mask.width),
        "fixed_px": str(mask.unknown_px - fixed.unknown_px),
        "unknown_px": str(fixed.unknown_px),
        "ambiguous_px": str(mask.ambiguous_px),
        "alpha": mask.alpha,
        "tolerance": f"{tolerance:g}",
    }
    arrays = [
        pa.array([one.color for one in mask.unknown], pa.string()),
        pa.array(became, pa.string()),
        pa.array([one.area_px for one in mask.unknown], pa.int64()),
        pa.array(found.distance),
        pa.array([one.row for one in mask.unknown], pa.int32()),
        pa.array([one.col for one in mask.unknown], pa.int32()),
    ]
    return pa.Table.from_arrays(arrays, schema=FIX_SCHEMA.with_metadata(metadata))
