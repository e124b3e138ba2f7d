"""Files in another language: named, never overwritten, and gone on with after a kill or a cancel."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from autogpt_desktop.documents.write import base
from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.engine.interface import Cancelled
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress, Result
from autogpt_desktop.tasks.translate.files import (
    Kept,
    TranslatedFile,
    _unwrapped,
    part_of,
    parts_of,
    translate_file,
)
from autogpt_desktop.tasks.translate.translate import Translated
from autogpt_desktop.tasks.translate.translator import Answer

WORDS = ["cat", "dog", "house", "river", "tree", "train", "letter", "window", "garden", "bridge"]
PAGES = "\n\n".join(f"The {word} number {number} is here." for number in range(4) for word in WORDS)


@pytest.fixture(scope="module")
def models(gemma_gguf: Path) -> Iterator[ModelPool]:
    models = ModelPool(lambda role: gemma_gguf, device="cpu", context_length=2048)
    yield models
    models.unload()


def translated(models: ModelPool, path: Path, out: Path | None = None, source: str = "en") -> TranslatedFile:
    *_, last = translate_file(models, path, out, source, "fr", quality="quick")
    assert isinstance(last, Result)
    assert isinstance(last.value, TranslatedFile)
    return last.value


def keys(part: Path) -> list[str]:
    """The sentences that a file beside the result holds, in the order in which they were written."""
    found = []
    for line in part.read_text(encoding="utf-8").splitlines() if part.exists() else []:
        try:
            found.append(json.loads(line)[0])
        except ValueError:  # written only in part, so far
            continue
    return found


def test_a_killed_run_goes_on_where_it_was(gemma_gguf: Path, models: ModelPool, tmp_path: Path) -> None:
    path, out, part = (tmp_path / name for name in ("a.txt", "a.fr.txt", "a.fr.txt.part"))
    path.write_text(PAGES, encoding="utf-8")
    command = [sys.executable, "-m", "autogpt_desktop", "translate", "--from", "en", "--to", "fr"]
    command += ["--quality", "quick", "--device", "cpu", "--model", str(gemma_gguf), str(path)]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    end = time.monotonic() + 90
    while not keys(part) and time.monotonic() < end and run.poll() is None:
        time.sleep(0.02)
    run.kill()
    assert run.wait() != 0, "it was done before it was killed"
    assert run.stderr is not None
    assert not run.stderr.read()
    run.stderr.close()
    first = keys(part)
    assert 0 < len(first) < 40
    assert not out.exists()
    with part.open("a", encoding="utf-8") as file:
        file.write('["half a li')

    shown = 0

    def enough() -> bool:
        return shown >= len(first) + 1

    with pytest.raises(Cancelled):  # noqa: PT012
        for event in translate_file(models, path, None, "en", "fr", quality="quick", cancelled=enough):
            shown += isinstance(event, Translated)
    second = keys(part)
    assert len(first) < len(second) < 40
    assert not out.exists()

    last: list[str] = []
    done: TranslatedFile | None = None
    for event in translate_file(models, path, None, "en", "fr", quality="quick"):
        last = keys(part) or last
        done = event.value if isinstance(event, Result) else None
    assert done is not None
    assert done.out == out
    assert done.sentences == 40
    assert len(last) == len(set(last)) == 40, "a sentence was translated twice"
    assert last[: len(second)] == second
    assert second[: len(first)] == first
    assert not part.exists()
    assert path.read_text(encoding="utf-8") == PAGES
    lines = out.read_text(encoding="utf-8").split("\n\n")
    assert len(lines) == 40
    assert all(len(line) > 9 for line in lines)


def test_nothing_is_overwritten_unasked(models: ModelPool, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("42\n", encoding="utf-8")
    (tmp_path / "out").mkdir()
    assert translated(models, path).out.name == "a.fr.txt"
    assert translated(models, path).out.name == "a.fr.2.txt"
    assert translated(models, path, tmp_path / "out").out == tmp_path / "out" / "a.fr.txt"
    assert translated(models, path, tmp_path / "a.fr.txt").out.name == "a.fr.txt"
    with pytest.raises(KnownError, match="translate-overwrites"):
        translated(models, path, path)
    with pytest.raises(KnownError, match="file-not-written"):
        translated(models, path, tmp_path / "nowhere" / "b.txt")
    assert path.read_text(encoding="utf-8") == "42\n"
    assert {item.name for item in tmp_path.glob("a.*")} == {"a.txt", "a.fr.txt", "a.fr.2.txt"}


def test_the_result_says_what_to_look_at(models: ModelPool, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("# Bonjour\n\nLe chat est ici, et le chien dort.\n", encoding="utf-8")
    done = translated(models, path, source="auto")
    assert done.source == "fr"
    assert done.flagged == 2
    assert done.flags["copied"] == 2
    assert done.texts == ("Bonjour", "Le chat est ici, et le chien dort.")
    assert next(iter(translate_file(models, path, None, "fr", "en"))) == Progress("stage.reading-file")


def test_a_file_of_which_nothing_was_translated_says_so(models: ModelPool, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for text, words, changed in (("42\n\n7 %\n", False, 0), ("Le chat est ici.\n", True, 0)):
        path.write_text(text, encoding="utf-8")
        done = translated(models, path, source="auto")
        assert (done.has_words, done.changed) == (words, changed)
    path.write_text("The cat is here.\n", encoding="utf-8")
    assert translated(models, path).changed == 1


def unused() -> ModelPool:
    """Models that must not be asked for."""

    def resolve(role: str) -> Path:
        raise AssertionError(role)

    return ModelPool(resolve, device="cpu", context_length=2048)


CODES = """https://example.com/a/b?c=d

