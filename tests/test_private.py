"""What people write is theirs: nobody else on the computer may read it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from autogpt_desktop import paths
from autogpt_desktop.documents.index.collection import Collections
from autogpt_desktop.documents.index.index import Index
from autogpt_desktop.documents.run_results import Run
from autogpt_desktop.documents.text.glossary import Term
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs.log import LogWriter
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec
from autogpt_desktop.settings import Settings
from autogpt_desktop.storage.conversations.store import History
from autogpt_desktop.storage.drafts import TextDrafts
from autogpt_desktop.storage.glossaries import Glossaries
from autogpt_desktop.storage.questions import KeptQuestions, Questions
from autogpt_desktop.storage.translations import TranslateHistory
from autogpt_desktop.storage.verdicts import VerdictHistory

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a profile is private on Windows")


@pytest.fixture(autouse=True)
def usual_mask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTOGPT_DESKTOP_HOME", str(tmp_path / "above" / "home"))
    return tmp_path / "above" / "home"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def everything(home: Path) -> dict[str, int]:
    return {str(path.relative_to(home.parent)): mode(path) for path in [home, *home.rglob("*")]}


def use(root: Path) -> None:
    history = History()
    history.add_message(history.create("a chat"), None, "user", "a secret")
    assert {path.name for path in paths.data_dir().glob("history*")} >= {"history.db", "history.db-wal"}
    open_modes = {mode(path) for path in paths.data_dir().glob("history*")}
    assert open_modes == {0o600}
    history.close()
    TextDrafts().keep("chat", "a secret")
    translations = TranslateHistory()
    translations.keep("en", "fr", "a secret", "un secret")
    translations.close()
    verdicts = VerdictHistory()
    verdicts.keep("text", "a secret")
    verdicts.close()
    Glossaries().save("en", "fr", [Term("a", "b", False)])
    questions = Questions()
    questions.save(KeptQuestions(questions.new_id(), "a", "b", "c", 1.0), [])
    Settings().save()
    root.mkdir()
    (root / "a.txt").write_text("A text about a secret.")
    collection = Collections().create("mine", [root])
    index = Index(collection)
    index.close()
    Run(paths.data_dir() / "runs", ["a"]).close()
    LogWriter(runs.create(RunSpec("new", DataSpec(("a secret.txt",)), 1)).log).close()


def test_all_that_is_made_is_private(home: Path, tmp_path: Path) -> None:
    paths.cache_dir()  # its folder is in that of the data, which is made with it
    use(tmp_path / "documents")
    modes = everything(home)
    assert len(modes) > 12
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


def test_what_was_open_is_closed_at_the_start_and_nothing_else(home: Path, tmp_path: Path) -> None:
    use(tmp_path / "documents")
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (outside / "a.txt").write_text("not ours")
    (home / "questions" / "linked").symlink_to(outside)
    (home / "questions" / "file").symlink_to(outside / "a.txt")
    os.link(outside / "a.txt", home / "questions" / "hard")
    (home / "models").mkdir(exist_ok=True)
    (home / "models" / "one.gguf").write_bytes(b"GGUF")
    ours = [path for path in [home, *home.rglob("*")] if not path.is_symlink()]
    for path in ours:
        if path.name != "hard":
            path.chmod(0o755 if path.is_dir() else 0o644)
    paths.keep_private()
    left = {path.name for path in ours if mode(path) & 0o077}
    assert left == {"hard", "models", "one.gguf"}
    assert mode(outside) == 0o755
    assert mode(outside / "a.txt") == 0o644


def test_a_folder_that_holds_other_things_keeps_its_mode(home: Path, tmp_path: Path) -> None:
    use(tmp_path / "documents")
    (home / "holiday.jpg").write_bytes(b"")
    for path in [home, *home.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    paths.keep_private()
    assert mode(home) == 0o755
    assert mode(home / "holiday.jpg") == 0o644
    assert mode(home / "history.db") == 0o600
    assert mode(home / "questions") == 0o700


def test_a_data_folder_that_is_a_link_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / "real"
    (real / "questions").mkdir(parents=True)
    (real / "questions").chmod(0o755)
    (tmp_path / "link").symlink_to(real)
    monkeypatch.setenv("AUTOGPT_DESKTOP_HOME", str(tmp_path / "link"))
    paths.keep_private()
    assert mode(real / "questions") == 0o755
