"""No text, however odd, makes the window wait: what reads foreign text takes time in proportion to it."""

from __future__ import annotations

import ast
import gc
import importlib
import io
import json
import pkgutil
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import numpy as np
import pytest

import autogpt_desktop
from autogpt_desktop.catalog.hub.address import parse_address
from autogpt_desktop.catalog.hub.choices import variant_of
from autogpt_desktop.documents.tables.dialect import find_dialect
from autogpt_desktop.documents.tables.header import column_names, find_header_row
from autogpt_desktop.documents.tables.read import csv_rows
from autogpt_desktop.documents.text.languages import detect, guess_without_model, language_of
from autogpt_desktop.documents.text.passages import passages
from autogpt_desktop.documents.text.sentences import sentences
from autogpt_desktop.documents.types import Document, Limits
from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.tokenizer.sentencepiece import SentencePiece
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt.spans import find_answer
from autogpt_desktop.lab.data.clean import boilerplate, clean, without_lines
from autogpt_desktop.lab.data.examples import Example
from autogpt_desktop.lab.data.overlap import set_apart
from autogpt_desktop.lab.data.sources import _turns
from autogpt_desktop.lab.data.split import cut, split_texts
from autogpt_desktop.lab.data.tokenize import train_tokenizer
from autogpt_desktop.server.tools import ToolText, read_calls
from autogpt_desktop.storage.conversations.search import segment, snippet
from autogpt_desktop.tasks.answer import lexicon
from autogpt_desktop.tasks.answer.evidence import excerpt, nearest_sentence
from autogpt_desktop.tasks.answer.filters import is_possible
from autogpt_desktop.tasks.answer.query import follow_up_form
from autogpt_desktop.tasks.translate import checks
from autogpt_desktop.tasks.translate.segments import ENDLESS, pieces
from autogpt_desktop.tasks.translate.stand_ins import StandIns
from autogpt_desktop.ui.chat.messages.markdown_parse import plain_text
from tests.marian import tiny_pieces, vocabulary_bytes
from tests.syntax import nodes
from tests.tiny import write_tiny_gguf

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
# what stands before and behind the repeated fragments, and whether all is long
FRAMES = (("", "x", True), ("", "!", False), ("%(a)", "x", False), ("<a ", "!", False), ("# ", "\n x", False))
LENGTH = 60_000
SHORT = 6_000
QUICK = 0.02  # seconds of a quarter of a text that are no matter: by a square law it is a third for the whole
STEEP = 8  # times the seconds for four times the text: 4 by a straight line, 16 by a square law
HINT = 6  # the same for half the text: a square law behind a straight line that is STEEP in the whole is 6.4
AT_MOST = 10.0  # seconds for anything, on the slowest of machines
PEERS = ("speed.llama_cpp", "speed.transformers_peer")  # of packages that need not be here

