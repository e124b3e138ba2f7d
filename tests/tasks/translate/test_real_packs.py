"""Real translation packs: what people read, on both back ends, in the terminal and as alternatives."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from autogpt_desktop.documents.text.glossary import Glossary, Term
from autogpt_desktop.engine import native
from autogpt_desktop.engine.generation.seq2seq import Sentence, Seq2SeqEngine
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.load_pack import load_pack
from autogpt_desktop.tasks.translate.doubt import flags_with
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.seq2seq import Seq2SeqTranslator
from autogpt_desktop.tasks.translate.translator import Answer

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


@pytest.fixture(scope="module")
def engine_pt_en(pack_pt_en: Path) -> Seq2SeqEngine:
    return run_to_end(load_pack(pack_pt_en))


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


BACK_ENDS = [
    pytest.param(
        True, marks=pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
    ),
    pytest.param(False, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("compiled", BACK_ENDS)
def test_it_thinks_of_its_own_translations_what_it_thought(pack_en_pt: Path, compiled: bool) -> None:
    pack = run_to_end(load_pack(pack_en_pt, compiled=compiled))
    own = [some[0] for some in pack.translate([Sentence(text) for text in ENGLISH], "en", "pt")]
    read = pack.score([(text, one.text) for text, one in zip(ENGLISH, own, strict=True)], "en", "pt")
    for mine, again in zip(own, read, strict=True):
        assert again is not None
        assert again.text == mine.text
        assert again.logprobs == pytest.approx(mine.logprobs, abs=1e-4)
        assert again.links == mine.links


def test_what_others_translated_is_doubted_where_it_is_wrong(engine: Seq2SeqEngine) -> None:
    pairs = [
        ("She has not read the letter yet.", "Ela ainda não leu a carta."),
        ("She has not read the letter yet.", "Ela já leu a carta."),
        ("She has read the letter.", "Ela não leu a carta."),
        (
            "The train to Lisbon leaves at half past nine.",
            "O médico disse que a minha mãe pode ir para casa.",
        ),
        (" ".join(ENGLISH[:2]), "Meu avô vendeu o moinho por dois milhões de libras."),
        (ENGLISH[0], "Meu avô vendeu o moinho por dois milhões de libras."),
    ]
    found = flags_with(engine, pairs, "en", "pt")
    assert [bool(flags) for flags in found] == [False, True, True, True, True, False], found
    assert "negation" in found[1]
    assert found[2] == ("negation",)
    assert "unlike" in found[3]
    assert "omitted" in found[4]
    both = "Meu avô vendeu o moinho por dois milhões de libras. O trem para Lisboa sai às nove e meia."
    others = [*(pair[::-1] for pair in pairs[:4]), (both, ENGLISH[0]), (both, " ".join(ENGLISH[:2]))]
    back = flags_with(engine, others, "pt", "en")  # asked the other way round
    assert [bool(flags) for flags in back] == [False, True, True, True, True, False], back
    assert "negation" in back[1]


@pytest.mark.parametrize("compiled", BACK_ENDS)
def test_words_may_be_others_that_fit(pack_en_pt: Path, compiled: bool) -> None:
    pack = run_to_end(load_pack(pack_en_pt, compiled=compiled))
    text, prefix = "The map showed no earthquakes in Iceland last week.", "O mapa não "
    found = pack.other_words(Sentence(text, prefix), "en", "pt", most=6)
    words = [one.text.removeprefix(prefix).split()[0] for one, _, _ in found]
    chances = [chance for _, chance, _ in found]
    assert words[0] == "mostrou"
    assert {"apresentou", "mostrava"} & set(words)
    assert len(set(words)) == len(words)
    assert chances == sorted(chances, reverse=True)
    own = pack.translate([Sentence(text, f"{prefix}mostrou ")], "en", "pt")[0][0]
    assert found[0][0].text == own.text
    assert found[0][0].links == own.links
    assert all("Islândia" in one.text and one.text.endswith(".") for one, _, _ in found)


def test_a_begun_word_is_completed(engine: Seq2SeqEngine) -> None:
    for prefix in ("Meu avô vend", "Meu avô ven", "Meu avô vendeu", "Meu avô vendeu "):
        [[one]] = engine.translate([Sentence(ENGLISH[0], prefix)], "en", "pt")
        assert one.text.startswith("Meu avô vendeu o moinho"), (prefix, one.text)


TERMS = [
    ("car", "viatura", "The car broke down on the road to Porto.", "A viatura"),  # with its article
    ("bus", "autocarro", "The bus was late this morning.", "O autocarro"),
    (
        "house",
        "moradia",
        "These houses were built in 1950.",
        "Estas moradias foram construídas",
    ),  # their number
    ("train", "comboio", "The train to Lisbon leaves at nine.", "comboio"),
    ("bus", "autocarro", "Three buses were late because of the snow.", "autocarros estavam atrasados"),
    ("team", "equipa", "Our team won both matches.", "equipa venceu"),  # "equipe" is another word
    ("computer", "ordenador", "My computer is broken, it was expensive.", "Meu ordenador está quebrado"),
    ("truck", "viatura pesada", "Both trucks were parked behind the station.", "Ambas as viaturas pesadas"),
    ("bridge", "viaduto", "Both bridges were closed for repairs.", "viadutos foram fechados"),
    ("customer", "freguês", "The customers were angry.", "Os fregueses"),
    ("trucks", "camiões", "The trucks were old and slow.", "Os camiões eram"),
    ("hospital", "clínica", "The new hospital was opened by the minister.", "A nova clínica foi aberta"),
]
ENGLISH_TERMS = [
    ("reunião", "assembly", "As reuniões foram adiadas para junho.", "The assemblies were"),
    ("rapariga", "lass", "As raparigas cantavam no jardim.", "The lasses"),
    ("relatório", "dossier", "Ele escreveu três relatórios sobre a guerra.", "wrote three dossiers"),
    ("lápis", "crayon", "Comprei três lápis na papelaria.", "three crayons"),  # as the model tells
    ("escola", "academy", "A minha filha vai à escola a pé.", "My daughter goes to"),
]


@pytest.mark.parametrize(("term", "other", "text", "said"), TERMS)
def test_a_term_stands_where_it_belongs(
    engine: Seq2SeqEngine, term: str, other: str, text: str, said: str
) -> None:
    one = with_terms(engine, Term(term, other), text, "en", "pt")
    assert said in one.text
    assert one.flags == ()


@pytest.mark.parametrize(("term", "other", "text", "said"), ENGLISH_TERMS)
def test_an_english_term_has_the_number_of_what_it_stands_for(
    engine_pt_en: Seq2SeqEngine, term: str, other: str, text: str, said: str
) -> None:
    one = with_terms(engine_pt_en, Term(term, other), text, "pt", "en")
    assert said in one.text
    assert "glossary" not in one.flags


def with_terms(engine: Seq2SeqEngine, term: Term, text: str, source: str, target: str) -> Answer:
    glossary = Glossary([term]).between(source, target)
    assert glossary.found(text) == [term]
    sentence = SourceSentence(text, source, ((term.source, term.target),))
    answers = Seq2SeqTranslator(engine).answers([sentence], target, glossary, "quick", lambda: False)
    return run_to_end(answers)[0]


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
