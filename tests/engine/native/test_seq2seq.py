"""Encoder–decoders on the compiled back end against float64, in batches and alone, with all kernels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from autogpt_desktop.engine import native
from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.interface import Cancelled, Hypothesis, SearchOptions, SourceIds
from autogpt_desktop.engine.native.prepare import int8_rows, native_checkpoint
from autogpt_desktop.engine.native.seq2seq import (
    CROSS_K,
    CROSS_NORM,
    CROSS_Q,
    FFN_1,
    FFN_NORM,
    FINE,
    OUTPUT_TABLE,
    SELF_NORM,
    SELF_Q,
    SOURCE_TABLE,
    TARGET_TABLE,
    NativeSeq2Seq,
    Weights,
)
from tests.engine.native.seq2seq_reference import Reference, config, random_weights, tensors

pytestmark = pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
KERNELS = native.kernel_sets()
SSRU: dict[str, object] = {
    "decoder_kind": "ssru", "decoder_start_token_id": None, "sinusoid": "tensor2tensor",
    "alignment_heads": ((1, 0),), "bad_words_ids": (1,), "layer_norm_eps": 1e-6,
}  # fmt: skip
KINDS: dict[str, dict[str, object]] = {
    "ssru": SSRU,
    "ssru, vocabularies apart": SSRU | {"share_encoder_decoder_embeddings": False, "decoder_vocab_size": 67},
    "ssru, nothing tied": SSRU
    | {"share_encoder_decoder_embeddings": False, "tie_word_embeddings": False, "decoder_layers": 4}
    | {"alignment_heads": ((2, 1),)},
    "ssru, wide": SSRU | {"d_model": 192, "encoder_attention_heads": 4, "encoder_ffn_dim": 256},
    "opus-mt": {"activation_function": "silu", "bad_words_ids": (1,)},
    "m2m": {"norm": "pre", "position_offset": 2, "sinusoid": "tensor2tensor", "decoder_start_token_id": 0},
    "gelu": {"activation_function": "gelu", "scale_embedding": False, "d_model": 24, "encoder_layers": 1},
}
# the wide one alone takes as long as the others together
MARKED_KINDS = [pytest.param(kind, marks=pytest.mark.slow) if "wide" in kind else kind for kind in KINDS]


def quantized(values: np.ndarray, alpha: float = 0.0) -> Weights:
    """int8 with one scale for all where there is an alpha, as in Marian's files, else one for each row."""
    if not alpha:
        return int8_rows(values)
    multiplier = np.float32(127 / np.abs(values).max())
    scale = np.float32(1) / (np.float32(alpha if alpha > 0 else 1) * multiplier)
    return Weights(np.rint(values * multiplier).astype(np.int8), np.array([scale], np.float32), alpha)


def expanded(weights: Weights) -> np.ndarray:
    scale = weights.scale.astype(np.float64)[:, None]
    return weights.values * scale * (weights.alpha if weights.alpha > 0 else 1)


def ssru_model(
    c: Seq2SeqConfig, weights: dict[str, np.ndarray], alphas: dict[str, float] | None, **kinds: object
) -> NativeSeq2Seq:
    """With float32 weights, or int8 ones where there are ``alphas``."""
    model = NativeSeq2Seq(c, **kinds)  # type: ignore[arg-type]
    d, ffn = c.d_model, (c.encoder_ffn_dim, c.decoder_ffn_dim)
    shapes = [*c.encoder_layers * [*4 * [(d, d)], (ffn[0], d), (d, ffn[0])]]
    model.reserve(
        [*shapes, *c.decoder_layers * [*6 * [(d, d)], (ffn[1], d), (d, ffn[1])]], floats=alphas is None
    )

    def of(name: str, where: str = "") -> Weights:
        values = weights[f"{name}.weight"]
        return Weights(values) if alphas is None else quantized(values, alphas.get(where or name, 0.0))

    for decoder, side, layers in ((False, "encoder", c.encoder_layers), (True, "decoder", c.decoder_layers)):
        for layer in range(layers):
            at = f"model.{side}.layers.{layer}"
            parts = {"self_attn": ((SELF_Q, ("q", "k") if decoder else ("q", "k", "v", "out")), SELF_NORM)}
            if decoder:
                parts["encoder_attn"] = ((CROSS_Q, ("q", "k", "v", "out")), CROSS_NORM)
            for part, ((first, names), norm) in parts.items():
                for slot, name in enumerate(names):
                    full = f"{at}.{part}.{name}_proj"
                    bare = decoder and part == "self_attn" and name == "q"
                    model.set_linear(
                        decoder, layer, first + slot, of(full), None if bare else weights[f"{full}.bias"]
                    )
                model.set_norm(
                    decoder,
                    layer,
                    norm,
                    weights[f"{at}.{part}_layer_norm.weight"],
                    weights[f"{at}.{part}_layer_norm.bias"],
                )
            for slot, name in enumerate(("fc1", "fc2")):
                model.set_linear(
                    decoder, layer, FFN_1 + slot, of(f"{at}.{name}"), weights[f"{at}.{name}.bias"]
                )
            norm_weights = (weights[f"{at}.final_layer_norm.{part}"] for part in ("weight", "bias"))
            model.set_norm(decoder, layer, FFN_NORM, *norm_weights)
    shared = "model.shared" if c.share_encoder_decoder_embeddings else None
    target = shared or "model.decoder.embed_tokens"
    model.set_table(SOURCE_TABLE, of(shared or "model.encoder.embed_tokens"))
    model.set_table(TARGET_TABLE, of(target))
    output = target if c.tie_word_embeddings else "lm_head"
    model.set_table(OUTPUT_TABLE, of(output, "output"), weights["final_logits_bias"][0])
    model.finish()
    return model


