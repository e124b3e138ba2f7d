"""A profile that an earlier version left behind opens in this one, and nothing of it is lost.

``data/home-292a208.zip`` is a data folder as commit 292a208 wrote it: settings, conversations, translations,
glossaries, drafts, questions, corrections, runs, collections, models. What was stored as an absolute path
begins with ``PLACE`` in it, which becomes the path of the test's home. A test that fails here says that
people who update lose something: give the code a way to read what they have, do not change the zip.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
import zipfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from autogpt_desktop import app, i18n, paths
from autogpt_desktop.catalog import installed
from autogpt_desktop.documents.index.collection import Collections
from autogpt_desktop.documents.index.index import Index, Summary
from autogpt_desktop.documents.tables import read_table
from autogpt_desktop.documents.text.glossary import Term
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.settings import Settings
from autogpt_desktop.storage.conversations.store import History, Message, Undo
from autogpt_desktop.storage.corrections import Corrections
from autogpt_desktop.storage.drafts import TextDrafts
from autogpt_desktop.storage.glossaries import Glossaries
from autogpt_desktop.storage.questions import KeptQuestions, Questions
from autogpt_desktop.storage.translations import Kept, TranslateHistory
from autogpt_desktop.tasks.sentiment.table import TableRun
from autogpt_desktop.tasks.translate.files import TranslatedFile, translate_file
from autogpt_desktop.ui import ui_language
from autogpt_desktop.ui.answer.panel import AnswerPanel
from autogpt_desktop.ui.answer.serialize import unpacked
from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.sentiment.panel import SentimentPanel
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.shell.panel_registry import more_panels
from autogpt_desktop.ui.translate.file_row import FileRow
from autogpt_desktop.ui.translate.panel import TranslatePanel
from autogpt_desktop.ui.widgets.theme import theme
from autogpt_desktop.worker import Worker

PROFILE = Path(__file__).parent / "data" / "home-292a208.zip"
PLACE = "/home/user/autogpt-home"  # where the profile says that it lies
MOMENT = 1_772_600_000  # the date of its files: indexes and caches know a file by size and date
BEGAN = 1_772_500_000  # the times in it are some seconds later
TEA, PAUSED = "a1b2c3d4e5f6", "0f1e2d3c4b5a"  # ids of the collections
MILL, PASTED = "00112233aabb", "445566ccddee"  # ids of the conversations of Questions
HEAD = "bert-2x32-100-head-c8e0ca96f01b"  # how corrections call the model that met them
CHINESE_FILE = {"name": "茶.txt", "text": "龙井：80 度"}
TRAIN = "The train leaves at noon. We ate 🍵 at home."
# user version and application id of every database
SCHEMAS = {
    "history.db": (2, 0x41474454),
    "translations.db": (0, 0),
    "drafts.db": (0, 0),
    "runs/5ad7c8bd8bb4020e818e4a03b4d2e440.run": (1, 0),
    "runs/5c7a3d5d61f032572d1c590135444e28.run": (1, 0),
    f"collections/{TEA}/index.db": (1, 0x41474449),
    f"collections/{PAUSED}/index.db": (1, 0x41474449),
}


# --- the folder


def unpack(home: Path) -> None:
    """Put the profile where ``home`` is, as if it had always been there."""
    with zipfile.ZipFile(PROFILE) as archive:
        archive.extractall(home)
    for path in home.rglob("*"):
        if not path.is_file():
            continue
        if path.name == "index.db":
            with closing(sqlite3.connect(path)) as db, db:
                for number, stored in db.execute("SELECT id, path FROM files").fetchall():
                    moved = str(home / stored.removeprefix(f"{PLACE}/"))
                    db.execute("UPDATE files SET path = ? WHERE id = ?", (moved, number))
        elif PLACE.encode() in (data := path.read_bytes()):
            path.write_bytes(data.replace(PLACE.encode(), home.as_posix().encode()))
    for path in home.rglob("*"):
        if path.is_file():
            os.utime(path, (MOMENT, MOMENT))


def contents(home: Path) -> dict[str, str]:
    """Every file, with a hash of its bytes; of a database the name alone, SQLite may write to it."""
    found = {}
    for path in home.rglob("*"):
        if path.is_file():
            name, data = path.relative_to(home).as_posix(), path.read_bytes()
            database = data.startswith(b"SQLite format 3\0")
            found[name] = "a database" if database else hashlib.sha256(data).hexdigest()
    return found


@pytest.fixture
def changing(isolated_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The profile, for tests that go on with what is in it. No other models are on this computer."""
    bundled = tmp_path / "bundled"
    bundled.mkdir()
    (bundled / "catalog.toml").write_bytes((paths.bundled_models() / "catalog.toml").read_bytes())
    monkeypatch.setattr(paths, "bundled_models", lambda: bundled)
    unpack(isolated_home)
    with zipfile.ZipFile(PROFILE) as archive:
        assert contents(isolated_home).keys() == set(archive.namelist())
    return isolated_home


