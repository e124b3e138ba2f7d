"""Encoders of the BERT family: embeddings, sequence classification, extractive question answering.

Devlin et al., 2019 (BERT), Liu et al., 2019 (RoBERTa), Sanh et al., 2019 (DistilBERT), Reimers and
Gurevych, 2019 (pooled sentence embeddings). Weights are float32 from a Hugging Face folder.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tokenizers
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor

from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor, files_of
from autogpt_desktop.engine.formats.e5_header import is_e5
from autogpt_desktop.engine.formats.encoder_config import EncoderConfig, encoder_config
from autogpt_desktop.engine.formats.mapped import MappedFile, check_files
from autogpt_desktop.engine.formats.safetensors import map_tensors
from autogpt_desktop.engine.formats.untrusted import untrusted
from autogpt_desktop.engine.interface import Cancelled, check_layers
from autogpt_desktop.engine.memory import out_of_memory
from autogpt_desktop.engine.tokenizer import rules
from autogpt_desktop.engine.torch_backend.e5 import QuantizedRows, read_parts
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress

Input = str | tuple[str, str]  # a text, or a pair such as question and passage
_PASS_TOKENS = 2048  # of a pass, padding included: large enough to be quick, small enough to stop soon
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu,
    "silu": F.silu,
}
# distilbert's names for what the others call …
_DISTIL = {
    "transformer.layer": "encoder.layer",
    "attention.q_lin": "attention.self.query",
    "attention.k_lin": "attention.self.key",
    "attention.v_lin": "attention.self.value",
    "attention.out_lin": "attention.output.dense",
    "sa_layer_norm": "attention.output.LayerNorm",
    "ffn.lin1": "intermediate.dense",
    "ffn.lin2": "output.dense",
    "output_layer_norm": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class Spans:
    """Where a passage may answer a question: scores of each of its tokens, and what the tokens cover."""

    start: Tensor  # [tokens of the passage]
    end: Tensor
    offsets: tuple[tuple[int, int], ...]  # characters of the passage
    null: float  # score of "no answer": start and end on the first token


@dataclass
class EncoderEngine:
    """One loaded encoder with its tokenizer. Nothing here remembers a text."""

    name: str
    config: EncoderConfig
    weights: dict[str, Tensor] = field(repr=False)
    tokenizer: tokenizers.Tokenizer = field(repr=False)
    device: str = "cpu"
    notices: tuple[Notice, ...] = ()
    files: tuple[MappedFile, ...] = field(default=(), repr=False)  # that the weights lie in
    words: QuantizedRows | None = field(default=None, repr=False)  # the embedding, where it is no weight
    normalize: Callable[[str], str] = field(default=str, repr=False)  # before the tokenizer

    @property
    def context_length(self) -> int:
        """Tokens of one text; longer ones are cut."""
        return self.config.max_tokens

    @property
    def weight_bytes(self) -> int:
        """Bytes of memory that the weights hold."""
        words = self.words.nbytes if self.words is not None else 0
        return words + sum(tensor.nbytes for tensor in self.weights.values())

    def forward(
        self,
        ids: Tensor,
        mask: Tensor,
        types: Tensor,
        look: Callable[[int, Tensor], None] = lambda number, x: None,
    ) -> Tensor:
        """Hidden states [texts, tokens, hidden_size] of ids [texts, tokens]; ``mask`` is True on tokens.
        ``look`` sees what each layer, counted from 1, leaves."""
        c, w = self.config, self.weights
        heads, size = c.num_attention_heads, c.hidden_size // c.num_attention_heads

        def norm(x: Tensor, name: str) -> Tensor:
            return F.layer_norm(x, (c.hidden_size,), w[f"{name}.weight"], w[f"{name}.bias"], c.layer_norm_eps)

        def linear(x: Tensor, name: str) -> Tensor:
            return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

        positions = torch.arange(ids.shape[1], device=ids.device) + c.position_offset
        words = w["embeddings.word_embeddings.weight"] if self.words is None else self.words
        x = words[ids] + w["embeddings.position_embeddings.weight"][positions]
        if c.type_vocab_size:
            x = x + w["embeddings.token_type_embeddings.weight"][types]
        x = norm(x, "embeddings.LayerNorm")  # [B, T, C]
        seen = mask[:, None, None, :] if not bool(mask.all()) else None
        activation = _ACTIVATIONS[c.hidden_act]
        for index in range(c.num_hidden_layers):
            at = f"encoder.layer.{index}"
            q, k, v = (
                linear(x, f"{at}.attention.self.{n}").unflatten(-1, (heads, size)).transpose(1, 2)
                for n in ("query", "key", "value")
            )  # [B, H, T, D]
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).flatten(2)
            x = norm(linear(y, f"{at}.attention.output.dense") + x, f"{at}.attention.output.LayerNorm")
            y = linear(activation(linear(x, f"{at}.intermediate.dense")), f"{at}.output.dense")
            x = norm(y + x, f"{at}.output.LayerNorm")
            look(index + 1, x)
        return x

    def embed(
        self,
        texts: Sequence[str],
        cancelled: Callable[[], bool] = lambda: False,
        *,
        queries: int = 0,
    ) -> Iterator[Progress | tuple[int, Tensor]]:
        """A vector [hidden_size] for each text, as (its number, vector), with a Progress behind each pass.

        The first ``queries`` texts are questions, the others passages: some models were trained to be told.
        A text longer than ``config.max_tokens`` is cut there. Raises ``Cancelled``.
        """
        prefixes = (self.config.query_prefix,) * queries + (self.config.passage_prefix,) * len(texts)
        told = [prefix + text for prefix, text in zip(prefixes, texts, strict=False)]
        yield from self._batches(told, cancelled, self._pool)

    def features(
        self, texts: Sequence[str], layers: Sequence[int], cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Progress | tuple[int, Tensor]]:
        """What a small head reads: the mean of a text's tokens as each of ``layers`` (from 1, rising) leaves
        them, [layers, hidden_size], as ``embed`` yields them. Raises ``Cancelled`` and ValueError."""
        check_layers(layers, self.config.num_hidden_layers)
        seen: list[Tensor] = []

        def look(number: int, x: Tensor) -> None:
            if number in layers:
                seen.append(x)

        def pooled(hidden: Tensor, mask: Tensor) -> Tensor:
            kept = mask.unsqueeze(-1).to(hidden.dtype)
            rows = [(x * kept).sum(1) / kept.sum(1).clamp(min=1e-9) for x in seen]
            seen.clear()
            return torch.stack(rows, 1)

        yield from self._batches(texts, cancelled, pooled, look)

    def _pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        if self.config.pooling == "cls":
            pooled = hidden[:, 0]
        else:
            kept = mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * kept).sum(1) / kept.sum(1).clamp(min=1e-9)
        return F.normalize(pooled, dim=-1) if self.config.normalize else pooled

    def classify(
        self, texts: Sequence[Input], cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Progress | tuple[int, Tensor]]:
        """Logits [labels] for each text or pair, as ``embed`` yields them. Needs a classification head."""
        if self.config.head != "classification":
            raise ValueError("this encoder has no classification head")
        yield from self._batches(texts, cancelled, lambda hidden, _: self._classified(hidden[:, 0]))

    def _classified(self, first: Tensor) -> Tensor:
        w = self.weights

        def linear(x: Tensor, name: str) -> Tensor:
            return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

        if "classifier.out_proj.weight" in w:  # roberta
            return linear(torch.tanh(linear(first, "classifier.dense")), "classifier.out_proj")
        if "pre_classifier.weight" in w:  # distilbert
            return linear(F.relu(linear(first, "pre_classifier")), "classifier")
        return linear(torch.tanh(linear(first, "pooler.dense")), "classifier")

    def spans(
        self, pairs: Sequence[tuple[str, str]], cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Progress | tuple[int, Spans]]:
        """Start and end scores over each passage of (question, passage). Needs a question answering head."""
        if self.config.head != "question_answering":
            raise ValueError("this encoder has no question answering head")
        head, bias = self.weights["qa_outputs.weight"], self.weights["qa_outputs.bias"]
        encodings = self.encode(pairs)
        for event in self._batches(pairs, cancelled, lambda hidden, _: F.linear(hidden, head, bias)):
            if isinstance(event, Progress):
                yield event
                continue
            index, scores = event
            encoding = encodings[index]
            inside = [at for at, sequence in enumerate(encoding.sequence_ids) if sequence == 1]
            yield (
                index,
                Spans(
                    start=scores[inside, 0],
                    end=scores[inside, 1],
                    offsets=tuple(encoding.offsets[at] for at in inside),
                    null=float(scores[0].sum()),
                ),
            )

    def encode(self, texts: Sequence[Input]) -> list[tokenizers.Encoding]:
        """Each text's tokens, cut at ``config.max_tokens``. Raises KnownError for what a stranger's tokenizer
        may come to."""
        with untrusted(
            self.name, "tokenizer-broken", value="tokenizer.json"
        ):  # it may panic at a certain text
            encodings: list[tokenizers.Encoding] = self.tokenizer.encode_batch(
                [self.normalize(text) if isinstance(text, str) else text for text in texts]
            )
        most = max((max(encoding.ids, default=-1) for encoding in encodings), default=0)
        if most < 0:
            raise KnownError("prompt-empty", model=self.name)
        if most >= self.config.vocab_size:  # special tokens are added by any number
            raise KnownError("tokenizer-vocabulary", file=self.name)
        return encodings

    def _batches(
        self,
        texts: Sequence[Input],
        cancelled: Callable[[], bool],
        finish: Callable[[Tensor, Tensor], Tensor],
        look: Callable[[int, Tensor], None] = lambda number, x: None,
    ) -> Iterator[Progress | tuple[int, Tensor]]:
        """Run texts of like length together, so that little is padded, and ``finish`` what comes out."""
        encodings = self.encode(texts)
        order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
        done = 0
        while done < len(order):
            if cancelled():
                raise Cancelled
            stop = done + 1
            while stop < len(order) and (stop + 1 - done) * len(encodings[order[stop]].ids) <= _PASS_TOKENS:
                stop += 1
            chosen = order[done:stop]
            width = len(encodings[chosen[-1]].ids)
            ids, types = torch.zeros(2, len(chosen), width, dtype=torch.int64)
            mask = torch.zeros(len(chosen), width, dtype=torch.bool)
            for row, index in enumerate(chosen):
                length = len(encodings[index].ids)
                ids[row, :length] = torch.tensor(encodings[index].ids)
                types[row, :length] = torch.tensor(encodings[index].type_ids)
                mask[row, :length] = True
            ids, types, mask = (tensor.to(self.device) for tensor in (ids, types, mask))
            with torch.inference_mode():
                check_files(self.files)
                rows = finish(self.forward(ids, mask, types, look), mask).float().cpu()
                check_files(self.files)
            for row, index in enumerate(chosen):
                yield index, rows[row]
            done = stop
            yield Progress("stage.scoring", done, len(order))

    def tokens(self, text: str) -> int:
        """How many tokens the text has, uncut, with the special ones."""
        self.tokenizer.no_truncation()
        try:
            return len(self.tokenizer.encode(self.normalize(text)).ids)
        finally:
            self.tokenizer.enable_truncation(self.config.max_tokens)

    def close(self) -> None:
        """Let go of the weights."""
        self.weights, self.words = {}, None


def load_encoder(folder: Path, device: str = "cpu") -> Generator[Progress, None, EncoderEngine]:
    """Load a folder that ``is_encoder``; the generator returns the engine.

    Raises KnownError: folder-config, unknown-family, folder-weights, gguf-tensor-missing,
    gguf-tensor-shape, tokenizer-missing, tokenizer-broken, no-memory.
    """
    yield Progress("stage.opening")
    config = encoder_config(folder)
    if is_e5(folder):
        return (yield from _load_e5(folder, config, device))
    tokenizer = _tokenizer(folder, config)
    if tokenizer.get_vocab_size() > config.vocab_size:
        raise KnownError("tokenizer-vocabulary", file=folder.name)
    yield Progress("stage.loading", 0, 1)
    try:
        found, mapped = _weights(folder, config)
        weights = {name: tensor.to(device) for name, tensor in found.items()}
        del found
    except (MemoryError, RuntimeError) as error:
        if out_of_memory(error):
            raise KnownError("no-memory", file=folder.name) from error
        raise
    check_files(mapped)
    yield Progress("stage.loading", 1, 1)
    return EncoderEngine(config.name, config, weights, tokenizer, device, files=mapped)


def _load_e5(folder: Path, config: EncoderConfig, device: str) -> Generator[Progress, None, EncoderEngine]:
    yield Progress("stage.loading", 0, 1)
    try:
        tokenizer, normalize, words, weights, mapped = read_parts(folder, device)
    except (MemoryError, RuntimeError) as error:
        if out_of_memory(error):
            raise KnownError("no-memory", file=folder.name) from error
        raise
    tokenizer.enable_truncation(config.max_tokens)
    check_files((mapped,))
    yield Progress("stage.loading", 1, 1)
    return EncoderEngine(
        config.name, config, weights, tokenizer, device, files=(mapped,), words=words, normalize=normalize
    )


def _tokenizer(folder: Path, config: EncoderConfig) -> tokenizers.Tokenizer:
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise KnownError("tokenizer-missing")
    try:
        with untrusted(folder.name, "tokenizer-broken", value=file.name):
            tokenizer = tokenizers.Tokenizer.from_file(str(file))
            rules.check_growth(tokenizer)
    except KnownError:
        raise
    except Exception as error:  # the package raises plain Exception for whatever is wrong with the file
        raise KnownError("tokenizer-broken", value=file.name) from error
    if not rules.are_known(tokenizer):  # encoders have none of their own
        raise KnownError("tokenizer-unknown", kind=file.name)
    tokenizer.no_padding()
    tokenizer.enable_truncation(config.max_tokens)
    return tokenizer


_FLOATS = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def _weights(folder: Path, config: EncoderConfig) -> tuple[dict[str, Tensor], tuple[MappedFile, ...]]:
    """Each weight, float32, and the files that are mapped for them."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise KnownError("folder-weights", folder=folder.name)
    shapes = expected_shapes(config)
    sources: dict[str, CheckpointTensor] = {}
    try:
        for file in files:
            for name, source in map_tensors(file).items():
                if (ours := our_name(name, config)) in shapes:
                    sources[ours] = source
    except (SafetensorError, OSError, ValueError) as error:
        raise KnownError("folder-weights", folder=folder.name) from error
    weights: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        if name not in sources:
            raise KnownError("gguf-tensor-missing", file=folder.name, tensor=name)
        source = sources[name]
        if source.shape != shape or source.type not in _FLOATS:
            raise KnownError("gguf-tensor-shape", file=folder.name, tensor=name)
        weights[name] = torch.from_numpy(source.blocks).view(_FLOATS[source.type]).view(shape).float()
    return weights, files_of(sources.values())


