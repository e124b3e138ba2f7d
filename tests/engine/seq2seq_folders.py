"""Whole folders of tiny random encoder–decoders, with tokenizers trained on a few sentences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import sentencepiece
import tokenizers

from autogpt_desktop.engine.formats.seq2seq_languages import M2M100_CODES
from tests.engine.tiny_folders import write_seq2seq

LINES = (
    "The cat sat on the mat. 42 dogs ran away!", "La maison est belle, n'est-ce pas ?",
    "你好，世界。猫在哪里？", "Der Hund schläft heute nicht.", "Minha avó mora em Lisboa (Portugal).",
    "hello world the house is red",
)  # fmt: skip


def write_spm(path: Path, model_type: str = "unigram", size: int = 120) -> list[str]:
    """Train a model; its pieces."""
    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.Train(
            sentence_iterator=iter(LINES * 20), model_writer=file, vocab_size=size, hard_vocab_limit=False,
            model_type=model_type, minloglevel=5, num_threads=1, unk_id=0, bos_id=1, eos_id=2,
        )  # fmt: skip
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return [processor.IdToPiece(id) for id in range(processor.GetPieceSize())]


def write_marian(folder: Path, codes: tuple[str, ...] = (), **settings: Any) -> None:
    """OPUS-MT's files: pieces of both sides under numbers of their own, </s> first and <pad> last."""
    folder.mkdir(parents=True, exist_ok=True)
    source, target = write_spm(folder / "source.spm"), write_spm(folder / "target.spm", size=100)
    pieces = ["</s>", "<unk>", *(f">>{code}<<" for code in codes)]
    pieces += sorted({*source, *target} - {*pieces, "<s>"}, key=lambda piece: hash_of(piece))
    pieces.append("<pad>")
    dump(folder / "vocab.json", {piece: id for id, piece in enumerate(pieces)})
    dump(folder / "tokenizer_config.json", {"source_lang": "en", "target_lang": "fr", **settings})
    pad = len(pieces) - 1
    write_seq2seq(
        folder, "marian", vocab_size=len(pieces), pad_token_id=pad, decoder_start_token_id=pad, eos_token_id=0
    )


def write_m2m100(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pieces = write_spm(folder / "sentencepiece.bpe.model", "bpe")
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *(p for p in pieces if p not in ("<s>", "</s>", "<unk>"))]
    dump(folder / "vocab.json", {piece: id for id, piece in enumerate(pieces)})
    dump(folder / "tokenizer_config.json", {"src_lang": "en"})
    write_seq2seq(folder, "m2m_100", vocab_size=len(pieces) + len(M2M100_CODES) + 8)


def write_nllb(folder: Path, **settings: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    native = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>", fuse_unk=True))
    native.normalizer = tokenizers.normalizers.NFKC()
    native.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    native.decoder = tokenizers.decoders.Metaspace(replacement="▁", prepend_scheme="always")
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=150, special_tokens=special, show_progress=False)
    native.train_from_iterator(LINES * 20, trainer)
    codes = ["eng_Latn", "fra_Latn", "zho_Hans", "zho_Hant", "tat_Cyrl"]
    native.add_special_tokens([*codes, "<mask>"])
    native.save(str(folder / "tokenizer.json"))
    extra = {"tokenizer_class": "NllbTokenizer", "additional_special_tokens": codes, "src_lang": "eng_Latn"}
    dump(folder / "tokenizer_config.json", {**extra, **settings})
    write_seq2seq(folder, "m2m_100", vocab_size=native.get_vocab_size() + 2)


def hash_of(piece: str) -> str:
    """An order that is not that of the pieces."""
    return piece[::-1]


def dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