user@example.com, d41d8cd98f00b204e9800998ecf8427e

550e8400-e29b-41d4-a716-446655440000  /usr/local/bin/python3

1,234.50  https://例子.测试/路径
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", CODES),
        ("a.md", CODES),
        (
            "b.md",
            "# https://example.com\n\n- <https://example.com/a>\n- [example.com](https://example.com)\n",
        ),
        ("c.md", "```\nprint(1)\n```\n\n`code` and\n".replace(" and", "")),
        ("d.md", "| 1 | 0x1F |\n|---|---|\n| a@b.org | 12 |\n"),
        ("a.html", "<p>https://example.com</p><ul><li><a href='/x'>example.com/x</a></ul>"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nhttps://example.com\n"),
        ("a.json", '{"url": "https://example.com", "id": "550e8400-e29b-41d4-a716-446655440000"}'),
    ],
)
def test_of_a_file_without_prose_no_model_is_asked(name: str, text: str, tmp_path: Path) -> None:
    """It is copied, letter by letter, and it is said that there was nothing to translate."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")

    def choose(*given: object) -> object:
        raise AssertionError(f"asked: {given}")

    *_, last = translate_file(None, path, None, "auto", "fr", choose=choose)  # type: ignore[arg-type]
    assert isinstance(last, Result)
    assert not last.value.has_words
    assert last.value.out.read_text(encoding="utf-8") == text


def test_where_it_goes_is_looked_at_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = unused()
    path = tmp_path / f"{'n' * 249}.txt"
    path.write_text("The cat is here.\n", encoding="utf-8")
    with pytest.raises(KnownError, match="file-name-too-long"):
        translated(models, path)
    with pytest.raises(KnownError, match="file-name-too-long"):
        translated(models, path, tmp_path / f"{'桥' * 90}.txt")
    with pytest.raises(KnownError, match="file-name-too-long"):
        translated(models, path, tmp_path.joinpath(*["a" * 200] * 30) / "a.txt")
    with pytest.raises(KnownError, match="file-not-written"):
        translated(models, path, tmp_path / "nowhere" / "b.txt")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(KnownError, match="disk-no-room"):
            translated(models, path, tmp_path / "b.txt")
    with monkeypatch.context() as patch:
        patch.setattr(base.shutil, "disk_usage", lambda _: SimpleNamespace(free=3))
        with pytest.raises(KnownError, match="disk-no-room"):
            translated(models, path, tmp_path / "b.txt")
    assert [item.name for item in tmp_path.glob("*.*")] == [path.name]


def test_what_an_unfinished_run_keeps_has_a_short_enough_name(tmp_path: Path) -> None:
    for name in ("a", "n" * 240, "桥" * 80):
        part = part_of(tmp_path / f"{name}.fr.txt")
        part.touch()
        assert part in parts_of(tmp_path / f"{name}.txt", "fr", tmp_path)
    assert part_of(tmp_path / "a.fr.txt").name == "a.fr.txt.part"
    assert parts_of(tmp_path / "b.txt", "fr", tmp_path) == []


def test_a_name_that_is_no_text_has_a_place_for_what_is_done(tmp_path: Path) -> None:
    for name in ("bad\udcff.txt", "\udcff" * 90 + ".txt"):
        part = part_of(tmp_path / name)
        assert part.suffix == ".part"
        assert len(os.fsencode(part.name)) <= 255
    assert part_of(tmp_path / "bad\udcff.fr.txt").name == "bad\udcff.fr.txt.part"


def test_a_page_keeps_its_form(models: ModelPool, tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    page = "<html lang=en>\n<h1>{}</h1><p>{} <code>x = 1</code>.</p>\n<p>{}</p></html>\n"
    path.write_text(page.format("Good morning", "Write", "<b>The cat</b> is red."), encoding="utf-8")
    done = translated(models, path)
    assert done.texts == ("Good morning", "Write `x = 1`.", "The cat is red.")
    pattern = re.escape(page).replace(r"\{\}", "(.+)").replace("lang=en", 'lang="fr"')
    found = re.fullmatch(pattern, done.out.read_text(encoding="utf-8"))
    assert found
    assert found[1] != "Good morning"
    assert re.search("<b>Le chat</b>.* rouge", found[3])


def test_what_was_kept_is_found_again(tmp_path: Path) -> None:
    answer = Answer("voilà", 0.5, ("numbers",))
    with Kept(tmp_path / "a.part") as memory:
        memory["model", "en", "fr", "here"] = answer
    with (tmp_path / "a.part").open("ab") as file:
        file.write(b'["\xff, 1]\n[1, 2]\n')
    with Kept(tmp_path / "a.part") as memory:
        assert memory["model", "en", "fr", "here"] == answer
        assert len(memory) == 1
        assert ("model", "en", "de", "here") not in memory
        memory.remove()
    assert not (tmp_path / "a.part").exists()


def test_lines_that_only_wrap_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("> Close the *door*\n> before you go.\n> Thanks.\n\n- one\n- two\n", encoding="utf-8")
    blocks = open_blocks(path)
    assert blocks.texts[0] == "Close the door\nbefore you go.\nThanks."
    assert _unwrapped(blocks)[0] == "Close the door before you go.\nThanks."
    (tmp_path / "a.txt").write_text("one\ntwo", encoding="utf-8")
    assert _unwrapped(open_blocks(tmp_path / "a.txt")) == ["one\ntwo"]
