"""Answers that keep to a JSON schema: before each token those that would break it are left out.

The grammar is llguidance's: an Earley parser over lexemes that are derivatives of regular expressions, so
that what a stranger's schema asks for takes bounded time.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper
from torch import Tensor

from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
from autogpt_desktop.errors import KnownError

MAX_SCHEMA = 1 << 18  # characters
_LIMITS = {"verbose_errors": False}  # or they repeat what was written
_known: weakref.WeakKeyDictionary[Tokenizer, dict[int, LLTokenizer]] = weakref.WeakKeyDictionary()


class Grammar:
    """What one answer may go on with. ``complete``: nothing may follow but its end."""

    def __init__(self, matcher: LLMatcher, eos_ids: frozenset[int]) -> None:
        self._matcher, self._eos_ids = matcher, eos_ids
        self._mask: np.ndarray | None = None

    @property
    def complete(self) -> bool:
        return bool(self._matcher.is_stopped())

    def allowed(self, logits: Tensor) -> Tensor:
        """The logits [vocab_size] with -inf where a token breaks the form. Raises KnownError: schema-lost."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        self._check()
        mask = np.unpackbits(bits, bitorder="little")[: len(logits)].astype(bool)
        mask = np.pad(mask, (0, len(logits) - len(mask)))
        if mask[list(self._eos_ids)].any():
            mask[list(self._eos_ids)] = True
        row = logits.float()
        return row.masked_fill(torch.from_numpy(~mask).to(row.device), float("-inf"))

    def push(self, token: int) -> None:
        """The answer goes on with ``token``. Raises KnownError: schema-lost."""
        if token not in self._eos_ids:
            self._matcher.consume_token(token)
            self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise KnownError("schema-lost", reason=self._matcher.get_error()[:300])


def read_schema(text: str) -> Mapping[str, Any]:
    """A JSON schema as a user or a file has it. Raises KnownError: schema-wrong (reason)."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise KnownError("schema-wrong", reason=str(error)[:300]) from error
    if not isinstance(value, dict):
        raise KnownError("schema-wrong", reason="{ … }")
    return value


def json_grammar(tokenizer: Tokenizer, schema: Mapping[str, Any], vocab_size: int) -> Grammar:
    """For JSON of that schema, written by a model with ``vocab_size`` logits.

    Raises KnownError: schema-too-large, schema-wrong (reason).
    """
    text = json.dumps(schema)
    if len(text) > MAX_SCHEMA:
        raise KnownError("schema-too-large")
    try:
        # spaces only where a schema's own text has them: a small model never ends a row of line breaks
        grammar = LLMatcher.grammar_from_json_schema(
            text, {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
        )
    except ValueError as error:
        raise KnownError("schema-wrong", reason=str(error)[:300]) from error
    matcher = LLMatcher(
        _tokenizer(tokenizer, vocab_size), grammar, log_level=0, limits=LLParserLimits(**_LIMITS)
    )
    if matcher.is_error():
        raise KnownError("schema-wrong", reason=matcher.get_error()[:300])
    return Grammar(matcher, tokenizer.eos_ids)


class _Vocabulary:
    """A tokenizer as llguidance asks for it."""

    def __init__(self, tokenizer: Tokenizer, vocab_size: int) -> None:
        ids = range(vocab_size)
        self.bos_token_id = tokenizer.bos_id
        self.eos_token_id = (
            tokenizer.eos_id if tokenizer.eos_id is not None else min(tokenizer.eos_ids, default=0)
        )
        self.special_token_ids = [id for id in ids if tokenizer.is_control(id)]
        self.tokens = [tokenizer.token_bytes(id) for id in ids]
        self._encode = tokenizer.encode

    def __call__(self, text: bytes | str) -> list[int]:
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        return self._encode(text, add_special=False)


def _tokenizer(tokenizer: Tokenizer, vocab_size: int) -> LLTokenizer:
    """Made once: a large vocabulary takes a second."""
    made = _known.setdefault(tokenizer, {})
    if vocab_size not in made:
        wrapper = TokenizerWrapper(_Vocabulary(tokenizer, vocab_size))
        eos: Any = sorted(tokenizer.eos_ids) or None
        made[vocab_size] = LLTokenizer(wrapper, eos_token=eos, slices=LLTokenizer.json_slices())
    return made[vocab_size]
