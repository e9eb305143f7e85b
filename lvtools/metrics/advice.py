"""Which threshold to take: operating points for a list of wishes, and how far each would move with other images.

Knows sorted scores (`Sweep`); what a wish costs on a line is for the reader to say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from lvtools.errors import ArgumentError
from lvtools.metrics.intervals import UNDEFINED, Interval, clopper_pearson
from lvtools.metrics.score_sides import Floats, frozen
from lvtools.metrics.scores import OperatingPoint, Sweep

Wish = Mapping[str, Any]

MOVING = ("threshold", "precision", "recall", "f1", "fpr")
ADVICE_SCHEMA = pa.schema(
    [
        ("point", pa.string()),
        ("threshold", pa.float64()),
        # The decimal with the fewest digits that decides the same on these images: the one to write down.
        ("short", pa.float64()),
        *((name, pa.int64()) for name in ("tp", "fp", "fn", "tn")),
        *((name, pa.float64()) for name in ("precision", "recall", "f1", "fpr")),
        *((f"{name}_{end}", pa.float64()) for name in MOVING for end in ("low", "high")),
        # Images whose decision depends on where in threshold_low..threshold_high the threshold is: a distance that
        # needs no unit, as scores of different detectors have none in common.
        ("between", pa.int64()),
    ]
)

STANDARD_WISHES: tuple[Wish, ...] = (
    {"best": "f1"},
    {"cost": (1, 1)},
    {"cost": (10, 1)},
    {"recall": 1.0},
    {"recall": 0.95},
    {"precision": 0.95},
    {"fpr": 0.01},
    {"fpr": 0.0},
)

# From so many images of a class on, a share of them is known to some 17 points either way at worst (Wilson's
# interval): below it a chosen threshold is a guess.
ENOUGH_IMAGES = 30

SHORT_DIGITS = 10  # behind the point, exclusive; scores that are closer together need all of theirs


def wish_name(wish: Wish) -> str:
    """A wish in words."""
    if "threshold" in wish:
        return "in use"
    if "best" in wish:
        return "best F1"
    if "cost" in wish:
        miss, alarm = wish["cost"]
        if miss == alarm:
            return "fewest errors"
        if miss > alarm > 0:
            return f"a miss costs {miss / alarm:g} false alarms"
        return f"a miss costs {miss:g}, a false alarm {alarm:g}"
    if "false_alarms_per_day" in wish:
        return f"{wish['false_alarms_per_day']:g} false alarms in {wish['images_per_day']:,g} images"
    if "fpr" in wish:
        return f"false alarms {100 * wish['fpr']:g} %" if wish["fpr"] else "no false alarm"
    name, share = next(iter(wish.items()))
    return f"{name} {100 * share:g} %"


def choose(sweep: Sweep, wish: Wish) -> OperatingPoint:
    """The operating point for a wish: arguments of `Sweep.at`, {'best': 'f1'}, or {'threshold': x}, which is kept.

    Raises
    ------
    ArgumentError
        It is no such wish.
    """
    if set(wish) == {"threshold"}:
        return sweep.point(float(wish["threshold"]))
    if dict(wish) == {"best": "f1"}:
        return sweep.best
    known = ("recall", "precision", "fpr", "cost", "false_alarms_per_day", "images_per_day")
    if not wish or set(wish) - set(known):
        raise ArgumentError(f"{dict(wish)} is no wish", hint=f"name one of {', '.join(known)}, threshold, best")
    return sweep.at(**wish)


def advise(
    sweep: Sweep,
    wishes: Sequence[Wish] = STANDARD_WISHES,
    *,
    replicates: int = 200,
    seed: int = 0,
    level: float = 0.95,
) -> pa.Table:
    """The points of the wishes as `ADVICE_SCHEMA`, a row per wish; see `Sweep.advise`."""
    if replicates < 1 or not 0 < level < 1:
        raise ArgumentError(f"{replicates} replicates at level {level}: at least 1, and a level between 0 and 1")
    exact = [choose(sweep, wish) for wish in wishes]
    moved: list[list[OperatingPoint]] = [[] for _ in wishes]
    chosen: list[list[float]] = [[] for _ in wishes]
    drawn = resamples(sweep, seed)
    for _ in range(replicates):
        # Chosen on some images, used on others: judging both on the same would hide how lucky the choice was.
        learned, met = next(drawn), next(drawn)
        for at, wish in enumerate(wishes):
            threshold = choose(learned, wish).threshold
            chosen[at].append(threshold)
            moved[at].append(met.point(threshold))
    rows = []
    for at, point in enumerate(exact):
        short = short_threshold(sweep, point.threshold)
        row: dict[str, Any] = {"point": wish_name(wishes[at]), "short": short, **point._asdict()}
        for figure in MOVING:
            values = chosen[at] if figure == "threshold" else [getattr(one, figure) for one in moved[at]]
            row[f"{figure}_low"], row[f"{figure}_high"] = _middle(values, level)
        row["between"] = _between(sweep, row["threshold_low"], row["threshold_high"])
        rows.append(row)
    return pa.table([[row[name] for row in rows] for name in ADVICE_SCHEMA.names], schema=ADVICE_SCHEMA)


def short_threshold(sweep: Sweep, threshold: float) -> float:
    """A decimal of few digits that calls the same images; inf and nan stay.

    It is the threshold rounded down as far as no other image is called: rounding up loses the image that the threshold
    was made for. One that lies just above a score, where no image has to be kept, is rounded up, but not out of 0..1.
    """
    if not math.isfinite(threshold):
        return threshold
    wanted = sweep.point(threshold)[1:3]
    highest = max((float(side[-1]) for side in (sweep.positives, sweep.negatives) if len(side)), default=0.0)
    candidates = [_rounded(threshold, digits, ROUND_FLOOR) for digits in range(SHORT_DIGITS)]
    ups = [_rounded(threshold, digits, ROUND_CEILING) for digits in range(1, SHORT_DIGITS)]
    candidates += [one for one in ups if one <= max(1.0, highest)]
    return next((one for one in candidates if sweep.point(one)[1:3] == wanted), threshold)


def _rounded(value: float, digits: int, way: str) -> float:
    """To so many digits behind the point, of the decimal that names the number: 0.29 is 0.29, not a hair less."""
    return float(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), way)) + 0.0  # no minus zero


def score_intervals(
    sweep: Sweep, *, replicates: int = 200, seed: int = 0, level: float = 0.95
) -> tuple[Interval, Interval]:
    """Average precision and best F1, with percentile intervals of `replicates` stratified draws.

    The interval of the best F1 is of the best of each draw: of F1 as a property of the scores, not of a threshold.
    """
    exact = (sweep.average_precision, sweep.best_f1)
    if math.isnan(exact[0]):
        return UNDEFINED, UNDEFINED
    drawn = resamples(sweep, seed)
    found = [(one.average_precision, one.best_f1) for one in (next(drawn) for _ in range(replicates))]
    ends = [_middle([pair[at] for pair in found], level) for at in range(2)]
    first, second = (
        Interval(value, min(low, value), max(high, value)) for value, (low, high) in zip(exact, ends, strict=True)
    )
    return first, second


def resamples(sweep: Sweep, seed: int) -> Iterator[Sweep]:
    """Draws without end: as many anomalous and normal scores as there are, with replacement, each side for itself."""
    rng = np.random.default_rng(seed)

    def draw(side: Floats) -> Any:
        many = len(side)
        if not many:
            return side
        # Counted, not sorted: the scores are in order already.
        return frozen(np.repeat(side, np.bincount(rng.integers(0, many, many), minlength=many)))

    while True:
        yield Sweep(draw(sweep.positives), draw(sweep.negatives))


def remarks(sweep: Sweep) -> list[str]:
    """What a reader should know before trusting the figures: sentences, most important first."""
    positives, negatives = len(sweep.positives), len(sweep.negatives)
    said = []
    if not positives or not negatives:
        missing = "anomalous" if not positives else "normal"
        said.append(f"no {missing} image has a score: thresholds cannot be compared")
        return said
    for many, kind, figure in ((positives, "anomalous", "recall"), (negatives, "normal", "rate of right passes")):
        if many < ENOUGH_IMAGES:
            least = clopper_pearson(many, many).low
            said.append(
                f"{many} {kind} image{'' if many == 1 else 's'} only: even a perfect {figure} on them shows no more "
                f"than {100 * least:.0f} % with 95 % confidence; take thresholds as a first guess"
            )
    if sweep.auroc == 1:
        said.append(
            "the scores separate both classes without error; drawing these images again cannot show how far other "
            "images would move the thresholds"
        )
    if sweep.auroc < 0.5:
        said.append("normal images score higher than anomalous ones (AUROC below 0.5): are the scores upside down?")
    return said


def _middle(values: Sequence[float], level: float) -> tuple[float, float]:
    """The middle `level` of the values, without interpolation: thresholds may be infinite. nan sorts last."""
    ordered = np.sort(values)
    ends = ((1 - level) / 2 * (len(ordered) - 1), (1 + level) / 2 * (len(ordered) - 1))
    return float(ordered[round(ends[0])]), float(ordered[round(ends[1])])


def _between(sweep: Sweep, low: float, high: float) -> int:
    ends = [sum(sweep.point(end)[1:3]) for end in (low, high)]
    return max(0, ends[0] - ends[1])
