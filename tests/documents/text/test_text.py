"""Sentences, languages and passages."""

from __future__ import annotations

import itertools
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt_desktop.documents.text.passages import detect, passages, sentences
from autogpt_desktop.documents.types import Document, Page


def cut(text: str, language: str = "") -> list[str]:
    return [text[start:end] for start, end in sentences(text, language)]


@pytest.mark.parametrize(
    ("language", "parts"),
    [
        ("en", ["Dr. Smith paid $3.50 to J. R. Jones at example.com.", "He left at 5 p.m.", "Then what?"]),
        ("en", ['"Really?" she asked.', "Yes!", "(It was late.)", "See Fig. 3 and No. 5, e.g. Paris."]),
        ("en", ["The U.S. Army came.", "It was made in the U.S.", "It was good.", "Wait... what?", "Well…"]),
        ("en", ["Read https://a.example/b.c?d=1.", "It works."]),
        ("de", ["Am 3. Oktober kam z.B. Dr. Meier.", "Im 19. Jahrhundert.", "„Gut.“", "Ende."]),
        ("fr", ["« Oui. »", "Il partit.", "M. Dupont est là !", "C'est vrai ?"]),
        ("es", ["¿Qué?", "¡Hola!", "El Sr. Pérez vino."]),
        ("ru", ["Улица им. Ленина и т.д.", "А. С. Пушкин жил тут.", "Конец?"]),
        ("ar", ["هل هذا صحيح؟", "نعم.", "شكرا."]),
        ("ko", ["안녕하세요.", "저는 학생입니다.", "정말요?"]),
        ("hi", ["यह सच है।", "ठीक है।"]),
    ],
)
def test_sentences_of_spaced_writing(language: str, parts: list[str]) -> None:
    assert cut(" ".join(parts), language) == parts


@pytest.mark.parametrize(
    "parts",
    [
        ["他说：“你好！”", "价格是3.5元。", "真的吗？", "是的！！"],
        ["「はい。」と言った。", "今日は晴れ。", "そうですか？"],
    ],
)
def test_sentences_of_writing_without_spaces(parts: list[str]) -> None:
    assert cut("".join(parts)) == parts


def test_a_line_break_ends_a_sentence_unless_the_line_is_wrapped() -> None:
    wrapped = "This sentence is so long that the writer\nhad to go on in a second line of the same\nwidth."
    assert cut(f"A Heading\n\n{wrapped} Next.\n- one\n- two") == [
        "A Heading",
        wrapped,
        "Next.",
        "- one",
        "- two",
    ]
    assert cut("Milk\nBread\nEggs") == ["Milk", "Bread", "Eggs"]
    assert cut("1. First. And more.\n2. Second") == ["1. First.", "And more.", "2. Second"]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("aB. \n。！“”3,?é中\t…»")))
def test_nothing_but_white_space_lies_between_sentences(text: str) -> None:
    at = 0
    for start, end in sentences(text):
        assert at <= start < end
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()


@pytest.mark.slow
def test_sentences_take_time_in_proportion() -> None:
    for text in ("word " * 200_000, "a.\n" * 200_000, "\n" * 500_000, "。" * 500_000, "A. " * 150_000):
        start = time.process_time()
        sentences(text)
        assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is the station?", "en"), ("Thank you", "en"), ("Bonjour", "fr"), ("Je ne sais pas", "fr"),
        ("Ich weiß nicht", "de"), ("Non lo so", "it"), ("No lo sé", "es"), ("Não sei", "pt"),
        ("Привет", "ru"), ("Дякую", "uk"), ("مرحبا", "ar"), ("سلام دنیا", "fa"), ("图书馆在哪里？", "zh"),
        ("圖書館在哪裡？", "zh"),
        ("図書館はどこですか", "ja"), ("駅", "ja"), ("안녕하세요", "ko"), ("שלום", "he"),
        ("Habari ya asubuhi", "sw"), ("Hyvää päivää", "fi"), ("Dzień dobry", "pl"), ("Γεια σου", "el"),
        ("我喜欢用 Python 写代码", "zh"),
    ],
)  # fmt: skip
def test_short_texts_have_a_language(text: str, language: str) -> None:
    assert detect(text)[0][0] == language


def test_a_mixed_text_has_two_languages_and_signs_have_none() -> None:
    mixed = detect("The weather is fine today and we go out. " + "今天天气很好，我们出去玩。")
    assert {code for code, _ in mixed[:2]} == {"en", "zh"}
    assert sum(share for _, share in mixed) <= 1.001
    for nothing in ("", "  \n", "12345 :-) §$%", "—"):
        assert detect(nothing) == []
    assert detect("https://example.com/path")  # nothing else is there


def document(text: str, pages: tuple[Page, ...] = ()) -> Document:
    return Document(Path("a.txt"), "A", text, pages, "", "")


def test_passages_hold_paragraphs_and_never_cross_a_page() -> None:
    first, second = "One paragraph. It is short.", "Another one."
    text = f"{first}\n\n{second}\n\nOn page two."
    pages = (Page(0, "1"), Page(text.index("On page"), "2"))
    found = passages(document(text, pages))
    assert [(p.text, p.page) for p in found] == [(f"{first}\n\n{second}", "1"), ("On page two.", "2")]
    small = passages(document(text), size=30)
    assert [p.text for p in small] == [first, second + "\n\nOn page two."]


@pytest.mark.parametrize("alphabet", ["ab cd. ", "中文。，", "x"])
def test_passages_cover_everything_and_keep_to_their_size(alphabet: str) -> None:
    chance = random.Random(1)
    text = "".join(chance.choices(alphabet + ("\n\n" if " " in alphabet else ""), k=5000))
    covered = bytearray(len(text))
    wide = 3 if "中" in alphabet else 1
    for passage in passages(document(text), size=300, overlap=60):
        assert passage.text == text[passage.start : passage.end] == passage.text.strip()
        assert len(passage.text) * (1 if wide == 1 else 2) <= 300 * 1.25
        covered[passage.start : passage.end] = b"\1" * len(passage.text)
    assert not "".join(c for c, seen in zip(text, covered, strict=True) if not seen).strip()


def test_a_paragraph_as_long_as_a_book_is_cut_a_stretch_at_a_time() -> None:
    text = "".join(f"Sentence number {n} of it.\n" for n in range(6_000))
    found = passages(document(text))
    covered = set()
    for passage in found:
        assert passage.text == text[passage.start : passage.end]
        assert len(passage.text) <= 900 * 1.25
        assert passage.text.startswith("Sentence")
        assert passage.text.endswith("of it.")
        covered.update(line for line in passage.text.split("\n"))
    assert len(covered) == 6_000


def test_long_paragraphs_overlap_by_sentences() -> None:
    text = " ".join(f"This is sentence number {n} of a long paragraph." for n in range(60))
    found = passages(document(text))
    assert len(found) > 2
    for one, other in itertools.pairwise(found):
        assert one.start < other.start < one.end < other.end
        assert other.text.startswith("This")
