"""llama.cpp, timed through llama-cpp-python: loaded as its users load it, run by its C interface.

Past loading, llama-cpp-python's own Python would cost llama.cpp a part of its speed; so passes go
straight to ``llama_decode``, and the choice of a token is numpy's ``argmax`` over its logits.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from autogpt_desktop.errors import KnownError

# What llama.cpp tells while it works is not asked for; failures come as codes.
_no_log = llama_cpp.llama_log_callback(lambda _level, _text, _data: None)
llama_cpp.llama_log_set(_no_log, ctypes.c_void_p(0))
VERSION = str(llama_cpp.__version__)
_BATCH = 512  # tokens of one call, its own default


class LlamaCpp:
    """``plan.Runner`` over a GGUF file."""

    loads_file = True

    def __init__(self, path: Path, threads: int, name: str = "llama-cpp-python") -> None:
        self.path, self.threads, self.name = path, threads, name
        self.model: Any = None
        self.context: Any = None
        self.vocab = 0
        self.next = 0

    def load(self, context: int, *, cached: bool) -> None:
        self.model = llama_cpp.Llama(
            str(self.path),
            n_ctx=context,
            n_threads=self.threads,
            n_threads_batch=self.threads,
            n_batch=_BATCH,
            verbose=False,
        )
        self.context = self.model.ctx
        self.vocab = self.model.n_vocab()

    def close(self) -> None:
        if self.model is not None:
            self.model.close()
        self.model = self.context = None

    def start(self) -> None:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def read(self, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), _BATCH):
            part = ids[start : start + _BATCH]
            tokens = (llama_cpp.llama_token * len(part))(*part)
            _check(llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(tokens, len(part))))
        self.next = self._choice(self.context, -1)

    def decode(self, count: int) -> None:
        token = (llama_cpp.llama_token * 1)()
        for _ in range(count):
            token[0] = self.next
            _check(llama_cpp.llama_decode(self.context, llama_cpp.llama_batch_get_one(token, 1)))
            self.next = self._choice(self.context, -1)

    def _choice(self, context: Any, row: int) -> int:
        logits = llama_cpp.llama_get_logits_ith(context, row)
        return int(np.ctypeslib.as_array(logits, shape=(self.vocab,)).argmax())

    def batch(self, prompts: Sequence[Sequence[int]], count: int) -> float:
        """Its sequences live in a context of their own, over the same weights."""
        longest = max(map(len, prompts))
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = len(prompts) * -(-(longest + count + 8) // 256) * 256
        settings.n_batch = settings.n_ubatch = _BATCH
        settings.n_seq_max = len(prompts)
        settings.n_threads = settings.n_threads_batch = self.threads
        settings.flash_attn_type = self.model.context_params.flash_attn_type
        context = llama_cpp.llama_init_from_model(self.model.model, settings)
        if not context:
            raise MemoryError("llama.cpp got no memory for a batch")
        entries = llama_cpp.llama_batch_init(max(longest, len(prompts)), 0, 1)
        try:
            tokens = []
            for number, prompt in enumerate(prompts):
                _fill(entries, [(t, at, number) for at, t in enumerate(prompt)], last_only=True)
                _check(llama_cpp.llama_decode(context, entries))
                tokens.append(self._choice(context, -1))
            began = time.perf_counter()
            for step in range(count):
                rows = [(t, len(prompts[s]) + step, s) for s, t in enumerate(tokens)]
                _fill(entries, rows, last_only=False)
                _check(llama_cpp.llama_decode(context, entries))
                tokens = [self._choice(context, row) for row in range(len(prompts))]
            return time.perf_counter() - began
        finally:
            llama_cpp.llama_batch_free(entries)
            llama_cpp.llama_free(context)


def _fill(entries: Any, rows: Sequence[tuple[int, int, int]], *, last_only: bool) -> None:
    """Write (token, position, sequence) rows into a llama_batch; logits for all of them or the last."""
    entries.n_tokens = len(rows)
    for at, (token, position, sequence) in enumerate(rows):
        entries.token[at], entries.pos[at] = token, position
        entries.n_seq_id[at], entries.seq_id[at][0] = 1, sequence
        entries.logits[at] = not last_only or at == len(rows) - 1


def _check(code: int) -> None:
    if code:
        raise RuntimeError(f"llama_decode failed with {code}")


def requantized(path: Path, folder: Path, threads: int) -> Iterator[tuple[str, Path]]:
    """The model as Q4_0 and as Q8_0, by llama.cpp's own quantizer: the formats it runs fastest.

    Raises KnownError: bench-quantize.
    """
    types = {"Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0, "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0}
    for name, ftype in types.items():
        settings = llama_cpp.llama_model_quantize_default_params()
        settings.ftype, settings.nthread, settings.allow_requantize = ftype, threads, True
        target = folder / f"{path.stem}.{name}.gguf"
        failed = llama_cpp.llama_model_quantize(
            str(path).encode(), str(target).encode(), ctypes.byref(settings)
        )
        if failed:
            raise KnownError("bench-quantize", file=path.name, type=name)
        yield name, target
