"""Marks that follow the links of a model: 50 sentences with 200 marks, each translation and each place of a
mark checked by hand."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.inline_marks import Close, Open, Segment, Text, Thing, segments
from autogpt_desktop.documents.write.mark_links import linked_words
from autogpt_desktop.documents.write.mark_transfer import carried
from tests.documents.write.test_marks import shown, tokens

# {"source", "translation", "expected": the marks where they belong, "sure": numbers of words that say the
# same, "links": what ``Seq2SeqEngine.translate`` of the pack firefox-en-pt says}
ROWS = json.loads((Path(__file__).parents[2] / "data/translate/marked-en-pt.json").read_text("utf-8"))
_MARK = re.compile(r"<(\w)>(.*?)</\1>")


def linked(source: str, translation: str, *pairs: str) -> str:
    """The translation with marks; ``pairs``: "word=word", each the first of its kind."""
    (segment,) = segments(tokens(source))
    assert isinstance(segment, Segment)
    links = []
    for one, other in (pair.split("=") for pair in pairs):
        start, first = segment.text.index(one), translation.index(other)
        links.append((start, start + len(one), first, first + len(other)))
    spans = ((0, len(segment.text), 0, len(translation)),)
    return shown(carried(segment, TranslatedText(translation, spans, tuple(links)), {}))


def carried_row(row: dict[str, str]) -> str:
    (segment,) = segments(tokens(row["source"]))
    assert isinstance(segment, Segment)
    links = tuple(tuple(map(int, link.split(":"))) for link in row["links"].split())
    whole = TranslatedText(row["translation"], ((0, len(segment.text), 0, len(row["translation"])),), links)  # type: ignore[arg-type]
    return shown(carried(segment, whole, {}))


def test_marks_are_on_the_right_words() -> None:
    found = {at: carried_row(row) for at, row in enumerate(ROWS)}
    right = total = 0
    for at, row in enumerate(ROWS):
        total += len(_MARK.findall(row["source"]))
        right += len(set(_places(found[at])) & set(_places(row["expected"])))
    assert total == 200
    assert right >= 0.95 * total


def test_no_mark_is_lost_or_doubled_and_no_text_changes() -> None:
    for row in ROWS:
        made = carried_row(row)
        assert re.sub("</?[a-z]>", "", made) == row["translation"]
        assert sorted(re.findall("<[a-z]>", made)) == sorted(re.findall("<[a-z]>", row["source"]))


def _places(marked: str) -> list[tuple[str, int, int]]:
    """Kind and characters of each mark."""
    found, at = [], 0
    for piece in re.split(r"(</?\w>)", marked):
        if match := re.fullmatch(r"<(/?)(\w)>", piece):
            if match[1]:
                kind, start = found.pop()[:2]
                found.insert(0, (kind, start, at))
            else:
                found.append((match[2], at, at))
        else:
            at += len(piece)
    return found


@pytest.mark.parametrize(
    ("source", "translation", "pairs", "right"),
    [
        (  # marks in marks keep their order
            "the <b><i>red</i> box</b> here",
            "a caixa vermelha aqui",
            ["red=vermelha", "box=caixa", "here=aqui"],
            "a <b>caixa <i>vermelha</i></b> aqui",
        ),
        (  # words that go apart: the mark has the larger group
            "He <b>called</b> Ann",
            "Er rief Ann wieder an",
            ["He=Er", "called=rief", "called=an", "Ann=Ann"],
            "Er <b>rief</b> Ann wieder an",
        ),
        (  # an article that the model gives to its noun
            "I saw the <b>engine</b> there",
            "Eu vi o motor lá",
            ["I=Eu", "saw=vi", "engine=o", "engine=motor", "there=lá"],
            "Eu vi o <b>motor</b> lá",
        ),
        (  # a part of a word
            "the <b>dog</b>s sleep",
            "os cães dormem",
            ["the=os", "dogs=cães", "sleep=dormem"],
            "os <b>cães</b> dormem",
        ),
        (
            "Look: <b>“now!”</b> he said",
            "Olha: disse ele “agora!”",
            ["Look=Olha", "now=agora", "he=ele", "said=disse"],
            "Olha: disse ele <b>“agora!”</b>",
        ),
        ("<a>red</a> <b>cat</b>", "红色的猫", ["red=红色的", "cat=猫"], "<a>红色的</a><b>猫</b>"),
        (  # a note's number stays behind its word, code where it stands
            "the cat{} eats {fish} here",
            "hier frisst die Katze fish",
            ["the=die", "cat=Katze", "eats=frisst", "here=hier"],
            "hier frisst die Katze{} {fish}",
        ),
    ],
)
def test_links_lead(source: str, translation: str, pairs: list[str], right: str) -> None:
    assert linked(source, translation, *pairs) == right


def test_no_link_tears_marks_whatever_it_says() -> None:
    """Links past the text, crossing, doubled: the text and the marks are there, properly nested."""
    (segment,) = segments(tokens("a <b>b <a>c</a> d</b> {x} e"))
    assert isinstance(segment, Segment)
    text = "um dois três x quatro"
    for links in (
        [(0, 99, 0, 99)],
        [(2, 3, 3, 7), (2, 3, 3, 7), (4, 5, 3, 7)],
        [(4, 5, 15, 21), (2, 3, 0, 2), (6, 7, 15, 21)],
        [(-3, -1, 5, 2), (50, 60, 70, 80)],
    ):
        parts = carried(segment, TranslatedText(text, ((0, 11, 0, len(text)),), tuple(links)), {})
        said = "".join(part.text for part in parts if isinstance(part, Text | Thing))
        assert said.replace(" ", "") == text.replace(" ", "")
        opened = [part for part in parts if isinstance(part, Open)]
        assert [id(part) for part in opened] == [id(part) for part in dict.fromkeys(opened)]
        stack: list[Open] = []
        for part in parts:
            if isinstance(part, Open):
                stack.append(part)
            elif isinstance(part, Close):
                assert stack.pop() is part.opened
        assert any(part.keep for part in opened)


def test_words_of_a_long_paragraph_are_counted_in_one_pass() -> None:
    def taken(count: int) -> float:
        text = "word " * count
        links = [(at, at + 4, at, at + 4) for at in range(0, len(text), 5)]
        best = 1e9
        for _ in range(5):
            started = time.process_time()
            assert linked_words(text, text, links, (10, 14), (0, len(text))) == (10, 14)
            best = min(best, time.process_time() - started)
        return best

    assert taken(4000) < 10 * taken(1000)  # each word with each link: 16 times