@pytest.fixture
def profile(changing: Path) -> Iterator[Path]:
    """The profile. Reading it sets no file aside, loses none, makes none and changes no text file."""
    before = contents(changing)
    yield changing
    assert contents(changing) == before


def test_the_zip_names_no_computer_and_keeps_no_temporary_chat() -> None:
    """Whoever reads the repository learns nothing of who made it, and what was never to be kept is not."""
    with zipfile.ZipFile(PROFILE) as archive:
        everything = b"\n".join(archive.read(name) for name in archive.namelist())
    text = everything.decode("utf-8", "replace").replace(PLACE, "")
    for word in ("/tmp", "/home/", "/root", "/Users", "C:\\", "pangolin"):
        assert word not in text, word


@pytest.mark.skipif(sys.platform != "linux", reason="the names are the same elsewhere, the places are not")
def test_the_folders_lie_where_they_lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under another name the app would begin anew for everybody who has it."""
    monkeypatch.delenv("AUTOGPT_DESKTOP_HOME")
    for kind in ("DATA", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
    places = (paths.data_dir(), paths.config_dir(), paths.cache_dir())
    assert places == tuple(tmp_path / kind / "autogpt-desktop" for kind in ("DATA", "CONFIG", "CACHE"))
    assert paths.models_dir() == tmp_path / "DATA/autogpt-desktop/models"


def test_no_database_changes_its_schema(profile: Path) -> None:
    """A new version of a schema needs a way from the old one; then, and only then, change SCHEMAS."""

    def schemas() -> dict[str, tuple[int, int]]:
        found = {}
        for name in SCHEMAS:
            with closing(sqlite3.connect(profile / name)) as db:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                found[name] = version, db.execute("PRAGMA application_id").fetchone()[0]
        return found

    assert schemas() == SCHEMAS
    assert {name for name, kind in contents(profile).items() if kind == "a database"} == set(SCHEMAS)
    History().close()
    history = TranslateHistory()
    assert history.entries()
    history.close()
    assert TextDrafts().get("translate")
    for collection in Collections().all():
        Index(collection).close()
    for name in ("reviews", "orders"):
        measure(profile, name)
    assert schemas() == SCHEMAS


# --- settings


def expected_settings(home: Path) -> dict[str, Any]:
    """Every field that a settings file of the earlier version has."""

    def place(name: str) -> str:
        return (home / name).as_posix()

    def preset(name: str, **changes: Any) -> dict[str, Any]:
        sampling: dict[str, Any] = {"temperature": 0.4, "top_k": 40, "top_p": 0.9, "min_p": 0.1}
        sampling |= {"repetition_penalty": 1.1, "seed": None, "stop": [], "max_tokens": 1024}
        prompt = changes.pop("system_prompt", "")
        return {"name": name, "system_prompt": prompt, "sampling": sampling | changes, "built_in": True}

    own = preset("Tea time", system_prompt="Tea only. 只谈茶。", temperature=0.7, top_k=12, top_p=0.8,
                 min_p=0.05, repetition_penalty=1.2, seed=42, stop=["END", "完"], max_tokens=333)  # fmt: skip
    del own["built_in"]
    letter = [place("files/letter.txt"), "en", "fr", ""]
    pasted = [
        place("texts/粘贴的文本 2026-03-04 05.06.07.txt"), "auto", "en", place("files/translated")
    ]  # fmt: skip
    return {
        "language": "zh_CN",
        "theme": "dark",
        "zoom": 1.25,
        "default_model": "little-llama",
        "roles": {
            "translate": "little-qwen",
            "answer": "little-qwen",
            "embed": "all-minilm-l6-v2",
            "sentiment": "little-llama",
        },
        "device": "cpu",
        "quantize": "int4",
        "send_with_enter": False,
        "presets": [
            preset("Balanced"),
            preset("Precise", system_prompt="Be brief. 请简短。", temperature=0.15, repetition_penalty=1.05),
            preset("Creative", temperature=1.0, top_k=0, top_p=0.98, min_p=0.03),
            preset("Deterministic", temperature=0.0, top_k=0, top_p=1.0, min_p=0.0, repetition_penalty=1.0),
            own,
        ],
        "window_geometry": "AdnQywADAAAAAAAoAAAAMgAAAwQAAAJRAAAAKAAAADIAAAMEAAACUQ"
        "AAAAAAAAAAAyAAAAAoAAAAMgAAAwQAAAJR",
        "layout": '{"columns": [["chat", "sentiment"], ["translate", "answer"]],'
        ' "current": ["chat", "answer"], "active": "answer", "share": 0.4321}',
        "last_conversation": 1,
        "last_collection": TEA,
        "ask_about": "text",
        "notify": False,
        "context_length": 4096,
        "kv_cache": "int8",
        "translate_pair": ["auto", "zh"],
        "translate_recent": ["zh", "fr", "de"],
        "translate_files": [json.dumps(row, ensure_ascii=False) for row in (letter, pasted)],
        "keep_translations": True,
        "acknowledged": ["gemma-terms", "another-notice"],
        "sentiment_table": [place("files/orders.csv"), "", "comment"],
    }


def test_every_setting_is_as_it_was(profile: Path) -> None:
    settings, fresh = Settings.load(), Settings()
    assert settings.set_aside is None
    assert settings.path == profile / "config/settings.json"
    expected = expected_settings(profile)
    for name, value in expected.items():
        assert getattr(settings, name) == value, name
        # where it is the default, a setting that is lost would not be missed
        assert value != getattr(fresh, name) or name == "keep_translations", name
    assert settings.extra == {"of_a_newer_version": {"kept": ["as", "it", "is", 1, None]}}


def test_settings_are_saved_under_their_names(changing: Path) -> None:
    """A person may go back to the earlier version: what it knows stays where it looks for it."""
    settings = Settings.load()
    settings.save()
    saved = json.loads((changing / "config/settings.json").read_text(encoding="utf-8"))
    assert saved.items() >= expected_settings(changing).items()
    assert saved["of_a_newer_version"] == {"kept": ["as", "it", "is", 1, None]}
    saved["keep_translations"] = False  # the profile cannot have it so, and a history of translations too
    (changing / "config/settings.json").write_text(json.dumps(saved), encoding="utf-8")
    assert Settings.load().keep_translations is False
    assert not list(changing.glob("config/*.bak*"))


# --- conversations


@pytest.fixture
def history(profile: Path) -> Iterator[History]:
    with closing(History()) as history:
        yield history


def told(messages: Sequence[Message]) -> list[tuple[Any, ...]]:
    return [
        (one.id, one.role, one.text, one.state, one.model, one.sibling_index, one.sibling_count)
        for one in messages
    ]


def test_conversations_are_listed_as_they_were(history: History) -> None:
    listed = history.conversations()
    assert [(one.id, one.title, one.pinned) for one in listed] == [
        (1, "Brewing tea", True),
        (5, "", False),
        (4, "Imported: naïve café", False),
        (2, "茶经", False),
    ]
    tea, book = listed[0], listed[3]
    assert (tea.system_prompt, tea.preset, tea.model) == (
        "Answer in one sentence.", "Tea time", "little-llama"
    )  # fmt: skip
    assert tea.sampling == {
        "temperature": 0.3, "top_k": 20, "seed": 7, "stop": ["\n\n", "。"], "max_tokens": 256
    }  # fmt: skip
    assert (tea.created, tea.updated) == (BEGAN + 1, BEGAN + 13)
    assert (book.system_prompt, book.preset, book.model) == ("请用中文回答。", "Precise", "little-qwen")
    assert book.sampling == {"temperature": 0.0}
    assert book.draft == history.draft(2) == "还有呢"
    assert json.loads(history.draft(1)) == {
        "autogpt-desktop-draft": "And white tea? 白茶呢？", "attachments": [CHINESE_FILE]
    }  # fmt: skip
    assert history.draft(None) == "A question for a new chat 新的"


def test_every_branch_is_there_and_the_same_is_shown(history: History) -> None:
    shown = history.path(1)
    assert told(shown) == [
        (1, "user", "How hot should the kettle be for green tea?", "complete", "", 0, 2),
        (3, "assistant", "About 80 °C.", "complete", "little-llama", 1, 3),
        (5, "user", "And black tea?", "complete", "", 0, 1),
        (6, "assistant", "95 °C, for three", "stopped", "little-llama", 0, 1),
    ]
    assert shown[0].attachments == ({"name": "tea.txt", "text": "Sencha: 75 °C"}, CHINESE_FILE)
    assert shown[1].stats == {"tokens": 9, "seconds": 0.5, "context_used": 120, "context_length": 2048}
    assert [one.created - BEGAN for one in shown] == [2, 4, 7, 8]
    assert [one.parent_id for one in shown] == [None, 1, 3, 5]
    assert history.siblings(1) == [1, 9]
    assert history.siblings(3) == [2, 3, 4]
    history.select_sibling(3, -1)
    assert told(history.path(1))[1:] == [(2, "assistant", "Boiling.", "complete", "little-qwen", 0, 3)]
    history.select_sibling(3, 1)
    assert told(history.path(1))[1:] == [(4, "assistant", "", "error", "little-llama", 2, 3)]
    history.select(10)
    assert told(history.path(1)) == [
        (9, "user", "How hot should it be for oolong?", "complete", "", 1, 2),
        (10, "assistant", "90 °C.", "complete", "", 0, 1),
    ]


def test_an_answer_that_was_cut_off_is_kept(history: History) -> None:
    text = "陆羽写了《茶经》，世界上第一部茶叶专著。🍵\n\n```python\nprint('茶')\n```"
    assert told(history.path(2)) == [
        (11, "user", "陆羽写了什么书？", "complete", "", 0, 1),
        (12, "assistant", text, "complete", "little-qwen", 0, 1),
        (13, "user", "接着说", "complete", "", 0, 1),
        (14, "assistant", "他出生在天门，", "interrupted", "little-qwen", 0, 1),
    ]
    assert [one.text for one in history.path(4)] == ["Is the café naïve?"]
    assert history.path(5) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("kettle", [1]), ("BREW", [1]), ("oolong", [1]), ("陆羽", [2]), ("茶叶专著", [2]), ("天门", [2]),
        ("茶经", [2]), ("naive cafe", [4]), ("🍵", [2]), ("wombat", []), ("platypus", []), ("pangolin", []),
    ],
)  # fmt: skip
def test_search_finds_what_it_found(history: History, query: str, found: list[int]) -> None:
    """The index is the one that the earlier version wrote: it must be asked in the same words."""
    assert [one.id for one in history.conversations(query)] == found


def test_an_old_message_leaves_the_index_when_its_text_changes(history: History) -> None:
    """The index takes words out only when it is shown the very words that the earlier version put in."""
    assert history.set_text(12, "重写")
    assert history.set_text(3, "Rewritten.")
    assert [history.conversations(word) for word in ("茶叶专著", "世界", "80")] == [[], [], []]
    assert [one.id for one in history.conversations("重写")] == [2]


def test_what_was_deleted_waits_to_be_brought_back(history: History) -> None:
    with pytest.raises(KnownError, match="conversation-missing"):
        history.get(3)
    assert history.undo(Undo((BEGAN + 21) * 10**9, 3))
    assert [one.text for one in history.path(3)] == ["A platypus was planned here."]
    assert [one.title for one in history.conversations("platypus")] == ["Deleted plans"]
    assert history.undo(Undo((BEGAN + 11) * 10**9, 1, 7))
    assert [one.id for one in history.path(1)] == [1, 3, 5, 6, 7, 8]


# --- texts


def test_translations_are_there(profile: Path) -> None:
    with closing(TranslateHistory()) as history:
        assert [(one.id, one.changed - BEGAN, one.source, one.target) for one in history.entries()] == [
            (3, 29, "en", "zh"), (2, 28, "en", "fr"), (1, 27, "zh", "en")
        ]  # fmt: skip
        kept = history.find(TRAIN, "", "zh")
        assert kept == history.get(3)
        assert kept is not None
        assert kept.translation == "火车中午出发。我们在家吃了🍵。"
        after, *pairs = json.loads(kept.sentences)
        assert after == ""
        assert pairs == [
            [0, 25, "The train leaves at noon.", "", "火车中午出发。", 0.9, [], False],
            [26, 44, "We ate 🍵 at home.", "", "我们在家吃了🍵。", 0.6, ["length"], True],
        ]
        text, said = "The mill was built in 1782.", "Le moulin a été construit en 1782."
        assert history.get(2) == Kept(2, BEGAN + 28, "en", "fr", text, said)
        assert [one.id for one in history.entries("MOULIN 1782")] == [2]
        assert [one.id for one in history.entries("龙井 Hangzhou")] == [1]


def test_glossaries_are_there(profile: Path) -> None:
    glossaries = Glossaries()
    assert glossaries.terms("en", "fr") == (
        Term('a "quoted", term', "le « terme »"), Term("Brenner", "BRENNER", True), Term("mill", "moulin")
    )  # fmt: skip
    assert set(glossaries.terms("zh", "en")) == {Term("龙井", "Longjing"), Term("茶馆", "teahouse")}
    assert glossaries.path("en", "fr") == profile / "glossaries/en-fr.csv"


def test_drafts_are_there(profile: Path) -> None:
    drafts = TextDrafts()
    assert {name: drafts.get(name) for name in ("translate", "sentiment", "question", "pasted")} == {
        "translate": TRAIN,
        "sentiment": "What a good evening\n凉了的茶",
        "question": "When does it op",
        "pasted": "茶馆在磨坊旁边。The teahouse opens at nine.",
    }


def test_questions_are_there(profile: Path) -> None:
    store = Questions()
    assert store.all() == [
        KeptQuestions(PASTED, "茶馆几点开门？", "", "", BEGAN + 200),
        KeptQuestions(MILL, "Who built the mill?", "Tea & 茶", TEA, BEGAN + 100),
    ]
    found, unknown = unpacked(store.load(MILL) or [])
    assert found.answer_text() == "The Brenner mill was built in 1782 by Anna Holt. [1]"
    assert found.finding is not None
    assert found.finding.answered.confidence == 0.93
    assert [(one.key, one.values) for one in found.notices] == [
        ("notice.files-language", {"model": "little-llama", "languages": "zh"}),
        ("notice.file-moved", {"file": "茶经.md", "path": (profile / "files/library/茶经.md").as_posix()}),
    ]
    mill, tea = (place.passage for place in found.places)
    assert (mill.path, mill.title, mill.start) == (profile / "files/library/mill.html", "The old mill", 0)
    assert (tea.page, tea.start, tea.text) == ("2", 23, "龙井茶产于杭州，用八十度的水冲泡。")
    assert (found.span(0), found.cited()) == ((38, 47), [0])
    assert not unknown.answered
    assert unknown.read_as == "When did Anna Holt die?"
    (pasted,) = unpacked(store.load(PASTED) or [])
    assert pasted.pasted == pasted.places[0].passage.text == "茶馆在磨坊旁边。它每天九点开门。"
    assert pasted.answer_text() == "它每天九点开门。 [1]"


# --- Sentiment


class Asked(Exception):
    """The model was asked for these texts."""


class Head:
    """The classifier that the profile's runs were measured with. It must not be asked again."""

    name = "little-head"
    config = SimpleNamespace(
        labels=("negative", "neutral", "positive"), head="classification", family="bert",
        num_hidden_layers=2, hidden_size=32, vocab_size=100, max_tokens=128, languages=("en", "zh"),
    )  # fmt: skip

    def tokens(self, text: str) -> int:
        return len(text.split())

    def classify(self, texts: Sequence[str], _cancelled: Callable[[], bool]) -> Iterator[Any]:
        raise Asked(*texts)


