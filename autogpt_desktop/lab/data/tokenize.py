"""A tokenizer for a new model: byte-level BPE as GPT-2 has it, trained on the text; bytes where it is small.

Sennrich, Haddow and Birch, 2016; Radford et al., 2019.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from autogpt_desktop import atomic
from autogpt_desktop.lab.data.split import cut

END = "<|endoftext|>"
_SAMPLE = 32 << 20  # characters that the merges are learned from
_SLICE = 2000  # characters: a run without a space in it must not become one word of the trainer
_BATCH = 256
_PIECE = 16_000  # characters that are encoded in one go
_LONGEST = 32  # bytes of a token


def train_tokenizer(texts: Sequence[str], vocab_size: int) -> Tokenizer:
    """The end token is 0, the bytes follow, then merges, the most frequent first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=_LONGEST,
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_slices(texts), trainer)
    return tokenizer


def _slices(texts: Iterable[str]) -> Iterator[str]:
    """Evenly from all texts, in pieces."""
    texts = list(texts)
    share = min(1.0, _SAMPLE / max(1, sum(map(len, texts))))
    for text in texts:
        pieces = cut(text, _SLICE)
        yield from pieces[: max(1, math.ceil(share * len(pieces)))]


def write_ids(path: Path, texts: Sequence[str], tokenizer: Tokenizer) -> int:
    """Write a NumPy array of all texts' ids, each closed by the end token; the number of ids.

    Raises OSError.
    """
    end = tokenizer.token_to_id(END)
    kind = np.uint16 if tokenizer.get_vocab_size() <= 1 << 16 else np.uint32
    parts: list[NDArray[Any]] = []
    waiting: list[str] = []
    closed: list[bool] = []  # by the end token

    def flush() -> None:
        # what looks like a special token in somebody's text is text
        for one, last in zip(tokenizer.encode_batch_fast(waiting), closed, strict=True):
            ids = [*one.ids, end] if last else one.ids
            parts.append(np.array(ids, np.uint16) if kind == np.uint16 else np.array(ids, np.uint32))
        waiting.clear()
        closed.clear()

    tokenizer.encode_special_tokens = True
    for text in texts:
        pieces = cut(text, _PIECE)
        for number, piece in enumerate(pieces, 1):
            waiting.append(piece)
            closed.append(number == len(pieces))
            if len(waiting) == _BATCH:
                flush()
    flush()
    ids = np.concatenate(parts) if parts else np.zeros(0, kind)
    with atomic.replacing(path, private=True) as scratch, scratch.open("wb") as file:
        np.save(file, ids)
    return len(ids)
