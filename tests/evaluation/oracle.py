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
