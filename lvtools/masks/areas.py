"""Pixel areas per class as Arrow tables: one mask, or many on a thread pool."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

import numpy as np
import pyarrow as pa

from lvtools.errors import ArgumentError, MaskError
from lvtools.masks.area_parts import area_part, class_rows
from lvtools.masks.classes import AlphaRule, Classified, Colors, as_color_map, check_alpha, classify
from lvtools.masks.classify_many import Legend
from lvtools.masks.colors import MaskSource, count_mask
from lvtools.masks.schemas import AREA_SCHEMA, MASK_AREA_SCHEMA

__all__ = ["AREA_SCHEMA", "MASK_AREA_SCHEMA", "area_table", "mask_areas", "mask_areas_many", "total_percentage_area"]

# Masks a thread counts between two looks at Python's lock: 5 ms of small ones. Files may lie far away, and progress and
# Ctrl-C wait for a slice.
_MOST_AT_ONCE = 256
_MOST_FILES_AT_ONCE = 32


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
    names, colors, areas, _ = class_rows(classified)
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
    """The areas of many masks, on several threads; each counts a slice of the masks at a time without the GIL.

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
        Called with the number of masks done, in this thread, once for each; for progress.

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

    legend = None if named is None else Legend.of(named)
    job = partial(area_part, color_map=named, legend=legend, alpha=alpha, stop_at_error=on_error == "raise")
    sources = list(pngs)
    workers = min(threads or os.cpu_count() or 1, max(1, len(sources)))
    files = bool(sources) and isinstance(sources[0], (str, os.PathLike))
    most = _MOST_FILES_AT_ONCE if files else _MOST_AT_ONCE
    # A slice costs 0.2 ms of its own, and as much again when two threads want Python's lock at once: few, large ones.
    size = max(1, min(most, -(-len(sources) // (2 * workers))))
    starts = range(0, len(sources), size)
    parts: list[pa.Table] = []
    sums = dict.fromkeys(("masks", "unreadable", "ambiguous_px", "unknown_px", "pixels"), 0)
    pool = ThreadPoolExecutor(max_workers=workers) if workers > 1 else None
    try:
        for start, part in zip(
            starts,
            (pool.map if pool else map)(job, (sources[at : at + size] for at in starts), starts),
            strict=True,
        ):
            parts.append(part.table)
            for key, more in zip(sums, part.sums, strict=True):
                sums[key] += more
            if on_done is not None:
                for position in range(start, min(start + size, len(sources))):
                    on_done(position + 1)
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)  # after Ctrl-C or 'raise': do not work off the queue first
    metadata = {"alpha": alpha, **{name: str(value) for name, value in sums.items()}}
    table = pa.concat_tables(parts).combine_chunks() if parts else MASK_AREA_SCHEMA.empty_table()
    return table.replace_schema_metadata(metadata)


def _classify(png: MaskSource, color_map: Colors | None, alpha: AlphaRule) -> Classified:
    try:
        return classify(count_mask(png), color_map, alpha=alpha)
    except MaskError as error:
        if error.path is None and isinstance(png, (str, os.PathLike)):
            error.path = os.fspath(png)
        raise
