"""Every text a person can meet exists in English and Chinese, with the same placeholders."""

from __future__ import annotations

import ast
import json
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from autogpt_desktop import i18n, paths
from autogpt_desktop.errors import KnownError
from tests.syntax import nodes

ROOT = Path(__file__).resolve().parent.parent
KEY = re.compile(r"(error|notice|stage)\.[a-z0-9]+(-[a-z0-9]+)*")
CHINESE = re.compile("[\u4e00-\u9fff]")
# What is written the same in Chinese, beside texts of nothing but signs and placeholders.
SAME = {"JSON", "Markdown", "English", "AutoGPT Desktop", "Top-k", "Top-p", "Min-p"}


@dataclass(frozen=True)
class Call:
    where: str
    text: str
    values: frozenset[str] | None  # names that fill placeholders; None: not to be seen here


@cache
def sources() -> tuple[list[tuple[str, str, ast.Call]], frozenset[str]]:
    """(name, place, call) of each call of tr() and KnownError() in the package, and all string constants."""
    calls, texts = [], set()
    for file in sorted((ROOT / "autogpt_desktop").rglob("*.py")):
        for node in nodes(file):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            if isinstance(node, ast.Call) and (name := called_name(node.func)) in ("tr", "KnownError"):
                calls.append((name, f"{file.relative_to(ROOT)}:{node.lineno}", node))
    return calls, frozenset(texts)


def called_name(called: ast.expr) -> str:
    if isinstance(called, ast.Name):
        return called.id
    if isinstance(called, ast.Attribute) and not (called.attr == "tr" and ast.unparse(called) == "self.tr"):
        return called.attr
    return ""


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a function or class of that name, with its place."""
    return ((where, call) for called, where, call in sources()[0] if called == name)


def literals(node: ast.expr) -> list[str] | None:
    """The texts that an expression of literals can be; None: it is not one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        one, other = literals(node.body), literals(node.orelse)
        return one + other if one is not None and other is not None else None
    return None


def keywords(node: ast.Call) -> frozenset[str] | None:
    if any(keyword.arg is None for keyword in node.keywords):
        return None
    return frozenset(str(keyword.arg) for keyword in node.keywords)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@cache
def tr_calls() -> list[Call]:
    return [
        Call(where, text, keywords(node))
        for where, node in calls("tr")
        for text in (literals(node.args[0]) or [])
    ]


@cache
def error_calls() -> list[Call]:
    return [
        Call(where, text, keywords(node))
        for where, node in calls("KnownError")
        if node.args
        for text in (literals(node.args[0]) or [])
    ]


def english() -> dict[str, str]:
    return i18n.catalog("en")


def chinese() -> dict[str, str]:
    return i18n.catalog("zh_CN")


def test_tr_is_called_with_literals() -> None:
    wrong = [where for where, node in calls("tr") if not node.args or literals(node.args[0]) is None]
    assert not wrong, f"tr() needs a literal text: {wrong}"


def test_every_text_has_a_chinese_one() -> None:
    missing = sorted({f"{call.text!r} ({call.where})" for call in tr_calls() if call.text not in chinese()})
    assert not missing, "\n".join(missing)


def test_every_placeholder_of_a_text_is_filled() -> None:
    wrong = [
        call for call in tr_calls() if call.values is not None and placeholders(call.text) != set(call.values)
    ]
    assert not wrong


def test_every_key_has_both_languages() -> None:
    used = {f"error.{call.text}" for call in error_calls()}
    used |= {text for text in sources()[1] if KEY.fullmatch(text)}
    missing = sorted(key for key in used if key not in english() or key not in chinese())
    assert not missing


def test_every_placeholder_of_an_error_is_filled() -> None:
    wrong = []
    for call in error_calls():
        for catalog in (english(), chinese()):
            needed = placeholders(catalog.get(f"error.{call.text}", ""))
            if call.values is not None and not needed <= call.values:
                wrong.append(f"{call.where}: {call.text} lacks {sorted(needed - call.values)}")
    assert not wrong, "\n".join(wrong)


def test_english_holds_keys_only() -> None:
    wrong = [key for key in english() if not KEY.fullmatch(key)]
    assert not wrong, "English texts stand in the code; its catalog words errors, notices and stages"


def test_languages_agree() -> None:
    wrong = []
    for text, translated in chinese().items():
        source = english().get(text, text)
        if placeholders(source) != placeholders(translated):
            wrong.append(f"{text}: {placeholders(source)} and {placeholders(translated)}")
    assert not wrong, "\n".join(wrong)
    assert not [key for key in english() if key not in chinese()]


def test_nothing_is_left_over() -> None:
    texts = {call.text for call in tr_calls()}
    errors = sources()[1]
    left = []
    for key in sorted(set(chinese()) | set(english())):
        if KEY.fullmatch(key):
            used = key in errors or (key.startswith("error.") and key.removeprefix("error.") in errors)
        else:
            used = key in texts
        if not used:
            left.append(key)
    assert not left, f"no code uses: {left}"


def test_chinese_is_chinese() -> None:
    wrong = []
    for key, text in chinese().items():
        words = re.sub(r"\{\w+\}|<[^>]+>|[\W\d_]", "", text)
        if words and not CHINESE.search(words) and text not in SAME:
            wrong.append(f"{key}: {text}")
    assert not wrong, "\n".join(wrong)


def test_no_text_is_translated_twice_in_two_ways() -> None:
    for language in i18n.LANGUAGES:
        seen: dict[str, tuple[str, str]] = {}
        for file in sorted((paths.resources() / "i18n" / language).glob("*.json")):
            pairs = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=list)
            for key, text in pairs:
                first = seen.setdefault(key, (file.name, text))
                assert first[1] == text, f"{key}: in {first[0]} and {file.name}"


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_error_sentences_read_as_sentences(language: str) -> None:
    i18n.set_language(language)
    for key in english():
        if key.startswith("error."):
            text = i18n.catalog(language)[key]
            assert re.search("[.。?？!！]", text), f"{key}: {text}"
            assert len(text) > 12, f"{key}: {text}"


def test_switching_and_filling() -> None:
    error = KnownError("model-missing", name="tiny")
    i18n.set_language("zh_CN")
    assert "tiny" in i18n.message(error)
    assert CHINESE.search(i18n.message(error))
    i18n.set_language("en")
    assert i18n.message(error).startswith("There is no model called “tiny”")
    assert i18n.tr("not in any catalogue {n}", n=3) == "not in any catalogue 3"


@pytest.mark.parametrize(
    ("variable", "value", "language"),
    [("LANG", "zh_CN.UTF-8", "zh_CN"), ("LANG", "de_DE.UTF-8", "en"), ("LC_ALL", "zh_SG", "zh_CN")],
)
def test_the_systems_language(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, language: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    i18n.set_language("")
    assert i18n.current_language() == language


def test_the_languages_that_the_user_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    for system, window, wanted in (
        ("C.UTF-8", "en", ("en",)),
        ("fr_CA.UTF-8", "en", ("en", "fr")),
        ("en_US", "zh_CN", ("zh", "en")),
        ("zh_CN", "", ("zh",)),
    ):
        monkeypatch.setenv("LC_ALL", system)
        i18n.set_language(window)
        assert i18n.user_languages() == wanted
