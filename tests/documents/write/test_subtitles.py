"""Subtitles that are translated: only what is spoken changes, in SRT, WebVTT and SubStation Alpha."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.base import Blocks
from autogpt_desktop.documents.write.open import open_blocks

CUE = "1\n00:00:01,000 --> 00:00:03,000\n"
WEB = "WEBVTT\n\n00:01.000 --> 00:03.000\n"
HEAD = "WEBVTT - a title\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:a\n\n"
ASS = (
    "[Script Info]\nTitle: A film\nDialogue: not, one, of, them, at, all, a, b, c, d\n\n[V4+ Styles]\n"
    "Format: Name, Fontname\nStyle: Default,Arial\n\n[Events]\n"
    "Format: Layer, Start, End, Style, Name, MarginL,"
    " MarginR, MarginV, Effect, Text\nComment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,a comment\n"
    "Dialogue: 0,0:00:01.00,0:00:02.00,Default,Anna,0,0,0,,"
)


def written(folder: Path, name: str, source: str, change: object = str.upper) -> str:
    assert callable(change)
    path = folder / name
    path.write_bytes(source.encode())
    blocks: Blocks = open_blocks(path)
    blocks.write([TranslatedText(text) for text in blocks.texts], folder / f"same-{name}")
    assert (folder / f"same-{name}").read_bytes() == source.encode()
    made = [TranslatedText(change(text)) for text in blocks.texts]
    blocks.write(made, folder / f"b-{name}", "fr", {phrase: change(phrase) for phrase in blocks.phrases})
    return (folder / f"b-{name}").read_bytes().decode()


TWO = "2\n00:00:04,000 --> 00:00:05,000\n"
NEXT = "NOTE\na note\nb\n\nc - d\n00:04.000 --> 00:05.000 line:0\n"
LINE = "Dialogue: 0,0,0,D,,0,0,0,,"
TAGS = f"{ASS}{{\\an8\\fad(1,2)}}⟨one, two⟩\\N⟨three⟩\\h⟨four⟩\n{LINE}{{\\i1}}⟨a⟩{{\\i0}} ⟨b⟩\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("name", "source"),  # what is spoken stands between ⟨ and ⟩
    [
        ("a.srt", f"{CUE}⟨One line.⟩\n\n⟨Two more.⟩\n\n"),
        ("a.srt", f"{CUE}⟨We went to the⟩\n\n⟨river bank,⟩\n\n⟨Anna and I.⟩\n\n{TWO}\n⟨Then home.⟩\n"),
        ("a.srt", f"\ufeff{CUE}\n\n⟨One⟩\n"),
        ("a.srt", f"{CUE}⟨At 00:00:01,000 --> 00:00:02,000 go.⟩\n"),
        ("a.srt", f"{CUE}⟨00:00:01,000 --> 00:00:02,000 is it.⟩\n"),
        ("a.srt", f"{CUE}⟨one⟩\n{CUE}⟨two⟩\n"),
        ("a.srt", "00:01.000 --> 00:02.000 X1:10 X2:20\n⟨one⟩\n"),
        ("a.srt", f"{CUE}- ⟨Hello.⟩\n- ⟨Good day.⟩\n"),
        ("a.srt", f"{CUE}<i>-⟨hello⟩\n–⟨good day⟩</i>\n"),
        ("a.srt", f"{CUE}♪ ⟨la la⟩ ♪\n♫⟨and on⟩♫\n# ⟨x y⟩ #\n"),
        ("a.srt", f"{CUE}{{\\an8}}<b>⟨one⟩</b> {{i}}⟨two⟩{{/i}}\n"),
        ("a.srt", f'{CUE}<font color="#ff0000">⟨one⟩</font>\n⟨two⟩\n'),
        ("a.srt", f"{CUE}42\n\n{TWO}⟨-5 it is⟩\n"),
        ("a.vtt", f"{WEB}<v Anna Lee>⟨one⟩\n\n{NEXT}<c.loud>⟨two⟩</c>\n"),
        ("a.vtt", f"{HEAD}00:01.000 --> 00:02.000\n⟨a⟩\n"),
        ("a.vtt", f"{WEB}⟨one⟩ <00:00:02.000>⟨two⟩ &amp; ⟨three⟩ &lt;⟨x⟩&gt;\n"),
        ("a.vtt", f"{WEB}⟨one⟩\n\n⟨two⟩\n"),
        ("a.ass", TAGS),
        ("a.ass", f"{ASS}- ⟨one⟩\\N- ⟨two⟩\n"),
        ("a.ass", f"{ASS}{{\\p1}}m 0 0 l 100 0{{\\p0}}\n"),
        ("a.ssa", "[Events]\nFormat: Start, Text\nDialogue: 0:00:01.00,⟨one⟩\n"),
    ],
)
def test_only_what_is_spoken_changes(tmp_path: Path, name: str, source: str, end: str) -> None:
    expected = re.sub("⟨(.*?)⟩", lambda found: found[1].upper(), source).replace("\n", end)
    assert written(tmp_path, name, re.sub("[⟨⟩]", "", source).replace("\n", end)) == expected


@pytest.mark.parametrize("start", [CUE, WEB])
def test_an_empty_line_splits_no_sentence(tmp_path: Path, start: str) -> None:
    path = tmp_path / ("a.srt" if start == CUE else "a.vtt")
    path.write_text(f"{start}We went to the\n\nriver bank.\n\nIt was 3, at 00:01:02,000 --> 00:01:03,000.\n")
    first, second = open_blocks(path).texts
    assert first == "We went to the\nriver bank."
    assert second == "It was 3, at 00:01:02,000 --> 00:01:03,000."


def test_lines_with_empty_ones_between_are_all_spoken(tmp_path: Path) -> None:
    source = (
        f"{CUE}The first line.\n\nThe second line.\n\n{TWO}\nThe text.\n\n3\n00:00:06,000 --> 00:00:07,000\n"
    )
    source += "Go to 00:01:23,456 --> 00:01:25,000 now,\nsaid Anna.\n"
    texts = ["The first line.", "The second line.", "The text."]
    (tmp_path / "a.srt").write_text(source)
    assert open_blocks(tmp_path / "a.srt").texts == [
        *texts, "Go to 00:01:23,456 --> 00:01:25,000 now,\nsaid Anna.",
    ]  # fmt: skip


LONG, FIRST, SECOND = (
    "A text that is long enough for more than a line.",
    "A text that is long enough",
    "for more than a line.",
)


@pytest.mark.parametrize(
    ("name", "source", "text", "expected"),
    [
        ("a.vtt", f"{WEB}one\n", "1 < 2 --> 3 & x", f"{WEB}1 &lt; 2 --&gt; 3 &amp; x\n"),
        ("a.ass", f"{ASS}one\\Ntwo\n", "{x}\u00a0y", f"{ASS}(x)\\hy\n"),
        ("a.srt", f"{CUE}one\ntwo\n", LONG, f"{CUE}{FIRST}\n{SECOND}\n"),
        ("a.ass", f"{ASS}one\\Ntwo\n", LONG, f"{ASS}{FIRST}\\N{SECOND}\n"),
        ("a.srt", f"{CUE}one\r\ntwo\r\n", "a\n\nb", f"{CUE}a\r\nb\r\n"),
    ],
)  # fmt: skip
def test_a_translation_keeps_to_the_format(
    tmp_path: Path, name: str, source: str, text: str, expected: str
) -> None:
    assert written(tmp_path, name, source, lambda _: text) == expected


@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.ass"])
def test_a_text_without_times_is_copied_and_that_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Hello, this is no file of subtitles.\n", encoding="utf-8")
    blocks = open_blocks(tmp_path / name)
    assert blocks.texts == []
    assert [notice.key for notice in blocks.notices] == ["notice.translate-no-cues"]
    (tmp_path / name).write_text("", encoding="utf-8")
    assert open_blocks(tmp_path / name).notices == ()


FRAGMENTS = st.sampled_from(
    [
        *("1\n", "00:00:01,000 --> 00:00:02,000\n", "00:01.000 --> 00:02.000 align:start\n"),
        *("one", "Two. ", "\n"),
        *("\r\n", "\n\n", "\r", "<i>", "</i>", "<v A>", "{\\an8}"),
        *("{\\i1}", "{\\i0}", "- ", "-", "♪", " #", "\\N"),
        *("\\h", "WEBVTT\n", "NOTE ", "STYLE\n", "&amp;"),
        *("<", "{", "[Events]\n", "Dialogue: 0,0,0,D,,0,0,0,,", "\t"),
        *("\u2028", "\x0b", " ", "-->", "\ufeff"),
    ]
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["a.srt", "a.vtt", "a.ass"]), st.lists(FRAGMENTS, max_size=30))
def test_any_file_comes_back(tmp_path_factory: pytest.TempPathFactory, name: str, pieces: list[str]) -> None:
    written(tmp_path_factory.getbasetemp(), name, "".join(pieces))
