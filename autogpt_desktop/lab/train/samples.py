"""What a model writes while it learns."""

from __future__ import annotations

from typing import Any

import torch

from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.lab.train.corpus import Corpus

_PROMPTS, _PROMPT, _NEW = 2, 12, 60  # how many, and tokens of each
_TEMPERATURE, _TOP_K = 0.8, 40


class Sampler:
    """Goes on with beginnings from the held-out text; the same numbers by chance each time."""

    def __init__(self, corpus: Corpus, tokenizer: Any) -> None:
        self.tokenizer, self.end = tokenizer, corpus.end_token
        tokens = corpus.held_out
        starts = [len(tokens) * place // _PROMPTS for place in range(_PROMPTS)] if len(tokens) else []
        self.prompts = [
            [int(token) for token in tokens[start : start + _PROMPT] if int(token) != self.end]
            for start in starts
        ]

    def __call__(self, decoder: Transformer) -> list[tuple[str, str]]:
        found = []
        for number, prompt in enumerate(self.prompts):
            written = continued(decoder, prompt or [self.end], self.end, seed=number)
            found.append((self.tokenizer.decode(prompt), self.tokenizer.decode(written)))
        return found


@torch.inference_mode()
def continued(
    decoder: Transformer, prompt: list[int], end: int, *, new: int = _NEW, seed: int = 0
) -> list[int]:
    """``new`` tokens behind ``prompt``, fewer where the text ends."""
    random = torch.Generator().manual_seed(seed)
    state, ids, found = decoder.new_state(), prompt[-decoder.context_length // 2 :], list[int]()
    new = min(new, decoder.context_length - len(ids))
    for _ in range(new):
        (logits,) = decoder.forward([(state, ids)])
        values, places = torch.topk(logits.float().cpu(), min(_TOP_K, len(logits)))
        chances = torch.softmax(values / _TEMPERATURE, -1)
        if not bool(torch.isfinite(chances).all()):
            break
        token = int(places[torch.multinomial(chances, 1, generator=random)])
        if token == end:
            break
        found.append(token)
        ids = [token]
    return found
