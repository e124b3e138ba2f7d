"""The interfaces of loaded models, whichever back end stands behind them: decoders, and encoder–decoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine.config import ModelConfig

if TYPE_CHECKING:
    from torch import Tensor

    Logits = Tensor  # float32 [vocab_size]: the scores of what may follow one token


class Cancelled(Exception):
    """A pass was given up between two layers; the caches are as they were."""


class State(Protocol):
    """One sequence: the token ids a decoder has seen, and what it remembers of them."""

    @property
    def ids(self) -> list[int]: ...

    @property
    def layout(self) -> str:
        """Snapshots of another layout are of no use, even where their shapes are the same."""

    def __len__(self) -> int: ...

    def reserve(self, tokens: int) -> None:
        """Make room for ``tokens`` in all. Raises ValueError beyond the context."""

    @property
    def recurrent(self) -> bool:
        """Are there layers whose memory cannot forget single tokens, so that ``trim`` goes back to places
        that were marked, to the end, or to the beginning?"""

    def mark(self, *, draft: bool = False) -> None:
        """Make the end a place that ``trim`` can come back to; for a ``draft`` until the next one. Of many
        places some are let go of. Nothing to do where there are no recurrent layers."""

    def reach(self, tokens: int) -> int:
        """How many tokens ``trim(tokens)`` would leave: that many, or of a recurrent state perhaps fewer."""

    def trim(self, tokens: int) -> None:
        """Forget everything behind the first ``reach(tokens)``."""

    def common_prefix(self, ids: Sequence[int]) -> int:
        """How many of ``ids`` are already here, from the start."""

    def fork(self, room: int = 0) -> State:
        """A copy that goes its own way, with room for ``room`` more tokens."""

    def snapshot(self, tokens: int) -> dict[str, NDArray[np.generic]]:
        """What is remembered of the first ``tokens``, as arrays that ``restore`` takes back.

        Raises ValueError for more tokens than there are, and for those that ``trim`` cannot leave. The
        arrays are copies.
        """

    def restore(self, ids: Sequence[int], arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Become the state that had seen ``ids`` when ``snapshot(len(ids))`` was taken of it, to the bit.

        Raises ValueError, and stays as it was, for arrays of another model, back end or kind of cache
        and for more ids than the context holds.
        """

    @property
    def nbytes(self) -> int: ...


class Decoder(Protocol):
    """Token ids in, logits out. States go back to the decoder that made them."""

    config: ModelConfig
    context_length: int
    batch_invariant: bool  # are a token's logits the same to the bit whatever the chunk it travels in?

    def new_state(self) -> State:
        """An empty sequence."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the weights hold."""

    def prefill_chunk(self, before: int) -> int:
        """Tokens to hand over at a time in a prefill, behind ``before`` others."""

    def forward(
        self,
        batch: Sequence[tuple[Any, Sequence[int]]],  # (state of this decoder, ids)
        logits: Literal["last", "all"] = "last",
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Tensor]:
        """Append ids to each state; each one's logits, float32: of its last token, or of all."""

    def hidden(
        self,
        batch: Sequence[tuple[Any, Sequence[int]]],  # (state of this decoder, ids)
        layers: Sequence[int],
        tokens: int = 1,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Tensor]:
        """What a small head reads: the mean of each one's last ``tokens`` (or as many as it has) as each of
        ``layers`` (from 1, rising) leaves them, behind the last norm, float32 [layers, hidden_size]. The
        ids are read and forgotten: the states stay as they were. Raises ValueError for other layers."""


def check_layers(layers: Sequence[int], most: int) -> None:
    """Raises ValueError unless ``layers`` rise, from 1 to ``most``."""
    if not layers or list(layers) != sorted(set(layers)) or not 1 <= layers[0] <= layers[-1] <= most:
        raise ValueError(f"no such layers: {layers}")


@dataclass(frozen=True, slots=True, eq=False)
class SourceIds:
    """One sentence to translate."""

    ids: Sequence[int]  # with the end token, and with a language token where the model wants one
    prefix: Sequence[int] = ()  # what the translation begins with: language token, forced words
    shortlist: NDArray[np.int32] | None = None  # the only ids that may come out, rising; None: all


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How a translation is searched for. ``beam_size`` 1 is greedy.

    Hypotheses are compared by Σ log p / length ** ``length_penalty``, the end token counted in both.
    """

    beam_size: int = 1
    n_best: int = 1  # at most beam_size
    length_penalty: float = 1.0
    max_length_factor: float = 2.5  # at most so many tokens for each source token …
    max_length: int = 512  # … and at most so many
    alignments: bool = False
    # when a beam search ends, and what it keeps: see generation.beam
    rule: Literal["transformers", "marian"] = "transformers"
    early_stopping: bool | Literal["never"] = False  # of the rule of transformers
    force_end: bool = False  # is the last token that the limit allows the end token?


DEFAULT_SEARCH = SearchOptions()


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """One translation, without the start token and the end token."""

    ids: tuple[int, ...]  # the prefix too
    logprobs: NDArray[np.float32]  # [len(ids) + finished]: of each token, the end token last
    score: float  # what hypotheses are compared by
    finished: bool = True  # False: cut off by the limit
    # [len(ids) + finished, source ids]: attention of each token to the source, rows sum to 1; without: [0, 0]
    alignment: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))


class DecodeState(Protocol):
    """Rows of translations on the way, each with its source; belongs to the model that made it."""

    def __len__(self) -> int:
        """Rows."""


class Seq2SeqModel(Protocol):
    """Source ids in, target ids out. Results of a sentence do not depend on what it travels with.

    ``translate`` is the whole search in one call. ``encode`` and ``step`` are for a search written
    elsewhere, such as one with constraints.
    """

    batch_invariant: bool  # to the bit?

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the weights hold."""

    def encode(
        self,
        sources: Sequence[SourceIds],
        cancelled: Callable[[], bool] = lambda: False,
    ) -> DecodeState:
        """One row for each source, before the first step; their prefixes are not read."""

    def step(
        self, state: Any, rows: Sequence[int], ids: Sequence[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Row i of a ``state`` of this model becomes what row ``rows[i]`` was, with ``ids[i]`` behind it;
        rows not named are let go of.

        Log-probabilities [rows, target vocabulary] of what follows (-inf outside of a row's shortlist)
        and attention [rows, the longest source] of the tokens that follow. ``ids`` of the first step are the
        start token, or -1 where a model begins with none (Marian's: an embedding of zeros).
        """

    def translate(
        self,
        sources: Sequence[SourceIds],
        options: SearchOptions = DEFAULT_SEARCH,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[list[Hypothesis]]:
        """For each source its best hypotheses, the best first. Raises ``Cancelled`` between two steps and
        ValueError for ids that the vocabularies do not have."""
