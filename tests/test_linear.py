"""No text, however odd, makes the window wait: what reads foreign text takes time in proportion to it."""

from __future__ import annotations

import importlib
import io
import pkgutil
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, ModuleType

import pytest

from autogpt_desktop.documents.tables.dialect import find_dialect
from autogpt_desktop.documents.tables.header import column_names, find_header_row
from autogpt_desktop.documents.tables.read import csv_rows
from autogpt_desktop.documents.text.languages import detect, guess_without_model, language_of
from autogpt_desktop.documents.text.passages import passages
from autogpt_desktop.documents.text.sentences import sentences
from autogpt_desktop.documents.types import Document, Limits
from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations.search import segment, snippet
from autogpt_desktop.tasks.translate import checks
from autogpt_desktop.tasks.translate.segments import ENDLESS, pieces
from autogpt_desktop.ui.chat.messages.markdown_parse import plain_text

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="nothing stops a search here")

FRAGMENTS = (
    "a", "1", "0", "中", "ا", "ไ", "é", " ", "\t", "\n", "\r\n", " \n", "\n\n", "\n ", "\u00a0", "\u3000",
    "\f", ".", ". ", "。", "中。", "!", "? ", "-", "- ", "\n- ", "_", "*", "**", "a_", "a.", "a-",
    "a'", "1.", "1,",
    "1 ", "a@", "a@a.", "a b ", "a, ", "“", "»", "\"a", "<", "<a", "<a ", "<a>", "</a", "<b>a</b>. ",
    "<b><p>", "<td>", "<!--", "<!---->", "<![CDATA[", "&", "&#1", "=", "a=", "a=\"", "[", "]", "[a](",
    "](", "![",
    "[^1]", "\\", "\\[", "a \\( ", "$", "$a", "$$", "`", "`a", "```", "```\n", "~", "#", "\n#", "> ", ">",
    "\n|", "|",
    "| ", "|-", "{", "{a}", "%0", "%(a)", "http://", "https://.", "www.", "00:00:00,000 --> ", "/",
    "\U0001f600",
)  # fmt: skip
HEADS = ("", "%(a)", "<a ")
LENGTH = 60_000
SECONDS = 1.0
PACKAGES = ("documents", "tasks", "storage", "ui.chat.messages")

# Patterns that see a bounded piece of a text, and how many characters at most.
WINDOWS = {
    "documents.read.formats.html._CHARSET": 4096,
    "documents.read.formats.parse._HTML": 4096,
    "documents.text.sentences._LIST_NUMBER": 12,
    "documents.text.sentences._WORD_BEFORE": 30,
}
# Patterns that are asked at one place only, never searched.
MATCHED = {
    "documents.read.formats.markdown_tables._DELIMITER",
    "documents.read.formats.markdown_tables._FENCE",
    "documents.text.sentences._BULLET",
    "documents.write.html._ATTRIBUTE",
    "documents.write.html._NOTE",
    "documents.write.html._TAG_END",
    "tasks.translate.checks._SCALE",
    "tasks.translate.constrained._LAST_WORD",
}  # fmt: skip


class Late(Exception):
    pass


@contextmanager
def within(seconds: float) -> Iterator[None]:
    def late(_signal: int, _frame: FrameType | None) -> None:
        raise Late

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def modules() -> Iterator[ModuleType]:
    for name in PACKAGES:
        package = importlib.import_module(f"autogpt_desktop.{name}")
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not found.name.startswith("autogpt_desktop.tasks.answer"):
                yield importlib.import_module(found.name)


def patterns() -> dict[str, re.Pattern[str] | re.Pattern[bytes]]:
    """Each compiled pattern once, by the module that has it and its name."""
    found: dict[int, tuple[str, re.Pattern[str]]] = {}
    for module in modules():
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                place = f"{module.__name__.removeprefix('autogpt_desktop.')}.{name}"
                found.setdefault(id(value), (place, value))
    return dict(found.values())


