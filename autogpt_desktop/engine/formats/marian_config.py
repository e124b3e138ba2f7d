"""What a Marian binary computes: its configuration, and the items that it must have for that, no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.formats.marian import Int8Matrix, MarianFile, MarianItem, read_marian
from autogpt_desktop.engine.formats.settings import MAX_TOKENS, Settings
from autogpt_desktop.errors import KnownError

_EOS, _UNK = 0, 1  # in each of Marian's vocabularies
_MAX_LAYERS, _MAX_DIM = 64, 1 << 14
_MAX_POSITIONS = 1 << 12  # positions are computed: only memory bounds them
# What is computed here; another value of these would be computed wrongly. None: absent is the same.
_ONLY: dict[str, tuple[Any, ...]] = {
    "type": ("transformer",),
    "transformer-decoder-autoreg": ("rnn",),
    "dec-cell": ("ssru",),
    "transformer-preprocess": ("", None),
    "transformer-postprocess": ("dan", "an"),  # d: dropout, which only training knows
    "transformer-postprocess-emb": ("d", "", None),
    "transformer-postprocess-top": ("", None),
    "transformer-ffn-depth": (2,),
    "transformer-ffn-activation": ("relu",),
    "transformer-train-position-embeddings": (False, None),
    "transformer-train-positions": (False, None),
    "transformer-no-projection": (False, None),
    "transformer-pool": (False, None),
    "transformer-tied-layers": ([], None),
    "layer-normalization": (False, None),
    "lemma-dim-emb": (0, None),
    "output-omit-bias": (False, None),
    "right-left": (False, None),
    "ulr": (False, None),
    "input-types": ([], ["sequence"], None),
}
_SCALE = "_QuantMultA"  # behind a matrix's name: what its inputs are multiplied by before they are rounded
_UNNAMED_SCALE = "none" + _SCALE  # the output layer's, which has no name of its own in some versions


@dataclass(frozen=True)
class MarianModel:
    """A file that has all that its configuration asks for."""

    file: MarianFile
    config: Seq2SeqConfig
    source_embedding: str  # names of items; they may be the same
    target_embedding: str
    output: str

    def matrix(self, name: str) -> Int8Matrix:
        """A matrix of a layer, with the multiplier of its inputs."""
        return self.file.matrix(name, self.file.scale(name + _SCALE))

    def output_matrix(self) -> Int8Matrix:
        """The output layer [target vocabulary, d_model]."""
        named = self.output + _SCALE
        return self.file.matrix(
            self.output, self.file.scale(named if named in self.file.items else _UNNAMED_SCALE)
        )

    @property
    def nbytes(self) -> int:
        """Bytes of all items."""
        return sum(item.nbytes for item in self.file.items.values())


def read_marian_model(path: Path | str) -> MarianModel:
    """Raises KnownError as ``read_marian``, and gguf-setting, gguf-tensor-missing, gguf-tensor-shape,
    gguf-tensor-unknown, marian-unsupported."""
    file = read_marian(path)
    config, (source, target, output) = _config(file)
    _check_items(file, config, (source, target, output))
    return MarianModel(file, config, source, target, output)


def _config(file: MarianFile) -> tuple[Seq2SeqConfig, tuple[str, str, str]]:
    name, values = file.path.name, file.settings

    def bad(key: str) -> KnownError:
        return KnownError("gguf-setting", file=name, setting=key)

    for key, allowed in _ONLY.items():
        value = values.get(key)
        if not any(type(value) is type(one) and value == one for one in allowed):
            raise KnownError("marian-unsupported", file=name, what=f"{key}: {value}"[:80])
    settings = Settings(values, bad)
    sizes = values.get("dim-vocabs")
    if not isinstance(sizes, list) or len(sizes) != 2:
        raise bad("dim-vocabs")
    if not all(type(size) is int and 2 <= size <= MAX_TOKENS for size in sizes):
        raise bad("dim-vocabs")
    d_model = settings.integer("dim-emb", high=_MAX_DIM)
    if d_model % 2 or d_model < 4:  # positions have sines and cosines, two or more of each
        raise bad("dim-emb")
    heads = settings.integer("transformer-heads", high=d_model)
    if d_model % heads:
        raise bad("transformer-heads")
    decoder_layers = settings.integer("dec-depth", high=_MAX_LAYERS)
    aligned = values.get("transformer-guided-alignment-layer", "last")
    if aligned == "last":
        aligned = decoder_layers
    elif isinstance(aligned, str) and aligned.isdecimal() and len(aligned) < 4:
        aligned = int(aligned)
    if type(aligned) is not int or not 1 <= aligned <= decoder_layers:
        raise bad("transformer-guided-alignment-layer")
    tied_all = settings.flag("tied-embeddings-all", False)
    tied_src = settings.flag("tied-embeddings-src", False)
    tied = settings.flag("tied-embeddings", False)
    if (tied_all or tied_src) and sizes[0] != sizes[1]:
        raise bad("dim-vocabs")
    shared = tied_all or tied_src
    source, target = ("Wemb", "Wemb") if shared else ("encoder_Wemb", "decoder_Wemb")
    output = target if tied or tied_all else "decoder_ff_logit_out_W"
    ffn = settings.integer("transformer-dim-ffn", high=8 * _MAX_DIM)
    config = Seq2SeqConfig(
        family="firefox",
        vocab_size=sizes[0],
        decoder_vocab_size=sizes[1],
        d_model=d_model,
        encoder_layers=settings.integer("enc-depth", high=_MAX_LAYERS),
        decoder_layers=decoder_layers,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=ffn,
        decoder_ffn_dim=ffn,
        max_position_embeddings=_MAX_POSITIONS,
        pad_token_id=_EOS,
        eos_token_id=_EOS,
        decoder_start_token_id=None,
        decoder_kind="ssru",
        norm="post",
        activation_function="relu",
        scale_embedding=True,
        sinusoid="tensor2tensor",
        layer_norm_eps=1e-9,
        share_encoder_decoder_embeddings=shared,
        tie_word_embeddings=output == target,
        final_logits_bias=True,
        alignment_heads=((aligned - 1, 0),),  # trained on the first head of this layer
        bad_words_ids=(_UNK,),
        name=file.path.name.removesuffix(".bin"),
    )
    return config, (source, target, output)


def expected_items(
    config: Seq2SeqConfig, source: str, target: str, output: str
) -> dict[str, tuple[str, tuple[int, int]]]:
    """Type and shape of every item that a file of this configuration has, scales apart."""
    d, ffn = config.d_model, config.encoder_ffn_dim
    items = {
        source: ("intgemm8", (config.vocab_size, d)),
        target: ("intgemm8", (config.decoder_vocab_size, d)),
        "decoder_ff_logit_out_b": ("float32", (1, config.decoder_vocab_size)),
    }
    if output != target:
        items[output] = ("intgemm8", (d, config.decoder_vocab_size))

    def norm(name: str) -> None:
        items[f"{name}_ln_scale"] = items[f"{name}_ln_bias"] = ("float32", (1, d))

    def attention(name: str) -> None:
        for part in "qkvo":
            items[f"{name}_W{part}"], items[f"{name}_b{part}"] = ("intgemm8", (d, d)), ("float32", (1, d))
        norm(f"{name}_Wo")

    def feed_forward(name: str) -> None:
        items[f"{name}_W1"], items[f"{name}_b1"] = ("intgemm8", (d, ffn)), ("float32", (1, ffn))
        items[f"{name}_W2"], items[f"{name}_b2"] = ("intgemm8", (ffn, d)), ("float32", (1, d))
        norm(f"{name}_ffn")

    for layer in range(1, config.encoder_layers + 1):
        attention(f"encoder_l{layer}_self")
        feed_forward(f"encoder_l{layer}_ffn")
    for layer in range(1, config.decoder_layers + 1):
        rnn = f"decoder_l{layer}_rnn"
        items[f"{rnn}_W"] = items[f"{rnn}_Wf"] = ("intgemm8", (d, d))
        items[f"{rnn}_bf"] = ("float32", (1, d))
        norm(f"{rnn}_ffn")
        attention(f"decoder_l{layer}_context")
        feed_forward(f"decoder_l{layer}_ffn")
    return items


def _check_items(file: MarianFile, config: Seq2SeqConfig, embeddings: tuple[str, str, str]) -> None:
    """All there, of their types and shapes, and nothing else: what is left out would change the answers."""
    name, items = file.path.name, file.items
    expected = expected_items(config, *embeddings)
    for item, (kind, shape) in expected.items():
        _check_item(name, items, item, (kind,), shape)
    scaled = {item for item, (kind, _) in expected.items() if kind == "intgemm8"}
    output = embeddings[2]
    optional = {_UNNAMED_SCALE, *(embedding + _SCALE for embedding in embeddings)}
    required = {item + _SCALE for item in scaled - set(embeddings)}
    required.add(_UNNAMED_SCALE if output + _SCALE not in items else output + _SCALE)
    for item in sorted(required | (optional & items.keys())):
        _check_item(name, items, item, ("float32", "intgemm8"), (1, 1))
    for item in items:
        if item not in expected and item not in required | optional and not item.startswith("special:"):
            raise KnownError("gguf-tensor-unknown", file=name, tensor=item[:80])


def _check_item(
    file: str, items: Mapping[str, MarianItem], name: str, kinds: tuple[str, ...], shape: tuple[int, int]
) -> None:
    if name not in items:
        raise KnownError("gguf-tensor-missing", file=file, tensor=name)
    if items[name].shape != shape or items[name].type not in kinds:
        raise KnownError("gguf-tensor-shape", file=file, tensor=name)