class HeadModels:
    def get(self, _role: str) -> Generator[Progress, None, Head]:
        yield Progress("stage.loading")
        return Head()


def measure(home: Path, name: str) -> tuple[list[tuple[str, str, float, str]], list[str], tuple[str, ...]]:
    """A table's column: text, label, log-odds and foreign language of the rows that were measured before,
    notices, and the texts that the model is asked for."""
    table = read_table(home / f"files/{name}.csv")
    run = TableRun(table, "review" if name == "reviews" else "comment")
    notices, asked = [], tuple[str, ...]()
    try:
        for event in run.run(HeadModels(), corrections=Corrections()):
            if isinstance(event, Notice):
                notices.append(event.key)
    except Asked as error:
        asked = error.args
    rows = [(row[1], one.label, round(one.d, 3), one.language) for row, one in run.rows()]
    run.close()
    return rows, notices, asked


def test_corrections_are_there(profile: Path) -> None:
    corrections = Corrections()
    neutral = f"{HEAD}/neutral"
    assert [(one.text, one.label, one.scores) for one in corrections.all] == [
        ("What a good evening", "positive", {HEAD: 3.0, neutral: 0.125, "another-model": -3.0}),
        ("A bad cup of tea", "negative", {HEAD: -3.0, neutral: 0.125, "another-model": 3.0}),
        ("凉了的茶", "negative", {HEAD: 0.25, neutral: 0.125, "another-model": -0.25}),
        ("The shop opens at nine", "neutral", {HEAD: 0.0, neutral: 0.125, "another-model": 0.0}),
    ]
    assert corrections.moves


