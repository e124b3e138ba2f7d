"""The shape of an encoder: ``config.json`` and the small files beside it. Free of torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt_desktop.engine.formats.e5_header import LANGUAGES, e5_shape, is_e5
from autogpt_desktop.engine.formats.settings import MAX_LAYERS, MAX_TOKENS, Settings
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import read_regular_text

FAMILIES = ("bert", "roberta", "xlm-roberta", "distilbert")
_ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu")
# Which models can play a role: "decoder", "seq2seq", or an encoder by its head.
LABELS = "labels"  # the kind of a head with the user's own labels: it is asked for by name
HEADS_OF_ROLE = {
    "chat": ("decoder",),
    "translate": ("decoder", "seq2seq"),
    "answer": ("decoder", "question_answering"),
    "embed": ("embedding",),
    "sentiment": ("decoder", "classification"),
}
_DAMAGED = (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError, ArithmeticError)


_MAX_PROMPT = 1000  # characters
MAX_LABELS = 100_000  # of a classification head


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """An encoder of the BERT family in Hugging Face's names, its head, and how its vectors are pooled."""

    family: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    type_vocab_size: int  # 0: the family has no segments
    layer_norm_eps: float
    hidden_act: str
    position_offset: int  # of the first token: roberta counts from behind its padding id
    head: str  # "embedding", "classification", "question_answering"
    labels: tuple[str, ...]  # of a classification head
    pooling: str  # "mean" or "cls"
    normalize: bool  # vectors have length 1
    max_tokens: int  # of one text, with the special tokens
    languages: tuple[str, ...] = ()
    name: str = ""
    query_prefix: str = ""  # what the model was trained to find in front of a question
    passage_prefix: str = ""  # and in front of a text that may answer one


def is_encoder(folder: Path) -> bool:
    """Does the folder hold an encoder, by its ``config.json``? False for anything unreadable."""
    if is_e5(folder):
        return True
    try:
        return json.loads(read_regular_text(folder / "config.json"))["model_type"] in FAMILIES
    except _DAMAGED:
        return False


def encoder_config(folder: Path) -> EncoderConfig:
    """Read the folder's shape. Raises KnownError: folder-config, unknown-family, folder-unsupported, and of
    an E5 container what ``e5_shape`` raises."""
    if is_e5(folder):
        return _e5_config(folder)
    try:
        raw = json.loads(read_regular_text(folder / "config.json"))
        family = raw.get("model_type", "?")
        if family not in FAMILIES:
            raise KnownError("unknown-family", family=str(family)[:80], file=folder.name)
        if raw.get("position_embedding_type", "absolute") != "absolute":
            raise KnownError("folder-unsupported", folder=folder.name, what="position_embedding_type")
        config = _config(folder, family, raw)
        if config.hidden_size % config.num_attention_heads or config.max_tokens < 1:
            raise ValueError("a size that cannot be")
        if config.hidden_act not in _ACTIVATIONS:
            what = f"hidden_act: {config.hidden_act[:40]}"
            raise KnownError("folder-unsupported", folder=folder.name, what=what)
        return config
    except _DAMAGED as error:
        raise KnownError("folder-config", folder=folder.name) from error


def _config(folder: Path, family: str, raw: dict[str, Any]) -> EncoderConfig:
    distil = family == "distilbert"
    table = Settings(raw, lambda name: ValueError(f"{name} makes no sense"))
    offset = table.integer("pad_token_id", 1, low=0) + 1 if "roberta" in family else 0
    positions = table.integer("max_position_embeddings")
    labels = {int(id): str(name) for id, name in raw.get("id2label", {}).items()}
    head = _head(raw)
    if head == "classification" and not labels:
        count = table.integer("num_labels", 2, high=MAX_LABELS)
        labels = {id: f"LABEL_{id}" for id in range(count)}
    pooling, normalize, limit = _sentence_files(folder)
    query_prefix, passage_prefix = _prompts(folder)
    return EncoderConfig(
        family=family,
        vocab_size=table.integer("vocab_size", high=MAX_TOKENS),
        hidden_size=table.integer("dim" if distil else "hidden_size"),
        intermediate_size=table.integer("hidden_dim" if distil else "intermediate_size"),
        num_hidden_layers=table.integer("n_layers" if distil else "num_hidden_layers", high=MAX_LAYERS),
        num_attention_heads=table.integer("n_heads" if distil else "num_attention_heads"),
        max_position_embeddings=positions,
        type_vocab_size=0 if distil else table.integer("type_vocab_size", 2, low=0),
        layer_norm_eps=table.number("layer_norm_eps", 1e-12, high=1.0),
        hidden_act=table.text("activation" if distil else "hidden_act", "gelu"),
        position_offset=offset,
        head=head,
        labels=tuple(labels[id] for id in sorted(labels)) if head == "classification" else (),
        pooling=pooling,
        normalize=normalize,
        max_tokens=min(limit or positions, positions - offset),
        name=folder.name,
        query_prefix=query_prefix,
        passage_prefix=passage_prefix,
    )


def _e5_config(folder: Path) -> EncoderConfig:
    shape = e5_shape(folder)
    return EncoderConfig(
        family="bert",
        vocab_size=shape.vocab_size,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.num_hidden_layers,
        num_attention_heads=shape.num_attention_heads,
        max_position_embeddings=shape.max_position_embeddings,
        type_vocab_size=shape.type_vocab_size,
        layer_norm_eps=shape.layer_norm_eps,
        hidden_act="gelu",
        position_offset=0,
        head="embedding",
        labels=(),
        pooling="mean",
        normalize=True,
        max_tokens=shape.max_position_embeddings,
        languages=LANGUAGES,
        name=folder.name,
        query_prefix="query: ",
        passage_prefix="passage: ",
    )


def _head(raw: dict[str, Any]) -> str:
    architecture = str((raw.get("architectures") or [""])[0])
    if architecture.endswith("ForSequenceClassification"):
        return "classification"
    return "question_answering" if architecture.endswith("ForQuestionAnswering") else "embedding"


def _sentence_files(folder: Path) -> tuple[str, bool, int]:
    """Pooling, normalization and the longest text, as the sentence-transformers layout has them."""
    modules = _list(folder / "modules.json")
    kinds = {str(m.get("type", "")).rsplit(".", 1)[-1]: folder / str(m.get("path", "")) for m in modules}
    pooling = _dict(kinds["Pooling"] / "config.json") if "Pooling" in kinds else {}
    limit = _dict(folder / "sentence_bert_config.json").get("max_seq_length")
    return (
        "cls" if pooling.get("pooling_mode_cls_token") else "mean",
        "Normalize" in kinds or not modules,
        int(limit) if isinstance(limit, int) else 0,
    )


def _prompts(folder: Path) -> tuple[str, str]:
    """What goes in front of questions and passages, as sentence-transformers' settings name it."""
    prompts = _dict(folder / "config_sentence_transformers.json").get("prompts")
    prompts = prompts if isinstance(prompts, dict) else {}
    query, passage = prompts.get("query"), prompts.get("passage", prompts.get("document"))
    query, passage = (one[:_MAX_PROMPT] if isinstance(one, str) else "" for one in (query, passage))
    return query, passage


def _list(file: Path) -> list[dict[str, Any]]:
    value = json.loads(read_regular_text(file)) if file.is_file() else []
    return [one for one in value if isinstance(one, dict)]


def _dict(file: Path) -> dict[str, Any]:
    value = json.loads(read_regular_text(file)) if file.is_file() else {}
    return value if isinstance(value, dict) else {}
