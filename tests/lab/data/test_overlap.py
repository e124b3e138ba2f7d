"""What documents share is on one side only, wherever it stands in them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from autogpt_desktop.lab.data.overlap import Apart, passages, set_apart
from autogpt_desktop.lab.data.prepare import open_corpus, prepare_corpus
from autogpt_desktop.lab.runs.events import Notice
from tests.lab.data.test_prepare import spec, texts_of

LETTERS = "etaoinshrdlucmfwypvbgk"


def words(chance: random.Random, count: int) -> str:
    """Made-up words, no two texts with the same."""
    return " ".join("".join(chance.choices(LETTERS, k=chance.randint(2, 9))) for _ in range(count))


def clauses(count: int, seed: int = 0) -> list[str]:
    chance = random.Random(seed)
    return [words(chance, 60).capitalize() + "." for _ in range(count)]


def document(parts: list[str]) -> str:
    return "\n\n".join(parts) + "\n"


def test_shared_clauses_are_left_out_of_the_checking() -> None:
    shared, own, others = clauses(4), clauses(6, 1), clauses(20, 2)
    held = [document([own[0], shared[0], own[1], shared[1], *own[2:]])]
    changed = shared[1].replace(" ", "\n", 7).upper()  # white space and case make no other text
    train = [document([others[0], shared[0], *others[1:9]]), document([*others[9:], changed])]
    found = set_apart(train, held)
    assert (found.side, found.count, found.train) == ("held_out", 2, train)
    assert found.held_out == [document(own)]
    assert 0.2 < found.share < 0.3


def test_a_few_other_words_make_no_other_passage() -> None:
    chance = random.Random(3)
    (clause,), own, others = clauses(1), clauses(5, 1), clauses(9, 2)
    edited = clause.split()
    for at in (9, 40):
        edited[at] = words(chance, 1)
    found = set_apart([document([*others, " ".join(edited)])], [document([*own, clause])])
    assert found.count == 1
    assert clause not in found.held_out[0]


def test_where_little_would_be_left_to_check_by_the_training_gives_way() -> None:
    shared, others = clauses(3), clauses(40, 2)
    train = [document([*others[:20], *shared, *others[20:]])]
    found = set_apart(train, [document(shared)])
    assert (found.side, found.count) == ("train", 3)
    assert found.train == [document(others)]
    assert found.held_out == [document(shared)]


def test_where_all_is_alike_nothing_is_lost_and_it_is_said() -> None:
    shared = clauses(3)
    train, held = [document(shared)] * 5, [document(shared)]
    assert set_apart(train, held) == Apart(train, held, 3, pytest.approx(1), "")


def test_other_texts_are_left_as_they_are() -> None:
    train, held = [document(clauses(30, 1))], [document(clauses(5, 2)), "short", "\n\n \n\n"]
    assert set_apart(train, held) == Apart(train, held)
    assert set_apart([], held) == Apart([], held)
    assert set_apart(train, []) == Apart(train, [])


@pytest.mark.parametrize("text", ["", "\n", "a\n \n\t\nb", " " * 9000, "x" * 5000, document(clauses(9))])
def test_passages_are_the_text(text: str) -> None:
    assert "".join(passages(text)) == text


@pytest.mark.slow
def test_a_folder_of_licenses(tmp_path: Path) -> None:
    """Thirty of them, each of its own clauses and some that others have: none of these is on both sides."""
    chance = random.Random(5)
    common, source = clauses(12), tmp_path / "licenses"
    source.mkdir()
    for number in range(30):
        parts = [*clauses(6, 100 + number), *chance.sample(common, 3)]
        chance.shuffle(parts)
        (source / f"{number}.txt").write_text(document(parts), encoding="utf-8")
    events = list(prepare_corpus(spec(source, held_out=0.1), tmp_path / "data"))
    (notice,) = [one for one in events if isinstance(one, Notice) and "shared" in one.key]
    assert notice.key == "notice.lab-data-shared-checking"
    corpus, _, _ = open_corpus(tmp_path / "data")
    train, held = (
        "\n".join(texts_of(np.asarray(ids), tmp_path / "data")) for ids in (corpus.train, corpus.held_out)
    )
    assert held
    assert not any(clause in train and clause in held for clause in common)
