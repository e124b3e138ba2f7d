"""A pipe, a socket or a device in place of a file ends in a sentence at once, wherever files are opened."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autogpt_desktop.catalog.headers import read_header
from autogpt_desktop.cli.translate import _glossary
from autogpt_desktop.documents.files import file_hash, read_bytes
from autogpt_desktop.documents.read.lines import lines_of_file
from autogpt_desktop.documents.read.reader import read
from autogpt_desktop.documents.tables import read_table
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.documents.write.open import SUFFIXES, open_blocks
from autogpt_desktop.engine.formats.encoder_config import encoder_config, is_encoder
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.formats.hf_config import card_languages, config_from_folder
from autogpt_desktop.engine.formats.safetensors import sources_from_folder
from autogpt_desktop.engine.tokenizer.hf import read_folder
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import NotRegular, check_regular, open_regular, read_regular
from autogpt_desktop.storage.glossaries import read_terms
from autogpt_desktop.tasks.sentiment.sources import open_file
from autogpt_desktop.ui.chat.attachments import read_attachment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes have no names among files there")
KINDS = ("pipe", "socket", "device", "folder")


@pytest.fixture(autouse=True)
def _nothing_waits() -> Iterator[None]:
    def late(*_: object) -> None:
        raise AssertionError("something waits for the file")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def special(path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")  # it never ends
    elif kind == "folder":
        path.mkdir()
    else:
        monkeypatch.chdir(path.parent)  # names of sockets are short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_only_regular_files_are_opened(kind, tmp_path, monkeypatch):
    path = special(tmp_path / "odd", kind, monkeypatch)
    for action in (check_regular, open_regular, read_regular):
        with pytest.raises(NotRegular) as error:
            action(path)
        assert error.value.errno == errno.ENXIO


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "bytes": ("a.txt", lambda path: read_bytes(path, Limits())),
    "hash": ("a.txt", lambda path: file_hash(path, Limits())),
    "ask": ("a.pdf", read),
    "lines": ("a.txt", lambda path: list(lines_of_file(path))),
    "table": ("a.csv", read_table),
    "workbook": ("a.xlsx", read_table),
    "sentiment of lines": ("a.txt", open_file),
    "sentiment of a table": ("a.csv", open_file),
    "glossary": ("a.csv", read_terms),
    "glossary of the terminal": ("a.csv", _glossary),
    "attachment": ("a.txt", read_attachment),
    "gguf": ("a.gguf", read_gguf),
    **{f"translate {suffix}": (f"a{suffix}", open_blocks) for suffix in SUFFIXES},
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_every_reader_says_at_once_that_it_is_no_file(name, kind, tmp_path, monkeypatch):
    file, action = READERS[name]
    path = special(tmp_path / file, kind, monkeypatch)
    with pytest.raises(KnownError) as error:
        action(path)
    assert file in error.value.values.values()


FOLDER: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("config.json", config_from_folder),
    ("config.json", encoder_config),
    ("tokenizer.json", read_folder),
    ("model.safetensors", lambda folder: sources_from_folder(folder, config_from_folder(folder))),
)


def a_folder(folder: Path) -> Path:
    folder.mkdir()
    config = (
        '{"model_type": "llama", "hidden_size": 64, "intermediate_size": 64, "num_attention_heads": 2,'
        ' "num_hidden_layers": 1, "vocab_size": 16, "rms_norm_eps": 1e-6, "max_position_embeddings": 64}'
    )
    (folder / "config.json").write_text(config)
    return folder


@pytest.mark.parametrize(("name", "action"), FOLDER, ids=lambda value: str(value)[:24])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_model_folder_with_a_pipe_in_it_is_refused(name, action, kind, tmp_path, monkeypatch):
    folder = a_folder(tmp_path / "model")
    (folder / name).unlink(missing_ok=True)
    special(folder / name, kind, monkeypatch)
    with pytest.raises(KnownError):
        action(folder)


def test_a_model_folder_with_a_pipe_in_it_is_listed_with_its_problem(tmp_path):
    folder = a_folder(tmp_path / "model")
    os.mkfifo(folder / "model.safetensors")
    os.mkfifo(folder / "README.md")
    header = read_header(folder)
    assert header["problem"] == "model-unreadable"
    assert card_languages(folder) == ()
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    assert read_header(folder)["problem"]
    assert not is_encoder(folder)
