"""Searches over scripted models: constraints, prefixes, Marian's rule, cancelling, limits."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.generation.beam import search
from autogpt_desktop.engine.generation.constraints import allocate, progress
from autogpt_desktop.engine.interface import Cancelled, Hypothesis, SearchOptions, SourceIds
from autogpt_desktop.errors import KnownError

END, VOCABULARY = 0, 9
CONFIG = Seq2SeqConfig(
    family="marian", vocab_size=VOCABULARY, decoder_vocab_size=VOCABULARY, d_model=4, encoder_layers=1,
    decoder_layers=1, encoder_attention_heads=1, decoder_attention_heads=1, encoder_ffn_dim=4,
    decoder_ffn_dim=4, max_position_embeddings=64, pad_token_id=8, eos_token_id=END, decoder_start_token_id=8,
)  # fmt: skip


class Table:
    """Log-probabilities that depend on the source, the two tokens before and the length, from a seed."""

    batch_invariant, nbytes = True, 0

    def __init__(self, seed: int = 0, sharp: float = 2.0) -> None:
        self.seed, self.sharp, self.steps = seed, sharp, 0

    def logprobs(self, source: Sequence[int], ids: Sequence[int]) -> np.ndarray:
        rng = np.random.default_rng([self.seed, *source, 99, *ids[-2:]])
        logits = self.sharp * rng.normal(size=VOCABULARY)
        logits[END] += len(ids) - 3.0  # likelier and likelier
        return np.asarray(logits - math.log(np.exp(logits).sum()), np.float32)

    def encode(self, sources: Sequence[SourceIds], cancelled: Callable[[], bool] = lambda: False) -> Any:
        return [(tuple(source.ids), ()) for source in sources]

    def step(self, state: Any, rows: Sequence[int], ids: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        self.steps += 1
        state[:] = [(state[row][0], (*state[row][1], id)) for row, id in zip(rows, ids, strict=True)]
        width = max(len(source) for source, _ in state)
        attention = np.zeros((len(state), width), np.float32)
        attention[:, 0] = 1
        return np.stack([self.logprobs(source, made) for source, made in state]), attention

    def translate(self, *_: Any, **__: Any) -> list[list[Hypothesis]]:
        raise NotImplementedError


def best_of_all(
    model: Table, source: SourceIds, length: int, allowed: Callable[[tuple[int, ...]], bool]
) -> Any:
    """(score, ids) of the likeliest translation with ``length`` tokens at most, by trying all of them."""
    found: list[tuple[float, tuple[int, ...]]] = []

    def go_on(ids: tuple[int, ...], total: float) -> None:
        logprobs = model.logprobs(source.ids, (8, *ids))
        ended = total + float(logprobs[END])
        if allowed(ids):
            found.append((ended / (len(ids) + 1), ids))
        if len(ids) + 1 < length:
            for token in range(1, VOCABULARY):
                go_on((*ids, token), total + float(logprobs[token]))

    go_on((), 0.0)
    return max(found)


@pytest.mark.slow
def test_a_wide_beam_finds_the_best_of_all() -> None:
    for seed in range(5):
        model, source = Table(seed, sharp=1.0), SourceIds([3, 4, END])
        options = SearchOptions(
            beam_size=600, n_best=600, max_length=4, max_length_factor=99, early_stopping="never"
        )
        found = search(model, CONFIG, [source], options)[0]
        score, ids = best_of_all(model, source, 4, lambda _: True)
        first = next(one for one in found if one.finished)
        assert first.ids == ids
        assert first.score == pytest.approx(score, abs=1e-5)
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


@pytest.mark.parametrize("rule", ["transformers", "marian"])
def test_what_is_reported_adds_up(rule: Any) -> None:
    sources = [SourceIds([n, 3, END]) for n in range(1, 7)]
    options = SearchOptions(beam_size=3, n_best=3, rule=rule, length_penalty=0.7, alignments=True)
    together = search(Table(), CONFIG, sources, options)
    for source, found in zip(sources, together, strict=True):
        assert len({one.ids for one in found}) == len(found)
        alone = search(Table(), CONFIG, [source], options)[0]
        assert [one.ids for one in alone] == [one.ids for one in found]  # whatever it travels with
        for one in found:
            ids = [*one.ids, END] if one.finished else [*one.ids]
            wanted = [Table().logprobs(source.ids, (8, *ids[:at]))[id] for at, id in enumerate(ids)]
            assert np.allclose(one.logprobs, wanted, atol=1e-5)
            assert one.score == pytest.approx(sum(wanted) / len(ids) ** 0.7, abs=1e-4)
            assert one.alignment.shape == (len(ids), len(source.ids))


def test_marians_beam_ends_when_its_places_are_taken() -> None:
    for seed in range(20):
        found = search(
            Table(seed),
            CONFIG,
            [SourceIds([1, END])],
            SearchOptions(beam_size=4, n_best=4, rule="marian", max_length=30),
        )[0]
        assert len(found) == 4


def test_a_prefix_is_kept_and_costs_nothing() -> None:
    model, prefix = Table(), [5, 5, 1]
    for beam in (1, 4):
        options = SearchOptions(beam_size=beam, n_best=beam, max_length=12, max_length_factor=99)
        for one in search(model, CONFIG, [SourceIds([2, END], prefix)], options)[0]:
            assert list(one.ids[:3]) == prefix
            assert one.score == pytest.approx(float(one.logprobs[3:].sum()) / len(one.logprobs), abs=1e-4)


TERMS = [
    (((4, 5, 6),),),
    (((4, 5),), ((5, 4),)),
    (((7,),), ((7, 7),)),
    (((1, 2, 3), (6,)), ((3, 3),)),
    (((1,),), ((2,),), ((3,),), ((4,),), ((5,),), ((6,),)),
]


def contains(ids: Sequence[int], form: Sequence[int]) -> bool:
    return any(tuple(ids[at : at + len(form)]) == tuple(form) for at in range(len(ids)))


@pytest.mark.slow
@pytest.mark.parametrize("terms", TERMS, ids=str)
@pytest.mark.parametrize("beam", [1, 4])
def test_terms_appear(terms: Any, beam: int) -> None:
    for seed in range(15):
        model = Table(seed)
        options = SearchOptions(beam_size=beam, n_best=beam, max_length=40, max_length_factor=99)
        found = search(model, CONFIG, [SourceIds([1, 2, END])], options, terms=[terms])[0]
        assert found
        for one in found:
            assert one.finished
            assert all(any(contains(one.ids, form) for form in term) for term in terms), (seed, one.ids)


@pytest.mark.slow
def test_a_wide_constrained_beam_finds_the_best_of_all() -> None:
    for seed in range(4):
        model, source = Table(seed, sharp=1.0), SourceIds([3, 4, END])
        options = SearchOptions(beam_size=2000, n_best=500, max_length=4, max_length_factor=99)
        found = search(model, CONFIG, [source], options, terms=[[((4, 2),)]])[0]
        first = next(one for one in found if one.finished)
        assert first.ids == best_of_all(model, source, 4, lambda ids: contains(ids, (4, 2)))[1]


def test_terms_that_do_not_fit_are_cut_off_and_nothing_is_endless() -> None:
    options = SearchOptions(beam_size=2, n_best=1, max_length=3)
    found = search(Table(), CONFIG, [SourceIds([1, END])], options, terms=[[((1, 2, 3, 4, 5, 6),)]])[0]
    assert found
    with pytest.raises(ValueError, match="too many"):
        search(Table(), CONFIG, [SourceIds([1, END])], options, terms=[[(tuple(range(1, 8)) * 9,)]])


def test_one_source_of_many_has_terms() -> None:
    sources = [SourceIds([n, END]) for n in range(1, 5)]
    options = SearchOptions(beam_size=3, max_length=20, max_length_factor=99)
    plain = search(Table(), CONFIG, sources, options)
    some = search(Table(), CONFIG, sources, options, terms=[[], [((7, 6),)], [], []])
    assert contains(some[1][0].ids, (7, 6))
    assert [one[0].ids for at, one in enumerate(some) if at != 1] == [
        one[0].ids for at, one in enumerate(plain) if at != 1
    ]


def test_progress_of_terms() -> None:
    state = progress([((1, 2, 3),), ((1, 2), (5,))])
    assert set(state.wanted()) == {1, 5}
    for token, bank in ((1, 1), (2, 2), (9, 2), (1, 3), (1, 3), (2, 4), (3, 5)):
        state = state.after(token)
        assert state.bank == bank, token
    assert state.complete


def test_every_bank_has_a_share() -> None:
    assert allocate([0] * 10 + [1] * 2 + [2], 6, 2) == [0, 1, 2, 10, 11, 12]
    assert allocate([0] * 3, 6, 2) == [0, 1, 2]
    assert allocate([2] * 9, 6, 2) == list(range(6))
    for banks in itertools.product(range(3), repeat=5):
        assert len(allocate(banks, 4, 2)) == 4


def test_a_search_can_be_cancelled() -> None:
    calls = iter([False] * 3 + [True])
    with pytest.raises(Cancelled):
        search(
            Table(), CONFIG, [SourceIds([1, END])], SearchOptions(beam_size=2), cancelled=lambda: next(calls)
        )


def test_weights_that_are_damaged_are_said() -> None:
    class Broken(Table):
        def logprobs(self, source: Sequence[int], ids: Sequence[int]) -> np.ndarray:
            return np.full(VOCABULARY, np.nan, np.float32)

    for beam in (1, 3):
        with pytest.raises(KnownError, match="model-numbers"):
            search(Broken(), CONFIG, [SourceIds([1, END])], SearchOptions(beam_size=beam))


def test_many_sources_take_steps_together() -> None:
    model = Table()
    sources = [SourceIds([1 + n % 7, END]) for n in range(60)]
    found = search(model, CONFIG, sources, SearchOptions(beam_size=2, max_length=10))
    assert all(found)
    assert model.steps <= 10


def test_nothing_is_asked_for_nothing() -> None:
    assert search(Table(), CONFIG, [], SearchOptions()) == []
    with pytest.raises(ValueError, match="beam"):
        search(Table(), CONFIG, [SourceIds([1])], SearchOptions(beam_size=1, n_best=2))