# Patterns that see a bounded piece of a text, and how many characters at most.
WINDOWS = {
    "documents.read.formats.html._CHARSET": 4096,
    "documents.read.formats.parse._HTML": 4096,
    "documents.read.formats.plain._HEADING": 2000,
    "documents.read.formats.titles._FILE": 300,
    "documents.read.formats.titles._PLACE": 300,
    "documents.read.formats.titles._PROGRAM": 300,
    "documents.text.sentences._LIST_NUMBER": 12,
    "documents.text.sentences._WORD_BEFORE": 30,
    "tasks.answer.rank._BEFORE": 40,
    "documents.write.subtitles.file._TAIL": 40,
}
# Patterns that are asked at one place only, never searched.
MATCHED = {
    "documents.write.resources.yaml_values._PROPERTIES",
    "documents.read.formats.titles._NOTHING",
    "documents.write.markdown.front_matter._YAML_LINE",
    "documents.tables.cells._KINDS[address]",
    "documents.tables.cells._KINDS[code]",
    "documents.write.markdown.file._DEFINED",
    "documents.write.markdown.parser._DEEP_MARKS",
    "documents.write.markdown.front_matter._PLAIN",
    "documents.write.subtitles.file._LEAD",
    "documents.read.formats.markdown_tables._DELIMITER",
    "documents.read.formats.markdown_tables._FENCE",
    "documents.text.codes._ADDRESS",
    "documents.text.codes._ENCODED",
    "documents.text.codes._HOST",
    "documents.text.codes._PATH",
    "documents.text.codes._WITH_UNIT",
    "documents.text.sentences._BULLET",
    "documents.write.html.tokens._ATTRIBUTE",
    "documents.write.html.tokens._NOTE",
    "documents.write.html.tokens._TAG_END",
    "tasks.answer.lexicon._FOLLOW_UP",
    "tasks.answer.rank._AFTER",
    "tasks.answer.reader._HEADING",
    "documents.write.markdown.raw._HEAD",
    "documents.write.markdown.raw._LABEL",
    "documents.write.markdown.raw._NO_MARKUP",
    "documents.write.markdown.rules._DEFINITION",
    "documents.write.subtitles.cues._TIMING",
    "documents.write.resources.message._NO_WORDS",
    "documents.write.resources.yaml_values._BLOCK",
    "documents.write.resources.yaml_values._INDENT",
    "tasks.translate.checks._SCALE",
    "tasks.translate.constrained._LAST_WORD",
    "tasks.translate.stand_ins._MARKUP",
}  # fmt: skip


AT_ONE_PLACE = ("match", "fullmatch")  # functions of ``re`` that do not search


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
    """Every module of the package but the programs."""
    for found in pkgutil.walk_packages(autogpt_desktop.__path__, "autogpt_desktop."):
        if not found.name.endswith(("__main__", "_native", *PEERS)):
            yield importlib.import_module(found.name)


def patterns_in(value: object, depth: int = 3) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """(where in it, pattern) of a module's value: itself, and what classes and tables of ours hold."""
    if isinstance(value, re.Pattern):
        yield "", value
    elif depth and isinstance(value, Mapping):
        for key, one in list(value.items()):
            yield from ((f"[{key}]{at}", found) for at, found in patterns_in(one, depth - 1))
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for index, one in enumerate(value):
            yield from ((f"[{index}]{at}", found) for at, found in patterns_in(one, depth - 1))
    elif depth and isinstance(value, type) and value.__module__.startswith("autogpt_desktop"):
        for name, one in list(vars(value).items()):
            yield from ((f".{name}{at}", found) for at, found in patterns_in(one, depth - 1))


def inline_patterns(module: ModuleType) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """(place, pattern) of calls such as ``re.sub("…", …)`` with a literal."""
    for node in nodes(Path(str(module.__file__)), "re."):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr in ("search", "sub", "subn", "findall", "finditer", "split", *AT_ONE_PLACE)
            and isinstance(node.args[0], ast.Constant)
        ):
            yield f":{node.lineno} {node.func.attr}", re.compile(node.args[0].value)


def patterns() -> dict[str, re.Pattern[Any]]:
    """Each pattern once, by the module that has it and its name, or its line."""
    found: dict[tuple[object, object], tuple[str, re.Pattern[Any]]] = {}
    for module in modules():
        place = module.__name__.removeprefix("autogpt_desktop.")
        for name, value in list(vars(module).items()):
            for at, pattern in patterns_in(value):
                found.setdefault((pattern.pattern, pattern.flags), (f"{place}.{name}{at}", pattern))
        for at, pattern in inline_patterns(module):
            found.setdefault((pattern.pattern, at.split()[-1]), (f"{place}{at}", pattern))
    return dict(found.values())


