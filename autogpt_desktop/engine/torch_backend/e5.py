"""What an E5 container (``formats/e5_file.py``) gives an encoder: its tokenizer and its weights."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tokenizers
import torch
from tokenizers import models, pre_tokenizers, processors
from torch import Tensor

from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor
from autogpt_desktop.engine.formats.e5_file import WORDS, E5File, read_e5
from autogpt_desktop.engine.formats.mapped import MappedFile

_NO_TEXT = "\U0010ffff"  # in front of special tokens' pieces: what looks like one in a text is text


class QuantizedRows:
    """An embedding whose rows stay as they lie in the file: 50 MB instead of 380 MB in float32."""

    def __init__(self, source: CheckpointTensor, device: str) -> None:
        self._source, self._device = source, device

    @property
    def nbytes(self) -> int:
        """Bytes of the mapped file; the pages that are read count as memory."""
        return self._source.blocks.nbytes

    def __getitem__(self, ids: Tensor) -> Tensor:
        """Rows [*ids.shape, columns], float32."""
        asked, places = np.unique(ids.cpu().numpy(), return_inverse=True)
        table = self._source.raw().reshape(self._source.shape[0], -1)
        shape = (len(asked), self._source.shape[1])
        rows = CheckpointTensor(shape, self._source.type, np.ascontiguousarray(table[asked]).reshape(-1))
        values = torch.from_numpy(rows.dequantize())[torch.from_numpy(places.reshape(ids.shape))]
        return values.to(self._device)


def read_parts(
    folder: Path, device: str
) -> tuple[tokenizers.Tokenizer, Callable[[str], str], QuantizedRows, dict[str, Tensor], MappedFile]:
    """Tokenizer, what is done to a text before it, embedding, all other weights in float32, and the file.

    Raises KnownError as ``read_e5``."""
    file = read_e5(folder)
    words = QuantizedRows(file.tensors[WORDS], device)
    weights = {
        name: torch.from_numpy(source.dequantize()).to(device)
        for name, source in file.tensors.items()
        if name != WORDS
    }
    return _tokenizer(file), _normalizer(file.replaced), words, weights, file.mapped


def _tokenizer(file: E5File) -> tokenizers.Tokenizer:
    """SentencePiece's unigram model, with the special tokens around a text as XLM-R has them."""
    special = {file.begin_id, file.end_id, file.pad_id, file.unknown_id}
    scored = zip(file.pieces, file.scores.tolist(), strict=True)
    pieces = [(_NO_TEXT * (id in special) + piece, score) for id, (piece, score) in enumerate(scored)]
    tokenizer = tokenizers.Tokenizer(models.Unigram(pieces, unk_id=file.unknown_id, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    begin, end = pieces[file.begin_id][0], pieces[file.end_id][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} {end} $B {end}",
        special_tokens=[(begin, file.begin_id), (end, file.end_id)],
    )
    return tokenizer


def _normalizer(replaced: dict[int, str]) -> Callable[[str], str]:
    """Characters that were written in parts become one first: the file's table knows single ones."""

    def normalize(text: str) -> str:
        text = unicodedata.normalize("NFC", text).translate(replaced)
        while "  " in text:
            text = text.replace("  ", " ")
        return text

    return normalize
