"""Bold, links and things in the line, put onto a translation."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.inline_marks import (
    Close,
    Edge,
    Open,
    Segment,
    Text,
    Thing,
    Token,
    ground,
    segments,
)
from autogpt_desktop.documents.write.mark_transfer import carried

_PIECE = re.compile(r"<(/?)(\w+)>|\{(\w*)\}|\||[^<{|]+")


def tokens(text: str) -> list[Token]:
    """``a <b>c</b> {} {word} | d``: marks (``a`` is a link), things, an edge."""
    found: list[Token] = []
    open_: list[tuple[str, Open]] = []
    for piece in _PIECE.finditer(text):
        if piece[0] == "|":
            found.append(Edge("|"))
        elif piece[0].startswith("{"):
            found.append(Thing(piece[0], piece[3]))
        elif piece[2] is None:
            found.append(Text(piece[0], piece[0]))
        elif not piece[1]:
            open_.append((piece[2], Open(piece[0], keep=piece[2] == "a")))
            found.append(open_[-1][1])
        else:
            pair = next((one for one in reversed(open_) if one[0] == piece[2]), None)
            found.append(Close(pair[1] if pair else Open("", True), piece[0]))
            if pair:
                open_.remove(pair)
    return found


def shown(parts: list[Token]) -> str:
    made = ""
    for part in parts:
        if isinstance(part, Text):
            made += part.text
        elif isinstance(part, Edge) and not isinstance(part.payload, str):
            made += shown([part.payload])
        else:
            made += part.payload
    return made


def whole(text: str, translation: str, **phrases: str) -> str:
    """The one segment of ``text`` with its translation; sentences belong together one by one."""
    (segment,) = segments(tokens(text))
    assert isinstance(segment, Segment)
    spans, at, to = [], 0, 0
    for one, two in zip(_ends(segment.text), _ends(translation), strict=True):
        spans.append((at, one, to, two))
        at, to = one + 1, two + 1
    known = {key.replace("_", " "): value for key, value in phrases.items()}
    return shown(carried(segment, TranslatedText(translation, tuple(spans)), known))


def _ends(text: str) -> list[int]:
    return [
        match.end() for match in re.finditer(r"[.。!]|$", text) if text[: match.end()].strip() or not text
    ][: max(1, len(re.findall(r"[.。!]", text)))]


SUN = {"dim_sun": "soleil pâle", "sun": "soleil"}


@pytest.mark.parametrize(
    ("text", "translation", "phrases", "expected"),
    [
        ("<b>One cat.</b>", "Un chat.", {}, "<b>Un chat.</b>"),
        ("<b>One cat</b>.", "Un chat.", {}, "<b>Un chat</b>."),
        ("<i><b>One cat.</b></i> Two.", "Un chat. Deux.", {}, "<i><b>Un chat.</b></i> Deux."),
        ("A <b>red</b> cat.", "Un chat rouge.", {"red": "rouge"}, "Un chat <b>rouge</b>."),
        ("The <a>old cat</a> sat.", "Un vieux chat.", {"old_cat": "Vieux chats"}, "Un <a>vieux chat</a>."),
        ("See <a>Paris</a> and <b>go</b>.", "Et va à Paris.", {"go": "va"}, "Et <b>va</b> à <a>Paris</a>."),
        ("A <b>x. All here.</b> End.", "Un y. Tout là. Fin.", {}, "Un <b>y. Tout là.</b> Fin."),
        ("A <a>dim <b>sun</b></a> is.", "Le soleil pâle.", SUN, "Le <a><b>soleil</b> pâle</a>."),
        ("Cats.{} Dogs.{}", "Chats. Chiens.", {}, "Chats.{} Chiens.{}"),
        ("{}One cat {} here.", "Un chat là.", {}, "{}Un chat {} là."),
        ("Use {print} here.", "Ici, print sert.", {}, "Ici, {print} sert."),
        ("A <a>b</a>, <a>c</a>.", "一。", {"b": "乙", "c": "丙"}, "<a>一</a>。<a> 丙</a>"),
        ("这是<b>红色</b>的猫。", "This is a red cat.", {"红色": "Red"}, "This is a <b>red</b> cat."),
        ("<b></b>One <i> </i>cat.", "Un chat.", {}, "<b></b>Un <i></i>chat."),
    ],
)  # fmt: skip
def test_marks_follow_their_words(
    text: str, translation: str, phrases: dict[str, str], expected: str
) -> None:
    assert whole(text, translation, **phrases) == expected


def test_marks_around_an_edge_are_edges() -> None:
    parts = segments(tokens("<b>one | <i>two</i></b> three </a> <i>four"))
    assert [part.text for part in parts if isinstance(part, Segment)] == [
        "one ",
        " two",
        " three ",
        " ",
        "four",
    ]
    assert shown(
        [token for part in parts for token in (part.tokens if isinstance(part, Segment) else [part])]
    ) == ("<b>one | <i>two</i></b> three </a> <i>four")


def test_which_words_are_asked_for_on_their_own() -> None:
    (segment,) = segments(tokens("<b>All of this.</b> A <a>big cat</a> and <b>12</b> dogs."))
    assert isinstance(segment, Segment)
    assert list(segment.phrases()) == ["big cat"]


WORDS = st.sampled_from(
    ["one", "Two.", "red cat", " ", "7", "<b>", "</b>", "<a>", "</a>", "<i>", "</i>", "{}", "{x}", "|"]
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    st.lists(WORDS, max_size=24),
    st.lists(st.sampled_from(["un", "Deux.", "rouge", "x", "是的。"]), max_size=9),
)
def test_no_text_link_or_thing_is_lost(pieces: list[str], other: list[str]) -> None:
    text, translation = " ".join(pieces), " ".join(other)
    for part in segments(tokens(text)):
        if not isinstance(part, Segment):
            continue
        size = len(translation)
        made = carried(
            part,
            TranslatedText(translation, ((0, len(part.text), 0, size),) if size and part.text else ()),
            {},
        )
        flat, before = shown(made), shown(part.tokens)
        assert all(flat.count(mark) == before.count(mark) for mark in ("<a>", "</a>", "{}", "{x}"))
        plain = re.sub(r"<[^>]*>|\{\w*\}", "", flat)
        assert all(
            plain.count(word) >= translation.count(word) for word in ("un", "Deux", "rouge", "是", "的")
        )
        depth: list[str] = []
        for mark in re.findall(r"<[^>]*>", flat):
            if mark.startswith("</"):
                assert depth.pop() == mark.replace("/", "")
            else:
                depth.append(mark)
        assert not depth


def test_texts_with_very_many_marks_stand_on_their_own() -> None:
    found = segments(tokens("<b>one</b> {} " * 300))
    assert [part.text for part in found if isinstance(part, Segment)] == ["one", " ", " "] * 300


def test_no_blank_stands_between_code_and_a_sign() -> None:
    assert whole("in the {first} age and now", "no século first, e agora") == "no século {first}, e agora"
    assert whole("see {} now", "veja, agora") == "veja, {} agora"  # between blanks, as it stood


@dataclass(frozen=True)
class Look:
    """A format as office files have it."""

    key: str


@pytest.mark.parametrize(
    ("texts", "base"),
    [
        ([("", "Takes "), ("b", "two cups of white flour"), ("", " and a "), ("i", "pinch"), ("", ".")], ""),
        ([("b", "Bold all the way "), ("", "but"), ("b", " for a word of it")], "b"),
        ([("b", "Name: "), ("", "the rest of a line that is longer than its beginning")], ""),
        ([("", "one "), ("b", "  "), ("i", "two three"), ("b", "  "), ("", " four")], ""),
        ([("b", "all of it")], "b"),
    ],
)  # fmt: skip
def test_the_blanks_beside_a_mark_are_not_of_it(texts: list[tuple[str, str]], base: str) -> None:
    assert ground([Text(text, Look(key)) for key, text in texts]).key == base


def test_without_a_text_there_is_no_format() -> None:
    assert ground([]) is None
