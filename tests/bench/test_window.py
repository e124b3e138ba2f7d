"""The window's measurement: what is streamed, and what counts as a stall."""

from __future__ import annotations

import pytest

from autogpt_desktop import i18n
from autogpt_desktop.bench.speed.table import display_width
from autogpt_desktop.bench.window import run, streams
from autogpt_desktop.bench.window.measure import PROGRESS, SENTENCE, Stalls
from autogpt_desktop.events import Done, Text


@pytest.mark.parametrize("name", streams.streams())
def test_an_answer_has_as_many_lines_as_asked_for(name: str) -> None:
    stream = streams.streams()[name]
    short, long = stream.text(40), stream.text(200)
    assert len(short) < len(long)
    if stream.share == 1.0:
        assert 200 <= long.count("\n") <= 230
    assert len(stream.text(streams.LINES)) < 100_000 or name == "code"  # longer ones are plain text


@pytest.mark.parametrize("lines", [3, 100, 2000])
def test_all_of_an_answer_is_said_its_ends_in_small_pieces(
    lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("autogpt_desktop.bench.window.streams.time.sleep", slept.append)
    text = streams.streams()["paragraph"].text(lines)
    *said, done = streams.say(text, cancelled=lambda: False)
    pieces = [event.text for event in said if isinstance(event, Text)]
    assert "".join(pieces) == text
    assert isinstance(done, Done)
    long = [len(piece) for piece in pieces if len(piece) > streams.PIECE]
    assert len(long) <= 1
    assert len(pieces) <= (streams.FIRST + streams.LAST) * streams.RATE + 2
    assert next(streams.say(text, cancelled=lambda: True), None) is None


def test_a_stall_counts_for_the_repaint_that_it_follows() -> None:
    stalls = Stalls()
    for milliseconds in (1, 30, 2):
        stalls.begin_repaint(counts=True)
        stalls.add(milliseconds / 1000)
        stalls.add(0.0)
    stalls.begin_repaint(counts=False)  # all that came at once
    stalls.add(0.9)
    stalls.begin_repaint(counts=True)
    figures = stalls.take()
    assert figures["longest_ms"] == 30
    assert figures["median_ms"] == 1
    assert stalls.take() == {"median_ms": 0.0, "p99_ms": 0.0, "longest_ms": 0.0}


def test_the_table_names_every_stream_and_leaves_out_what_was_not_measured() -> None:
    stalls = {"median_ms": 1.0, "p99_ms": 20.5, "longest_ms": 33.3}
    figures = dict.fromkeys(
        ("window_painted_s", "model_cold_s", "model_load_s", "loading_stall_ms", "first_token_s"), 1.5
    )
    shown = run.table({**figures, "streams": {"model": stalls} | dict.fromkeys(streams.streams(), stalls)})
    assert len(shown.splitlines()) == 5 + 2 + 1 + len(streams.streams())
    assert "translation" not in shown
    assert "20.5" in shown


def test_progress_is_told_in_the_language_of_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    line = '{"stream": "code", "median_ms": 1.2, "p99_ms": 20.6, "longest_ms": 33.3}'
    assert run._worded(f"{PROGRESS}{line}") == "one block of code: 1 · 21 · 33 ms"
    assert run._worded("a warning of Qt") == "a warning of Qt"
    i18n.set_language("zh_CN")
    assert run._worded(f'{PROGRESS}{{"step": "translating"}}') == "正在翻译"
    stalls = dict.fromkeys(("median_ms", "p99_ms", "longest_ms"), 1.0)
    figures = {"window_painted_s": 1.5, "streams": {"code": stalls}}
    first, _, heading, code = run.table(figures).splitlines()
    assert display_width(code) == display_width(heading)
    assert display_width(first) == display_width(code) - 20


def test_the_sentence_has_twenty_words() -> None:
    assert len(SENTENCE.split()) == 20