def our_name(name: str, config: EncoderConfig) -> str:
    """Of a checkpoint's weight: BERT's name without a prefix."""
    base = {"xlm-roberta": "roberta"}.get(config.family, config.family)
    name = name.removeprefix(f"{base}.").replace("LayerNorm.gamma", "LayerNorm.weight")
    name = name.replace("LayerNorm.beta", "LayerNorm.bias")  # as in the first checkpoints
    if config.family == "distilbert":
        for theirs, ours in _DISTIL.items():
            name = name.replace(theirs, ours)
    return name


def expected_shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Every weight that the encoder and its head need."""
    c = config
    hidden, inner = c.hidden_size, c.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (c.vocab_size, hidden),
        "embeddings.position_embeddings.weight": (c.max_position_embeddings, hidden),
    }
    if c.type_vocab_size:
        shapes["embeddings.token_type_embeddings.weight"] = (c.type_vocab_size, hidden)

    def norm(name: str) -> None:
        shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (hidden,)

    def linear(name: str, rows: int, cols: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (rows, cols), (rows,)

    norm("embeddings.LayerNorm")
    for index in range(c.num_hidden_layers):
        at = f"encoder.layer.{index}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            linear(f"{at}.attention.{part}", hidden, hidden)
        norm(f"{at}.attention.output.LayerNorm")
        linear(f"{at}.intermediate.dense", inner, hidden)
        linear(f"{at}.output.dense", hidden, inner)
        norm(f"{at}.output.LayerNorm")
    if c.head == "question_answering":
        linear("qa_outputs", 2, hidden)
    elif c.head == "classification":
        if "roberta" in c.family:
            linear("classifier.dense", hidden, hidden)
            linear("classifier.out_proj", len(c.labels), hidden)
        else:
            linear("pre_classifier" if c.family == "distilbert" else "pooler.dense", hidden, hidden)
            linear("classifier", len(c.labels), hidden)
    return shapes
