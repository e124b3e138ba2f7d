"""How an answer ends: stop texts with line breaks, and never within a character."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogpt_desktop.auto import AutoTokenizer
from autogpt_desktop.engine.config import Sampling, read_stop_text, write_stop_text
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
from autogpt_desktop.events import Text


@pytest.mark.slow
@given(st.text(alphabet="ab\\n\n "))
def test_a_stop_text_is_read_as_it_was_written(stop: str) -> None:
    line = write_stop_text(stop)
    assert "\n" not in line
    assert read_stop_text(line) == stop


def test_other_backslashes_stay() -> None:
    assert read_stop_text(r"\end{x}") == r"\end{x}"
    assert read_stop_text(r"\n\nUser:") == "\n\nUser:"


class _Bytes:
    """A tokenizer whose ids are bytes."""

    eos_ids = frozenset[int]()
    strip_space = False

    def is_control(self, id: int) -> bool:
        return False

    def _bytes_of(self, id: int) -> bytes:
        return bytes([id])

    stream = Tokenizer.stream


def said(data: bytes, stop: tuple[str, ...] = ()) -> str:
    engine: Any = SimpleNamespace(
        tokenizer=_Bytes(), context_length=100, prompt_lookup=lambda: None, _moved=lambda: iter(()),
        new_state=lambda: SimpleNamespace(common_prefix=lambda ids: 0, reach=lambda tokens: tokens),
        tokens=lambda *_, **__: (id for id in data),
    )  # fmt: skip
    return "".join(
        event.text for event in Engine.stream(engine, [1], Sampling(stop=stop)) if isinstance(event, Text)
    )


def test_half_a_character_is_not_written() -> None:
    for cut in range(1, len("法律😀".encode())):
        assert "法律😀".startswith(said("法律😀".encode()[:cut]))
    assert said(b"a\xffb") == "a\ufffdb"  # what is broken within stays visible


def test_an_answer_ends_at_a_line_break() -> None:
    assert said(b"one\ntwo", ("\n",)) == "one"


@pytest.mark.parametrize(
    ("stop", "shown"),
    [
        (("\n\n",), "one\ntwo"),
        (("two\n\nUs",), "one\n"),
        (("END", "r: 2", "\n\nUser:"), "one\ntwo"),  # the first in the text, not in the list
        (("two\n\nUser: 3", "o\n\n"), "one\ntw"),  # one that might have come of what is held back
        (("数据\n",), "one\ntwo\n\nUser: 2 "),
        (("nowhere", "one\nTWO"), "one\ntwo\n\nUser: 2 数据\nend"),
        (("end of all",), "one\ntwo\n\nUser: 2 数据\nend"),  # begun and never ended: it is shown
    ],
)
def test_stop_texts_are_found_across_tokens(stop: tuple[str, ...], shown: str) -> None:
    """Each token is one byte here."""
    assert said("one\ntwo\n\nUser: 2 数据\nend".encode(), stop) == shown


def test_half_a_character_in_decode() -> None:
    tokenizer = AutoTokenizer.__new__(AutoTokenizer)
    tokenizer.tokenizer = _Bytes()  # type: ignore[assignment]
    assert tokenizer.decode(list("a法".encode()[:-1])) == "a"
