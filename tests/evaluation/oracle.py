"""The slow truth for matching: compare everything with everything."""

from __future__ import annotations

from pathlib import PurePosixPath


def key(ref, level):
    if level == "exact":
        return ref
    path = PurePosixPath(ref)
    return path.name if level == "name" else path.name.removesuffix(".jpg").removesuffix(".png")


def match(truth, predictions):
    """(level, pairs) of the first level with something in common and no name twice on a side, or None."""
    truth, predictions = list(dict.fromkeys(truth)), list(dict.fromkeys(predictions))
    for level in ("exact", "name", "stem"):
        if any(
            key(one, level) == key(other, level)
            for side in (truth, predictions)
            for at, one in enumerate(side)
            for other in side[at + 1 :]
        ):
            continue
        pairs = [(t, p) for t in truth for p in predictions if key(t, level) == key(p, level)]
        if pairs:
            return level, pairs
    return None


def pixels(truth, prediction):
    """What one image adds: a dict of (true class, called class) to pixels, or the code of what is wrong, or None.

    A side is (is normal, what its mask is); a mask is None, 'missing', 'broken', or (classes it names, rows of names).
    By the words of docs/evaluation.md, pixel by pixel.
    """
    (true_normal, true_mask), (called_normal, called_mask) = truth, prediction
    if true_mask is None and not true_normal:
        return "LV412" if called_mask is not None else None
    if called_mask is None and not called_normal:
        return "LV412" if true_mask is not None else None
    for mask in (true_mask, called_mask):
        if isinstance(mask, str):
            return {"missing": "LV304", "broken": "LV301"}[mask]

    def empty(mask):
        named, rows = mask
        return named == ["background"] and all(name == "background" for row in rows for name in row)

    ours = None if true_mask is None or empty(true_mask) else true_mask[1]
    theirs = None if called_mask is None else called_mask[1]
    if ours is not None and called_mask is not None and empty(called_mask):
        theirs = None
    if ours is None and theirs is None:
        return None
    blank = [["background"] * len(row) for row in (ours or theirs)]
    ours, theirs = ours or blank, theirs or blank
    if [len(row) for row in ours] != [len(row) for row in theirs]:
        return "LV406"
    counts = {}
    for true_row, called_row in zip(ours, theirs, strict=True):
        for pair in zip(true_row, called_row, strict=True):
            counts[pair] = counts.get(pair, 0) + 1
    return counts
