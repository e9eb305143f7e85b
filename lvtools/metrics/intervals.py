"""How sure a proportion is: Wilson's score interval, and the same for F1. Knows counts, never labels."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

from lvtools.errors import ArgumentError


class Interval(NamedTuple):
    """A figure with its limits; all three are nan when the figure is undefined."""

    value: float
    low: float
    high: float


UNDEFINED = Interval(math.nan, math.nan, math.nan)


def wilson(successes: int, trials: int, level: float = 0.95) -> Interval:
    """The score interval of E. B. Wilson, "Probable inference", J. Am. Stat. Assoc. 22 (1927), 209-212.

    It assumes independent images and takes `trials` as given: the interval of a precision is that among the images that
    were called anomalous, the interval of a recall that among the truly anomalous ones. Unlike the textbook interval
    (value +- z s) it stays within 0..1 and is not empty at 0 or at all successes.

    Returns
    -------
    Interval
        nan three times when there were no trials.

    Raises
    ------
    ArgumentError
        Counts are negative, more successes than trials, or a level outside 0..1.
    """
    if not 0 < level < 1:
        raise ArgumentError(f"level is {level}, a number between 0 and 1 is needed", hint="0.95 for a 95 % interval")
    if not 0 <= successes <= trials:
        raise ArgumentError(f"{successes} of {trials} is not a proportion")
    if trials == 0:
        return UNDEFINED
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, square = successes / trials, z * z
    center = (successes + square / 2) / (trials + square)
    reach = z / (trials + square) * math.sqrt(successes * (1 - share) + square / 4)
    # At 0 and at all successes the limit is exactly the share; rounding must not put it beside.
    low = 0.0 if successes == 0 else max(0.0, center - reach)
    high = 1.0 if successes == trials else min(1.0, center + reach)
    return Interval(share, low, high)


def f1_interval(tp: int, fp: int, fn: int, level: float = 0.95) -> Interval:
    """F1 with an interval.

    F1 = 2J / (1 + J) where J = TP / (TP + FP + FN) is a proportion, among the images that are anomalous or were
    called so. The map rises with J, so it carries Wilson's limits of J over to F1. What is taken as given is TP + FP
    + FN: the images that are normal and were called normal play no part, as in F1 itself.

    Returns
    -------
    Interval
        nan three times when tp, fp and fn are 0: with no anomaly and no alarm, 0 would read as a failure.
    """
    proportion = wilson(tp, tp + fp + fn, level)
    if math.isnan(proportion.value):
        return UNDEFINED
    return Interval(2 * tp / (2 * tp + fp + fn), _f1_of(proportion.low), _f1_of(proportion.high))


def _f1_of(jaccard: float) -> float:
    return 2 * jaccard / (1 + jaccard)


def auroc_interval(auroc: float, positives: int, negatives: int, level: float = 0.95) -> Interval:
    """AUROC with the score interval of R. G. Newcombe, Stat. Med. 25 (2006), 559-573 (his method 5).

    The limits are where the observed AUROC lies just `level` away, by the variance of J. A. Hanley and B. J. McNeil,
    Radiology 143 (1982), 29-36, with the mean size of both classes for each. Unlike resampling it is not empty at an
    AUROC of 1: few images that are separated by luck are no proof.

    Returns
    -------
    Interval
        nan three times when the AUROC is nan.

    Raises
    ------
    ArgumentError
        A level outside 0..1, or an AUROC outside 0..1 or without images of both classes.
    """
    if not 0 < level < 1:
        raise ArgumentError(f"level is {level}, a number between 0 and 1 is needed", hint="0.95 for a 95 % interval")
    if math.isnan(auroc):
        return UNDEFINED
    if not 0 <= auroc <= 1 or positives < 1 or negatives < 1:
        raise ArgumentError(f"no AUROC {auroc} of {positives} anomalous and {negatives} normal images is possible")
    z = NormalDist().inv_cdf((1 + level) / 2)

    def within(limit: float) -> bool:
        more = ((positives + negatives) / 2 - 1) * ((1 - limit) / (2 - limit) + limit / (1 + limit))
        return abs(auroc - limit) <= z * math.sqrt(limit * (1 - limit) * (1 + more) / (positives * negatives))

    return Interval(auroc, _limit(auroc, 0.0, within), _limit(auroc, 1.0, within))


def _limit(inside: float, outside: float, within: Callable[[float], bool]) -> float:
    """Where, between a place that is within and an end that need not be, `within` stops: by halving."""
    if within(outside):
        return outside
    for _ in range(100):
        middle = (inside + outside) / 2
        if middle in (inside, outside):
            break
        if within(middle):
            inside = middle
        else:
            outside = middle
    return inside


def clopper_pearson(successes: int, trials: int, level: float = 0.95) -> Interval:
    """The exact interval of C. J. Clopper and E. S. Pearson, Biometrika 26 (1934), 404-413.

    It covers the true share at least as often as `level` says, whatever the share is; Wilson's covers it that often on
    average and is narrower. For promises to others ("at most 1 % missed") take this one.

    Returns
    -------
    Interval
        nan three times when there were no trials.

    Raises
    ------
    ArgumentError
        As `wilson`.
    """
    if not 0 < level < 1:
        raise ArgumentError(f"level is {level}, a number between 0 and 1 is needed", hint="0.95 for a 95 % interval")
    if not 0 <= successes <= trials:
        raise ArgumentError(f"{successes} of {trials} is not a proportion")
    if trials == 0:
        return UNDEFINED
    tail = (1 - level) / 2
    # The lower limit is where `successes` or more come up with chance `tail`, a quantile of a beta distribution.
    low = 0.0 if successes == 0 else _beta_quantile(tail, successes, trials - successes + 1)
    high = 1.0 if successes == trials else 1 - _beta_quantile(tail, trials - successes, successes + 1)
    return Interval(successes / trials, low, high)


def beta_share(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for a, b > 0 and x in 0..1.

    By the continued fraction of NIST's Digital Library of Mathematical Functions, 8.17.22, evaluated after Lentz; it
    converges fast below the mean, and above it the mirrored function is used.
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(1 - x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    ) / a  # fmt: skip
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 100_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / ((1 + term * d) or tiny)
            c = (1 + term / c) or tiny
            fraction *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return front * fraction


def _beta_quantile(share: float, a: float, b: float) -> float:
    """Where I_x(a, b) reaches `share`: by halving, which needs nothing but that it rises."""
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if beta_share(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p-value of McNemar's test (Psychometrika 12 (1947), 153-157), from the images that only
    one model got right.

    Were both equally good, each such image would fall to either by a fair coin. 1 when there is none.
    """
    if only_a < 0 or only_b < 0:
        raise ArgumentError(f"{only_a} and {only_b} are no counts")
    many, fewer = only_a + only_b, min(only_a, only_b)
    if 2 * fewer == many:
        return 1.0
    if many <= 1000:
        outcomes: int = 2 * sum(math.comb(many, k) for k in range(fewer + 1))
        return min(1.0, outcomes / (1 << many))
    return min(1.0, 2 * beta_share(0.5, many - fewer, fewer + 1))
