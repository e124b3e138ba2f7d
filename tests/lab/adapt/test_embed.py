"""Pairs of texts: an embedding model learns which belong together, and is a model like others then."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.torch_backend.encoder import load_encoder
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt.embed import RESULT, found_partners, pairs_of, train_embedding
from autogpt_desktop.lab.data.examples import Example, pair
from autogpt_desktop.lab.runs.events import Eval, Finished
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec
from tests.engine.tiny_folders import WORDS, write_encoder
from tests.lab.adapt.kit import ticks, tiny_base

SPEC = RunSpec("head", DataSpec(()), 1.0, task="embed")


def examples(count: int) -> list[Example]:
    """A word of the first half belongs to one of the second."""
    chooser = random.Random(0)
    words = list(WORDS)
    half = len(words) // 2
    found = []
    for _ in range(count):
        at = chooser.randrange(half)
        noise = chooser.sample(words, 2)
        found.append(pair(f"{words[at]} {words[at]} {noise[0]}", f"{words[half + at]} {noise[1]}"))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("family", ["bert", "distilbert"])
def test_partners_are_found_more_often_and_the_result_is_a_model(tmp_path: Path, family: str) -> None:
    base = tmp_path / "base"
    write_encoder(base, family)
    data = examples(150)
    events = list(train_embedding(SPEC, base, data[:120], data[120:], tmp_path / "run", clock=ticks(0.01)))
    evals = [one for one in events if isinstance(one, Eval)]
    assert max(one.accuracy or 0 for one in evals) >= (evals[0].accuracy or 0)
    assert isinstance(events[-1], Finished)
    tuned, plain = run_to_end(load_encoder(tmp_path / "run" / RESULT)), run_to_end(load_encoder(base))
    share = found_partners(tuned, pairs_of(data[120:]))
    assert share == pytest.approx(max(one.accuracy or 0 for one in evals))
    assert tuned.weights.keys() == plain.weights.keys()
    name = "embeddings.word_embeddings.weight"
    assert torch.equal(tuned.weights[name], plain.weights[name])  # only the last layers are tuned


def test_what_cannot_be_learned_is_said(tmp_path: Path) -> None:
    write_encoder(tmp_path / "base", "bert")
    for base, data, key in (
        (tiny_base(tmp_path), examples(20), "lab-embed-base"),
        (tmp_path / "base", examples(3), "lab-too-few-examples"),
        (tmp_path / "base", [Example(text="alone")] * 20, "lab-too-few-examples"),
    ):
        with pytest.raises(KnownError) as caught:
            list(train_embedding(SPEC, base, data, data[:4], tmp_path / "run"))
        assert caught.value.key == key