def make(kind: str, quantize: bool | str, seed: int = 1, **kinds: object) -> tuple[NativeSeq2Seq, Reference]:
    c = config(**KINDS[kind])
    weights = random_weights(c, seed)
    alphas = None
    if quantize and c.decoder_kind == "ssru":
        fine = quantize == "fine"
        names = (name.removesuffix(".weight") for name in weights if "proj" in name or ".fc" in name)
        alphas = dict.fromkeys(names, FINE if fine else 18.0)
        alphas["output"] = FINE if fine else 20.0
        model = ssru_model(c, weights, alphas, **kinds)
        alphas["lm_head"] = alphas["output"]
    elif c.decoder_kind == "ssru":
        model = ssru_model(c, weights, None, **kinds)
    else:
        model = native_checkpoint(c, tensors(weights), quantize=bool(quantize), **kinds)  # type: ignore[arg-type]
    if quantize:
        output = expanded(
            quantized(
                weights[
                    "model.shared.weight"
                    if c.share_encoder_decoder_embeddings
                    else "model.decoder.embed_tokens.weight"
                ],
                20.0,
            )
        )
        weights |= {
            name: expanded(quantized(values, (alphas or {}).get(name.removesuffix(".weight"), 0.0)))
            for name, values in weights.items()
            if values.ndim == 2 and name != "final_logits_bias"
        }
    reference = Reference(c, weights, bool(quantize), alphas)
    if alphas and c.tie_word_embeddings:  # looked up with a scale for each row, multiplied with one for all
        reference.w["output.weight"] = output
    return model, reference


def random_ids(c: Seq2SeqConfig, count: int, rng: np.random.Generator) -> list[int]:
    return [*rng.integers(2, c.vocab_size, count - 1).tolist(), c.eos_token_id]


def starts(c: Seq2SeqConfig) -> list[int]:
    return [-1 if c.decoder_start_token_id is None else c.decoder_start_token_id]


@pytest.mark.slow
@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("quantize", [False, True, "fine"])
@pytest.mark.parametrize("kind", MARKED_KINDS)
def test_steps_equal_float64(kind: str, quantize: bool | str, kernels: str) -> None:
    # with this seed nothing lies so near the middle of two integers that float32 takes the other one
    model, reference = make(kind, quantize, seed=2, kernels=kernels)
    c, rng = model.config, np.random.default_rng(3)
    for length in (1, 2, 7, 33):
        source = random_ids(c, length, rng)
        ids = [*starts(c), *rng.integers(2, c.decoder_vocab_size, 9).tolist()]
        wanted, aligned = reference.decode(reference.encode(source), ids)
        state = model.encode([SourceIds(source)])
        for at, token in enumerate(ids):
            logprobs, attention = model.step(state, [0], [token])
            close = 20 if quantize == "fine" else 1  # of 14 bits some always fall on the other side
            assert np.allclose(logprobs[0], wanted[at], rtol=0, atol=1e-4 * close)
            assert np.allclose(attention[0], aligned[at], rtol=0, atol=1e-5 * close)


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [False, True, "fine"])
@pytest.mark.parametrize("kind", MARKED_KINDS)
def test_every_set_of_kernels_gives_the_same_bits(kind: str, quantize: bool | str) -> None:
    results = []
    for kernels in KERNELS:
        model, _ = make(kind, quantize, kernels=kernels)
        assert model.kernels == kernels
        rng = np.random.default_rng(4)
        sources = [SourceIds(random_ids(model.config, length, rng)) for length in (1, 5, 19, 40)]
        state = model.encode(sources)
        first = model.step(state, range(4), 4 * starts(model.config))
        second = model.step(state, [3, 0, 0, 2, 1, 1, 3], [5, 6, 7, 8, 9, 10, 11])
        results.append(b"".join(array.tobytes() for array in (*first, *second)))
    assert len(set(results)) == 1


