"""The guard: each way in which a small model goes wrong, and what is right."""

from __future__ import annotations

import re

import pytest

from autogpt_desktop.documents.text.glossary import Glossary, Term
from autogpt_desktop.tasks.prompts import LANGUAGES, parallel
from autogpt_desktop.tasks.translate.checks import (
    apart,
    flags,
    has_letters,
    lost,
    omitted,
    protected,
    repaired,
    same_numbers,
    wrong_length,
)

LONG = "The council decided on Monday to close the old bridge for repairs until the end of the year."
GOOD = "Le conseil a décidé lundi de fermer le vieux pont pour réparations jusqu'à la fin de l'année."


@pytest.mark.parametrize(
    ("translation", "flag"),
    [
        ("", "empty"),
        ("Le conseil a décidé lundi.", "short"),
        (f"{GOOD} {GOOD.replace('lundi', 'mardi')} Et {GOOD.replace('pont', 'port')}", "long"),
        ("le pont de la ville " * 4, "repeats"),
        (LONG, "copied"),
        (LONG.lower().replace(".", " !"), "copied"),
        (
            "Der Rat hat am Montag beschlossen, die alte Brücke bis zum Ende des Jahres zu schließen.",
            "language",
        ),
        ("市议会星期一决定在年底之前关闭这座旧桥进行维修。" * 2, "language"),
        (GOOD + " (1987)", "numbers"),
    ],
)
def test_what_goes_wrong_is_flagged(translation: str, flag: str) -> None:
    assert flag in flags(LONG, translation, "en", "fr")


def test_a_good_translation_is_not_flagged() -> None:
    assert flags(LONG, GOOD, "en", "fr") == ()


@pytest.mark.slow
def test_no_sentence_of_the_examples_is_flagged_in_any_pair() -> None:
    """Lengths, numbers, scripts: what people wrote passes."""
    wrong = {
        (source, target, at): found
        for at, row in enumerate(parallel())
        for source in LANGUAGES
        for target in LANGUAGES
        if source != target
        and {source, target} & {"en", "zh"}
        and (found := flags(row[source], row[target], source, target))
    }
    assert wrong == {}


def test_every_language_has_every_sentence() -> None:
    assert len(parallel()) >= 8
    for row in parallel():
        assert set(row) == set(LANGUAGES)


def test_words_that_were_left_are_seen_in_another_script() -> None:
    source = "The old witnesses of eBay use `print` at https://a.org/witnesses."
    for translation, wrong in (
        ("eBay的老witnesses在https://a.org/witnesses上使用`print`。", True),
        ("eBay的老证人在https://a.org/witnesses上使用`print`。", False),
    ):
        assert ("language" in flags(source, translation, "en", "zh")) is wrong
    assert "language" not in flags("The old radio is here.", "La radio est ici, old.", "en", "fr")


def test_a_chinese_loop_is_seen_by_characters() -> None:
    source = "The government announced new rules for schools and universities across the whole country."
    assert "repeats" in flags(source, "政府宣布了新的规定，新的规定，新的规定，新的规定。", "en", "zh")


@pytest.mark.parametrize("name", ["Maria Keller", "NASA", "Oslo"])
def test_a_name_may_stay_as_it_is(name: str) -> None:
    assert flags(name, name, "en", "fr") == ()


@pytest.mark.parametrize(
    ("source", "translation", "fine"),
    [
        ("It costs 1,250.50 dollars.", "Cela coûte 1 250,50 dollars.", True),
        ("It costs 1,250.50 dollars.", "Cela coûte 1 520,50 dollars.", False),
        ("About 10 million people live there.", "大约有1000万人住在那里。", True),
        ("About 10 million people live there.", "大约有100万人住在那里。", False),
        ("At 9:30 the 2 trains left.", "À 9 h 30, les deux trains sont partis.", True),
        ("In 1936 it was opened.", "Il fut ouvert.", False),
        ("It was opened.", "Il fut ouvert en 1936.", False),
    ],
)
def test_numbers_are_compared_by_value(source: str, translation: str, fine: bool) -> None:
    target = "zh" if "人" in translation else "fr"
    assert ("numbers" not in flags(source, translation, "en", target)) is fine


@pytest.mark.parametrize(
    ("source", "translation", "to", "fine"),
    [
        ("She does not know the answer.", "Ela não sabe a resposta.", "pt", True),
        ("She does not know the answer.", "Ela sabe a resposta.", "pt", False),
        ("You can open the window.", "Vous ne pouvez pas ouvrir la fenêtre.", "fr", False),
        ("The door isn't open.", "Die Tür ist geschlossen und unbeweglich.", "de", True),
        ("The door isn't open.", "Die Tür ist offen.", "de", False),
        ("It does not rain today.", "今天没有下雨。", "zh", True),
        ("It does not rain today.", "今天下雨。", "zh", False),
        ("The knot is tight.", "O nó está apertado.", "pt", True),
    ],
)
def test_a_lost_not_is_seen(source: str, translation: str, to: str, fine: bool) -> None:
    assert ("negation" not in flags(source, translation, "en", to)) is fine
    assert ("negation" not in flags(translation, source, to, "en")) is fine


