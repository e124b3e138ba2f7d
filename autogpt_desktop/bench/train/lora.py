"""LoRA on a small chat model: a new format from 500 examples, and what that does to other prose."""

from __future__ import annotations

import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from autogpt_desktop.bench.train.requests import requests
from autogpt_desktop.engine.generation.batch import Continuation, generate
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.lab.adapt.run import RESULT, adapt
from autogpt_desktop.lab.data.examples import Example
from autogpt_desktop.lab.runs.events import Eval, Logged, Notice, Train, to_line
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec

_TRAIN, _CHECK, _HELD_OUT = 500, 40, 100
_BEFORE = 20  # that the base is asked
_PIECE = 256  # tokens of prose in one pass


def measure_lora(
    base: Path, minutes: float, seed: int, prose: str, options: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Exact answers of ``_HELD_OUT`` new requests, and perplexity on ``prose``, before and after."""
    examples = requests(_TRAIN + _CHECK + _HELD_OUT, seed)
    train, check = examples[:_TRAIN], examples[_TRAIN : _TRAIN + _CHECK]
    asked = examples[_TRAIN + _CHECK :]
    spec = RunSpec("adapt", DataSpec(()), minutes, name="requests", seed=seed, options=options or {})
    # the base knows nothing of the format and answers at length: some of them say as much
    figures: dict[str, Any] = {"minutes": minutes, "before": _measure(base, None, asked[:_BEFORE], prose)}
    with tempfile.TemporaryDirectory(prefix="autogpt-desktop-bench-") as folder:
        begun, last = time.monotonic(), None
        for event in adapt(spec, base, train, check, Path(folder)):
            if isinstance(event, Train):
                last = event
            if isinstance(event, Eval | Train | Notice):
                print(to_line(Logged(time.monotonic() - begun, event)), file=sys.stderr, flush=True)
        figures |= {"seconds": time.monotonic() - begun}
        if last is not None:
            figures |= {"tokens": last.tokens, "tokens_per_second": last.tokens / figures["seconds"]}
        figures["after"] = _measure(base, Path(folder) / RESULT, asked, prose)
    before, after = figures["before"], figures["after"]
    figures["perplexity_change"] = after["perplexity"] / before["perplexity"] - 1
    return figures


def _measure(base: Path, adapter: Path | None, asked: list[Example], prose: str) -> dict[str, float]:
    begun = time.monotonic()
    engine = run_to_end(load(base, adapter=adapter, device="cpu", context_length=1024))
    loaded = time.monotonic() - begun
    try:
        return {
            "load_seconds": loaded,
            "weight_megabytes": engine.weight_bytes / 1e6,
            "exact": exact_answers(engine, asked) / len(asked),
            "perplexity": perplexity(engine, prose),
        }
    finally:
        engine.close()


def exact_answers(engine: Engine, asked: list[Example]) -> int:
    """How many answers are the wanted ones, character by character."""
    prompts = [engine.chat_ids(one.messages[:-1]) for one in asked]
    found = 0
    for one in generate(engine, prompts, max_tokens=96):
        if isinstance(one, Continuation):
            found += one.text.strip() == asked[one.index].messages[-1]["content"]
    return found


def perplexity(engine: Engine, text: str) -> float:
    """e to the mean of −log p, over pieces of ``_PIECE`` tokens."""
    ids = engine.tokenizer.encode(text)
    total, count = 0.0, 0
    for start in range(0, len(ids) - 1, _PIECE):
        piece = ids[start : start + _PIECE + 1]
        if len(piece) < 2:
            break
        (logits,) = engine.decoder.forward([(engine.new_state(), piece[:-1])], "all")
        rows = logits.float().log_softmax(-1)
        total -= sum(float(rows[at, token]) for at, token in enumerate(piece[1:]))
        count += len(piece) - 1
    return math.exp(total / max(1, count))
