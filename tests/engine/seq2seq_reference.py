"""Tiny random encoder–decoders of transformers, saved as folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

FAMILIES = ("marian", "marian-separate", "m2m_100")


def tiny_seq2seq(family: str, **changes: Any) -> transformers.PreTrainedModel:
    """Random weights, float32, so large that tokens differ and searches branch."""
    torch.manual_seed(7)
    sizes: dict[str, Any] = {
        "vocab_size": 90, "d_model": 32, "encoder_layers": 2, "decoder_layers": 3, "encoder_ffn_dim": 48,
        "decoder_ffn_dim": 40, "encoder_attention_heads": 4, "decoder_attention_heads": 2,
        "max_position_embeddings": 64,
    }  # fmt: skip
    if family == "m2m_100":
        config = transformers.M2M100Config(**{**sizes, "scale_embedding": True, **changes})
        model = transformers.M2M100ForConditionalGeneration(config)
    else:
        own = {
            "pad_token_id": 89,
            "decoder_start_token_id": 89,
            "eos_token_id": 0,
            "activation_function": "swish",
        }
        if family == "marian-separate":
            own |= {"decoder_vocab_size": 90, "share_encoder_decoder_embeddings": False}
            own["activation_function"] = "relu"
        config = transformers.MarianConfig(**{**sizes, "scale_embedding": True, **own, **changes})
        model = transformers.MarianMTModel(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embed_positions" not in name:
                scale = 0.3 if weight.dim() > 1 else 0.1
                weight.copy_(scale * torch.randn_like(weight) + (name.endswith("norm.weight")))
        if hasattr(model, "final_logits_bias"):
            model.final_logits_bias.copy_(0.5 * torch.randn_like(model.final_logits_bias))
    return model.eval()


def save_tiny_seq2seq(folder: Path, family: str, **changes: Any) -> transformers.PreTrainedModel:
    """Write the folder, without a tokenizer, and hand the model out."""
    transformers.utils.logging.disable_progress_bar()
    model = tiny_seq2seq(family, **changes)
    model.save_pretrained(folder)
    return model
