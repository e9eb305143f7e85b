"""What is wrong or odd about one mask: as a file, in its colours, in its shapes. Findings, never an exception for data.

Guesses about the cause (smoothing, JPEG, enlargement) are made from colours and runs; a colour of no class is told
either by its cause or by itself, never by both, and always with its pixels and its first place.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from lvtools.dataset import WHITE, ColorMap, format_color, parse_color
from lvtools.errors import ArgumentError, MaskError, ObjectError
from lvtools.findings import FindingList
from lvtools.masks import png, regions
from lvtools.masks.classes import AlphaRule, Classified, Colors, as_color_map, check_alpha, classify
from lvtools.masks.colors import ColorCounts, MaskSource, read_mask_bytes
from lvtools.masks.nearness import ON_LINE, channels, origins
from lvtools.masks.read import decode_runs, number_table
from lvtools.masks.runs import RunLists, joined, paint
from lvtools.objects import origin_of

SPECK_PX = 4
MAX_LISTED = 16  # colours of no class that are told one by one
_MAX_COMPARED = 4096  # colours whose cause is looked into, those with most pixels first
_MAX_MAIN = 24  # colours taken for declared when nothing is
_AROUND = 80.0  # how far JPEG throws a pixel beside an edge
_CLOSE = 16.0  # and how far it moves whole areas
_DUMMY_SIDE = 16  # the mask of nothing that AWS's successor is fed for normal images
_MOST_LEVELS = 32  # class numbers end there: the service allowed 20
_INDEXED = 3  # the colour type of pictures with a palette
_GRID_EDGES = 12  # fewer edges on a common grid are chance


class _Stray(NamedTuple):
    """Colours of no class, most pixels first: R, G, B int64 (n, 3); pixels; flat first places."""

    rgb: NDArray[np.int64]
    px: NDArray[np.int64]
    first: NDArray[np.int64]


def lint_mask(
    mask: MaskSource,
    color_map: Colors | None = None,
    *,
    image_size: tuple[int, int] | None = None,
    alpha: AlphaRule = "opaque",
    speck_px: int = SPECK_PX,
) -> pa.Table:
    """Report everything that is wrong or odd about a mask PNG.

    Colours of no class, and what made them: smoothed edges (LV320), JPEG (LV321), class numbers written as grey levels
    (LV327), else each by itself (LV302); pixels whose class depends on the alpha rule (LV303); a size that is not the
    image's (LV312); and remarks about transparency, enlargement, specks, absent classes and unusual PNGs.

    Parameters
    ----------
    mask : str, PathLike or bytes-like
        A path or URI, or the PNG's bytes.
    color_map : ColorMap or mapping of str to int or '#rrggbb', optional
        The declared colours. Without it every colour that covers at least a hundredth of what is not background counts
        as declared.
    image_size : (int, int), optional
        Height and width of the image it was drawn on.
    alpha : {'opaque', 'any', 'ignore', 'error'}
        As in `mask_areas`; 'error' is here the same as 'any'.
    speck_px : int
        Regions of at most that many pixels are remarked on, when the class has larger ones; 0 for none.

    Returns
    -------
    pyarrow.Table
        `FINDING_SCHEMA`; `file` is the mask, lines and columns are null. The schema's metadata has `origin`, `profile`
        and `statistics` (JSON).

    Raises
    ------
    ObjectError
        The file cannot be read. A file that is no PNG is a finding (LV301).
    ArgumentError
        An argument cannot be meant.
    MaskError
        The color map contradicts itself.
    """
    check_alpha(alpha)
    if image_size is not None and (len(image_size) != 2 or min(image_size) < 1):
        raise ArgumentError(f"image_size={image_size!r}", hint="(height, width), in pixels")
    if speck_px < 0:
        raise ArgumentError(f"speck_px={speck_px}", hint="0 or more pixels")
    declared = as_color_map(color_map)
    name = origin_of(mask) if isinstance(mask, (str, os.PathLike)) else "<bytes>"
    findings = FindingList(name)
    statistics: dict[str, int] = {}
    try:
        data, _ = read_mask_bytes(mask)
        parsed = png.parse_png(data)
        counted, lists = decode_runs(data)
    except ObjectError:
        raise
    except MaskError as error:
        findings.add("LV301", value=error.message)
        return _table(findings, statistics)
    classified = classify(counted, declared or _main_colors(counted), alpha="any" if alpha == "error" else alpha)
    by_class = joined(lists, number_table(counted, classified))
    stray = _stray_colors(classified)
    _look_at_size(findings, classified, image_size)
    blurred = _look_at_strays(findings, classified, stray, by_class)
    if classified.ambiguous_px:
        findings.add("LV303", value=f"{_px(classified.ambiguous_px)}")
    _look_at_background(findings, counted, classified)
    for oddity in _oddities(parsed, classified, declared):
        findings.add("LV326", value=oddity)
    if not blurred:
        _look_at_shapes(findings, by_class, classified, speck_px)
    absent = [
        repr(each) for each, px in zip(classified.names[1:], classified.area_px[1:].tolist(), strict=True) if not px
    ]
    if declared and absent and not blurred and len(absent) < len(classified.names) - 1:
        findings.add("LV325", value=", ".join(absent))
    statistics = {
        "height": classified.height,
        "width": classified.width,
        "unknown_px": classified.unknown_px,
        "unknown_colors": len(classified.unknown),
        "ambiguous_px": classified.ambiguous_px,
    }
    return _table(findings, statistics)


def _table(findings: FindingList, statistics: dict[str, int]) -> pa.Table:
    facts = {
        "origin": findings.file,
        "profile": findings.profile,
        "profile_reason": "masks",
        "statistics": orjson.dumps(statistics).decode(),
    }
    return findings.table().replace_schema_metadata(facts)


def _px(pixels: int) -> str:
    return f"{pixels:,} pixel{'' if pixels == 1 else 's'}"


def _place(flat: int, width: int) -> str:
    row, col = divmod(flat, width)
    return f"row {row}, column {col}"


def _main_colors(counted: ColorCounts) -> ColorMap:
    """Without a map: the colours that cover a hundredth of what is not background, which is white or transparent."""
    visible = (counted.colors & np.uint32(0xFF)) > 0
    rgb, place = np.unique(counted.colors[visible] >> np.uint32(8), return_inverse=True)
    pixels = np.zeros(len(rgb), np.int64)
    np.add.at(pixels, place, counted.counts[visible])
    pixels[rgb == WHITE] = 0
    least = max(1, int(pixels.sum()) // 100)
    order = [k for k in np.argsort(-pixels, kind="stable").tolist() if pixels[k] >= least][:_MAX_MAIN]
    return ColorMap([("background", WHITE), *((format_color(int(rgb[k])), int(rgb[k])) for k in order)])


def _stray_colors(classified: Classified) -> _Stray:
    unknown = classified.unknown
    return _Stray(
        channels([parse_color(one.color) for one in unknown]),
        np.array([one.area_px for one in unknown], np.int64),
        np.array([one.row * classified.width + one.col for one in unknown], np.int64),
    )


def _look_at_size(findings: FindingList, classified: Classified, image_size: tuple[int, int] | None) -> None:
    size = classified.height, classified.width
    if image_size is None or size == tuple(image_size):
        return
    if size == (_DUMMY_SIDE, _DUMMY_SIDE) and classified.area_px[0] == _DUMMY_SIDE**2:
        findings.add("LV313", value=findings.file)
        return
    # Width first, as people and cameras say it; the same words as `validate --images`.
    findings.add("LV312", value=f"{size[1]} x {size[0]}", expected=f"{image_size[1]} x {image_size[0]}")


def _look_at_strays(findings: FindingList, classified: Classified, stray: _Stray, lists: RunLists) -> bool:
    """Tell every colour of no class; True when a cause was found that leaves the mask's shapes in doubt."""
    if not len(stray.px):
        return False
    levels = _class_numbers(classified, stray)
    if levels:
        findings.add("LV327", value=f"grey levels {', '.join(map(str, levels))}")
        return True
    mixed, around, close = _causes(stray, classified)
    told = np.zeros(len(stray.px), np.bool_)
    caused = int(stray.px[around | mixed].sum())
    # Smoothing never leaves the lines between two colours, and touches edges only. JPEG does neither: it moves whole
    # areas by a little, and the surroundings of edges anywhere.
    aside, moved = around & ~mixed, close
    if any(
        which.sum() >= 8 and stray.px[which].sum() >= share * caused for which, share in ((aside, 0.2), (moved, 0.4))
    ):
        told = around | mixed | (stray.px * 1000 <= stray.px.sum())
        findings.add("LV321", value=_group(stray, told, classified.width))
    elif mixed.sum() >= 2 and _are_edges(lists, len(classified.names), mixed):
        told = mixed
        findings.add("LV320", value=_group(stray, told, classified.width))
    left = np.flatnonzero(~told)
    for k in left[:MAX_LISTED].tolist():
        one = classified.unknown[k]
        findings.add("LV302", value=f"{_px(one.area_px)} of {one.color}, the first at row {one.row}, column {one.col}")
    if len(left) > MAX_LISTED:
        more = np.zeros(len(told), np.bool_)
        more[left[MAX_LISTED:]] = True
        findings.add("LV302", value=_group(stray, more, classified.width))
    return bool(told.any())


