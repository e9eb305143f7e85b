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


def decide(truth, prediction, score, threshold, positive):
    """(truth, prediction, positive, negative, threshold, assumed) image by image; None where scores cannot decide."""
    words = {}
    for name in [*truth, *(name for name in prediction if name is not None)]:
        words.setdefault(name.lower(), name)
    others = [word for word in words if word != positive.lower()]
    two = len(others) <= 1 and (positive.lower() in words or others == ["normal"])
    cuts = threshold is not None and two
    by_score = [s is not None and (p is None or cuts) for p, s in zip(prediction, score, strict=True)]
    if not two:
        return None if any(by_score) else (truth, prediction, None, None, None, False)

    def spelled(word, otherwise):
        return word if word in ("anomaly", "normal") else words.get(word, otherwise)

    yes = spelled(positive.lower(), positive)
    no = spelled(others[0], others[0]) if others else "normal"
    cut = 0.5 if threshold is None else threshold
    called = []
    wanted = positive.lower()
    for cutting, name, value in zip(by_score, prediction, score, strict=True):
        is_called = value >= cut if cutting else name is not None and name.lower() == wanted
        called.append(yes if is_called else no)
    used = cut if any(by_score) else None
    truth = [yes if name.lower() == positive.lower() else no for name in truth]
    return truth, called, yes, no, used, used is not None and threshold is None


def disagreements(rows, threshold):
    """(reference, kind, strength) of wrong images whose score is typical of the other class, the strongest first."""
    sides = {name: [row["score"] for row in rows if row["truth"] == name] for name in ("anomaly", "normal")}
    pairs = [(a, n) for a in sides["anomaly"] for n in sides["normal"]]
    if not pairs or sum((a > n) + (a == n) / 2 for a, n in pairs) / len(pairs) <= 0.5:
        return []
    found = []
    for row in rows:
        if row["correct"]:
            continue
        if row["truth"] == "anomaly":
            other, beyond, kind = sides["normal"], sum(s >= row["score"] for s in sides["normal"]), "low score"
        else:
            other, beyond, kind = sides["anomaly"], sum(s <= row["score"] for s in sides["anomaly"]), "high score"
        if beyond / len(other) >= 0.5:
            found.append((-beyond / len(other), -abs(row["score"] - threshold), row["source_ref"], kind))
    return [(ref, kind, -strength) for strength, _, ref, kind in sorted(found)]