def test_a_finished_run_asks_no_model_again(profile: Path) -> None:
    """Nor do the corrections, whose scores are kept with them."""
    rows, notices, asked = measure(profile, "reviews")
    assert asked == ()
    assert notices == []
    assert rows == [
        ("What a good evening", "positive", 3.0, ""),
        ("好茶，好服务", "positive", 3.0, ""),
        ("A bad cup of tea", "negative", -3.0, ""),
        ("", "", 0.0, ""),
        ("The shop opens at nine", "neutral", 0.0, ""),
        ("What a good evening", "positive", 3.0, ""),
        ("Le thé de cette maison est vraiment bon, mais le service est lent", "positive", 3.0, "fr"),
    ]


def test_an_unfinished_run_goes_on_behind_what_was_measured(profile: Path) -> None:
    rows, notices, asked = measure(profile, "orders")
    kinds = ("a good delivery", "送得很好", "a bad parcel", "a parcel on a Tuesday")
    texts = [f"Order {number}: {kinds[number % 4]}" for number in range(1, 91)]
    assert [row[0] for row in rows] == texts[:64]
    assert set(asked) <= set(texts[64:])
    assert asked[0] == texts[64]
    assert [row[2] for row in rows[:4]] == [3.0, -3.0, 0.0, 3.0]
    assert notices == ["notice.sentiment-continues"]


