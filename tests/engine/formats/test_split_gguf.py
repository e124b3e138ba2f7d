"""Models in several files: read as one, listed as one, refused where a part is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import gguf
import numpy as np
import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog import installed
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.load import open_checkpoint
from autogpt_desktop.errors import KnownError
from tests.tiny import write_tiny_gguf


def write_split(whole: Path, folder: Path, parts: int = 3) -> list[Path]:
    """As llama.cpp's gguf-split writes them: the first has all settings, each its own tensors."""
    reader = gguf.GGUFReader(whole)
    names = [tensor.name for tensor in reader.tensors]
    written = []
    for part in range(parts):
        path = folder / f"{whole.stem}-{part + 1:05}-of-{parts:05}.gguf"
        writer = gguf.GGUFWriter(path, reader.fields["general.architecture"].contents())
        if part == 0:
            for key, field in reader.fields.items():
                if key.startswith("GGUF.") or key == "general.architecture":
                    continue
                kind = field.types[0]
                sub = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
                writer.add_key_value(key, field.contents(), kind, sub)
        writer.add_uint16("split.no", part)
        writer.add_uint16("split.count", parts)
        writer.add_int32("split.tensors.count", len(names))
        for tensor in reader.tensors[part::parts]:
            writer.add_tensor(tensor.name, np.array(tensor.data), raw_dtype=tensor.tensor_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        written.append(path)
    return written


@pytest.fixture
def split(tmp_path: Path) -> list[Path]:
    write_tiny_gguf(tmp_path / "tiny.gguf", "llama")
    return write_split(tmp_path / "tiny.gguf", tmp_path)


def test_all_parts_are_one_model(split: list[Path], tmp_path: Path) -> None:
    whole, parts = read_gguf(tmp_path / "tiny.gguf"), read_gguf(split[0])
    assert parts.tensors.keys() == whole.tensors.keys()
    assert all(np.array_equal(parts.data(name), whole.data(name)) for name in whole.tensors)
    checkpoint, one = open_checkpoint(split[0]), open_checkpoint(tmp_path / "tiny.gguf")
    assert checkpoint.config == one.config
    assert checkpoint.sources.keys() == one.sources.keys()


def test_a_part_alone_is_refused(split: list[Path]) -> None:
    with pytest.raises(KnownError) as error:
        read_gguf(split[1])
    assert error.value.key == "gguf-split"
    split[2].unlink()
    with pytest.raises(KnownError) as error:
        read_gguf(split[0])
    assert error.value.key == "gguf-split"


def test_the_list_has_it_once_and_removes_all(split: list[Path], no_bundled: None) -> None:
    folder = paths.models_dir() / "some"
    folder.mkdir()
    for path in split:
        shutil.move(path, folder / path.name)
    (model,) = installed.installed()
    assert (model.name, model.path.name) == ("tiny", split[0].name)
    assert model.problem is None
    assert model.size == sum((folder / path.name).stat().st_size for path in split)
    assert installed.resolve(str(folder)) == model.path
    installed.remove(model.name)
    assert not folder.exists()


@pytest.fixture
def no_bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bundled"
    folder.mkdir()
    monkeypatch.setattr(paths, "model_dirs", lambda: [paths.models_dir(), folder])
