"""From the folder of a translation pack to a Seq2SeqEngine."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import cast

from autogpt_desktop.engine import native
from autogpt_desktop.engine.formats.mapped import check_files
from autogpt_desktop.engine.formats.pack_files import file_kind, pack_files, pair_of_folder
from autogpt_desktop.engine.formats.untrusted import untrusted
from autogpt_desktop.engine.generation.seq2seq import Seq2SeqEngine
from autogpt_desktop.engine.interface import SearchOptions, Seq2SeqModel, SourceIds
from autogpt_desktop.engine.memory import out_of_memory, trim_heap
from autogpt_desktop.engine.tokenizer.sentencepiece import SentencePiece, Span
from autogpt_desktop.engine.tokenizer.seq2seq import Seq2SeqTokenizer, Split
from autogpt_desktop.engine.translation_pack import TranslationPack, read_translation_pack
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress

log = logging.getLogger(__name__)
_SENTENCES, _WORDS = 16, 24  # by which a device is timed
_UNKNOWN = 1  # the id in each vocabulary; never generated, it says nothing


def load_pack(
    folder: Path, device: str = "cpu", *, compiled: bool = True
) -> Generator[Progress, None, Seq2SeqEngine]:
    """Load a pack; the generator returns the engine. On the compiled back end, or on torch without it.

    A ``device`` that is no CPU is tried, and taken if it is quicker: packs are small, so that a GPU mostly
    waits for the next word. Nobody has measured packs on one yet, which a notice then says.

    Raises KnownError for everything that can be wrong with the files, and "no-memory".
    """
    yield Progress("stage.opening")
    with untrusted(folder.name):
        files = {file_kind(name): folder / name for name in pack_files(folder)}
        shared = files.get("vocab")
        source, target = files.get("srcvocab", shared), files.get("trgvocab", shared)
        for path, kind in ((files.get("model"), "model"), (source, "vocab"), (target, "vocab")):
            if path is None:
                raise KnownError("pack-incomplete", name=folder.name, missing=f"{kind}.*")
        assert source is not None
        assert target is not None
        pack = read_translation_pack(files["model"], source, target, files.get("lex"))
    try:
        model, where = _model(pack, device, compiled)
    except (MemoryError, RuntimeError) as error:
        check_files((pack.model.file.mapped,))
        if out_of_memory(error):
            raise KnownError("no-memory", file=folder.name) from error
        raise
    trim_heap()
    if where == "cpu" and compiled:  # packed by now; of the tables and lists a sentence needs a few rows
        for mapped in (pack.model.file.mapped, *([pack.shortlist.mapped] if pack.shortlist else [])):
            mapped.forget()
    pair = pair_of_folder(folder)
    config = replace(
        pack.model.config,
        name=folder.name,
        pairs=(pair,) if pair else (),
        languages=pair or (),
        bad_words_ids=tuple(sorted({*pack.model.config.bad_words_ids, _UNKNOWN})),
    )
    tokenizer = _tokenizer(pack)
    shortlist = pack.shortlist.candidates if pack.shortlist is not None else None
    notices = () if where == "cpu" else (Notice("notice.pack-gpu-untested", {"device": where.upper()}),)
    return Seq2SeqEngine(
        folder.name, config, model, tokenizer, where, notices,
        files=(pack.model.file.mapped,), shortlist=shortlist, immediate=where == "cpu" and compiled,
    )  # fmt: skip


def _model(pack: TranslationPack, device: str, compiled: bool) -> tuple[Seq2SeqModel, str]:
    if not compiled or native.library() is None:
        return _on_torch(pack, device), device
    from autogpt_desktop.engine.native.prepare import native_marian

    model = cast(Seq2SeqModel, native_marian(pack.model))
    if device == "cpu":
        return model, "cpu"
    try:
        other = _on_torch(pack, device)
        if _seconds(other, pack) < _seconds(model, pack):
            return other, device
    except RuntimeError as error:  # it has no memory left, or cannot compute this
        log.warning("%s cannot run the pack: %s", device, error)
    return model, "cpu"


def _on_torch(pack: TranslationPack, device: str) -> Seq2SeqModel:
    from autogpt_desktop.engine.torch_backend.marian import MarianSeq2Seq

    return cast(Seq2SeqModel, MarianSeq2Seq(pack.model, device))


def _seconds(model: Seq2SeqModel, pack: TranslationPack) -> float:
    """What some sentences take, when it has begun to run."""
    size = pack.model.config.vocab_size
    ids = [[2 + (at * 37 + place * 11) % (size - 2) for place in range(_WORDS)] for at in range(_SENTENCES)]
    sources = [SourceIds([*one, pack.model.config.eos_token_id]) for one in ids]
    options = SearchOptions(max_length=_WORDS)
    taken = []
    for _ in range(2):
        started = time.perf_counter()
        model.translate(sources, options)
        taken.append(time.perf_counter() - started)
    return min(taken)


def _tokenizer(pack: TranslationPack) -> Seq2SeqTokenizer:
    """The vocabularies of a pack as those of other encoder–decoders: one pair, no language tokens."""
    source, source_ids = _pieces(pack.source)
    target, target_ids = (source, source_ids) if pack.target is pack.source else _pieces(pack.target)
    return Seq2SeqTokenizer(
        _split(pack.source, source), _split(pack.target, target), source_ids, target_ids,
        pack.model.config.eos_token_id, {}, "none",
    )  # fmt: skip


def _pieces(vocabulary: SentencePiece) -> tuple[list[str], dict[str, int]]:
    pieces = vocabulary.pieces()
    return pieces, {piece: id for id, piece in enumerate(pieces)}


def _split(vocabulary: SentencePiece, names: list[str]) -> Split:
    def split(text: str) -> list[tuple[str, Span]]:
        found = vocabulary.encode(text)
        return [(names[id], span) for id, span in zip(found.ids, found.spans, strict=True)]

    return split
