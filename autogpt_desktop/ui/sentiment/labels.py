"""How positive, neutral and negative look: a word, a face, a color and a pattern, never color alone."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt

from autogpt_desktop.i18n import tr

LABELS = ("positive", "neutral", "negative")
PATTERNS = {  # over the color
    "positive": Qt.BrushStyle.NoBrush,
    "neutral": Qt.BrushStyle.Dense6Pattern,
    "negative": Qt.BrushStyle.BDiagPattern,
}

Shares = Sequence[float]  # probabilities, in the order of the labels


def word(label: str) -> str:
    """A label as people read it; "" is a row without a text."""
    words = {
        "positive": tr("Positive"),
        "neutral": tr("Neutral"),
        "negative": tr("Negative"),
        "": tr("Empty"),
    }
    return words[label]


def face(label: str) -> str:
    """The name of a label's icon."""
    return f"face-{label}"


def percent(share: float) -> str:
    """A probability in words; never a certainty that nobody has."""
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{share * 100:.0f} %"


def shares_text(shares: Shares, two_way: bool) -> str:
    """All three in a sentence, for tooltips and screen readers."""
    positive, neutral, negative = map(percent, shares)
    if two_way:
        return tr("{positive} positive, {negative} negative", positive=positive, negative=negative)
    return tr(
        "{positive} positive, {neutral} neutral, {negative} negative",
        positive=positive,
        neutral=neutral,
        negative=negative,
    )
