"""Encoder–decoders behind Translate: folders of tiny random weights, and one that is scripted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt_desktop.catalog import installed
from autogpt_desktop.catalog.roles import can_play
from autogpt_desktop.documents.text.glossary import Glossary, Term
from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.generation.beam import search
from autogpt_desktop.engine.generation.partial_word import begun_word, completions
from autogpt_desktop.engine.generation.seq2seq import Sentence, Seq2SeqEngine
from autogpt_desktop.engine.interface import Cancelled, SourceIds
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.engine.tokenizer.seq2seq import Seq2SeqTokenizer
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.tasks.translate.files import correct_file, translate_file
from autogpt_desktop.tasks.translate.translate import (
    Translated,
    Translation,
    alternatives,
    translate,
    translate_many,
)
from autogpt_desktop.tasks.translate.translator import Link, kept_links
from autogpt_desktop.tasks.translate.translators import translator_for
from tests.engine.seq2seq_folders import write_m2m100, write_marian, write_nllb

WORDS = {
    "the": "le", "cat": "chat", "dog": "chien", "sleeps": "dort", "house": "maison", "red": "rouge", ".": ".",
    "here": "ici", "a": "un", "sees": "voit",
}  # fmt: skip
OTHERS = {"cat": ("matou", "minet"), "house": ("demeure",)}
_FRENCH = ["matou", "demeure", "minet", *(word for word in WORDS.values() if word != ".")]
TARGETS = ["</s>", "<unk>", *(f"▁{word}" for word in _FRENCH), "."]
SOURCES = ["</s>", "<unk>", *(word for word in WORDS)]


class Dictionary:
    """Says word by word what the dictionary says, or with a small chance another word; looks at that word."""

    batch_invariant, nbytes = True, 0

    def __init__(self, config: Seq2SeqConfig) -> None:
        self.config = config

    def encode(self, sources: Sequence[SourceIds], cancelled: Any = None) -> Any:
        return [(tuple(source.ids), -1) for source in sources]

    def step(self, state: Any, rows: Sequence[int], ids: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        state[:] = [(state[row][0], state[row][1] + 1) for row in rows]
        logits = np.full((len(rows), len(TARGETS)), -9.0, np.float32)
        attention = np.zeros((len(rows), max(len(source) for source, _ in state)), np.float32)
        for row, (source, at) in enumerate(state):
            at = min(at, len(source) - 1)
            word = SOURCES[source[at]]
            said = WORDS.get(word, "")
            for other in OTHERS.get(word, ()):
                logits[row, TARGETS.index(f"▁{other}")] = -4.0
            logits[row, TARGETS.index(said if said == "." else f"▁{said}") if said else 0] = 0.0
            attention[row, at] = 1
        return logits, attention

    def translate(self, sources: Any, options: Any, cancelled: Any) -> Any:
        return search(self, self.config, sources, options, cancelled=cancelled)


def dictionary() -> Seq2SeqEngine:
    config = Seq2SeqConfig(
        family="marian", vocab_size=len(SOURCES), decoder_vocab_size=len(TARGETS), d_model=4,
        encoder_layers=1, decoder_layers=1, encoder_attention_heads=1, decoder_attention_heads=1,
        encoder_ffn_dim=4, decoder_ffn_dim=4, max_position_embeddings=12, pad_token_id=1, eos_token_id=0,
        decoder_start_token_id=0, bad_words_ids=(1,), languages=("en", "fr"), pairs=(("en", "fr"),),
        name="words",
    )  # fmt: skip

    def split(text: str) -> list[tuple[str, tuple[int, int]]]:
        return [(match[0].lower(), match.span()) for match in re.finditer(r"\w+|[^\w\s]", text)]

    def split_target(text: str) -> list[tuple[str, tuple[int, int]]]:
        return [(f"▁{piece}" if piece != "." else piece, span) for piece, span in split(text)]

    ids = [{word: id for id, word in enumerate(words)} for words in (SOURCES, TARGETS)]
    tokenizer = Seq2SeqTokenizer(split, split_target, *ids, end=0, languages={}, style="none")
    return Seq2SeqEngine("words", config, Dictionary(config), tokenizer)


def chosen(engine: Seq2SeqEngine) -> Any:
    def choose(models: Any, source: str, target: str) -> Iterator[Any]:
        yield Notice("notice.gpu-full")
        return translator_for(engine)

    return choose


def translated(text: str, **more: Any) -> tuple[Translation, list[Translated]]:
    events = list(translate(None, text, "en", "fr", choose=chosen(dictionary()), **more))  # type: ignore[arg-type]
    return events[-1].value, [event for event in events if isinstance(event, Translated)]  # type: ignore[union-attr]


@pytest.mark.parametrize("quality", ["quick", "best"])
def test_words_are_linked_to_their_counterparts(quality: str) -> None:
    text = "* The cat sleeps.\nA red house."
    whole, sentences = translated(text, quality=quality)
    assert whole.text == "* le chat dort.\nun rouge maison."
    links = {
        (sentence.source[link.source_start : link.source_end], sentence.text[link.start : link.end])
        for sentence in sentences
        for link in sentence.links
    }
    assert links == {
        ("The", "le"), ("cat", "chat"), ("sleeps", "dort"), (".", "."), ("A", "un"), ("red", "rouge"),
        ("house", "maison"),
    }  # fmt: skip
    assert all(0 < sentence.confidence <= 1 for sentence in sentences)


@pytest.mark.slow
def test_terms_of_the_glossary_are_put_where_they_fit() -> None:
    glossary = Glossary([Term("cat", "matou"), Term("house", "demeure")])
    whole, sentences = translated("The cat sleeps. The dog sees the house.", glossary=glossary)
    assert whole.text == "le matou dort. le chien voit le demeure."
    assert not any("glossary" in sentence.flags for sentence in sentences)
    (link,) = [link for link in sentences[0].links if sentences[0].text[link.start : link.end] == "matou"]
    assert sentences[0].source[link.source_start : link.source_end] == "cat"


def test_a_term_is_put_in_the_place_of_what_said_it() -> None:
    glossary = Glossary([Term("cat", "matou")])
    whole, (sentence,) = translated("The dog sees the cat.", glossary=glossary)
    assert whole.text == "le chien voit le matou."
    assert sentence.flags == ()


def test_a_sentence_cut_in_parts_keeps_its_terms() -> None:
    engine, text = dictionary(), "the dog sleeps here the dog sees a dog here the cat sleeps"  # too long
    at = text.index("cat")
    [[one]] = engine.translate([Sentence(text, terms=(("matou",),), places=(at,))], "en", "fr", beam_size=4)
    assert one.text == "le chien dort ici le chien voit un chien ici le matou dort"


def test_a_word_that_is_only_begun_is_completed() -> None:
    """ "mat" may become "matou", or be a word by itself, which is less likely."""
    pieces = {0: "</s>", 1: "▁le", 2: "▁mat", 3: "▁matou", 4: "▁", 5: "mat", 6: "matou", 7: "▁chat"}
    assert completions([1, 2], 1, pieces, None) == [[1, 2], [1, 3]]
    assert completions([1, 4, 5], 1, pieces, None) == [[1, 4, 5], [1, 3], [1, 4, 6]]
    assert completions([1, 2], 1, pieces, [0, 7]) == [[1, 2]]
    assert begun_word("le mat") == 3
    assert begun_word("le mat ") == len("le mat ")
    assert begun_word("l'été 1") == len("l'été 1")
    for prefix, text in (("le matou ", "le matou dort."), ("le", "le chat dort.")):
        [[one]] = dictionary().translate([Sentence("The cat sleeps.", prefix)], "en", "fr")
        assert one.text == text


@pytest.mark.parametrize("texts", [["The cat sleeps."] * 2500, ["The cat sleeps.\n" * 2500]])
def test_a_very_long_text_is_given_up_before_a_model_is_loaded(texts: list[str]) -> None:
    def choose(models: Any, source: str, target: str) -> Iterator[Any]:
        raise AssertionError("asked for a model")
        yield

    events = translate_many(
        None,  # type: ignore[arg-type]
        texts,
        "en",
        "fr",
        choose=choose,
        cancelled=lambda: True,
    )
    with pytest.raises(Cancelled):
        list(events)
    more = translate_many(None, texts, "en", "fr", choose=choose)  # type: ignore[arg-type]
    assert [next(more) for _ in range(2)] == [Progress("stage.translating", 0, 0)] * 2


def test_other_ways_begin_as_they_are_told_and_fit_the_rest() -> None:
    engine = dictionary()
    events = alternatives(
        None,
        "The cat sleeps.",
        "en",
        "fr",
        n=4,
        prefix="le minet ",
        choose=chosen(engine),  # type: ignore[arg-type]
    )
    (found,) = [event.value for event in events if isinstance(event, Result)]
    assert found[0].text == "le minet dort."
    assert len({one.text for one in found}) == len(found) > 1
    assert all(one.text.startswith("le minet ") for one in found)


@pytest.mark.parametrize(
    ("prefix", "words", "others"),
    [
        ("le ", "chat", {"le matou dort ici.", "le minet dort ici."}),
        ("", "le chat", {"le matou dort ici.", "le minet dort ici."}),  # a phrase: from each of its words
        ("le chat ", "dort", set()),  # the model knows no other
    ],
)
def test_a_word_of_a_translation_may_be_another(prefix: str, words: str, others: set[str]) -> None:
    events = alternatives(
        None, "The cat sleeps here.", "en", "fr", n=4, prefix=prefix, instead_of=words,
        choose=chosen(dictionary()),  # type: ignore[arg-type]
    )  # fmt: skip
    (found,) = [event.value for event in events if isinstance(event, Result)]
    assert {one.text for one in found} == others
    for one in found:
        said = {(a, b): one.text[c:d] for a, b, c, d in one.links}
        assert said[8, 14] == "dort"


@pytest.mark.slow
def test_a_sentence_that_is_longer_than_the_model_reads_is_translated_in_parts() -> None:
    engine, text = dictionary(), " ".join(["the cat sees a dog"] * 1000)  # 5,000 words
    (made,) = engine.translate([Sentence(text)], "en", "fr")
    assert made[0].text == " ".join(["le chat voit un chien"] * 1000)
    for a, b, c, d in made[0].links:
        assert WORDS[text[a:b]] == made[0].text[c:d]
    assert len(made[0].links) == 5000


def test_what_others_translated_is_read_token_by_token() -> None:
    engine = dictionary()
    (own,) = engine.translate([Sentence("The cat sleeps.")], "en", "fr")
    pairs = [("The cat sleeps.", text) for text in (own[0].text, "le minet dort.", "le chien dort.", "")]
    same, other, wrong, nothing = engine.score([*pairs, ("The cat " * 20, "le chat")][:4], "en", "fr")
    assert same is not None
    assert other is not None
    assert wrong is not None
    assert nothing is None
    assert same == replace(own[0], score=sum(own[0].logprobs))
    assert same.logprob > other.logprob > wrong.logprob
    assert engine.score([("the cat " * 20, "le chat")], "en", "fr") == [None]  # longer than it can read
    with pytest.raises(Cancelled):
        engine.score(pairs, "en", "fr", cancelled=lambda: True)


def test_a_pair_that_the_model_is_not_made_for_is_refused() -> None:
    with pytest.raises(KnownError, match="language-not-offered") as error:
        list(translate(None, "Hello.", "en", "de", choose=chosen(dictionary())))  # type: ignore[arg-type]
    assert error.value.values == {"language": "German", "languages": "fr"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["marian", "m2m100", "nllb"])
def test_a_folder_is_added_and_translates(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / f"{kind}-en-fr"
    {"marian": write_marian, "m2m100": write_m2m100, "nllb": write_nllb}[kind](folder)
    model = installed.add(folder)
    assert (model.kind, model.problem) == ("seq2seq", None)
    assert not can_play(model, "chat")
    assert {"en", "fr"} <= set(model.languages)
    assert can_play(model, "translate") == (not model.pairs)
    pool = ModelPool(lambda role: folder, device="cpu", quantize="int8")
    text = "The cat sat on the mat.\n\n42\n你好 \udc80 ünknown ж.\n" + "x" * 3000 + "\nThe house is red."
    events = list(translate(pool, text, "en", "fr", known=model.languages))
    whole = events[-1].value  # type: ignore[union-attr]
    assert whole.text.count("\n") == text.count("\n")
    assert "42" in whole.text.splitlines()
    assert "x" * 3000 in whole.text
    with pytest.raises(KnownError, match="language-not-offered"):
        list(translate(pool, "Hello.", "en", "sw" if kind != "m2m100" else "tlh", known=("en", "sw", "tlh")))
    with pytest.raises(KnownError, match="model-not-for-role"):
        list(pool.get("chat"))
    with pytest.raises(Cancelled):
        list(translate(pool, "Another one.", "en", "fr", cancelled=lambda: True))
    pool.unload()


@pytest.mark.slow
def test_a_translation_without_an_end_is_flagged(tmp_path: Path) -> None:
    write_marian(tmp_path / "opus-mt-en-fr")
    pool = ModelPool(lambda role: tmp_path / "opus-mt-en-fr", device="cpu")
    engine = list(pool.get("translate")) and pool.loaded[0].engine
    assert isinstance(engine, Seq2SeqEngine)
    endless = replace(engine.config, bad_words_ids=(*engine.config.bad_words_ids, engine.config.eos_token_id))
    engine.model.config = endless  # type: ignore[attr-defined]
    events = list(translate(pool, "The cat sat on the mat.", "en", "fr"))
    (sentence,) = [event for event in events if isinstance(event, Translated)]
    assert "long" in sentence.flags
    pool.unload()


def test_links_carry_the_formatting_of_a_file_and_nothing_is_asked_on_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("The **red house** sees the *dog*.\n", encoding="utf-8")
    engine = dictionary()
    asked: list[str] = []
    ask = engine.translate

    def translate(sentences: Sequence[Sentence], *more: Any, **named: Any) -> Any:
        asked.extend(one.text for one in sentences)
        return ask(sentences, *more, **named)

    engine.translate = translate  # type: ignore[method-assign]
    *_, last = translate_file(None, path, None, "en", "fr", choose=chosen(engine))  # type: ignore[arg-type]
    assert isinstance(last, Result)
    assert last.value.out.read_text("utf-8") == "le **rouge maison** voit le *chien*.\n"
    assert asked == ["The red house sees the dog."]
    *_, corrected = correct_file(last.value, 0, 0, "le rouge maison regarde le chien.")
    assert isinstance(corrected, Result)
    assert corrected.value.out.read_text("utf-8") == "le **rouge maison** regarde le *chien*.\n"


def test_links_of_what_a_corrected_sentence_begins_and_ends_with_stay() -> None:
    links = [Link(0, 3, 0, 2), Link(4, 7, 3, 7), Link(8, 12, 8, 12)]
    assert kept_links(links, "le chat dort", "le matou dort") == (links[0], Link(8, 12, 9, 13))
    assert kept_links(links, "le chat dort", "le chat dort") == tuple(links)
    assert kept_links(links, "le chat dort", "") == ()
