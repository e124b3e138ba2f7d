"""From a folder to a Seq2SeqEngine."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import torch

from autogpt_desktop.engine import native
from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor, files_of
from autogpt_desktop.engine.formats.mapped import check_files
from autogpt_desktop.engine.formats.seq2seq_config import seq2seq_config
from autogpt_desktop.engine.formats.seq2seq_weights import seq2seq_sources
from autogpt_desktop.engine.formats.untrusted import untrusted
from autogpt_desktop.engine.generation.seq2seq import Seq2SeqEngine
from autogpt_desktop.engine.interface import Seq2SeqModel
from autogpt_desktop.engine.memory import out_of_memory, trim_heap
from autogpt_desktop.engine.tokenizer.seq2seq import read_seq2seq_tokenizer
from autogpt_desktop.engine.torch_backend.seq2seq.build import build_seq2seq
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress

_IMMEDIATE_BYTES = 160 << 20  # of 8-bit weights that are read for a token or two of a key's time


def load_seq2seq(
    folder: Path, device: str = "cpu", *, quantize: bool = True, compiled: bool = True
) -> Generator[Progress, None, Seq2SeqEngine]:
    """Load a Hugging Face folder that ``is_seq2seq``; the generator returns the engine. ``quantize``: to
    8 bits, which run on the compiled back end on the CPU, unless ``compiled`` is False.

    Raises KnownError for everything that can be wrong with the files, and "no-memory".
    """
    yield Progress("stage.opening")
    with untrusted(folder.name):
        config = seq2seq_config(folder)
        sources = seq2seq_sources(folder, config)
        tokenizer = read_seq2seq_tokenizer(folder, config)
    # what says nothing in a translation never comes out: unknown pieces, languages, padding
    silent = (tokenizer.special | {config.pad_token_id}) - {config.eos_token_id}
    known = {id for id in silent if id < config.decoder_vocab_size}
    config = replace(config, bad_words_ids=tuple(sorted({*config.bad_words_ids, *known})))
    on_native = compiled and quantize and device == "cpu" and native.library() is not None
    try:
        if on_native:
            model: Seq2SeqModel = yield from _native(config, sources)
        else:
            model = yield from build_seq2seq(config, sources, torch.device(device), quantize=quantize)
    except (MemoryError, RuntimeError) as error:
        check_files(files_of(sources.values()))
        if out_of_memory(error):
            raise KnownError("no-memory", file=folder.name) from error
        raise
    trim_heap()
    return Seq2SeqEngine(
        config.name, config, model, tokenizer, device,
        files=files_of(sources.values()), immediate=on_native and model.nbytes <= _IMMEDIATE_BYTES,
    )  # fmt: skip


def _native(
    config: Seq2SeqConfig, sources: dict[str, CheckpointTensor]
) -> Generator[Progress, None, Seq2SeqModel]:
    from autogpt_desktop.engine.native.prepare import native_checkpoint

    yield Progress("stage.loading", 0, 1)
    model = native_checkpoint(config, sources)
    check_files(model.files)
    yield Progress("stage.loading", 1, 1)
    return model
