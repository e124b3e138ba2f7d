"""Removing a model takes away what is ours: never what a link leads to, never somebody else's file."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog import installed
from autogpt_desktop.catalog.installed import remove
from tests.tiny import write_tiny_gguf

pytestmark = [
    pytest.mark.usefixtures("no_bundled_models"),
    pytest.mark.skipif(sys.platform == "win32", reason="links need rights there"),
]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of the user's own with a model and other work in it."""
    folder = tmp_path / "my work"
    folder.mkdir()
    write_tiny_gguf(folder / "model.gguf")
    (folder / "thesis.txt").write_text("years of work")
    return folder


def tiny_folder(folder: Path) -> None:
    """What is enough to be listed as a model's folder."""
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "model.safetensors").write_bytes(bytes(100))
    (folder / "tokenizer.json").write_text("{}")


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_of_a_link_to_a_file_the_link_goes(elsewhere: Path) -> None:
    before = everything(elsewhere)
    link = paths.models_dir() / "linked.gguf"
    link.symlink_to(elsewhere / "model.gguf")
    (model,) = installed.installed()
    remove(model.name)
    assert not link.is_symlink()
    assert everything(elsewhere) == before
    assert installed.installed() == []


def test_of_a_link_in_a_folder_of_ours_the_link_and_the_folder_go(elsewhere: Path) -> None:
    before = everything(elsewhere)
    folder = paths.models_dir() / "linked"
    folder.mkdir()
    (folder / "model.gguf").symlink_to(elsewhere / "model.gguf")
    (model,) = installed.installed()
    remove(model.name)
    assert not folder.exists()
    assert everything(elsewhere) == before


@pytest.mark.parametrize("inside", ["a folder with a file", "a model folder"])
def test_of_a_link_to_a_folder_the_link_goes(elsewhere: Path, inside: str) -> None:
    if inside == "a model folder":
        (elsewhere / "model.gguf").unlink()
        tiny_folder(elsewhere)
    before = everything(elsewhere)
    link = paths.models_dir() / "linked"
    link.symlink_to(elsewhere)
    (model,) = installed.installed()
    remove(model.name)
    assert not link.is_symlink()
    assert everything(elsewhere) == before
    assert paths.models_dir().is_dir()


def test_of_a_model_folder_somebody_elses_files_stay(tmp_path: Path) -> None:
    folder = paths.models_dir() / "mine"
    folder.mkdir()
    tiny_folder(folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text("{}")
    (folder / "notes").mkdir()
    (folder / "notes" / "config.json").write_text("not a model's")
    (folder / "thesis.docx").write_bytes(b"years of work")
    (model,) = installed.installed()
    remove(model.name)
    assert everything(folder) == {"thesis.docx": b"years of work", "notes/config.json": b"not a model's"}
    assert installed.installed() == []


def test_a_folder_of_links_as_a_hub_makes_them_keeps_what_they_lead_to(tmp_path: Path) -> None:
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    tiny_folder(blobs)
    before = everything(blobs)
    folder = paths.models_dir() / "snapshot"
    folder.mkdir()
    for blob in blobs.iterdir():
        (folder / blob.name).symlink_to(blob)
    (model,) = installed.installed()
    remove(model.name)
    assert not folder.exists()
    assert everything(blobs) == before


def test_a_file_beside_other_work_goes_alone(elsewhere: Path) -> None:
    folder = paths.models_dir() / "mine"
    shutil.copytree(elsewhere, folder)
    (folder / "model.gguf.part").touch()
    (model,) = installed.installed()
    remove(model.name)
    assert sorted(os.listdir(folder)) == ["model.gguf.part", "thesis.txt"]


def test_a_models_folder_that_is_a_link_itself_works_as_ever(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who keeps models on another disk links the whole folder."""
    real = tmp_path / "big disk"
    real.mkdir()
    shutil.copy(elsewhere / "model.gguf", real / "model.gguf")
    shutil.rmtree(paths.models_dir())
    (paths.data_dir() / "models").symlink_to(real)
    (model,) = installed.installed()
    remove(model.name)
    assert list(real.iterdir()) == []
    assert (paths.data_dir() / "models").is_symlink()
