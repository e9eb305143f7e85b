"""Pixel areas per class as Arrow tables: one mask, or many on a thread pool."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
import pyarrow as pa

from lvtools.dataset import format_color
from lvtools.errors import ArgumentError, LvtoolsError, MaskError, ObjectError
from lvtools.masks.classes import AlphaRule, Classified, Colors, as_color_map, check_alpha, classify
from lvtools.masks.colors import MaskSource, count_mask

AREA_SCHEMA = pa.schema(
    [
        pa.field("class_name", pa.string(), metadata={"about": "null: a colour that is no class"}),
        pa.field(
            "color", pa.string(), metadata={"about": "#rrggbb; null: transparent, and without an entry in the map"}
        ),
        pa.field("area_px", pa.int64()),
        pa.field("area_fraction", pa.float64(), metadata={"about": "0..1 of all pixels, background included"}),
    ]
)

MASK_AREA_SCHEMA = pa.schema(
    [
        pa.field("mask", pa.string(), metadata={"about": "the path as given, or the position of bytes"}),
        *AREA_SCHEMA,
        pa.field("ambiguous_px", pa.int64(), metadata={"about": "of the whole mask, the same in each of its rows"}),
        pa.field("first_row", pa.int64(), metadata={"about": "0-based place of the first pixel; null when 0 px"}),
        pa.field("first_col", pa.int64()),
        pa.field(
            "error", pa.string(), metadata={"about": "why the mask could not be read; its other columns are null"}
        ),
    ]
)


def total_percentage_area(area_px: int, total_px: int) -> float:
    """An area as DetectAnomalies states it: a fraction 0..1 in IEEE single precision, in spite of its name.

    Source: all published answers of the service are float32(area / pixels) printed as double (behaviour, 8.4).

    Raises
    ------
    ArgumentError
        Not 0 <= area_px <= total_px, or no pixels at all.

    Examples
    --------
    >>> total_percentage_area(8008, 442368)
    0.018102575093507767
    """
    if not 0 <= area_px <= total_px or total_px == 0:
        raise ArgumentError(f"{area_px} of {total_px} pixels is no area")
    return float(np.float32(area_px / total_px))


def mask_areas(png: MaskSource, color_map: Colors | None = None, *, alpha: AlphaRule = "opaque") -> pa.Table:
    """Say how many pixels of a mask each class covers.

    Parameters
    ----------
    png : str, PathLike or bytes-like
        A path or URI, or the PNG's bytes.
    color_map : ColorMap or mapping of str to int or '#rrggbb', optional
        Class name to colour. Without one the background is what is transparent or white, and every other colour is a
        class named by its hex ('#23a436'), most pixels first.
    alpha : {'opaque', 'any', 'ignore', 'error'}
        When a pixel belongs to its colour: alpha >= 128, alpha > 0, always, or as 'any' but raise when it matters. Else
        it is background. AWS's own masks have soft edges: the choice moves their areas by up to 21 %.

    Returns
    -------
    pyarrow.Table
        `AREA_SCHEMA`: the background; the classes in the map's order, 0 px when not seen; then a row with a null
        `class_name` per unknown colour. `area_px` adds up to height * width. The schema's metadata has `ambiguous_px`
        (pixels whose class depends on the alpha rule), `unknown_px`, `height`, `width` and `alpha`.

    Raises
    ------
    MaskError
        It is no intact PNG, the map contradicts itself, or `alpha` is 'error' and matters.
    ObjectError
        The file cannot be read.
    """
    check_alpha(alpha)
    return area_table(_classify(png, as_color_map(color_map), alpha))


def area_table(classified: Classified) -> pa.Table:
    """The areas of one mask as `mask_areas` returns them."""
    names, colors, areas, _ = _columns(classified)
    counts = np.array(areas, np.int64)
    metadata = {
        "ambiguous_px": str(classified.ambiguous_px),
        "unknown_px": str(classified.unknown_px),
        "height": str(classified.height),
        "width": str(classified.width),
        "alpha": classified.alpha,
    }
    fractions = counts / (classified.height * classified.width)
    arrays = [pa.array(names, pa.string()), pa.array(colors, pa.string()), pa.array(counts), pa.array(fractions)]
    return pa.Table.from_arrays(arrays, schema=AREA_SCHEMA.with_metadata(metadata))


def mask_areas_many(
    pngs: Iterable[MaskSource],
    color_map: Colors | None = None,
    *,
    alpha: AlphaRule = "opaque",
    threads: int | None = None,
    on_error: Literal["keep", "raise"] = "keep",
    on_done: Callable[[int], object] | None = None,
) -> pa.Table:
    """The areas of many masks, on several threads (the kernels and zlib run without the GIL).

    Parameters
    ----------
    pngs : iterable of str, PathLike or bytes-like
    color_map, alpha
        As in `mask_areas`.
    threads : int, optional
        As many as processors when None.
    on_error : {'keep', 'raise'}
        'keep' gives a mask that cannot be read one row, with the reason in `error` and null in all other columns but
        `mask`; so a bad file costs neither the others nor its own name. 'raise' raises the first error, in the order of
        `pngs`. Arguments that cannot be meant always raise.
    on_done : callable, optional
        Called with the number of masks done, in this thread, after each one; for progress.

    Returns
    -------
    pyarrow.Table
        `MASK_AREA_SCHEMA`: the rows of `mask_areas` for each mask, in the order given. The schema's metadata has
        `alpha`, `masks` (read), `unreadable`, `ambiguous_px`, `unknown_px` and `pixels` over all masks.

    Raises
    ------
    MaskError, ObjectError
        With `on_error='raise'`, as in `mask_areas`; a contradictory `color_map` always.
    ArgumentError
        An argument cannot be meant.
    """
    check_alpha(alpha)
    if isinstance(pngs, (str, bytes, bytearray, memoryview, os.PathLike, pa.Buffer)):
        raise ArgumentError("one mask is no list of masks", hint="use mask_areas, or put it into [ ]")
    if on_error not in ("keep", "raise"):
        raise ArgumentError(f"on_error={on_error!r}", hint="'keep' or 'raise'")
    if threads is not None and threads < 1:
        raise ArgumentError(f"threads={threads}", hint="1 or more")
    named = as_color_map(color_map)

    def one(png: MaskSource) -> Classified | LvtoolsError:
        try:
            return _classify(png, named, alpha)
        except (MaskError, ObjectError) as error:
            return error

    sources = list(pngs)
    rows: dict[str, list[object]] = {name: [] for name in MASK_AREA_SCHEMA.names}
    sums = dict.fromkeys(("masks", "unreadable", "ambiguous_px", "unknown_px", "pixels"), 0)
    pool = ThreadPoolExecutor(max_workers=threads or os.cpu_count() or 1)
    try:
        for position, found in enumerate(pool.map(one, sources)):
            if isinstance(found, Classified):
                _add(rows, _name(sources[position], position), found, sums)
            elif on_error == "raise":
                raise found
            else:
                for column in rows:
                    rows[column].append(None)
                rows["mask"][-1], rows["error"][-1] = _name(sources[position], position), _sentence(found)
                sums["unreadable"] += 1
            if on_done is not None:
                on_done(position + 1)
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C or 'raise': do not work off the queue first
    metadata = {"alpha": alpha, **{name: str(value) for name, value in sums.items()}}
    arrays = [pa.array(rows[kind.name], kind.type) for kind in MASK_AREA_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=MASK_AREA_SCHEMA.with_metadata(metadata))


def _classify(png: MaskSource, color_map: Colors | None, alpha: AlphaRule) -> Classified:
    try:
        return classify(count_mask(png), color_map, alpha=alpha)
    except MaskError as error:
        if error.path is None and isinstance(png, (str, os.PathLike)):
            error.path = os.fspath(png)
        raise


def _columns(
    classified: Classified,
) -> tuple[list[str | None], list[str | None], list[int], list[tuple[int, int] | tuple[None, None]]]:
    """Names, colours, areas and first places of all rows: background, classes, unknown colours."""
    unknown = classified.unknown
    names: list[str | None] = [*classified.names, *(None for _ in unknown)]
    colors = [None if color is None else format_color(color) for color in classified.colors]
    areas = [*classified.area_px.tolist(), *(one.area_px for one in unknown)]
    places: list[tuple[int, int] | tuple[None, None]] = [
        (None, None) if at < 0 else divmod(at, classified.width) for at in classified.first.tolist()
    ]
    return names, [*colors, *(one.color for one in unknown)], areas, [*places, *((u.row, u.col) for u in unknown)]


def _add(rows: dict[str, list[object]], name: str, classified: Classified, sums: dict[str, int]) -> None:
    names, colors, areas, places = _columns(classified)
    pixels = classified.height * classified.width
    rows["mask"] += [name] * len(names)
    rows["class_name"] += names
    rows["color"] += colors
    rows["area_px"] += areas
    rows["area_fraction"] += [area / pixels for area in areas]
    rows["ambiguous_px"] += [classified.ambiguous_px] * len(names)
    rows["first_row"] += [row for row, _ in places]
    rows["first_col"] += [col for _, col in places]
    rows["error"] += [None] * len(names)
    found = (1, 0, classified.ambiguous_px, classified.unknown_px, pixels)
    for key, more in zip(sums, found, strict=True):
        sums[key] += more


def _name(png: MaskSource, position: int) -> str:
    if not isinstance(png, (str, os.PathLike)):
        return str(position)
    # A file name may hold bytes that are no UTF-8 (Python has them as surrogates); Arrow's strings may not.
    return os.fspath(png).encode("utf-8", "backslashreplace").decode("utf-8")


def _sentence(error: LvtoolsError) -> str:
    return error.message.encode("utf-8", "backslashreplace").decode("utf-8")
