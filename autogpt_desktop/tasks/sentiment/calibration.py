"""From a model's log-odds to probabilities of three classes, and how the constants for that are fitted.

z = slope · d + offset, where d = log p("positive") − log p("negative"). Two-way: P(positive) = σ(z)
(Platt 1999: Probabilistic outputs for support vector machines). Three-way it is an ordered logit
(McCullagh 1980) with two cut points: P(positive) = σ(z − high), P(negative) = σ(low − z), and neutral is
what is left, so that the three sum to one and neutral is the band in the middle. A head that knows neutral
by itself says how much of a text that band takes; d shares out the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

LABELS = ("positive", "neutral", "negative")
DEFAULT_BAND = (-1.0, 1.0)  # for models that no constants ship for: z = 0 is neutral at 0.46
_LEAST = 1e-12
_SUREST = 3.0  # log-odds: P(neutral) of 0.05 and 0.95


@dataclass(frozen=True, slots=True)
class Calibration:
    """Constants of one model with one prompt. ``band``: the cut points around neutral, in z.
    ``neutral``: what is added to the log-odds of neutral where a head gives them."""

    slope: float = 1.0
    offset: float = 0.0
    band: tuple[float, float] = DEFAULT_BAND
    neutral: float = 0.0

    def z(self, d: float) -> float:
        return self.slope * d + self.offset

    def probabilities(self, z: float, two_way: bool = False) -> tuple[float, float, float]:
        """Of positive, neutral and negative; they sum to one."""
        if two_way:
            positive = sigmoid(z)
            return positive, 0.0, 1.0 - positive
        positive, negative = sigmoid(z - self.band[1]), sigmoid(self.band[0] - z)
        return positive, max(0.0, 1.0 - positive - negative), negative

    def neutral_share(self, p: float) -> float:
        """P(neutral) that a head gave, with what corrections say of it."""
        return p if self.neutral == 0.0 else sigmoid(log_odds(p) + self.neutral)


def label_of(probabilities: Sequence[float]) -> str:
    """The likeliest of ``LABELS``; of equals the first."""
    return LABELS[max(range(len(LABELS)), key=lambda i: probabilities[i])]


def sigmoid(x: float) -> float:
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-min(x, 700.0)))
    e = math.exp(max(x, -700.0))
    return e / (1.0 + e)


def log_odds(p: float) -> float:
    p = min(max(p, _LEAST), 1.0 - _LEAST)
    return math.log(p / (1.0 - p))


def combined(parts: Sequence[tuple[float, int]], scale: Calibration) -> float:
    """The log-odds d of a text from those of its windows, (d, length in tokens) each.

    A mean in which a window counts by its length and by how decided it is: one without an opinion
    (|z| small) counts half as much as a window full of it, so that a verdict at the end of many
    neutral paragraphs is not averaged away, and one strong window does not outvote many others.
    """
    weights = [max(1, length) * (0.5 + 0.5 * math.tanh(abs(scale.z(d)) / 2)) for d, length in parts]
    return sum(weight * d for weight, (d, _) in zip(weights, parts, strict=True)) / sum(weights)


def fit_platt(scores: Sequence[float], positive: Sequence[bool]) -> tuple[float, float]:
    """Slope and offset that make σ(slope · d + offset) the likeliest, by Newton's method.

    Targets are Platt's, a little inside 0 and 1, and the steps are halved as Lin, Lin and Weng 2007
    do. Raises ValueError without both classes.
    """
    count = len(scores)
    ones = sum(positive)
    if not 0 < ones < count:
        raise ValueError("both classes are needed")
    high, low = (ones + 1) / (ones + 2), 1 / (count - ones + 2)
    targets = [high if one else low for one in positive]

    def loss(a: float, b: float) -> float:
        return sum(_softplus(z) - t * z for z, t in zip((a * d + b for d in scores), targets, strict=True))

    a, b = 0.0, math.log((ones + 1) / (count - ones + 1))
    best = loss(a, b)
    for _ in range(100):
        ga = gb = haa = hab = hbb = 0.0
        for d, t in zip(scores, targets, strict=True):
            p = sigmoid(a * d + b)
            w = p * (1 - p)
            ga, gb = ga + (p - t) * d, gb + p - t
            haa, hab, hbb = haa + w * d * d, hab + w * d, hbb + w
        if abs(ga) < 1e-6 and abs(gb) < 1e-6:
            break
        haa, hbb = haa + 1e-9, hbb + 1e-9
        det = haa * hbb - hab * hab
        da, db = -(hbb * ga - hab * gb) / det, -(haa * gb - hab * ga) / det
        step = 1.0
        while step > 1e-8 and (now := loss(a + step * da, b + step * db)) > best + 1e-12:
            step /= 2
        if step <= 1e-8:
            break
        a, b, best = a + step * da, b + step * db, now
    return a, b


def fit_band(scores: Sequence[float], labels: Sequence[str], scale: Calibration) -> tuple[float, float]:
    """The cut points that make the labels the likeliest, each class weighing the same in all.

    Models lean to one side on texts without an opinion, so the band need not lie around z = 0, but holds
    it. ``scores``: log-odds d. Raises ValueError without neutral ones and others.
    """
    if len(set(labels)) < 2 or "neutral" not in labels:
        raise ValueError("neutral and other texts are needed")
    weight = {label: 1 / labels.count(label) for label in set(labels)}
    pairs = [(scale.z(d), label) for d, label in zip(scores, labels, strict=True)]

    def loss(low: float, high: float) -> float:
        return sum(weight[label] * _surprise(z, (low, high), label) for z, label in pairs)

    low, high = DEFAULT_BAND
    for _ in range(20):  # one after the other: the loss has one valley
        before = low, high
        low = _least(lambda x: loss(x, high), -8.0, -0.05)  # noqa: B023
        high = _least(lambda x: loss(low, x), 0.05, 8.0)  # noqa: B023
        if abs(low - before[0]) + abs(high - before[1]) < 1e-3:
            break
    return low, high


def refit(
    scale: Calibration, scores: Sequence[float], labels: Sequence[str], neutral: Sequence[float] = ()
) -> Calibration:
    """``scale``, moved towards what a user's own labels say.

    The most probable constants for the labels with a normal prior around those of ``scale``: log slope
    ± 0.4, offset ± 1, log of the band's width ± 0.5, or, where a head gives P(``neutral``), its log-odds
    ± 1. A few labels move little; hundreds decide. What a head was sure of counts as no more than
    ``_SUREST`` in log-odds, so that a few labels that contradict it flatly do not take all neutral away.
    Without both a positive and a negative one ``scale``
    comes back as it is.
    """
    if not {"positive", "negative"} <= set(labels):
        return scale
    pairs = list(zip(scores, labels, strict=True))
    given = [
        (max(-_SUREST, min(_SUREST, log_odds(p))), label == "neutral")
        for p, label in zip(neutral, labels, strict=bool(neutral))
    ]
    sides = [(d, 1.0 if label == "positive" else -1.0) for d, label in pairs if label != "neutral"]

    def loss(at: Sequence[float]) -> float:
        slope, offset = scale.slope * math.exp(at[0]), scale.offset + at[1]
        prior = (at[0] / 0.4) ** 2 / 2 + at[1] ** 2 / 2
        if given:
            missed = sum(_softplus(-(x + at[2]) if is_neutral else x + at[2]) for x, is_neutral in given)
            missed += sum(_softplus(-side * (slope * d + offset)) for d, side in sides)
            return prior + at[2] ** 2 / 2 + missed
        band = scale.band[0] * math.exp(at[2]), scale.band[1] * math.exp(at[2])
        return prior + (at[2] / 0.5) ** 2 / 2 + sum(_surprise(slope * d + offset, band, x) for d, x in pairs)

    def one(at: list[float], index: int) -> Callable[[float], float]:
        return lambda x: loss([*at[:index], x, *at[index + 1 :]])

    at, limits = [0.0, 0.0, 0.0], (2.0, 6.0, 6.0 if given else 2.0)
    for _ in range(12):  # one constant after the other; the loss has one valley
        before = list(at)
        for index, limit in enumerate(limits):
            at[index] = _least(one(at, index), -limit, limit)
        if max(abs(x - y) for x, y in zip(at, before, strict=True)) < 1e-3:
            break
    moved = replace(scale, slope=scale.slope * math.exp(at[0]), offset=scale.offset + at[1])
    if given:
        return replace(moved, neutral=scale.neutral + at[2])
    return replace(moved, band=(scale.band[0] * math.exp(at[2]), scale.band[1] * math.exp(at[2])))


def calibration_error(probabilities: Sequence[float], positive: Sequence[bool], bins: int = 15) -> float:
    """Expected calibration error of two-way P(positive): |confidence − accuracy| of the decisions in
    bins of equal width of the confidence, weighed by their share (Guo et al. 2017)."""
    held: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for p, truth in zip(probabilities, positive, strict=True):
        confidence = max(p, 1 - p)
        held[min(bins - 1, int(confidence * bins))].append((confidence, (p >= 0.5) == truth))
    gaps = (abs(sum(c for c, _ in one) - sum(right for _, right in one)) for one in held)
    return sum(gaps) / max(1, len(probabilities))


def _surprise(z: float, band: tuple[float, float], label: str) -> float:
    """−log P(label)."""
    if label == "positive":
        return _softplus(band[1] - z)
    if label == "negative":
        return _softplus(z - band[0])
    return -math.log(max(_LEAST, 1.0 - sigmoid(z - band[1]) - sigmoid(band[0] - z)))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _least(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is least, by golden sections (Kiefer 1953)."""
    ratio = (math.sqrt(5) - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    fa, fb = function(a), function(b)
    while high - low > 1e-4:
        if fa <= fb:
            high, b, fb = b, a, fa
            a = high - ratio * (high - low)
            fa = function(a)
        else:
            low, a, fa = a, b, fb
            b = low + ratio * (high - low)
            fb = function(b)
    return (low + high) / 2