# --- files that are translated


class NameModels:
    """The model that translated the files: it can say its name and no more."""

    def get(self, _role: str) -> Generator[Progress, None, Any]:
        yield Progress("stage.loading")
        return SimpleNamespace(name="little-llama", config=SimpleNamespace(languages=("en", "fr", "zh")))


@pytest.mark.slow
def test_unfinished_translations_go_on_where_they_were(changing: Path, qapp: QApplication) -> None:
    """Every sentence was translated when the app ended: the model is not asked, the results are written."""
    rows = [FileRow.from_remembered(text) for text in Settings.load().translate_files]
    glossaries = Glossaries()
    results = []
    for row in rows:
        assert row is not None
        assert row.state == "paused"
        glossary = partial(glossaries.glossary, target=row.target)
        *_, last = translate_file(
            NameModels(), row.path, row.out, row.source, row.target, glossary=glossary
        )  # fmt: skip
        assert isinstance(last, Result)
        assert isinstance(last.value, TranslatedFile)
        results.append(last.value)
        row.deleteLater()
    letter, pasted = results
    assert letter.out == changing / "files/letter.fr.txt"
    assert pasted.source == "zh"
    assert letter.out.read_text(encoding="utf-8") == (
        "Chère Anna,\n\nLe moulin est fermé lundi. BRENNER a la clé. Nous nous voyons à 9:30.\n\n"
        "Le chat va bien, et le jardin est vert."
    )
    assert pasted.out == changing / "files/translated/粘贴的文本 2026-03-04 05.06.07.en.txt"
    said = "The teahouse is closed today. Please come again tomorrow.\n"
    assert pasted.out.read_text(encoding="utf-8") == said
    assert not list(changing.glob("files/**/*.part"))


