"""A head with the user's labels on a loaded model: texts in, calibrated logits of the labels out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.adapter_files import adapter_title
from autogpt_desktop.engine.formats.encoder_config import EncoderConfig
from autogpt_desktop.engine.formats.head_file import Head, read_head
from autogpt_desktop.engine.formats.mapped import MappedFile
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.text_features import MAX_TOKENS, text_features
from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress


@dataclass
class HeadEngine:
    """One loaded model and a head on it. Nothing here remembers a text."""

    name: str
    head: Head
    base: Engine | EncoderEngine
    notices: tuple[Notice, ...] = ()
    _weights: Tensor = field(init=False, repr=False)
    _bias: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._weights, self._bias = torch.from_numpy(self.head.weights), torch.from_numpy(self.head.bias)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.head.labels

    @property
    def config(self) -> ModelConfig | EncoderConfig:
        """Of the base."""
        return self.base.config

    @property
    def device(self) -> str:
        return self.base.device

    @property
    def context_length(self) -> int:
        """Tokens of one text; longer ones are cut."""
        return min(MAX_TOKENS, self.base.context_length)

    @property
    def weight_bytes(self) -> int:
        """Bytes of memory that the weights hold."""
        return self.base.weight_bytes + self.head.weights.nbytes

    @property
    def files(self) -> tuple[MappedFile, ...]:
        """The files that its weights lie in."""
        return self.base.files

    def tokens(self, text: str) -> int:
        """How many tokens the text has, uncut."""
        if isinstance(self.base, EncoderEngine):
            return self.base.tokens(text)
        return len(self.base.tokenizer.encode(text))

    def classify(
        self, texts: Sequence[str], cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Progress | tuple[int, Tensor]]:
        """(number of the text, logits [labels]), with Progress between. Raises ``Cancelled``."""
        for step in text_features(self.base, texts, self.head.layers, cancelled):
            if isinstance(step, Progress):
                yield step
            else:
                yield step[0], self._weights @ step[1].flatten() + self._bias

    def close(self) -> None:
        self.base.close()


def with_head(folder: Path, base: Engine | EncoderEngine) -> HeadEngine:
    """Raises KnownError: head-damaged, adapter-base-changed for a base of another width."""
    head = read_head(folder)
    c = base.config
    if head.weights.shape[1] != len(head.layers) * c.hidden_size or head.layers[-1] > c.num_hidden_layers:
        raise KnownError("adapter-base-changed", name=folder.name, base=head.base.name)
    return HeadEngine(adapter_title(head.title, base.name), head, base, base.notices)
