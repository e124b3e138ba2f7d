"""Tiny random models in Hugging Face's folders, written without transformers: its import takes seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tokenizers
from safetensors.numpy import save_file
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from autogpt_desktop.engine.formats.encoder_config import encoder_config
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.formats.layouts import stored_shapes
from autogpt_desktop.engine.formats.seq2seq_config import seq2seq_config
from autogpt_desktop.engine.formats.seq2seq_weights import expected_shapes as seq2seq_shapes
from autogpt_desktop.engine.formats.weight_shapes import expected_shapes

if TYPE_CHECKING:
    import transformers

WORDS = [
    "the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "tree", "who", "what", "where", "and",
    "then", "it", "was", "very", "big", "small", "?",
]  # fmt: skip
DECODER: dict[str, Any] = {
    "vocab_size": 300, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256, "pad_token_id": 0,
    "rms_norm_eps": 1e-6,
}  # fmt: skip
DECODERS: dict[str, dict[str, Any]] = {
    "llama": {"model_type": "llama", "tie_word_embeddings": True, "hidden_act": "silu"},
    "qwen2": {"model_type": "qwen2", "tie_word_embeddings": True, "hidden_act": "silu"},
    "qwen3": {"model_type": "qwen3", "head_dim": 32, "hidden_act": "silu"},
    "gemma3": {
        "model_type": "gemma3_text", "head_dim": 32, "sliding_window": 24, "query_pre_attn_scalar": 20,
        "num_hidden_layers": 7, "final_logit_softcapping": 20.0, "tie_word_embeddings": True,
        "hidden_activation": "gelu_pytorch_tanh",
    },
    "smollm3": {"model_type": "smollm3", "tie_word_embeddings": True},
    "granite": {
        "model_type": "granite", "embedding_multiplier": 3.0, "attention_multiplier": 0.3,
        "residual_multiplier": 0.6, "logits_scaling": 1.7,
    },
    "granite4": {  # a small Granite 4: neither experts nor state space layers
        "model_type": "granitemoehybrid", "embedding_multiplier": 3.0, "attention_multiplier": 0.3,
        "residual_multiplier": 0.6, "logits_scaling": 1.7, "num_local_experts": 0, "num_experts_per_tok": 0,
        "layer_types": ["attention"] * 4, "shared_intermediate_size": 96, "position_embedding_type": "rope",
        "mamba_n_heads": 8, "intermediate_size": 64,
    },
    "phi3": {"model_type": "phi3", "sliding_window": 24},
    "phi3-longrope": {
        "model_type": "phi3", "partial_rotary_factor": 0.75, "original_max_position_embeddings": 64,
        "rope_scaling": {
            "type": "longrope",
            "short_factor": [1.0, 1.1, 1.2, 1.2, 1.3, 1.4], "long_factor": [1.0, 1.5, 2.0, 4.0, 8.0, 9.5],
        },
    },
    "olmo2": {"model_type": "olmo2"},
    "hunyuan": {
        "model_type": "hunyuan_v1_dense", "head_dim": 32, "tie_word_embeddings": True, "num_experts": 1,
        "rope_scaling": {"type": "dynamic", "alpha": 1000.0, "factor": 1.0}, "use_qk_norm": True,
    },
    "ministral": {
        "model_type": "ministral", "head_dim": 16, "sliding_window": 24,
        "layer_types": ["full_attention", "sliding_attention"] * 2,
    },
    "ministral3": {
        "model_type": "ministral3", "head_dim": 32,
        "rope_parameters": {
            "rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0, "mscale": 1.0, "mscale_all_dim": 1.0,
            "original_max_position_embeddings": 64, "llama_4_scaling_beta": 0.4,
        },
    },
}  # fmt: skip
_ENCODER = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32, "intermediate_size": 48}
ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("Bert", _ENCODER | {"type_vocab_size": 2, "pad_token_id": 0}),
    "roberta": ("Roberta", _ENCODER | {"type_vocab_size": 1, "pad_token_id": 1}),
    "xlm-roberta": ("XLMRoberta", _ENCODER | {"type_vocab_size": 1, "pad_token_id": 1}),
    "distilbert": ("DistilBert", {"n_layers": 2, "n_heads": 4, "dim": 32, "hidden_dim": 48}),
}
HEADS = {
    "embedding": "Model",
    "classification": "ForSequenceClassification",
    "question_answering": "ForQuestionAnswering",
}
SEQ2SEQ = ("marian", "marian-separate", "m2m_100")
_SEQ2SEQ = {
    "vocab_size": 90, "d_model": 32, "encoder_layers": 2, "decoder_layers": 3, "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 40, "encoder_attention_heads": 4, "decoder_attention_heads": 2,
    "max_position_embeddings": 64, "scale_embedding": True, "is_encoder_decoder": True,
}  # fmt: skip


def write_decoder(folder: Path, family: str = "llama", **changes: Any) -> None:
    """Config and weights, without a tokenizer. Norms and biases are random too: they must matter."""
    _write_config(folder, DECODER | DECODERS[family] | changes)
    config = config_from_folder(folder)
    around = 1.0 - config.norm_weight_offset
    shapes = stored_shapes(config.layout, expected_shapes(config))
    _write_weights(folder, shapes, matrices=0.1, vectors=0.1, norms=around)


def write_encoder(folder: Path, family: str, head: str = "embedding") -> None:
    """Config, weights and a tokenizer of whole words."""
    from autogpt_desktop.engine.torch_backend import encoder  # brings torch

    words = {word: id for id, word in enumerate(["[PAD]", "[X]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    kind, sizes = ENCODERS[family]
    labels = {str(id): f"LABEL_{id}" for id in range(2 if head == "question_answering" else 3)}
    values = sizes | {"model_type": family, "architectures": [kind + HEADS[head]], "id2label": labels}
    _write_config(folder, values | {"vocab_size": len(words), "max_position_embeddings": 40})
    config = encoder_config(folder)
    shapes = encoder.expected_shapes(config)
    base = "" if head == "embedding" else f"{family.removeprefix('xlm-')}."
    names = {encoder.our_name(name, config): name for name in _encoder_names(shapes, family, base)}
    _write_weights(
        folder, {names[ours]: shape for ours, shape in shapes.items()}, matrices=0.06, vectors=0.05
    )

    tokenizer = tokenizers.Tokenizer(WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    segment = 1 if family == "bert" else 0
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair=f"[CLS] $A [SEP] $B:{segment} [SEP]:{segment}",
        special_tokens=[("[CLS]", 3), ("[SEP]", 4)],
    )
    tokenizer.save(str(folder / "tokenizer.json"))


def _encoder_names(shapes: Mapping[str, Any], family: str, base: str) -> list[str]:
    """Our names, as a checkpoint of the family has them."""
    from autogpt_desktop.engine.torch_backend.encoder import _DISTIL

    names = []
    for name in shapes:
        if name.startswith(("embeddings.", "encoder.", "pooler.")):
            if family == "distilbert":
                # the longest first: some are the end of others
                for theirs, ours in sorted(_DISTIL.items(), key=lambda pair: -len(pair[1])):
                    name = name.replace(ours, theirs)
            name = base + name
        names.append(name)
    return names


def write_seq2seq(folder: Path, family: str, **changes: Any) -> None:
    """Config and weights, without a tokenizer: so large that tokens differ and searches branch."""
    values: dict[str, Any] = {**_SEQ2SEQ, "model_type": "m2m_100", "architectures": ["M2M100"]}
    if family == "m2m_100":
        values |= {"architectures": ["M2M100ForConditionalGeneration"], "activation_function": "relu"}
        values |= {"pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    else:
        values |= {"model_type": "marian", "architectures": ["MarianMTModel"], "activation_function": "swish"}
        values |= {"pad_token_id": 89, "eos_token_id": 0, "decoder_start_token_id": 89}
    if family == "marian-separate":
        values |= {"decoder_vocab_size": 90, "share_encoder_decoder_embeddings": False}
        values["activation_function"] = "relu"
    _write_config(folder, values | changes)
    shapes = seq2seq_shapes(seq2seq_config(folder))
    _write_weights(folder, shapes, matrices=0.3, vectors=0.1)


def by_transformers(folder: Path, auto: str) -> transformers.PreTrainedModel:
    """The folder's model as ``transformers`` loads it, and the folder as it writes it."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    model = getattr(transformers, auto).from_pretrained(folder, dtype="float32").eval()
    model.save_pretrained(folder / "saved")
    for file in list((folder / "saved").iterdir()):
        file.replace(folder / file.name)  # the old one may be mapped
    (folder / "saved").rmdir()
    return model


def _write_config(folder: Path, values: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")


def _write_weights(
    folder: Path,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    matrices: float,
    vectors: float,
    norms: float = 1.0,
) -> None:
    random = np.random.default_rng(7)
    tensors = {}
    for name, shape in shapes.items():
        values = random.normal(0.0, matrices if len(shape) > 1 else vectors, shape).astype(np.float32)
        tensors[name] = values + np.float32(norms) if name.lower().endswith("norm.weight") else values
    save_file(tensors, folder / "model.safetensors")
