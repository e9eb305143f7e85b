"""What is wrong with masks, as findings: from the table of `mask_areas_many` to the one form all renderings take."""

from __future__ import annotations

import pyarrow as pa

from lvtools.findings import FindingList, join_findings


def mask_findings(areas: pa.Table) -> pa.Table:
    """Say which masks cannot be read, have colours of no class, or pixels whose class depends on the alpha rule.

    Parameters
    ----------
    areas : pyarrow.Table
        `MASK_AREA_SCHEMA`, as `mask_areas_many` gives it.

    Returns
    -------
    pyarrow.Table
        `FINDING_SCHEMA`; `file` is the mask, lines and columns are null (a picture has none).
    """
    lists: dict[str, FindingList] = {}
    ambiguous: dict[str, int] = {}
    names = ("mask", "class_name", "color", "area_px", "ambiguous_px", "first_row", "first_col", "error")
    for row in zip(*(areas[name].to_pylist() for name in names), strict=True):
        mask, class_name, color, area_px, ambiguous_px, first_row, first_col, error = row
        findings = lists.setdefault(str(mask), FindingList(str(mask)))
        if error is not None:
            findings.add("LV301", value=error)
        elif class_name is None:
            place = f", the first at row {first_row}, column {first_col}"
            findings.add("LV302", value=f"{area_px:,} pixels of {color}{place}")
        ambiguous[str(mask)] = ambiguous_px or 0
    for mask, pixels in ambiguous.items():
        if pixels:
            lists[mask].add("LV303", value=f"{pixels:,} pixels")
    return join_findings(findings.table() for findings in lists.values())
