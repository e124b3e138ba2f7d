"""A chat model proposes trials: what it is told, what of its answers is used, and what that was worth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Done, Text
from autogpt_desktop.lab.runs.events import Event, Notice, Trial
from autogpt_desktop.lab.search import search as module
from autogpt_desktop.lab.search.machine import Machine
from autogpt_desktop.lab.search.proposer import ProposalError, Proposer, best_of, prompt, read_proposal
from autogpt_desktop.lab.search.search import open_study, point_of, search, suggest
from autogpt_desktop.lab.search.shapes import Candidate
from autogpt_desktop.lab.train.settings import Deadline
from autogpt_desktop.lab.train.trainer import Outcome
from tests.lab.train.kit import VOCAB, Ticks, corpus

MACHINE = Machine("float32", VOCAB, (128, 256), (2e-6, 6e-6), (2e-6, 4e-6), 1e-9)


class Scripted:
    """A chat model that says what stands in ``answers``, in turn."""

    name = "Scripted"
    template = SimpleNamespace(stop=("<end>",))

    def __init__(self, *answers: str | KnownError) -> None:
        self.answers, self.asked, self.closed = list(answers), [], False

    def chat_ids(self, messages: list[dict[str, str]]) -> list[int]:
        self.asked.append(messages[-1]["content"])
        return [1]

    def stream(self, ids: list[int], sampling: Any) -> Iterator[Any]:
        answer = self.answers[(len(self.asked) - 1) % len(self.answers)]
        if isinstance(answer, KnownError):
            raise answer
        yield from (Text(answer[:5]), Text(answer[5:]))
        yield Done("stop", 1, 0, 1, 0.0, 0.0, 0.0)

    def close(self) -> None:
        self.closed = True


def trial(bits: float, number: int = 0, **changes: Any) -> Trial:
    shape = asdict(Candidate(**changes)) | {"hidden_size": 64}
    return Trial(number, 1000, shape, "done", bits, bits)


def test_it_is_told_what_was_tried() -> None:
    trials = [
        trial(2.5, 0),
        trial(2.25, 1, aspect=32.0),
        Trial(2, 0, asdict(Candidate()), "failed", reason="memory"),
    ]
    said = prompt(trials, (64, 128))
    assert "context: 64 or 128 (" in said
    lines = said.splitlines()
    best, other = (
        next(at for at, line in enumerate(lines) if f"{bits} bits" in line) for bits in ("2.250", "2.500")
    )
    assert best < other
    assert '"aspect": 32.0' in lines[best]
    assert "failed: memory" in said
    assert best_of(trials).aspect == 32.0
    assert best_of([]) == Candidate()
    assert len(prompt([trial(2 + at / 100, at) for at in range(500)])) < 6000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"aspect": 64, "context": 128}', {"aspect": 64.0, "context": 128}),
        ('Sure! ```json\n{"learning_rate": 0.01, "because": "x"}\n```', {"learning_rate": 0.01}),
        ('{"head_dim": 32.0, "mlp_ratio": 2}', {"head_dim": 32, "mlp_ratio": 2.0}),
        ("none", "no JSON object"),
        ("{aspect: 64}", "the JSON is broken"),
        ('{"aspect": 64', "the JSON is broken"),
        ("{" * 100_000, "the JSON is broken"),
        ('{"a": ' * 100_000, "the JSON is broken"),
        ('{"other": 1}', "no setting is named"),
        ('{"aspect": 1000}', "not within 16 to 128"),
        ('{"aspect": NaN}', "is no number"),
        ('{"aspect": "64"}', "is no number"),
        ('{"aspect": true}', "is no number"),
        ('{"context": 512}', "is not one of 64, 128"),
        ('{"aspect": 48}', "tried before"),
    ],
)
def test_only_what_is_within_the_space_is_used(text: str, expected: dict[str, Any] | str) -> None:
    if isinstance(expected, dict):
        found = read_proposal(text, Candidate(), [Candidate()], (64, 128))
        assert found == Candidate(**expected)
        assert point_of(found, 10**6)
        return
    with pytest.raises(ProposalError, match=expected):
        read_proposal(text, Candidate(), [Candidate()], (64, 128))


def searched(
    folder: Path, monkeypatch: pytest.MonkeyPatch, engine: Scripted
) -> tuple[list[Event], Candidate]:
    """A search whose trials do better with a higher learning rate, without training anything."""

    def outcome_of(trainer: Any) -> Outcome:
        loss = 3.0 - 0.2 * math.log(trainer.settings.learning_rate / 1e-4)
        return Outcome("time", 10, 1000, loss, loss, 100.0)

    monkeypatch.setattr(module, "_outcome", outcome_of)
    monkeypatch.setattr(module, "trainable", lambda *_: None)
    monkeypatch.setattr(module, "Trainer", lambda _, __, settings, *___: SimpleNamespace(settings=settings))
    proposer = Proposer(engine)  # type: ignore[arg-type]
    deadline = Deadline(80.0, clock=Ticks(0.5))
    steps = search(MACHINE, corpus(), folder, deadline, torch.device("cpu"), proposer=proposer)
    events: list[Event] = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as done:
            return events, done.value


@pytest.mark.slow
def test_every_fourth_trial_is_its_and_the_search_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Scripted(
        '{"learning_rate": 0.019, "aspect": 20}', "I do not know.", KnownError("prompt-too-long")
    )
    events, _ = searched(tmp_path, monkeypatch, engine)
    trials = [one for one in events if isinstance(one, Trial)]
    first = [one for one in trials if one.rung == 0]
    theirs = [one for one in first if one.proposed_by == "model"]
    assert 0 < len(theirs) <= len(trials) // 4 + 1
    assert theirs[0].status == "done"
    assert (theirs[0].shape["learning_rate"], theirs[0].shape["aspect"]) == (pytest.approx(0.019), 20)
    assert [one.reason for one in theirs[1:3]] == ["no JSON object", "prompt-too-long"][: len(theirs) - 1]
    assert "bits per byte" in engine.asked[0]
    (notice,) = [one for one in events if isinstance(one, Notice)]
    assert notice.key == "notice.lab-proposer-worth"
    assert notice.values["count"] == len(theirs)
    assert float(notice.values["best"]) == pytest.approx(theirs[0].bits_per_byte, abs=1e-3)
    rivals = [one.bits_per_byte for one in first if one.proposed_by == "search" and one.status == "done"]
    assert float(notice.values["search"]) == pytest.approx(min(rivals), abs=1e-3)
    assert any(
        one.rung and one.proposed_by == "model" for one in trials
    )  # it goes on to the next rung as its own


@pytest.mark.slow
def test_a_model_that_proposes_nothing_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, _ = searched(tmp_path, monkeypatch, Scripted("no"))
    theirs = [one for one in events if isinstance(one, Trial) and one.proposed_by == "model"]
    assert theirs
    assert all(one.status == "failed" for one in theirs)
    assert any(isinstance(one, Notice) and one.key == "notice.lab-proposer-nothing" for one in events)
    assert any(isinstance(one, Trial) and one.status == "done" for one in events)


def test_a_candidate_is_a_point_of_the_space(tmp_path: Path) -> None:
    study, _ = open_study(tmp_path, 0)
    wanted = Candidate(5.0, 100.0, 32, 4, 3.5, 128, 8192, 0.002)
    study.enqueue_trial(point_of(wanted, 10**6))
    assert suggest(study.ask(), 10**6) == wanted