def same(one: list[Hypothesis], other: list[Hypothesis]) -> bool:
    def bits(h: Hypothesis) -> tuple[object, ...]:
        return h.ids, h.logprobs.tobytes(), h.score, h.finished, h.alignment.shape, h.alignment.tobytes()

    return list(map(bits, one)) == list(map(bits, other))


@pytest.mark.parametrize("kind", ["ssru", "m2m"])
@pytest.mark.parametrize("beam", [1, 3])
def test_a_result_does_not_depend_on_the_batch_or_the_threads(kind: str, beam: int) -> None:
    model, _ = make(kind, True, threads=2)
    c, rng = model.config, np.random.default_rng(5)
    sources = []
    for length in (512, *rng.integers(1, 60, 40).tolist()):
        shortlist = np.unique(rng.integers(2, c.decoder_vocab_size, 20)).astype(np.int32)
        prefix = rng.integers(2, c.decoder_vocab_size, rng.integers(0, 3)).tolist()
        sources.append(SourceIds(random_ids(c, length, rng), prefix, shortlist if length % 2 else None))
    options = SearchOptions(beam_size=beam, n_best=beam, max_length=40, alignments=True)
    together = model.translate(sources, options)
    alone = make(kind, True, threads=1)[0]
    for source, found in zip(sources, together, strict=True):
        assert same(found, alone.translate([source], options)[0])
        for hypothesis in found:
            assert hypothesis.ids[: len(source.prefix)] == tuple(source.prefix)
            if source.shortlist is not None:
                assert set(hypothesis.ids) <= {*source.shortlist.tolist(), *source.prefix}
            assert not set(hypothesis.ids[len(source.prefix) :]) & set(c.bad_words_ids)


def beam_search(
    model: NativeSeq2Seq, source: SourceIds, options: SearchOptions, limit: int
) -> list[Hypothesis]:
    """Marian's rules, step by step: what ends leaves the beam, which becomes narrower."""
    c = model.config
    state, width = model.encode([source]), options.beam_size
    rows, tokens, finished = [0], starts(c), []
    hypotheses: list[tuple[tuple[int, ...], list[float], list[np.ndarray]]] = [((), [], [])]
    for step in range(1, limit + 1):
        logprobs, attention = model.step(state, rows, tokens)
        logprobs[:, list(c.bad_words_ids)] = -np.inf
        scores = logprobs + np.array([sum(h[1]) for h in hypotheses], np.float32)[:, None]
        best = np.argsort(-scores, axis=None, kind="stable")[:width]
        grown = []
        for row, token in zip(*(part.tolist() for part in np.unravel_index(best, scores.shape)), strict=True):
            ids, logs, cells = hypotheses[row]
            new = (ids, [*logs, float(logprobs[row, token])], [*cells, attention[row]])
            if token == c.eos_token_id:
                width -= 1
                finished.append((*new, True, step))
            elif step == limit:
                finished.append(((*ids, token), *new[1:], False, step))
            else:
                grown.append((row, token, ((*ids, token), *new[1:])))
        if not grown:
            break
        rows, tokens = [row for row, _, _ in grown], [token for _, token, _ in grown]
        hypotheses = [h for _, _, h in grown]
    out = [
        Hypothesis(
            ids, np.array(logs, np.float32), sum(logs) / steps**options.length_penalty, ended, np.stack(cells)
        )
        for ids, logs, cells, ended, steps in finished
    ]
    return sorted(out, key=lambda h: -h.score)[: options.n_best]