def texts() -> list[tuple[str, Callable[[int], str], int]]:
    """(what it is, the text of so many characters, how many) of each fragment in each frame."""

    def text_of(head: str, fragment: str, tail: str) -> Callable[[int], str]:
        return lambda length: (head + fragment * (length // len(fragment)))[:length] + tail

    return [
        (f"{head!r}, {fragment!r} …, {tail!r}", text_of(head, fragment, tail), LENGTH if long else SHORT)
        for fragment in FRAGMENTS
        for head, tail, long in FRAMES
    ]


def seconds(read: Callable[[str], object], text: str, tries: int = 1) -> float:
    """Seconds of the processor that reading takes, the least of a few tries; it is stopped at ``AT_MOST``."""
    least = AT_MOST
    for _ in range(tries):
        begun = time.thread_time()
        with suppress(Late), within(AT_MOST):
            read(text)
        least = min(least, time.thread_time() - begun)
    return least


def may_be_steep(read: Callable[[str], object], text_of: Callable[[int], str], length: int) -> bool:
    """Whether an eighth of the text tells that a law may show in a quarter. Most texts are done with here, so
    the bars are lower than below by as much as a law, a cubic one too, shows less in half the length."""
    first = seconds(read, text_of(length // 32))
    if first < QUICK / 80:
        return False
    taken = seconds(read, text_of(length // 8))
    return taken > QUICK / 8 and taken > HINT * first


def is_steep(read: Callable[[str], object], text_of: Callable[[int], str], length: int = LENGTH) -> bool:
    """Whether the whole text takes over a second (shorter ones in proportion) and, so that no machine's
    speed matters, much more than four times what a quarter of it takes. More is only read where the part
    before took long enough for a square law and, the quarter, looks steep beside its own quarter."""
    if length > SHORT and not may_be_steep(read, text_of, length):
        return False
    sixteenth, quarter = text_of(length // 16), text_of(length // 4)
    first = seconds(read, sixteenth) if length > SHORT else 0.0
    if first < QUICK / 10 and length > SHORT:
        return False
    taken = seconds(read, quarter)
    if taken < (QUICK if length > SHORT else QUICK / 4) or taken < STEEP * (
        first or seconds(read, sixteenth)
    ):
        return False
    longest = seconds(read, text_of(length), 2)
    return longest > length / LENGTH and longest > STEEP * min(taken, seconds(read, quarter, 2))


def search_everywhere(name: str, pattern: re.Pattern[Any], text: str) -> None:
    value = text[: WINDOWS.get(name, len(text))]
    if isinstance(pattern.pattern, bytes):
        value = value.encode()  # type: ignore[assignment]
    if name not in MATCHED and not name.endswith(tuple(f" {one}" for one in AT_ONE_PLACE)):
        for _ in pattern.finditer(value):  # which the first of is what ``search`` finds
            pass
    else:
        pattern.match(value)
    pattern.fullmatch(value)


@pytest.mark.slow
def test_every_pattern_takes_time_in_proportion_to_the_text():
    known = patterns()
    assert len(known) > 50
    assert not (MATCHED | set(WINDOWS)) - set(known)
    all_texts = texts()
    slow = []
    for name, pattern in known.items():
        search = partial(search_everywhere, name, pattern)
        for what, text_of, length in all_texts:
            if name in WINDOWS:  # however much more text there is
                late = seconds(search, text_of(WINDOWS[name])) > AT_MOST / 10
            else:
                late = is_steep(search, text_of, length)
            slow += [(name, what)] * late
    assert not slow


@pytest.mark.slow
def test_a_square_law_is_seen():
    """The measure itself, on what froze the window once and on what took its place."""
    assert is_steep(re.compile(r"[ \t]+$", re.M).findall, partial(repeated, " "), LENGTH // 4)
    assert not is_steep(re.compile(r"[ \t]++$", re.M).findall, partial(repeated, "a "))


def flags(text: str) -> None:
    checks.flags(text, text, "en", "fr")
    checks.repaired(text, "x")
    checks.apart(text)


def stand_ins(text: str) -> None:
    codes = StandIns(text)
    codes.restored(text)


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


def words_of_answers(text: str) -> None:
    lexicon.content_words(text)
    lexicon.is_follow_up(text)
    for expected in ("date", "number", "person", "reason", lexicon.answer_type(text)):
        lexicon.type_match(expected, text)
    for question in ("When is it?", "How many are there?"):
        lexicon.whole_expression(question, text, 0, 3)
        is_possible(question, text, "a", text)
    is_possible(text, "a b", "a", "a")


def tokens_of_packs(text: str) -> None:
    path = Path(file_of.folder) / "vocab.spm"
    if not path.exists():
        path.write_bytes(vocabulary_bytes(tiny_pieces(500)))
    vocabulary = SentencePiece.from_file(path)
    vocabulary.decode(vocabulary.encode(text).ids)


def training_text(text: str) -> None:
    """From a file's text to what a model learns and is checked with."""
    with suppress(KnownError):
        split_texts([without_lines(clean(text), boilerplate([text] * 10))], 0.1, 0)
    set_apart([text], [text[: len(text) // 2]])
    find_answer(text, text[: len(text) // 2] + " no")
    Example(_turns(json.loads(json.dumps([{"role": "user", "content": text}]))))
    training_tokenizer().encode_batch_fast(cut(text, 16_000))
    train_tokenizer([text[:20_000]], 300)


def calls_of_functions(text: str) -> None:
    """What a model writes where it may call functions."""
    for opening in ("", "<tool_call>", "<function=", "[TOOL_CALLS]", "<|tool_call_start|>"):
        read_calls(opening + text, ("a",))
    stream = ToolText(("a",))
    for at in range(0, len(text), 50):
        stream.push(text[at : at + 50])
    stream.finish()


@cache
def training_tokenizer() -> Any:
    return train_tokenizer(["Hello, a first text. " * 10], 280)


READERS: dict[str, Callable[[str], object]] = {
    "training text": training_text,
    "sentences": lambda text: sentences(text, "en"),
    "passages": lambda text: passages(Document(Path("a.txt"), "", text, (), "en", "")),
    "guess": guess_without_model,
    "detect": detect,
    "language_of": language_of,
    "pieces": lambda text: pieces(text, "en", "fr"),
    "pieces of Chinese": lambda text: pieces(text, "zh", "en"),
    "checks": flags,
    "stand-ins": stand_ins,
    "words of answers": words_of_answers,
    "follow-ups": lambda text: (follow_up_form("and b?", [text]), follow_up_form(text, ["a b"])),
    "nearest sentence": lambda text: (nearest_sentence("a b", text), excerpt(text, 0, 10, 100)),
    "calls of functions": calls_of_functions,
    "segment": segment,
    "addresses": lambda text: (parse_address(text), parse_address(f"a/{text}"), variant_of(text)),
    "snippet": lambda text: snippet(text, "a b 中"),
    "plain_text": plain_text,
    "tables": table_of,
    "tokens of translation packs": tokens_of_packs,
    ".txt": file_of(".txt"),
    ".md": file_of(".md"),
    ".srt": file_of(".srt"),
    ".vtt": file_of(".vtt"),
    ".ass": file_of(".ass"),
    "a cue of .srt": lambda text: file_of(".srt")(f"1\n00:00:01,000 --> 00:00:02,000\n{text}"),
    "a cue of .vtt": lambda text: file_of(".vtt")(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{text}"),
    "a line of .ass": lambda text: file_of(".ass")(f"[Events]\nDialogue: ,,,,,,,,,{text}"),
    ".html": file_of(".html"),
    **{suffix: file_of(suffix) for suffix in (".po", ".json", ".yaml", ".properties", ".strings", ".xlf")},
    "a text of .po": lambda text: file_of(".po")(f'msgid {json.dumps(text)}\nmsgstr ""\n'),
    "a text of .json": lambda text: file_of(".json")(json.dumps([text])),
    "a text of .yaml": lambda text: file_of(".yaml")(f"a: {text}"),
    "a text of .properties": lambda text: file_of(".properties")(f"a={text}"),
    "HTML in .md": lambda text: file_of(".md")(f"<div>\n{text[:30000]}\n</div>\n\n[a]: b '{text[:30000]}'\n"),
}


@pytest.fixture
def small_heap() -> Iterator[None]:
    """What other tests left behind is not searched for garbage again and again meanwhile."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.slow
@pytest.mark.usefixtures("small_heap")
@pytest.mark.parametrize("name", READERS)
def test_every_reader_of_texts_takes_time_in_proportion_to_the_text(name, tmp_path):
    file_of.folder = tmp_path
    READERS[name]("Hello, a first text.")  # models and libraries load
    assert not [one for one in FRAGMENTS if is_steep(READERS[name], partial(repeated, one))]


def repeated(fragment: str, length: int) -> str:
    return (fragment * length)[:length] + "x"


@pytest.mark.parametrize("fragment", ["a@", " ", "a", "中", "\n", "\\[", "a \\( "])
def test_texts_that_once_took_minutes(fragment):
    text = (fragment * 20_000)[:20_000] + "x"
    with within(AT_MOST):
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


KINDS = (
    "llama-bpe", "qwen2", "gpt-2", "smollm", "gpt-4o", "tekken", "hunyuan-dense", "sentence-piece",
)  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    path = tmp_path_factory.mktemp("tokenizers") / "tiny.gguf"
    pre = "smollm" if request.param == "sentence-piece" else request.param
    metadata = dict(read_gguf(write_tiny_gguf(path, pre=pre).path).metadata)
    pieces = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), *BLANKS, *"abx▁", "▁a", "ab"]
    if request.param == "sentence-piece":
        metadata |= {
            "tokenizer.ggml.model": "llama",
            "tokenizer.ggml.tokens": pieces,
            "tokenizer.ggml.scores": -np.arange(len(pieces), dtype=np.float32),
            "tokenizer.ggml.token_type": np.array([2, *256 * [6], *(len(pieces) - 257) * [1]]),
            "tokenizer.ggml.unknown_token_id": 0,
        }
    else:  # runs of blanks of many lengths, as large vocabularies have them
        tokens, merges = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.merges"]
        metadata["tokenizer.ggml.tokens"] = [*tokens, *("Ġ" * n for n in range(3, 65))]
        metadata["tokenizer.ggml.merges"] = [*merges, *(f"Ġ {'Ġ' * n}" for n in range(2, 64))]
        types = metadata["tokenizer.ggml.token_type"]
        metadata["tokenizer.ggml.token_type"] = np.concatenate([types, np.ones(62, types.dtype)])
    return Tokenizer.from_gguf(metadata)


BLANKS = ["▁" * n for n in range(2, 33)]


@pytest.mark.slow
def test_encoding_takes_time_in_proportion_to_the_text(tokenizer: Tokenizer) -> None:
    tokenizer.encode("a")
    assert not [one for one in FRAGMENTS if is_steep(tokenizer.encode, partial(repeated, one), LENGTH // 2)]


@pytest.mark.parametrize("count", [3, 63, 64, 65, 66, 127, 128, 129, 1000])
def test_long_runs_are_cut_into_the_same_pieces(tokenizer: Tokenizer, count: int) -> None:
    """The pieces of a run are looked for in its beginning only; a vocabulary without that says the same."""
    words = tokenizer._encode_texts.__self__  # type: ignore[attr-defined]
    for text in (" " * count, "a" + " " * count + "a", ("a" * count + " " * count) * 3, "ab" * count):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids).endswith(text.lstrip(" "))
        words._remembered.clear()
        runs, words._runs = words._runs, re.compile(r"(?!)")
        assert tokenizer.encode(text) == ids
        words._remembered.clear()
        words._runs = runs
