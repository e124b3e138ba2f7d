"""How likely a translated sentence is of use: a logistic function of what is known without a reference.

The weights were fitted (``bench quality --fit --task translate``) to sentences whose chrF was above
``usable``, and have the sign that they must have: surer tokens, a more usual length, fewer flags and more
agreement between candidates never make a sentence less likely to be of use. Encoder–decoders have weights of
their own, SEQ2SEQ: they are sure of nearly every token, and a little less says much.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache

from autogpt_desktop import paths
from autogpt_desktop.tasks.prompts import usual_ratio
from autogpt_desktop.tasks.translate.checks import PROTECTED, cost

SIGNS = {"logprob": 1, "length": -1, "flags": -1, "agreement": 1}  # of the weights
SEQ2SEQ = "seq2seq"
_MOST_COST = 12.0


def signals(
    source: str,
    translation: str,
    from_: str,
    to: str,
    logprob: float,
    flags: Sequence[str],
    agreement: float | None = None,
) -> dict[str, float]:
    """What the confidence depends on: "logprob", mean of the tokens' natural logarithms of probability;
    "length", how far the ratio of lengths is from the usual one (a logarithm); "flags", what the checks'
    flags cost; "agreement", 0 to 1, how like it the other candidates are, where there are others."""
    before, after = (len(PROTECTED.sub("", text).strip()) for text in (source, translation))
    ratio = (after + 1) / (before + 1) / usual_ratio(from_, to)
    found = {
        "logprob": max(logprob, -10.0),
        "length": abs(math.log(ratio)),
        "flags": min(cost(flags), _MOST_COST),
    }
    return found if agreement is None else found | {"agreement": agreement}


def confidence(found: Mapping[str, float], family: str = "") -> float:
    """The probability, 0 to 1, for ``signals``. ``family``: SEQ2SEQ, or "" for language models."""
    return probability(_weights()[family or ("best" if "agreement" in found else "quick")], found)


def probability(weights: Mapping[str, float], found: Mapping[str, float]) -> float:
    total = weights["bias"] + sum(weights[name] * value for name, value in found.items())
    return round(1 / (1 + math.exp(-max(-30.0, min(30.0, total)))), 4)


@cache
def _weights() -> dict[str, dict[str, float]]:
    file = paths.resources() / "calibration" / "translate.json"
    found: dict[str, dict[str, float]] = json.loads(file.read_text(encoding="utf-8"))["weights"]
    return found