@pytest.mark.parametrize("kind", ["ssru", "opus-mt", "m2m"])
@pytest.mark.parametrize("beam", [1, 2, 5])
def test_beam_search_equals_the_rules_written_out(kind: str, beam: int) -> None:
    ended = 0
    for seed in range(8):
        model, _ = make(kind, seed % 2 == 0, seed)
        source = SourceIds(random_ids(model.config, 3 + seed, np.random.default_rng(seed)))
        options = SearchOptions(beam, beam, length_penalty=0.7, max_length=12, alignments=True)
        limit = min(12, -(-5 * (3 + seed) // 2))
        wanted = beam_search(model, source, options, limit)
        (found,) = model.translate([source], options)
        assert [h.ids for h in found] == [h.ids for h in wanted]
        for one, other in zip(found, wanted, strict=True):
            assert one.finished == other.finished
            assert one.score == pytest.approx(other.score, abs=1e-4)
            assert np.allclose(one.logprobs, other.logprobs, atol=1e-5)
            assert np.array_equal(one.alignment, other.alignment)
            ended += one.finished
    assert ended


def test_a_prefix_and_its_logprobs() -> None:
    model, reference = make("ssru", False)
    source, prefix = [5, 6, 7, 0], [9, 11, 9]
    (found,) = model.translate([SourceIds(source, prefix)], SearchOptions(4, 4, max_length=9))
    assert len({h.ids for h in found}) == 4
    wanted, _ = reference.decode(reference.encode(source), [-1, *prefix[:-1]])
    for hypothesis in found:
        assert hypothesis.ids[:3] == tuple(prefix)
        assert np.allclose(hypothesis.logprobs[:3], wanted[range(3), prefix], atol=1e-4)


def test_translations_end() -> None:
    model, _ = make("m2m", True, seed=2)
    for options, most in ((SearchOptions(max_length_factor=1.5), 5), (SearchOptions(max_length=2), 2)):
        (found,) = model.translate([SourceIds([3, 4, 0])], options)
        assert len(found[0].logprobs) <= most
        assert len(found[0].logprobs) == len(found[0].ids) + found[0].finished


def test_nothing_to_translate_and_what_cannot_be() -> None:
    model, _ = make("ssru", True)
    assert model.translate([]) == []
    good = SourceIds([3, 0])
    for bad in (
        SourceIds([]), SourceIds([41, 0]), SourceIds([-1, 0]), SourceIds([3] * 601), SourceIds([3, 0], [0]),
        SourceIds([3, 0], [41]), SourceIds([3, 0], [2] * 600),
        *(SourceIds([3, 0], [], np.array([id], np.int32)) for id in (-2, 41)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"tokens|ids|prefix"):
            model.translate([good, bad])
    with pytest.raises(ValueError, match="n_best"):
        model.translate([good], SearchOptions(2, 3))
    state = model.encode([good])
    for rows, ids in (([1], [3]), ([-1], [3]), ([0], [41]), ([0], [-2]), ([0, 0], [3])):
        with pytest.raises(ValueError, match=r"row|ids"):
            model.step(state, rows, ids)
    assert len(state) == 1


def test_only_what_may_end_is_in_a_shortlist_of_nothing() -> None:
    model, _ = make("ssru", True)
    (found,) = model.translate([SourceIds([3, 4, 0], [], np.zeros(0, np.int32))])
    assert found[0].ids == ()
    assert found[0].logprobs.tolist() == [0.0]


def test_cancelling_and_errors_of_who_asks() -> None:
    model, _ = make("ssru", True)
    sources = [SourceIds([*[3] * 500, 0])] * 60
    with pytest.raises(Cancelled):
        model.translate(sources, SearchOptions(max_length=600), lambda: True)

    def broken() -> bool:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        model.translate(sources, SearchOptions(max_length=600), broken)


def shapes() -> Iterator[tuple[int, int, int, int, int]]:
    yield 1, 0, SELF_Q, 20, 20
    yield 0, 2, SELF_Q, 20, 20  # no such layer
    yield 0, -1, SELF_Q, 20, 20
    yield 0, 0, 10, 20, 20  # no such slot
    yield 0, 0, CROSS_K, 20, 70000


def test_weights_that_do_not_fit_are_refused() -> None:
    c = config(**KINDS["m2m"])
    weights = random_weights(c, 1)
    for name in ("model.encoder.layers.1.fc1.weight", "model.decoder.layers.0.encoder_attn.k_proj.weight"):
        wrong = weights | {name: np.zeros((20, 16), np.float32)}
        with pytest.raises(ValueError, match="weights"):
            native_checkpoint(c, tensors(wrong))
    wrong = weights | {"model.shared.weight": np.zeros((30, 20), np.float32)}
    with pytest.raises(ValueError, match="weights"):
        native_checkpoint(c, tensors(wrong))
    model = NativeSeq2Seq(c)
    for decoder, layer, slot, rows, cols in shapes():  # nothing is reserved, and most are nowhere
        with pytest.raises(ValueError, match="weights"):
            model.set_linear(bool(decoder), layer, slot, Weights(np.zeros((rows, cols), np.float32)), None)
    with pytest.raises(ValueError, match="weights"):
        model.finish()
