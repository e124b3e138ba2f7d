"""Plain values that describe a model and a generation. Free of torch: any floor may import them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. ``temperature`` 0 is greedy; 0 or 1 switch the others off."""

    temperature: float = 0.7
    top_k: int = 40  # 0: all
    top_p: float = 0.95  # 1: all
    min_p: float = 0.05  # 0: off; relative to the likeliest token
    repetition_penalty: float = 1.0  # 1: off
    seed: int | None = None
    stop: tuple[str, ...] = ()
    max_tokens: int = 1024
    thinking: bool = True  # False: a template that knows ``enable_thinking`` is told not to
    schema: str = ""  # the JSON schema, as text, that the answer keeps to; "": it need not be JSON


_ESCAPE = re.compile(r"\\([n\\])")
_BACKSLASH = re.compile(r"\\(?=[n\\\n]|$)")


def read_stop_text(line: str) -> str:
    """A stop text as it is typed on one line: ``\\n`` is a line break, ``\\\\`` a backslash; others stay."""
    return _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else "\\", line)


def write_stop_text(stop: str) -> str:
    """The line that ``read_stop_text`` reads as ``stop``."""
    return _BACKSLASH.sub(r"\\\\", stop).replace("\n", r"\n")


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """Scaling of rotary positions. ``kind`` is "linear" (divide by ``factor``), "llama3" or "yarn"."""

    kind: str
    factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_max_position_embeddings: int = 8192
    freq_factors: tuple[float, ...] = ()  # [head_dim / 2], divides each frequency ("llama3" from GGUF)
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    attention_factor: float | None = None


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A decoder's shape, in Hugging Face's names. One Transformer runs all of them."""

    family: str  # "llama", "qwen2", "qwen3", "gemma3"
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    rope_local_theta: float = 10000.0  # of the sliding-window layers (gemma3)
    rope_dim: int = 0  # dimensions of a head that rotate; 0: all of them
    rope_scaling: RopeScaling | None = None
    rope_interleaved: bool = False  # pairs (0,1), (2,3)… as GGUF stores llama, not (0,D/2)…
    attention_bias: bool = False  # on q, k and v (qwen2)
    qk_norm: bool = False  # RMSNorm on each head of q and k (qwen3, gemma3)
    sliding_window: int = 0  # tokens; 0: none
    sliding_layers: tuple[bool, ...] = ()  # per layer: does the window apply
    sandwich_norms: bool = False  # a norm behind attention and MLP too (gemma3)
    embedding_scale: float = 1.0  # sqrt(hidden_size) for gemma3
    query_scale: float = 0.0  # of QKᵀ; 0: 1 / sqrt(head_dim)
    hidden_act: str = "silu"  # or "gelu_tanh"
    tie_word_embeddings: bool = False
    attn_logit_softcap: float = 0.0  # 0: off
    final_logit_softcap: float = 0.0
    norm_weight_offset: float = 0.0  # 1: weights are stored as w - 1 (gemma in HF folders)
    languages: tuple[str, ...] = field(default=())  # ISO 639-1, what the maker claims; (): unknown
    name: str = ""


@dataclass(frozen=True, slots=True)
class Seq2SeqConfig:
    """An encoder–decoder's shape, in the names of Hugging Face's MarianConfig where it has one."""

    family: str  # "marian" (OPUS-MT), "m2m_100" (M2M100 and NLLB), "firefox" (Marian's own binaries)
    vocab_size: int  # of the source
    decoder_vocab_size: int
    d_model: int
    encoder_layers: int
    decoder_layers: int
    encoder_attention_heads: int
    decoder_attention_heads: int
    encoder_ffn_dim: int
    decoder_ffn_dim: int
    max_position_embeddings: int  # tokens of a source, and of a translation
    pad_token_id: int
    eos_token_id: int
    decoder_start_token_id: int | None  # None: the decoder begins with a vector of zeros
    decoder_kind: str = "attention"  # or "ssru": what a decoder layer has in place of self-attention
    norm: str = "post"  # or "pre": where the layer norms stand
    activation_function: str = "relu"  # or "gelu", "silu"
    scale_embedding: bool = True  # by sqrt(d_model)
    # of the positions' frequencies: "transformer" 10000^(-2i / d), "tensor2tensor" 10000^(-i / (d/2 - 1))
    sinusoid: str = "transformer"
    position_offset: int = 0  # of the first token: the m2m_100 family counts from behind its padding id
    layer_norm_eps: float = 1e-5
    share_encoder_decoder_embeddings: bool = True
    tie_word_embeddings: bool = True  # the output layer is the decoder's embedding
    final_logits_bias: bool = False  # is one added to the logits?
    alignment_heads: tuple[
        tuple[int, int], ...
    ] = ()  # (decoder layer, head) to align by; (): all of the last
    bad_words_ids: tuple[int, ...] = ()  # tokens that are never generated
    num_beams: int = 1  # what the maker generates with
    length_penalty: float = 1.0
    languages: tuple[str, ...] = field(default=())  # ISO 639-1; (): unknown
    pairs: tuple[tuple[str, str], ...] = ()  # (source, target) if it does not translate between all languages
    name: str = ""
