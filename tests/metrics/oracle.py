"""The slow truth for metrics: loops and dicts, nothing shared with the code under test."""

from __future__ import annotations

import itertools
from fractions import Fraction


def cells(truth, prediction):
    counted = {}
    for pair in zip(truth, prediction, strict=True):
        counted[pair] = counted.get(pair, 0) + 1
    return counted


def rates(truth, prediction, cls):
    tp = fp = fn = tn = 0
    for is_, called in zip(truth, prediction, strict=True):
        if is_ == cls and called == cls:
            tp += 1
        elif called == cls:
            fp += 1
        elif is_ == cls:
            fn += 1
        else:
            tn += 1
    return tp, fp, fn, tn


def image_iou(truth, prediction, cls):
    """Intersection over union of two nested lists as a Fraction, or None when the class is in neither."""
    shared = either = 0
    for row_t, row_p in zip(truth, prediction, strict=True):
        for t, p in zip(row_t, row_p, strict=True):
            shared += t == cls and p == cls
            either += t == cls or p == cls
    return Fraction(shared, either) if either else None


def called(truth, score, threshold):
    """tp, fp, fn, tn of score >= threshold."""
    hits = [s >= threshold for s in score]
    tp = sum(t and h for t, h in zip(truth, hits, strict=True))
    fp = sum(h and not t for t, h in zip(truth, hits, strict=True))
    return tp, fp, sum(truth) - tp, len(truth) - sum(truth) - fp


def auroc(truth, score):
    """Every pair is looked at; None without both classes."""
    pairs = [
        Fraction(1) if p > n else Fraction(1, 2) if p == n else Fraction(0)
        for p, is_p in zip(score, truth, strict=True)
        for n, is_n in zip(score, truth, strict=True)
        if is_p and not is_n
    ]
    return sum(pairs) / len(pairs) if pairs else None


def average_precision(truth, score):
    """Step by step down the distinct scores: recall gained times precision there; None without an anomaly."""
    if not any(truth):
        return None
    area, before = Fraction(0), 0
    for threshold in sorted(set(score), reverse=True):
        tp, fp, _, _ = called(truth, score, threshold)
        area += Fraction(tp - before, sum(truth)) * Fraction(tp, tp + fp)
        before = tp
    return area


def best_f1(truth, score):
    """(F1, lowest threshold that has it); None without an anomaly."""
    if not any(truth):
        return None
    best = None
    for threshold in sorted(set(score)):
        tp, fp, fn, _ = called(truth, score, threshold)
        f1 = Fraction(2 * tp, 2 * tp + fp + fn)
        if best is None or f1 > best[0]:
            best = (f1, threshold)
    return best


def regions(mask):
    """8-connected components of a nested list, by flood fill: lists of (row, column), in order of their first pixel."""
    todo = {(r, c) for r, row in enumerate(mask) for c, value in enumerate(row) if value}
    found = []
    for seed in sorted(todo):
        if seed not in todo:
            continue
        todo.discard(seed)
        stack, members = [seed], []
        while stack:
            r, c = stack.pop()
            members.append((r, c))
            for near in [(r + dr, c + dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1)]:
                if near in todo:
                    todo.discard(near)
                    stack.append(near)
        found.append(members)
    return found


def aupro(maps, masks, limit):
    """The curve point by point, at every distinct score, as a Fraction; None without a region or a normal pixel."""
    every = [(at, members) for at, mask in enumerate(masks) for members in regions(mask)]
    normal = [
        maps[at][r][c]
        for at, mask in enumerate(masks)
        for r, row in enumerate(mask)
        for c, v in enumerate(row)
        if not v
    ]
    if not every or not normal:
        return None
    points = [(Fraction(0), Fraction(0))]
    for threshold in sorted({s for one in maps for row in one for s in row}, reverse=True):
        fpr = Fraction(sum(s >= threshold for s in normal), len(normal))
        shares = [Fraction(sum(maps[at][r][c] >= threshold for r, c in members), len(members)) for at, members in every]
        points.append((fpr, sum(shares) / len(shares)))
    area = Fraction(0)
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 >= limit:
            break
        if x1 > limit:
            y1 = y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
            x1 = limit
        area += (x1 - x0) * (y0 + y1) / 2
    return area / limit
