"""Look inside a model: what it expects behind a text, what surprised it in one, what its tokens look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models
    from autogpt_desktop.engine.torch_backend.transformer import Transformer

SHOWN = 20  # tokens that may come next
MOST_TOKENS = 4096  # of a text that is read
MOST_ATTENTION = 192  # tokens of an attention map: more cannot be told apart on a screen
_MEMORY = "look-inside"


@dataclass(frozen=True, slots=True)
class LikelyToken:
    """One that may come next. ``text`` has ``\\xe6`` where the token is a part of a character."""

    id: int
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class ReadToken:
    """One token of a text that was read, and how much it surprised: -log2 of its probability."""

    text: str  # "" for a part of a character: the last one of it has the whole
    bits: float | None  # None: the first, which nothing stands before


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as a model reads it. ``tokens`` join to the text, but for what marks its beginning."""

    text: str
    tokens: tuple[ReadToken, ...]
    likely: tuple[LikelyToken, ...]
    cut: bool  # only its beginning was read

    @property
    def bits(self) -> float:
        """Surprise of the whole, without the first token where nothing stands before it."""
        return sum(token.bits or 0.0 for token in self.tokens)

    @property
    def counted(self) -> int:
        """Tokens that have a surprise."""
        return sum(token.bits is not None for token in self.tokens)

    @property
    def perplexity(self) -> float:
        """2 to the mean surprise of a token; 0 where there is none."""
        return float(2 ** min(self.bits / self.counted, 60.0)) if self.counted else 0.0

    @property
    def bits_per_byte(self) -> float:
        """Surprise for a byte of UTF-8, which models of other vocabularies can be compared by; or 0."""
        told = sum(len(token.text.encode()) for token in self.tokens if token.bits is not None)
        return self.bits / told if told else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Attention:
    """What the tokens of a text look at in one layer.

    ``maps``: the mean of the heads, then each head; a byte for each pair of tokens, row by row: the row's
    token looks at the column's with the weight (byte / 255)².
    """

    text: str
    tokens: tuple[str, ...]
    layer: int  # from 0 on
    layers: int
    maps: tuple[bytes, ...]
    cut: bool

    def weight(self, number: int, row: int, column: int) -> float:
        """Of one pair in one map."""
        return (self.maps[number][row * len(self.tokens) + column] / 255) ** 2


class _Reference:
    """The decoder on torch, beside the compiled one; goes with the model."""

    def __init__(self, decoder: Transformer, extra: bool) -> None:
        self.decoder, self._extra = decoder, extra

    @property
    def nbytes(self) -> int:
        return self.decoder.nbytes if self._extra else 0

    def save(self) -> None:
        """Nothing is to stay."""

    def forget(self, name: str) -> None:
        """Nothing belongs to anybody."""


def read(
    models: Models, text: str, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Progress | Notice | Reading]:
    """A Reading of ``text``, behind what loading and reading tell. Raises KnownError as loading does, and
    "prompt-empty"."""
    from autogpt_desktop.engine.generation.inspect import likely_tokens, read_tokens, text_ids

    engine = yield from models.get("chat")
    ids = text_ids(engine, text)
    most = min(MOST_TOKENS, engine.context_length)
    if not ids and engine.tokenizer.bos_id is not None:
        ids = [engine.tokenizer.bos_id]
    if not ids:
        raise KnownError("prompt-empty", model=engine.name)
    tokens, logits = yield from read_tokens(engine, ids[:most], cancelled)
    likely = tuple(LikelyToken(*token) for token in likely_tokens(logits, engine, SHOWN))
    yield Reading(text, tuple(ReadToken(*token) for token in tokens), likely, len(ids) > most)


def attend(
    models: Models, text: str, layer: int, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Progress | Notice | Attention]:
    """The Attention of ``text`` in ``layer``, which is kept within those there are, of those that attend.
    Raises as ``read``."""
    from autogpt_desktop.engine.generation.inspect import attention_maps, reference, text_ids, token_name

    engine = yield from models.get("chat")
    memory = models.memory(engine)
    known = memory.get(_MEMORY)
    if not isinstance(known, _Reference):
        path = next(entry.path for entry in models.loaded if entry.engine is engine)
        decoder = yield from reference(engine, path)
        known = memory[_MEMORY] = _Reference(decoder, decoder is not engine.decoder)
    ids = text_ids(engine, text)
    most = min(MOST_ATTENTION, engine.context_length)
    if not ids:
        raise KnownError("prompt-empty", model=engine.name)
    c = engine.config
    attending = [index for index in range(c.num_hidden_layers) if c.kind(index) == "attention"]
    layer = min(max(layer, 0), len(attending) - 1)
    maps = attention_maps(known.decoder, ids[:most], attending[layer], cancelled)
    names = tuple(token_name(engine, token) for token in ids[:most])
    yield Attention(text, names, layer, len(attending), maps, len(ids) > most)