def _group(stray: _Stray, chosen: NDArray[np.bool_], width: int) -> str:
    first = _place(int(stray.first[chosen].min()), width)
    return f"{_px(int(stray.px[chosen].sum()))} of {int(chosen.sum()):,} colours, the first at {first}"


def _class_numbers(classified: Classified, stray: _Stray) -> list[int]:
    """The grey levels of a mask that was written as 0, 1, 2 ...; none when it was not."""
    if classified.area_px[1:].any() or not (stray.rgb < _MOST_LEVELS).all() or np.ptp(stray.rgb, axis=1).any():
        return []
    levels = sorted(stray.rgb[:, 0].tolist())
    # A lone black is a colour that was forgotten, not the number 0.
    return levels if levels != [0] else []


def _causes(stray: _Stray, classified: Classified) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which stray colours lie on the line between two declared ones; which lie near one; and which lie very near."""
    order = np.argsort(classified.area_px == 0, kind="stable")  # those that are seen first
    shown = [color for k in order.tolist() if (color := classified.colors[k]) is not None]
    found = origins(stray.rgb[:_MAX_COMPARED], channels(list(dict.fromkeys([*shown, WHITE]))))
    rest = len(stray.px) - len(found.place)
    # So many colours are a lossy save, whatever the rare ones look like.
    mixed, around, close = (
        np.append(which, np.full(rest, filled))
        for which, filled in (
            (found.off_line <= ON_LINE, False),
            (found.distance <= _AROUND, True),
            (found.distance <= _CLOSE, False),
        )
    )
    return mixed, around, close


def _are_edges(lists: RunLists, known: int, chosen: NDArray[np.bool_]) -> bool:
    """Are the pixels of these stray colours thin? At most a quarter of them has all four neighbours among them."""
    table = np.zeros(known + len(chosen), np.int32)
    table[known:] = chosen
    picture = np.pad(paint(joined(lists, table), np.array([0, 1], np.uint8)), 1).astype(np.bool_)
    middle = picture[1:-1, 1:-1]
    deep = middle & picture[:-2, 1:-1] & picture[2:, 1:-1] & picture[1:-1, :-2] & picture[1:-1, 2:]
    return int(deep.sum()) * 4 <= int(middle.sum())


def _look_at_background(findings: FindingList, counted: ColorCounts, classified: Classified) -> None:
    clear = (counted.colors & np.uint32(0xFF)) == 0
    if clear.any():
        findings.add("LV323", value=f"{_px(int(counted.counts[clear].sum()))}, the first at "
                     f"{_place(int(counted.first[clear].min()), counted.width)}")  # fmt: skip
    if classified.area_px[0] == classified.height * classified.width:
        findings.add("LV324")


def _oddities(parsed: png.Png, classified: Classified, declared: ColorMap | None) -> Iterator[str]:
    header = parsed.header
    if header.depth == 16:
        yield "16 bits a sample, of which the upper 8 are looked at"
    if header.interlaced:
        yield "interlaced (Adam7)"
    if header.color_type != _INDEXED or declared is None:
        return
    # Opaque ones only: the service's own masks have a class at many entries, one for each degree of transparency.
    rgba = parsed.table[: parsed.entries].astype(np.int64)
    entries = np.where(rgba[:, 3] == 255, rgba[:, :3] @ (65536, 256, 1), -1).tolist()
    for name, color in zip(classified.names[1:], classified.colors[1:], strict=True):
        places = [k for k, entry in enumerate(entries) if entry == color]
        if len(places) > 1:
            yield f"its palette has the colour of {name!r} {len(places)} times, at {', '.join(map(str, places[:8]))}"
    for k, color in enumerate(classified.colors):
        if classified.area_px[k] and color in entries and (k >= len(entries) or entries[k] != color):
            yield (
                f"the palette has {classified.names[k]!r} at {entries.index(color)}, the color map at {k}: "
                "tools that read palette indexes see another class"
            )
            return


def _look_at_shapes(findings: FindingList, lists: RunLists, classified: Classified, speck_px: int) -> None:
    edges = np.concatenate([lists.ends[lists.ends < lists.width], lists.tops()[1:-1]])
    grid = math.gcd(classified.height, classified.width, *np.unique(edges).tolist())
    if grid > 1 and len(edges) >= _GRID_EDGES:
        findings.add("LV322", value=str(grid))
    if not speck_px or not classified.area_px[1:].any():
        return
    known = len(classified.names)
    table = np.where(np.arange(int(lists.numbers.max()) + 1) < known, np.arange(int(lists.numbers.max()) + 1), 0)
    parts = regions.component_table(joined(lists, table.astype(np.int32)), classified.names)
    areas, names = parts["area_px"].to_numpy(), np.array(parts["class_name"].to_pylist(), object)
    for name in dict.fromkeys(names.tolist()):
        mine = names == name
        small = np.flatnonzero(mine & (areas <= speck_px))
        if len(small) and len(small) < mine.sum():
            row, col = (int(parts[column][int(small[0])].as_py()) for column in ("first_row", "first_col"))
            many = f"{len(small):,} region{' of ' if len(small) == 1 else 's of '}{name!r}"
            findings.add("LV328", value=f"{many} with at most {_px(speck_px)}, the first at row {row}, column {col}")
