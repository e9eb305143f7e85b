"""Areas added up per class over any number of masks, a table at a time."""

from __future__ import annotations

from typing import TypedDict

import pyarrow as pa

MAX_ERRORS_KEPT = 1000  # to be shown; all of them are in the rows


class Total(TypedDict):
    """One class, or one unknown colour, over all masks; `first` is mask, row and column of its first pixel."""

    class_name: str | None
    color: str | None
    area_px: int
    masks: int
    first: tuple[str, int, int] | None


class AreaTotals:
    """Sums over the tables of `mask_areas_many` or `area_tables`; each mask's rows come together, in one table.

    Attributes
    ----------
    masks, unreadable, ambiguous_px, unknown_px, pixels : int
        As in the metadata of `mask_areas_many`.
    alpha : str
    errors : list of (str, str)
        The first masks that could not be read, and why.
    """

    def __init__(self, alpha: str) -> None:
        self.alpha = alpha
        self.masks = self.unreadable = self.ambiguous_px = self.unknown_px = self.pixels = 0
        self.errors: list[tuple[str, str]] = []
        self._classes: dict[tuple[str | None, str | None], Total] = {}

    def add(self, table: pa.Table) -> None:
        """Take in a table of `MASK_AREA_SCHEMA` with the metadata of `mask_areas_many`."""
        for key, value in numbers_of(table).items():
            setattr(self, key, getattr(self, key) + value)
        names = ("class_name", "color", "area_px", "mask", "first_row", "first_col", "error")
        for name, color, area, mask, row, col, error in zip(*(table[one].to_pylist() for one in names), strict=True):
            if area is None:
                if len(self.errors) < MAX_ERRORS_KEPT:
                    self.errors.append((mask, error))
                continue
            # A class is one by its name: a transparent background has no colour in one mask, and maybe one in the next.
            group = (name, None) if name is not None else (None, color)
            new: Total = {"class_name": name, "color": color, "area_px": 0, "masks": 0, "first": None}
            total = self._classes.setdefault(group, new)
            if area:
                total["area_px"] += area
                total["masks"] += 1
                total["color"] = total["color"] or color
                total["first"] = total["first"] or (mask, row, col)

    def numbers(self) -> dict[str, int]:
        """The sums, by name."""
        names = ("masks", "unreadable", "ambiguous_px", "unknown_px", "pixels")
        return {name: int(getattr(self, name)) for name in names}

    def classes(self) -> list[Total]:
        """Background and classes as first met, then unknown colours, most pixels first."""
        known = [total for total in self._classes.values() if total["class_name"] is not None]
        unknown = [total for total in self._classes.values() if total["class_name"] is None]
        return known + sorted(unknown, key=lambda total: -total["area_px"])


def numbers_of(table: pa.Table) -> dict[str, int]:
    """The sums over all masks that a table's metadata has."""
    return {key.decode(): int(value) for key, value in (table.schema.metadata or {}).items() if key != b"alpha"}
