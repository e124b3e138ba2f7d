"""The names of what people keep on disk: a file that is looked for under another name is a lost one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from autogpt_desktop import paths
from autogpt_desktop.catalog.headers import HeaderCache
from autogpt_desktop.documents.index.collection import Collection, Collections, collection_of
from autogpt_desktop.settings import Settings
from autogpt_desktop.storage.conversations.store import History
from autogpt_desktop.storage.corrections import Corrections
from autogpt_desktop.storage.drafts import TextDrafts
from autogpt_desktop.storage.glossaries import Glossaries
from autogpt_desktop.storage.questions import KeptQuestions, Questions
from autogpt_desktop.storage.translations import TranslateHistory
from autogpt_desktop.storage.verdicts import VerdictHistory


def test_the_folders(isolated_home: Path) -> None:
    home = isolated_home
    assert paths.data_dir() == home
    assert paths.config_dir() == home / "config"
    assert paths.cache_dir() == home / "cache"
    assert paths.models_dir() == home / "models"
    assert paths.packed_dir() == home / "cache" / "packed"
    assert paths.states_dir() == home / "cache" / "states"
    assert paths.training_dir() == home / "training"


def test_what_is_written_lies_where_the_first_version_put_it(isolated_home: Path) -> None:
    """Each store writes once; the list of files is the contract."""
    Settings.load().save()
    History().close()
    TextDrafts().keep("translate.source", "text")
    TranslateHistory().keep("en", "fr", "text", "texte")
    VerdictHistory().keep("text", "text")
    Questions().save(KeptQuestions("0" * 12, "title", "documents", "", 1.0), [])
    Corrections().add("text", "positive")
    created = Collections().create("papers", [isolated_home / "papers"])
    files = {
        path.relative_to(isolated_home).as_posix() for path in isolated_home.rglob("*") if path.is_file()
    }
    assert {name for name in files if not name.endswith(("-wal", "-shm", "-journal"))} == {
        "config/settings.json",
        "history.db",
        "drafts.db",
        "translations.db",
        "verdicts.db",
        "questions/000000000000.json",
        "sentiment-corrections.json",
        f"collections/{created.id}/collection.json",
    }


def test_names_that_are_made_from_something(isolated_home: Path) -> None:
    home = isolated_home
    assert Glossaries().path("en", "fr") == home / "glossaries" / "en-fr.csv"
    assert Collection(home / "collections" / "a", "", ()).database == home / "collections" / "a" / "index.db"
    asked = collection_of([home / "papers"])
    assert asked.folder.parent == home / "cache" / "collections"
    assert HeaderCache()._path == home / "cache" / "model-headers.json"
    model = home / "models" / "a.gguf"
    place = hashlib.sha256(str(model.resolve()).encode()).hexdigest()[:16]
    assert (
        paths.packed_file(model, paths.packed_dir()) == home / "cache" / "packed" / f"a.gguf-{place}.packed"
    )
