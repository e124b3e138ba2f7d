"""Are the numbers of encoder–decoders right? Ours against ``transformers`` with the same weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from autogpt_desktop.engine import native
from autogpt_desktop.engine.formats.seq2seq_config import seq2seq_config
from autogpt_desktop.engine.formats.seq2seq_weights import seq2seq_sources
from autogpt_desktop.engine.generation.beam import search
from autogpt_desktop.engine.interface import SearchOptions, SourceIds
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.native.prepare import native_checkpoint
from autogpt_desktop.engine.torch_backend.seq2seq.build import build_seq2seq
from autogpt_desktop.engine.torch_backend.seq2seq.model import Seq2SeqTransformer
from tests.engine.tiny_folders import SEQ2SEQ, by_transformers, write_seq2seq

if TYPE_CHECKING:
    import transformers

SOURCES = [[5, 17, 33, 4, 71, 2], [9, 8, 2], [60, 61, 62, 63, 64, 65, 66, 67, 68, 2], [44, 2]]
Pair = tuple["transformers.PreTrainedModel", Seq2SeqTransformer]


def ours(folder: Path, quantize: bool = False) -> Seq2SeqTransformer:
    config = seq2seq_config(folder)
    sources = seq2seq_sources(folder, config)
    return run_to_end(build_seq2seq(config, sources, torch.device("cpu"), quantize=quantize))


@pytest.fixture(scope="module", params=SEQ2SEQ)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp(request.param)
    write_seq2seq(folder, request.param)
    return by_transformers(folder, "AutoModelForSeq2SeqLM"), ours(folder)


def padded(sources: list[list[int]], pad: int) -> dict[str, torch.Tensor]:
    width = max(map(len, sources))
    ids = torch.tensor([source + [pad] * (width - len(source)) for source in sources])
    mask = torch.tensor([[1] * len(source) + [0] * (width - len(source)) for source in sources])
    return {"input_ids": ids, "attention_mask": mask}


@pytest.mark.slow  # importing transformers takes seconds
def test_logits_are_those_of_transformers(pair: Pair) -> None:
    reference, model = pair
    start, target = reference.config.decoder_start_token_id, [7, 80, 3, 3, 55]
    state = model.encode([SourceIds(source) for source in SOURCES])
    made, rows = [], list(range(len(SOURCES)))
    for id in [start, *target]:
        logits, attention = model.logits(state, rows, [id] * len(SOURCES))
        made.append(logits)
        assert torch.allclose(attention.sum(1), torch.ones(len(SOURCES)), atol=1e-5)
        for row, source in enumerate(SOURCES):
            assert not attention[row, len(source) :].any()
    wanted = reference(
        **padded(SOURCES, reference.config.pad_token_id),
        decoder_input_ids=torch.tensor([[start, *target]] * len(SOURCES)),
    ).logits
    assert (torch.stack(made, dim=1) - wanted).abs().max() < 1e-4
    assert wanted.std() > 0.3  # or else any two agree


@pytest.mark.slow
def test_rows_may_split_trade_places_and_go(pair: Pair) -> None:
    reference, model = pair
    start, pad = reference.config.decoder_start_token_id, reference.config.pad_token_id
    state = model.encode([SourceIds(source) for source in SOURCES])
    model.step(state, [0, 1, 2, 3], [start] * 4)
    model.step(state, [2, 0, 2, 0, 3], [11, 12, 13, 14, 15])
    model.step(state, [3, 0, 2, 2], [21, 22, 23, 24])
    logprobs, _ = model.step(state, [1, 3, 2], [31, 32, 33])
    rows = [(2, [start, 11, 22, 31]), (2, [start, 13, 24, 32]), (2, [start, 13, 23, 33])]
    wanted = reference(
        **padded([SOURCES[source] for source, _ in rows], pad),
        decoder_input_ids=torch.tensor([ids for _, ids in rows]),
    ).logits[:, -1]
    assert np.abs(logprobs - torch.log_softmax(wanted, -1).detach().numpy()).max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        {"num_beams": 1},
        {"num_beams": 4},
        {"num_beams": 4, "early_stopping": True, "length_penalty": 0.6},
        {"num_beams": 4, "early_stopping": "never", "length_penalty": 2.0},
        {"num_beams": 3, "length_penalty": 0.0},
        {"num_beams": 5, "length_penalty": -1.0, "early_stopping": "never"},
        {"num_beams": 4, "forced_bos_token_id": 12},
        {"num_beams": 1, "forced_bos_token_id": 12},
        {"num_beams": 4, "bad_words_ids": [[3], [40]]},
        {"num_beams": 2, "forced_eos_token_id": "end"},
    ],
    ids=str,
)
def test_searches_find_what_generate_finds(pair: Pair, how: dict[str, Any]) -> None:
    import transformers

    reference, model = pair
    end, pad = reference.config.eos_token_id, reference.config.pad_token_id
    bad = tuple(word[0] for word in how.get("bad_words_ids", []))
    force_end = how.get("forced_eos_token_id") == "end"
    settings = {"early_stopping": False, "length_penalty": 1.0, "forced_eos_token_id": None, **how}
    if force_end:
        settings["forced_eos_token_id"] = end
    beams, length = how["num_beams"], 14
    made = reference.generate(
        **padded(SOURCES, pad), max_length=length, num_return_sequences=beams, do_sample=False,
        return_dict_in_generate=True, output_scores=True,
        generation_config=transformers.GenerationConfig(
            decoder_start_token_id=reference.config.decoder_start_token_id, pad_token_id=pad, eos_token_id=end
        ),
        **settings,
    )  # fmt: skip
    options = SearchOptions(
        beam_size=beams, n_best=beams, length_penalty=settings["length_penalty"], max_length=length - 1,
        max_length_factor=100.0, early_stopping=settings["early_stopping"], force_end=force_end,
        alignments=True,
    )  # fmt: skip
    prefix = [how["forced_bos_token_id"]] if "forced_bos_token_id" in how else []
    model.config = replace(model.config, bad_words_ids=bad)
    found = model.translate([SourceIds(source, prefix) for source in SOURCES], options)
    for at, source in enumerate(SOURCES):
        for rank, one in enumerate(found[at]):
            wanted = made.sequences[at * beams + rank].tolist()[1:]
            if end in wanted:
                wanted = wanted[: wanted.index(end) + 1]
            elif len(wanted) > len(one.ids):
                wanted = wanted[: len(one.ids)]
            assert [*one.ids, *([end] if one.finished else [])] == wanted, (at, rank)
            if beams > 1:
                assert one.score == pytest.approx(
                    float(made.sequences_scores[at * beams + rank]), rel=1e-5, abs=1e-4
                )
            assert one.alignment.shape == (len(one.ids) + one.finished, len(source))
            assert one.logprobs.shape == (len(one.ids) + one.finished,)
            assert np.allclose(one.alignment.sum(1), 1, atol=1e-5)
    if not force_end:
        assert len({one.ids for options in found for one in options}) > 1


def test_eight_bits_say_nearly_the_same(tmp_path: Path) -> None:
    write_seq2seq(tmp_path, "m2m_100", encoder_ffn_dim=64)  # the decoder's 40 columns stay as they are
    whole, packed = ours(tmp_path), ours(tmp_path, quantize=True)
    assert packed.nbytes < 0.6 * whole.nbytes
    made = []
    for model in (whole, packed):
        state = model.encode([SourceIds(source) for source in SOURCES])
        logits, _ = model.logits(state, [0, 1, 2, 3], [2] * 4)
        made.append(logits)
    assert (made[0] - made[1]).norm() < 0.05 * made[0].norm()


@pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
@pytest.mark.parametrize("family", SEQ2SEQ)
def test_the_compiled_back_end_computes_the_same(family: str, tmp_path: Path) -> None:
    write_seq2seq(tmp_path, family)
    config = replace(seq2seq_config(tmp_path), bad_words_ids=(3,))
    sources = seq2seq_sources(tmp_path, config)
    torch_model = run_to_end(build_seq2seq(config, sources, torch.device("cpu")))
    compiled = native_checkpoint(config, sources, quantize=False, threads=1)
    wanted = [
        SourceIds(source, prefix) for source, prefix in zip(SOURCES, ([], [7], [], [8, 9]), strict=True)
    ]
    options = SearchOptions(max_length=12, max_length_factor=99, alignments=True)
    both = [model.translate(wanted, options) for model in (torch_model, compiled)]
    for (ours,), (theirs,) in zip(*both, strict=True):
        assert ours.ids == theirs.ids
        assert np.allclose(ours.logprobs, theirs.logprobs, atol=1e-3)
        assert np.allclose(ours.alignment, theirs.alignment, atol=1e-3)
    # a search with terms goes step by step on both
    both = [
        search(model, config, wanted, replace(options, beam_size=4), terms=[[((60, 61),)], [], [((5,),)], []])
        for model in (torch_model, compiled)
    ]
    assert [[one.ids for one in some] for some in both[0]] == [[one.ids for one in some] for some in both[1]]
