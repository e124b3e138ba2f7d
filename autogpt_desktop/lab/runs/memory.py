"""The bytes that training takes beside what its process holds anyway, counted from shapes. Free of torch.

What is counted: weights, gradients, the optimizer's averages, what layers keep for the gradients, logits.
What is measured: how much more the heap holds than what is in use (``_HEAP``, ``_COPIES``), on ten shapes of
0.1 to 32 million parameters. Weights and token ids in mapped files are not counted: the system takes those
pages back when it wants.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.encoder_config import EncoderConfig
from autogpt_desktop.engine.formats.weight_shapes import expected_shapes

_LOGITS = 1 << 21  # that stand at a time
_COPIES = 8  # bytes a parameter: weights as they were made, sums of gradients, freed and not given back
_HEAP = 0.25  # of what comes and goes, in two types or beside gradients that stay: holes between what stays
FIRST = 80 << 20  # kernels, tokenizer and buffers of the first pass in a process that had none
PROCESS = 430 << 20  # Python, torch and its libraries, where nothing was measured
_ADAPTER = 20  # bytes a number that learns: itself, gradient, two averages, the best so far
_ADAPTED_HEAP = 0.1  # as ``_HEAP``
_SLICE = 1 << 24  # logits of an adapted model that stand at a time


def new_model_bytes(
    config: ModelConfig,
    *,
    context: int,
    micro_batch: int,
    precision: str = "float32",
    optimizer: str = "muon",
    recompute: bool = False,
    accumulates: bool = False,
) -> int:
    """While a model of this shape learns, ``micro_batch`` sequences at a time; ``accumulates``: several times
    for a step."""
    c = config
    size = 2 if precision == "bfloat16" else 4
    parameters, matrices = _parameters(c), _matrices(c)
    averages = 4 * matrices + 8 * (parameters - matrices) if optimizer == "muon" else 8 * parameters
    # weights, gradients, averages, and a copy for the products
    fixed = parameters * (8 + (size if size == 2 else 0)) + averages
    tokens, width = micro_batch * context, c.hidden_size
    heads, shared = c.num_attention_heads * c.head_dim, c.num_key_value_heads * c.head_dim
    block = context if context <= 128 else 128 if context <= 512 else 256  # of queries
    attention = size * c.num_attention_heads * (context + block) // 2
    kept = 8 * width + size * (2 * width + 2 * heads + 2 * shared + 3 * c.intermediate_size) + attention
    layers = kept + 4 * width * c.num_hidden_layers if recompute else kept * c.num_hidden_layers
    back = 8 * width + size * (5 * c.intermediate_size + 2 * width) + attention  # in one layer
    passing = tokens * (layers + back) + 8 * c.vocab_size * width + 2 * _LOGITS * size
    holes = _HEAP if size == 2 or accumulates else 0.0
    return int(fixed + _COPIES * parameters + passing * (1 + holes))


def growth_bytes(larger: ModelConfig, larger_bytes: int) -> int:
    """While a larger model is tried: its grown weights and averages are there too."""
    return larger_bytes + 16 * _parameters(larger)


Pass = Sequence[tuple[int, int]]  # of each sequence in one row: its tokens, and how many those see


def adapter_bytes(
    config: ModelConfig, passes: Sequence[Pass], *, size: int, rank: int, keep: bool, recompute: bool
) -> int:
    """While an adapter learns. ``size``: bytes of a frozen weight; ``keep``: those stand expanded."""
    c = config
    heads, shared = c.num_attention_heads * c.head_dim, c.num_key_value_heads * c.head_dim
    outside = c.hidden_size + heads + 2 * shared, heads + c.hidden_size, c.intermediate_size + c.hidden_size
    inside = 2 * c.hidden_size, 2 * c.hidden_size + 2 * c.intermediate_size  # q, k, v and gate, up share x
    numbers = c.num_hidden_layers * rank * (sum(outside) + sum(inside))
    head = c.vocab_size * c.hidden_size
    layer = _matrices(c) // max(1, c.num_hidden_layers)
    frozen = size * (_matrices(c) + head) if keep else size * max(head, layer)
    most = max((_adapted_pass(c, one, size, recompute) for one in passes), default=0)
    rows = max((sum(count for count, _ in one) for one in passes), default=0)
    logits = min(_SLICE, rows * c.vocab_size) * (12 + size)
    return FIRST + frozen + _ADAPTER * numbers + int((most + logits) * (1 + _ADAPTED_HEAP))


def _adapted_pass(c: ModelConfig, sequences: Pass, size: int, recompute: bool) -> int:
    """What layers keep of sequences in one row, and what passes in one layer."""
    tokens, layers = sum(count for count, _ in sequences), max(1, c.num_hidden_layers)
    heads, shared = c.num_attention_heads * c.head_dim, c.num_key_value_heads * c.head_dim
    seen = sum(count * total for count, total in sequences)  # scores of a head
    masks = 8 * seen * c.num_attention_heads // max(1, c.num_key_value_heads)
    norms = 4 if c.sandwich_norms else 2
    gate = 4 if c.hidden_act == "gelu_tanh" else 3
    turned = 2 if c.qk_norm else 1
    each = 8 * c.hidden_size + size * (
        norms * c.hidden_size + (3 + turned) * heads + (2 + turned) * shared + gate * c.intermediate_size
    )
    shares = seen * c.num_attention_heads * (4 if size == 4 else 4 + size)
    back = tokens * (8 * c.hidden_size + size * 5 * c.intermediate_size) + 12 * seen * c.num_attention_heads
    inside = tokens * each + shares
    kept = inside + 4 * tokens * c.hidden_size * layers if recompute else inside * layers
    return kept + back + masks


def encoder_bytes(
    config: EncoderConfig, *, tokens: int, layers: int, kept: int = 0, expanded: bool = False
) -> int:
    """While an encoder reads ``tokens`` at a time and its last ``layers`` learn; ``kept``: numbers beside
    it; ``expanded``: its file is in half precision, so that it cannot be mapped."""
    c = config
    layer = 4 * c.hidden_size * c.hidden_size + 2 * c.hidden_size * c.intermediate_size
    read = tokens * 4 * (8 * c.hidden_size + 2 * c.intermediate_size)
    learned = layers * (_ADAPTER * layer + tokens * 4 * (10 * c.hidden_size + 2 * c.intermediate_size))
    weights = 4 * (c.num_hidden_layers * layer + c.vocab_size * c.hidden_size) if expanded else 0
    return FIRST + weights + read + learned + 4 * kept


def _parameters(config: ModelConfig) -> int:
    return sum(math.prod(shape) for shape in expected_shapes(config).values())


def _matrices(config: ModelConfig) -> int:
    """Numbers of the layers' matrices."""
    c = config
    heads = (2 * c.num_attention_heads + 2 * c.num_key_value_heads) * c.head_dim
    return c.num_hidden_layers * c.hidden_size * (heads + 3 * c.intermediate_size)