@pytest.mark.parametrize(
    ("source", "translation", "to", "fine"),
    [
        ("He flew from Iceland to Pakistan.", "Ele voou da Islândia ao Paquistão.", "pt", True),
        ("He flew from Iceland to Pakistan.", "A rainha chegou ontem à noite.", "pt", False),
        ("He saw Maria Keller there.", "Er sah dort Maria Keller.", "de", True),
        ("He saw Maria Keller there.", "Er sah dort niemanden mehr.", "de", False),
        ("He saw Maria Keller there.", "他在那里没有看见任何人。", "zh", True),  # told by letters alone
        ("Yesterday. Today. Tomorrow came.", "Ontem. Hoje. Veio o dia seguinte.", "pt", True),
    ],
)
def test_names_of_another_sentence_are_seen(source: str, translation: str, to: str, fine: bool) -> None:
    assert ("names" not in flags(source, translation, "en", to)) is fine


def test_words_without_a_counterpart_are_seen_where_they_are_many() -> None:
    words = [match.span() for match in re.finditer(r"\w+", LONG)]
    assert not omitted(LONG, words, "en")
    assert not omitted(LONG, [*words[:3], *words[7:]], "en")
    assert omitted(LONG, [*words[:3], *words[8:]], "en")
    assert omitted(LONG, words[:-5], "en")
    assert not omitted(LONG, words[:-4], "en")
    assert not omitted("市议会星期一决定。", [(0, 1)], "zh")


def test_protected_parts_are_found() -> None:
    text = "Hi {name}, %s of %(total)d in <b>`a b`</b>: https://a.org/x?y=1, or mail me@a.org. 100% sure"
    assert protected(text) == [
        *("{name}", "%s", "%(total)d", "<b>", "`a b`", "</b>", "https://a.org/x?y=1", "me@a.org"),
    ]
    assert not has_letters("{name} https://a.org 42")


def test_lost_parts_are_flagged_and_put_back() -> None:
    source = "Please open https://a.org/help or write to {team} today."
    bad = "Veuillez ouvrir https://a.org/Help ou écrire à l'équipe aujourd'hui."
    assert "placeholders" in flags(source, bad, "en", "fr")
    better, guessed = repaired(source, bad)
    assert guessed
    assert lost(source, better) == []
    assert "https://a.org/help ou écrire" in better
    assert repaired(source, better) == (better, False)


def test_parts_at_the_edges_are_taken_off() -> None:
    assert apart("<p>{x} Hello there.</p>") == ("<p>{x} ", "Hello there.", "</p>")
    assert apart("Hello {x} there.") == ("", "Hello {x} there.", "")


def test_a_missing_term_is_flagged() -> None:
    glossary = Glossary([Term("bridge", "passerelle")])
    assert flags(LONG, GOOD, "en", "fr", glossary) == ("glossary",)


def test_times_of_subtitles_stay() -> None:
    text = "Go to 00:01:23,456 --> 00:01:25,000 now, at 12:30 or 01:25.500."
    assert protected(text) == ["00:01:23,456 --> 00:01:25,000", "01:25.500"]


@pytest.mark.parametrize(
    ("source", "translation", "same"),
    [
        ("She won it twenty-four times.", "그녀는 24번 우승했다.", True),
        ("About ten million files.", "约 1,000 万份文件。", True),
        ("Three thousand years later.", "3000年後。", True),
        ("Fifty delegates came.", "来了 60 位代表。", False),
        ("It flew at 3,000 miles an hour.", "它以每小时 3000 英里的速度飞行。", True),
        ("The 2008 400 richest people.", "2008 年最富有的 400 人。", True),
        ("In the season of 1995-96.", "1995～1996年のシーズンに。", True),
        ("The COVID-19 test was positive.", "新冠病毒检测呈阳性。", True),
        ("The test of 19 people was positive.", "新冠病毒检测呈阳性。", False),
    ],
)  # fmt: skip
def test_numbers_may_be_written_in_other_ways(source: str, translation: str, same: bool) -> None:
    assert same_numbers(source, translation) == same


def test_latin_words_in_a_chinese_text_count_as_they_say_as_much() -> None:
    english = "The report names Mossack Fonseca, Credit Suisse and Deutsche Bank as three of the many firms."
    chinese = "该报告将 Mossack Fonseca、Credit Suisse 和 Deutsche Bank 列为众多公司中的三家。"
    assert wrong_length(english, chinese, "en", "zh") == []
    assert wrong_length(chinese, english, "zh", "en") == []
    assert wrong_length(f"{english} It was published in May.", "该报告列出三家公司。", "en", "zh") == [
        "short"
    ]
