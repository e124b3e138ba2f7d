"""What a loaded model makes of a text, for small heads: of encoders and of language models alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.generation.probe import hidden_rows
from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine
from autogpt_desktop.events import Progress

MAX_TOKENS = 512  # of a text that a language model reads; an encoder has its own limit


def layer_count(engine: Engine | EncoderEngine) -> int:
    return engine.config.num_hidden_layers


def text_features(
    engine: Engine | EncoderEngine,
    texts: Sequence[str],
    layers: Sequence[int],
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | tuple[int, Tensor]]:
    """The mean of each text's tokens as ``layers`` (from 1, rising) leave them: (its number, float32
    [layers, hidden_size]), and Progress. Raises ``Cancelled``."""
    if isinstance(engine, EncoderEngine):
        yield from engine.features(texts, layers, cancelled)
        return
    most = min(MAX_TOKENS, engine.context_length)
    empty = [engine.tokenizer.eos_id or 0]  # a text without a token
    prompts = [engine.tokenizer.encode(text)[:most] or empty for text in texts]
    yield from hidden_rows(engine, prompts, layers, most, cancelled=cancelled)
