"""Real translation packs: what people read, on both back ends, in the terminal and as alternatives."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from autogpt_desktop.engine import native
from autogpt_desktop.engine.generation.seq2seq import Sentence, Seq2SeqEngine
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.load_pack import load_pack
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.seq2seq import Seq2SeqTranslator

ENGLISH = [
    "My grandfather sold the mill for two million pounds.",
    "The train to Lisbon leaves at half past nine.",
    "She has not read the letter yet.",
    "Where can I buy a new battery for this phone?",
    "The doctor said that my mother may go home on Friday.",
]
WORDS = [  # without which the sentence is not there, however it is said
    ("avô", "moinho", "dois milhões", "libras"),
    ("Lisboa", "nove"),
    ("não", "carta"),
    ("bateria", "telefone"),
    ("médico", "mãe", "casa", "sexta"),
]


@pytest.fixture(scope="module")
def engine(pack_en_pt: Path) -> Seq2SeqEngine:
    return run_to_end(load_pack(pack_en_pt))


def said(engine: Seq2SeqEngine, texts: list[str]) -> list[str]:
    return [some[0].text for some in engine.translate([Sentence(text) for text in texts], "en", "pt")]


def test_nothing_of_a_sentence_is_lost(engine: Seq2SeqEngine) -> None:
    for text, words in zip(said(engine, ENGLISH), WORDS, strict=True):
        assert all(word in text for word in words), text


def test_a_sentence_does_not_depend_on_its_company(engine: Seq2SeqEngine) -> None:
    assert [said(engine, [text])[0] for text in ENGLISH] == said(engine, ENGLISH)


@pytest.mark.slow
@pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
def test_torch_says_the_same(engine: Seq2SeqEngine, pack_en_pt: Path) -> None:
    assert said(run_to_end(load_pack(pack_en_pt, compiled=False)), ENGLISH) == said(engine, ENGLISH)


def test_words_are_linked_to_their_counterparts(engine: Seq2SeqEngine) -> None:
    [[one]] = engine.translate([Sentence(ENGLISH[0])], "en", "pt")
    linked = {(ENGLISH[0][a:b], one.text[c:d]) for a, b, c, d in one.links}
    for english, portuguese in (("grandfather", "avô"), ("mill", "moinho"), ("two", "dois")):
        assert any(english in left and portuguese in right for left, right in linked), (english, linked)


def test_what_begins_as_told_fits_the_rest(engine: Seq2SeqEngine) -> None:
    some = engine.translate([Sentence(ENGLISH[2], prefix="Ainda")], "en", "pt", beam_size=4, n_best=3)[0]
    assert len(some) == 3
    assert all(one.text.startswith("Ainda") for one in some)
    assert "carta" in some[0].text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("The \u16a0\u16a2\u16a6 runes and \U00012000\U00012001 stand on the \u2d63\u2d53 wall.", 3),
        ("\U0001f600\U0001f600 is the answer.", 1),
        ("Press {key} or write to a_b@example.org about `x = {y}` in notes.txt.", 4),
    ],
)
def test_what_a_pack_does_not_know_comes_through(engine: Seq2SeqEngine, text: str, parts: int) -> None:
    wish = SourceSentence(text, "en")
    ((answer,),) = run_to_end(Seq2SeqTranslator(engine).several([wish], "pt", 1, lambda: False))
    kept = re.findall(
        r"[\u16a0-\u16f8]+|[\U00012000-\U00012399]+|[\u2d30-\u2d7f]+|\U0001f600+|`.*?`|\{\w+\}|\S+@\S+|\S+txt",
        text,
    )
    assert len(kept) == parts
    assert all(answer.text.count(one) == 1 for one in kept), answer.text


def test_there_and_back(engine: Seq2SeqEngine, pack_pt_en: Path) -> None:
    back = run_to_end(load_pack(pack_pt_en))
    portuguese = said(engine, ENGLISH)
    again = [some[0].text for some in back.translate([Sentence(text) for text in portuguese], "pt", "en")]
    assert "two million pounds" in again[0]
    assert "not" in again[2] or "n't" in again[2]


@pytest.mark.slow
def test_a_line_in_is_a_line_out_in_the_terminal(pack_en_pt: Path) -> None:
    command = [sys.executable, "-m", "autogpt_desktop", "translate", "--from", "en", "--to", "pt"]
    done = subprocess.run(
        [*command, "--model", str(pack_en_pt)],
        input="\n".join(ENGLISH) + "\n",
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(ENGLISH)
    assert all(word in line for line, words in zip(lines, WORDS, strict=True) for word in words)
