"""What a model says by itself is rehearsed while it learns something new, so that it stays the model it was.

Texts that the base writes from a word by chance, and at each of their tokens what it expected next: the
adapter is held to that (Li and Hoiem, 2016: Learning without Forgetting; rehearsal on texts of the model's
own: Huang et al., 2024, arXiv 2403.01244). Nothing but the base is needed, no text of anybody.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from autogpt_desktop import atomic
from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.generation.batch import Continuation, generate
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.generation.sampling import make_sampler
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.events import Progress
from autogpt_desktop.lab.adapt.encode import Encoded
from autogpt_desktop.lab.adapt.loss import expected, soft_loss

_TEXTS, _TOKENS, _TOGETHER = 32, 96, 16  # at most so many, so long, written together
_STEP_TOKENS = 256  # rehearsed in a step
_FILE = "own_texts.npy"  # [texts, tokens], −1 behind the end of a text


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Texts and what the base expects in them: ids and probabilities, [tokens, likeliest] for each text."""

    texts: Sequence[Encoded]
    expected: Sequence[tuple[Tensor, Tensor]]

    def loss(self, decoder: Transformer, step: int, *, recompute: bool = False) -> Tensor:
        """Cross entropy per token against what the base expects, over the texts whose turn is in ``step``."""
        per_step = max(1, _STEP_TOKENS * len(self.texts) // sum(one.count for one in self.texts))
        chosen = [(step * per_step + at) % len(self.texts) for at in range(min(per_step, len(self.texts)))]
        texts = [self.texts[at] for at in chosen]
        total = soft_loss(decoder, texts, [self.expected[at] for at in chosen], recompute=recompute)
        return total / sum(one.count for one in texts)


def own_texts(
    engine: Engine, folder: Path, seed: int, seconds: float, clock: Callable[[], float]
) -> Generator[Progress, None, list[Encoded]]:
    """Texts that ``engine`` writes within about ``seconds``, at least one round of them; those that
    ``folder`` has, where it has some. Returns none where the model writes nothing."""
    if (kept := _kept(folder / _FILE)) is not None:
        return kept
    begun, found = clock(), list[list[int]]()
    starts = _starts(engine.tokenizer, seed)
    while starts and len(found) < _TEXTS and (not found or clock() - begun < seconds):
        prompts, starts = starts[:_TOGETHER], starts[_TOGETHER:]
        samplers = [
            make_sampler(Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, seed=seed * _TEXTS + at))
            for at in range(len(found), len(found) + len(prompts))
        ]
        written: dict[int, list[int]] = {}
        for one in generate(
            engine, prompts, max_tokens=_TOKENS,
            choose=lambda at, logits, ids, samplers=samplers: samplers[at](logits, ids),  # type: ignore[misc]
        ):  # fmt: skip
            if isinstance(one, Continuation):
                written[one.index] = [*prompts[one.index], *one.ids]
            else:
                yield one
        found += [written[at] for at in sorted(written)]
    texts = [ids for ids in found if len(ids) > 2]
    _keep(folder / _FILE, texts)
    return [_encoded(ids) for ids in texts]


def has_own_texts(folder: Path) -> bool:
    """Were they written by an earlier part of this run?"""
    return _kept(folder / _FILE) is not None


def kept_texts(folder: Path) -> list[Encoded]:
    """Those that an earlier part of this run wrote."""
    return _kept(folder / _FILE) or []


def rehearsal(decoder: Transformer, texts: Sequence[Encoded]) -> Rehearsal | None:
    """``decoder`` is the base, or its adapter has learned nothing yet. None: there are no texts."""
    return Rehearsal(texts, [expected(decoder, one) for one in texts]) if texts else None


def _starts(tokenizer: Tokenizer, seed: int) -> list[list[int]]:
    """Words by chance, each behind what a text begins with."""
    chance, begin = random.Random(seed), tokenizer.encode("")
    found: list[list[int]] = []
    for _ in range(50 * _TEXTS):
        id = chance.randrange(tokenizer.vocab_size)
        if tokenizer.is_control(id):
            continue
        with suppress(UnicodeDecodeError):
            if tokenizer.token_bytes(id).decode().strip().isalpha():
                found.append([*begin, id])
        if len(found) == _TEXTS:
            break
    return found


def _encoded(ids: Sequence[int]) -> Encoded:
    return Encoded(np.array(ids, np.int32), np.ones(len(ids) - 1, np.bool_))


def _keep(path: Path, texts: Sequence[Sequence[int]]) -> None:
    table = np.full((len(texts), max((len(ids) for ids in texts), default=0)), -1, np.int32)
    for row, ids in zip(table, texts, strict=True):
        row[: len(ids)] = ids
    written = io.BytesIO()
    np.save(written, table)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_bytes(path, [written.getbuffer()])


def _kept(path: Path) -> list[Encoded] | None:
    try:
        table = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return [_encoded(row[row >= 0]) for row in table]
