"""Values of a wrong kind in a stranger's file end in a sentence: never a traceback, never words of Python."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.formats.untrusted import untrusted
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message
from tests.engine.formats.test_hf_config import SHAPE, llama

pytestmark = pytest.mark.slow  # together they take seconds

ODD: list[Any] = [[], [1, 2], {}, {"a": 1}, "words", "", -1, 0, 1e308, True, None, [[1]], 2**70, 0.5]
# what an exception of Python's would read like
PYTHON = re.compile(
    r"Error\b|Traceback|object|NoneType|not subscriptable|invalid literal|unhashable|\bdict\b"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("llama")
    llama(path)
    (path / "tokenizer_config.json").write_text(
        json.dumps({"chat_template": "{{ messages }}", "eos_token": "a"})
    )
    (path / "generation_config.json").write_text(json.dumps({"eos_token_id": 2}))
    return path


def loads_or_says_why(path: Path) -> None:
    """It may load, if the value changes nothing; else one known error, in words."""
    try:
        engine = run_to_end(load(path, device="cpu", float32=True))
    except KnownError as error:
        sentence = message(error)
        assert not PYTHON.search(sentence), sentence
        assert "{" not in sentence, sentence
        assert not sentence.startswith("error."), sentence
        return
    try:
        ids = [1, 2, 3][: engine.context_length]
        list(engine.tokens(ids, Sampling(max_tokens=2), engine.new_state()))
    finally:
        engine.close()


@pytest.mark.parametrize("name", [*SHAPE, "rope_parameters", "layer_types", "sliding_window", "rms_norm_eps"])
def test_any_value_in_config_json(folder: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    values = json.loads((folder / "config.json").read_text())
    for odd in ODD:
        (copy / "config.json").write_text(json.dumps(values | {name: odd}))
        loads_or_says_why(copy)


@pytest.mark.parametrize("file", ["tokenizer_config.json", "generation_config.json", "tokenizer.json"])
def test_any_value_in_the_tokenizers_files(folder: Path, tmp_path: Path, file: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    values = json.loads((folder / file).read_text())
    for name in values:
        for odd in ODD:
            (copy / file).write_text(json.dumps(values | {name: odd}))
            loads_or_says_why(copy)


def test_panics_of_a_library_are_known_errors_and_interrupts_are_not() -> None:
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})
    with pytest.raises(KnownError, match="model-senseless"), untrusted("file"):
        raise panic("index out of bounds")
    with pytest.raises(KnownError, match="model-senseless"), untrusted("file"):
        raise Exception("WordLevel error: Missing [UNK] token from the vocabulary")
    with pytest.raises(OSError, match="a bug"), untrusted("file"):
        raise OSError("a bug")
    with pytest.raises(KeyboardInterrupt), untrusted("file"):
        raise KeyboardInterrupt
    with pytest.raises(KnownError, match="other"), untrusted("file"):
        raise KnownError("other")