# --- collections


def names(index: Index, query: str, **options: Any) -> list[str]:
    return [hit.passage.path.name for hit in index.search(query, **options)]


def test_a_collection_is_searched_without_reading_its_files_again(profile: Path) -> None:
    collections = Collections()
    assert [(one.id, one.name, one.watch, one.paused) for one in collections.all()] == [
        (PAUSED, "Paused", False, True), (TEA, "Tea & 茶", True, False)
    ]  # fmt: skip
    collections.sweep()  # takes away what has no description
    tea = collections.get(TEA)
    library = profile / "files/library"
    assert tea.roots == (library,)
    with closing(sqlite3.connect(tea.database)) as db:
        blob = db.execute("SELECT vector FROM vectors WHERE passage_id = 3").fetchone()[0]
    with closing(Index(tea)) as index:
        assert index.notices == []
        assert not index.unfinished()
        assert index.stale() == []
        assert index.embedder() == "all-minilm-l6-v2"
        assert len(index.matrix()) == 3
        files = index.files()
        assert [(one.path.name, one.title, one.language, one.passages) for one in files] == [
            ("broken.pdf", "", "", 0), ("mill.html", "The old mill", "en", 1),
            ("tea.txt", "tea", "en", 1), ("茶经.md", "茶经", "zh", 1),
        ]  # fmt: skip
        assert files[0].error is not None
        assert files[0].error.key == "document-damaged"
        assert names(index, "Who built the mill in 1782?")[0] == "mill.html"
        assert names(index, "brewing degrees") == ["tea.txt"]
        assert names(index, "陆羽写了什么？") == ["茶经.md"] == names(index, "龙井茶")
        vector = np.frombuffer(blob, "<f2").astype(np.float32)
        best = index.search("zzz", query_vector=vector)[0]
        assert best.passage.path == library / "茶经.md"
        assert best.similarity == pytest.approx(1, abs=1e-3)
        assert {index.state(one.path).state for one in files} == {"same"}
        *_, last = index.index()
        assert isinstance(last, Result)
        assert last.value == Summary(unchanged=4, set_aside=1)
        assert len(index.matrix()) == 3


