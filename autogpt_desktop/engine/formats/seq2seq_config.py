"""``config.json`` of Hugging Face's encoder–decoders that translate, checked. Free of torch.

Families: ``marian`` (OPUS-MT; Junczys-Dowmunt et al., 2018, Tiedemann and Thottingal, 2020) and ``m2m_100``
(M2M100; Fan et al., 2020, and the dense NLLB-200; NLLB Team, 2022).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.formats.seq2seq_languages import folder_languages
from autogpt_desktop.engine.formats.settings import MAX_LAYERS, MAX_TOKENS, Settings
from autogpt_desktop.engine.formats.untrusted import damaged
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import read_if_there, read_regular_text

FAMILIES = ("marian", "m2m_100")
_ACTIVATIONS = {"relu": "relu", "gelu": "gelu", "silu": "silu", "swish": "silu"}
_MOST_BEAMS = 64
_MOST_BAD_WORDS = 1000
# Settings that change what is computed and that nothing here computes, with the values that change nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "quantization_config": (None,),
    "static_position_embeddings": (None, True),
    "normalize_before": (None, False),
    "normalize_embedding": (None, False),
    "layernorm_embedding": (None, False),
    "add_final_layer_norm": (None, False),
    "add_bias_logits": (None, False),
    "num_experts": (None, 0, 1),
    "is_encoder_decoder": (None, True),
}
_DAMAGED = (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError, ArithmeticError)


def is_seq2seq(folder: Path) -> bool:
    """Does the folder hold an encoder–decoder, by its ``config.json``? False for anything unreadable."""
    try:
        return json.loads(read_regular_text(folder / "config.json"))["model_type"] in FAMILIES
    except _DAMAGED:
        return False


def seq2seq_config(folder: Path) -> Seq2SeqConfig:
    """Read the folder's shape. Raises KnownError: folder-config, unknown-family, folder-unsupported,
    tokenizer-broken."""
    try:
        raw = json.loads(read_regular_text(folder / "config.json"))
        family = raw.get("model_type", "?")
        if family not in FAMILIES:
            raise KnownError("unknown-family", family=str(family)[:80], file=folder.name)
        _check_supported(raw, folder.name)
        config = _config(family, raw, folder.name)
        _check_sizes(config)
        config = _generation(config, raw, folder)
    except _DAMAGED as error:
        raise damaged(error, folder.name, "folder-config", folder=folder.name) from error
    try:
        languages, pairs = folder_languages(folder, family)
    except _DAMAGED as error:
        raise damaged(error, folder.name, "tokenizer-broken", value="vocab.json") from error
    return replace(config, languages=languages, pairs=pairs)


def _check_supported(raw: dict[str, Any], folder: str) -> None:
    """Refuse what would be computed wrongly. Raises KnownError("folder-unsupported")."""
    for name, neutral in _NEUTRAL.items():
        value = raw.get(name)
        if not any(value is one or (type(value) is type(one) and value == one) for one in neutral):
            raise _unsupported(folder, name)
    activation = raw.get("activation_function", "gelu" if raw["model_type"] == "marian" else "relu")
    if activation not in _ACTIVATIONS:
        raise _unsupported(folder, f"activation_function: {str(activation)[:40]}")
    shared = raw.get("share_encoder_decoder_embeddings", True) or raw["model_type"] == "m2m_100"
    if shared and not raw.get("tie_word_embeddings", True):
        raise _unsupported(folder, "tie_word_embeddings: false")


def _unsupported(folder: str, what: str) -> KnownError:
    return KnownError("folder-unsupported", folder=folder, what=what)


def _bad(name: str) -> ValueError:
    return ValueError(f"{name} makes no sense")


def _config(family: str, raw: dict[str, Any], name: str) -> Seq2SeqConfig:
    table, marian = Settings(raw, _bad), family == "marian"
    vocab = table.integer("vocab_size", high=MAX_TOKENS)
    shared = table.flag("share_encoder_decoder_embeddings", True) if marian else True
    layers = table.integer("decoder_layers", high=MAX_LAYERS)
    heads = table.integer("decoder_attention_heads", high=1 << 14)
    # which word becomes which is told best by the layer before the last (Garg et al., 2019)
    aligning = tuple((max(0, layers - 2), head) for head in range(heads))
    pad = table.integer("pad_token_id", 58100 if marian else 1, low=0, high=MAX_TOKENS)
    return Seq2SeqConfig(
        family=family,
        vocab_size=vocab,
        decoder_vocab_size=vocab if shared else table.integer("decoder_vocab_size", vocab, high=MAX_TOKENS),
        d_model=table.integer("d_model"),
        encoder_layers=table.integer("encoder_layers", high=MAX_LAYERS),
        decoder_layers=layers,
        encoder_attention_heads=table.integer("encoder_attention_heads", high=1 << 14),
        decoder_attention_heads=heads,
        encoder_ffn_dim=table.integer("encoder_ffn_dim"),
        decoder_ffn_dim=table.integer("decoder_ffn_dim"),
        max_position_embeddings=table.integer("max_position_embeddings", 1024, high=MAX_TOKENS),
        pad_token_id=pad,
        eos_token_id=table.integer("eos_token_id", 0 if marian else 2, low=0, high=MAX_TOKENS),
        decoder_start_token_id=table.integer(
            "decoder_start_token_id", pad if marian else 2, low=0, high=MAX_TOKENS
        ),
        norm="post" if marian else "pre",
        activation_function=_ACTIVATIONS[table.text("activation_function", "gelu" if marian else "relu")],
        scale_embedding=table.flag("scale_embedding", not marian),
        sinusoid="transformer" if marian else "tensor2tensor",
        position_offset=0 if marian else pad + 1,
        share_encoder_decoder_embeddings=shared,
        tie_word_embeddings=table.flag("tie_word_embeddings", True),
        final_logits_bias=marian,
        alignment_heads=aligning,
        name=name,
    )


def _check_sizes(c: Seq2SeqConfig) -> None:
    start = c.decoder_start_token_id or 0
    sensible = {
        "d_model": c.d_model % 2 == 0 and c.d_model >= 4,
        "encoder_attention_heads": c.d_model % c.encoder_attention_heads == 0,
        "decoder_attention_heads": c.d_model % c.decoder_attention_heads == 0,
        "pad_token_id": c.pad_token_id < c.vocab_size,
        "eos_token_id": c.eos_token_id < min(c.vocab_size, c.decoder_vocab_size),
        "decoder_start_token_id": start < c.decoder_vocab_size,
    }
    for name, fine in sensible.items():
        if not fine:
            raise _bad(name)


def _generation(config: Seq2SeqConfig, raw: dict[str, Any], folder: Path) -> Seq2SeqConfig:
    """What the maker generates with: generation_config.json, else config.json as older folders have it."""
    file = folder / "generation_config.json"
    own = json.loads(read_if_there(file, "{}"))
    table = Settings({**raw, **{name: value for name, value in own.items() if value is not None}}, _bad)
    words = table.get("bad_words_ids") or []
    if not isinstance(words, list) or len(words) > _MOST_BAD_WORDS:
        raise _bad("bad_words_ids")
    bad = []
    for word in words:
        if len(word) != 1:  # of several tokens
            raise _unsupported(folder.name, "bad_words_ids")
        (id,) = word
        if type(id) is not int or not 0 <= id < config.decoder_vocab_size:
            raise _bad("bad_words_ids")
        bad.append(id)
    return replace(
        config,
        bad_words_ids=tuple(dict.fromkeys(bad)),
        num_beams=table.integer("num_beams", 1, high=_MOST_BEAMS),
        length_penalty=0.0
        if table.get("length_penalty") in (0, 0.0)
        else table.number("length_penalty", 1.0, low=-100, high=100),
    )