def texts() -> Iterator[tuple[str, str]]:
    for fragment in FRAGMENTS:
        for head in HEADS:
            yield f"{head!r}, then {fragment!r}", (head + fragment * LENGTH)[: LENGTH // 3] + "x"


def search_everywhere(name: str, pattern: re.Pattern[str], text: str) -> None:
    text = text[: WINDOWS.get(name, LENGTH)]
    value = text.encode() if isinstance(pattern.pattern, bytes) else text
    if name not in MATCHED and name not in WINDOWS:
        for _ in pattern.finditer(value):
            pass
    pattern.match(value)
    pattern.fullmatch(value)
    if name not in MATCHED:
        pattern.search(value)


@pytest.mark.slow
def test_every_pattern_takes_time_in_proportion_to_the_text():
    known = patterns()
    assert len(known) > 50
    assert not (MATCHED | set(WINDOWS)) - set(known)
    slow = []
    for name, pattern in known.items():
        for what, text in texts():
            try:
                with within(SECONDS / 3):
                    search_everywhere(name, pattern, text)
            except Late:
                slow.append((name, what))
                break
    assert not slow


def flags(text: str) -> None:
    checks.flags(text, text, "en", "fr")
    checks.repaired(text, "x")
    checks.apart(text)


def file_of(suffix: str) -> Callable[[str], object]:
    def read(text: str) -> None:
        path = Path(file_of.folder) / f"text{suffix}"
        path.write_bytes(text.encode())
        with suppress(KnownError):  # nothing in it to translate
            open_blocks(path, Limits())

    return read


def table_of(text: str) -> None:
    dialect = find_dialect(text)
    with suppress(KnownError):
        rows = list(csv_rows(io.StringIO(text, newline=""), dialect, "a.csv"))
        column_names(rows, find_header_row(rows[:200]))


READERS: dict[str, Callable[[str], object]] = {
    "sentences": lambda text: sentences(text, "en"),
    "passages": lambda text: passages(Document(Path("a.txt"), "", text, (), "en", "")),
    "guess": guess_without_model,
    "detect": detect,
    "language_of": language_of,
    "pieces": lambda text: pieces(text, "en", "fr"),
    "pieces of Chinese": lambda text: pieces(text, "zh", "en"),
    "checks": flags,
    "segment": segment,
    "snippet": lambda text: snippet(text, "a b 中"),
    "plain_text": plain_text,
    "tables": table_of,
    ".txt": file_of(".txt"),
    ".md": file_of(".md"),
    ".srt": file_of(".srt"),
    ".vtt": file_of(".vtt"),
    ".ass": file_of(".ass"),
    "a cue of .srt": lambda text: file_of(".srt")(f"1\n00:00:01,000 --> 00:00:02,000\n{text}"),
    "a cue of .vtt": lambda text: file_of(".vtt")(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{text}"),
    "a line of .ass": lambda text: file_of(".ass")(f"[Events]\nDialogue: ,,,,,,,,,{text}"),
    ".html": file_of(".html"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_every_reader_of_texts_takes_a_second_at_most(name, tmp_path):
    file_of.folder = tmp_path
    READERS[name]("Hello, a first text.")  # models and libraries load
    slow = []
    for fragment in FRAGMENTS:
        text = (fragment * LENGTH)[:LENGTH] + "x"
        begun = time.process_time()
        try:
            with within(5 * SECONDS):
                READERS[name](text)
        except Late:
            pass
        taken = time.process_time() - begun
        if taken > SECONDS:
            slow.append((fragment, round(taken, 1)))
    assert not slow


@pytest.mark.parametrize("fragment", ["a@", " ", "a", "中", "\n", "\\[", "a \\( "])
def test_texts_that_once_took_minutes(fragment):
    text = (fragment * 20_000)[:20_000] + "x"
    with within(5 * SECONDS):
        pieces(text, "en", "fr")
        language_of(text)
        plain_text(text)


def test_one_endless_word_is_passed_through_and_endless_chinese_is_cut():
    (piece,), _ = pieces("a" * 5000, "en", "fr")
    assert piece.inner == ""
    assert piece.source == "a" * 5000
    found, _ = pieces("中" * 5000, "zh", "en")
    assert "".join(piece.source for piece in found) == "中" * 5000
    assert all(0 < len(piece.inner) <= ENDLESS for piece in found)
