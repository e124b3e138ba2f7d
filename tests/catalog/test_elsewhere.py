"""Models of other programs are offered where they lie; the same one is offered once."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from autogpt_desktop.catalog import elsewhere, installed
from autogpt_desktop.catalog.elsewhere import FoundModel, found_models, same_file
from tests.tiny import write_tiny_gguf


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_bundled_models: Path) -> Path:
    for name in ("OLLAMA_MODELS", "HF_HOME", "HF_HUB_CACHE", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(elsewhere, "_LEAST", 100)
    return tmp_path / "home"


def put(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tiny_gguf(path.with_suffix(".made"), seed=seed)
    path.with_suffix(".made").rename(path)
    return path


def names(models: list[FoundModel]) -> list[tuple[str, str]]:
    return [(model.program, model.name) for model in models]


def ollama(home: Path, digest: str, text: str | None = None) -> None:
    manifest = home / ".ollama/models/manifests/registry.ollama.ai/library/llama3.2/1b"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    layers = [
        {"mediaType": "application/vnd.ollama.image.template", "digest": "sha256:1"},
        {"mediaType": "application/vnd.ollama.image.model", "digest": digest},
    ]
    manifest.write_text(json.dumps({"layers": layers}) if text is None else text)


def test_what_each_program_has(home: Path) -> None:
    put(home / ".lmstudio/models/maker/Tiny-GGUF/Tiny-Q8_0.gguf", 1)
    put(home / ".lmstudio/models/maker/Tiny-GGUF/mmproj-Tiny.gguf", 2)
    put(home / ".ollama/models/blobs/sha256-abc", 3)
    ollama(home, "sha256:abc")
    put(elsewhere._data(home) / "Jan/data/llamacpp/models/Nice-1B/model.gguf", 4)
    put(home / ".cache/huggingface/hub/models--a--b/snapshots/1/b-Q4_0.gguf", 5)
    assert names(found_models([])) == [
        ("LM Studio", "Tiny-Q8_0"), ("Ollama", "llama3.2:1b"), ("Jan", "Nice-1B"), ("Hugging Face", "b-Q4_0"),
    ]  # fmt: skip


def test_a_file_that_is_called_by_its_hash_gets_a_name(home: Path) -> None:
    model = installed.add(put(home / ".ollama/models/blobs/sha256-abc", 3))
    assert model.name == "Tiny-llama"


def test_the_same_model_is_recognized(home: Path, tmp_path: Path) -> None:
    first = put(home / ".lmstudio/models/maker/Tiny/one.gguf", 1)
    copy = home / ".cache/llama.cpp/two.gguf"
    copy.parent.mkdir(parents=True)
    shutil.copy(first, copy)
    other = put(home / ".cache/llama.cpp/three.gguf", 2)  # of the same size
    assert os.path.getsize(first) == os.path.getsize(other)
    assert names(found_models([])) == [("LM Studio", "one"), ("llama.cpp", "three")]
    model = installed.add(copy)
    assert names(found_models([model])) == [("llama.cpp", "three")]
    assert not same_file(first, tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"layers": [3]}', "[" * 99_999, '{"layers": []}'])
def test_damaged_manifests_offer_nothing(home: Path, text: str) -> None:
    ollama(home, "", text)
    assert found_models([]) == []


@pytest.mark.parametrize("digest", ["../../../../etc/passwd", "sha256:missing", "sha256:a/b"])
def test_a_manifest_leads_nowhere_else(home: Path, digest: str) -> None:
    ollama(home, digest)
    assert found_models([]) == []


def test_what_is_no_model_is_not_offered(home: Path) -> None:
    path = home / ".lmstudio/models/a/b/c.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 1000)
    (path.parent / "gone.gguf").symlink_to(home / "nowhere")
    os.mkfifo(path.parent / "pipe.gguf")
    assert found_models([]) == []