def test_an_old_file_leaves_the_index_when_it_changes(changing: Path) -> None:
    """As with messages: words that stay behind would be found for ever, in passages that are gone."""
    tea = Collections().get(TEA)
    (changing / "files/library/茶经.md").write_text("# 空\n", encoding="utf-8")
    with closing(Index(tea)) as index:
        *_, last = index.index()
        assert isinstance(last, Result)
        assert last.value == Summary(changed=1, unchanged=3, set_aside=1)
        assert names(index, "龙井茶 陆羽") == []
    with closing(sqlite3.connect(tea.database)) as db:
        words = "SELECT rowid FROM words WHERE words MATCH ?"
        assert [db.execute(words, (word,)).fetchall() for word in ("龙井", "陆羽", "书", "唐代")] == [[]] * 4
        assert db.execute(words, ("mill",)).fetchall()


def test_reading_goes_on_where_it_was_paused(profile: Path) -> None:
    with closing(Index(Collections().get(PAUSED))) as index:
        assert index.unfinished()
        assert [one.path.name for one in index.files()] == ["first.txt"]
        *_, last = index.index()
        assert isinstance(last, Result)
        assert last.value == Summary(added=1, unchanged=1)
        assert not index.unfinished()


# --- models


def test_models_are_listed_where_they_lie(profile: Path) -> None:
    """One in the models folder, one that models.json names; their headers come from the cache, which would
    be written anew if it did not know them."""
    found = {one.name: one for one in installed.installed()}
    assert found.keys() == {"little-llama", "little-qwen"}
    llama, qwen = found["little-llama"], found["little-qwen"]
    assert (llama.path, qwen.path) == (
        profile / "files/little-llama.gguf", profile / "models/own/little-qwen.gguf"
    )  # fmt: skip
    assert (llama.title, llama.family) == ("Tiny llama", "llama")
    assert (llama.context, llama.quantization, llama.kv_rows, llama.head_dim) == (256, "Q8_0", 2, 16)
    for one in found.values():
        assert one.problem is None
        assert one.removable
        assert one.languages == ("en", "zh", "fr")
    assert installed.resolve("little-llama") == llama.path


# --- the window


@pytest.fixture
def window(changing: Path, qtbot: QtBot) -> Iterator[MainWindow]:
    """The whole window on the profile, not yet shown. It says nothing but that models cannot be loaded."""
    settings = Settings.load()
    ui_language.apply(settings.language)
    theme().install(settings.theme)
    error = KnownError("model-missing", name="little-llama")

    def no_engines(*_given: Any) -> Any:
        raise error

    context = AppContext(settings, History(), Worker(), no_engines)
    said: list[str] = []
    context.toast_requested.connect(lambda request: said.append(request.text))
    window = MainWindow(context, app.make_chat, panels=more_panels(context))
    qtbot.addWidget(window)
    yield window
    window.close()
    assert context.worker.stop(20_000)
    assert window.downloads.stop(10_000)
    context.history.close()
    assert set(said) <= {i18n.message(error)}
    ui_language.apply("en")
    theme().set_mode("light")
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def show(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1200, 800)
    with qtbot.waitSignal(window.first_painted):
        window.show()


@pytest.mark.slow
def test_the_window_opens_as_it_was_left(window: MainWindow, qtbot: QtBot) -> None:
    """Its place, its language, its columns, and the conversation that was open."""
    geometry = window.geometry()
    assert (geometry.x(), geometry.y(), geometry.width(), geometry.height()) == (40, 50, 733, 544)
    show(window, qtbot)
    assert i18n.current_language() == "zh_CN"
    assert theme().is_dark
    assert window.settings_button.accessibleName() == "设置"
    assert not window.banner.isVisible()
    chosen = window.context.chosen_model()
    assert chosen is not None
    assert chosen.name == "little-llama"
    assert window.model_button.text().endswith("Tiny qwen2")  # for the panel that was used last
    arrangement = window.columns.arrangement
    assert arrangement.columns == [
        ["chat", "sentiment", "lab"],
        ["translate", "answer"],
    ]  # the Lab came since
    assert (arrangement.current, arrangement.active) == (["chat", "answer"], "answer")
    assert arrangement.share == 0.4321
    chat = window.chat
    assert isinstance(chat, ChatPanel)
    rows = [item.value for item in chat.list.model.items()]
    assert [one.title for one in rows] == ["Brewing tea", "", "Imported: naïve café", "茶经"]
    assert chat.conversation.id == 1
    assert [one.id for one in chat.conversation.messages] == [1, 3, 5, 6]
    assert chat.view.widgets[3].body.toPlainText() == "About 80 °C."
    assert chat.composer.text() == "And white tea? 白茶呢？"
    assert [one.as_dict() for one in chat.composer.attachments] == [CHINESE_FILE]
    prompt, sampling, preset = chat.drawer.values()
    assert (prompt, sampling.seed, preset) == ("Answer in one sentence.", 7, "Tea time")
    chat.open_conversation(2)
    assert chat.view.widgets[14].body.toPlainText() == "他出生在天门，"
    assert chat.composer.text() == "还有呢"
    chat.open_conversation(0)
    assert chat.composer.text() == "A question for a new chat 新的"


@pytest.mark.slow
def test_the_panels_show_what_was_in_them(window: MainWindow, qtbot: QtBot, changing: Path) -> None:
    show(window, qtbot)
    answer: AnswerPanel = window.columns.panel("answer")
    assert answer.view.pasting
    assert answer.view.ask_bar.field.text() == "When does it op"
    assert answer.view.pasted.text() == "茶馆在磨坊旁边。The teahouse opens at nine."
    shelf = answer.view.collections.controller
    assert [one.name for one in shelf.items()] == ["Paused", "Tea & 茶"]
    qtbot.waitUntil(lambda: shelf.status().listed is not None)
    listed = shelf.status().listed
    assert shelf.current() == Collections().get(TEA)
    assert listed is not None
    assert len(listed.rows) == 4
    assert not listed.unfinished
    assert listed.by_meaning
    assert listed.stale == 0
    with qtbot.waitSignal(answer.conversation.history.listed) as earlier:
        answer.conversation.history.list_saved()
    assert [one.id for one in earlier.args[0]] == [PASTED, MILL]

    translate: TranslatePanel = window.columns.panel("translate")
    assert translate.view.pair.source.text() == TRAIN
    assert translate.view.pair.target.text() == "火车中午出发。我们在家吃了🍵。"
    row = translate.view.languages
    assert (row.source, row.target, row.recent) == ("auto", "zh", ["zh", "fr", "de"])
    files = [one.remembered() for one in translate.files_mode.show().rows]
    assert files == window.context.settings.translate_files
    translate.sides.show("history")
    assert [item.key for item in translate.sides.history().model.items()] == [3, 2, 1]

    sentiment: SentimentPanel = window.columns.panel("sentiment")
    assert sentiment.text_page.field.text() == "What a good evening\n凉了的茶"
    assert "orders.csv" in sentiment.table_page.again_button.text()
    qtbot.waitUntil(lambda: sentiment.corrections.ready)
    assert sentiment.corrections.counts() == {"positive": 1, "negative": 2, "neutral": 1}

    before = contents(changing)
    window.close()
    assert set(contents(changing)) == set(before)
    saved, expected = Settings.load(), expected_settings(changing)
    expected["layout"] = expected["layout"].replace('"sentiment"]', '"sentiment", "lab"]')  # it came since
    for name in expected.keys() - {"window_geometry"}:
        assert getattr(saved, name) == expected[name], name
    assert saved.extra
    assert saved.set_aside is None
    assert [one.id for one in window.context.history.conversations()] == [1, 5, 4, 2]
    assert TextDrafts().get("translate") == TRAIN
    assert TextDrafts().get("question") == "When does it op"
